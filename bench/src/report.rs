//! What a run found.

use std::fmt::Write;

use crate::failure::Failure;
use crate::figure::Figure;
use crate::table::table;

/// The figures of one workload, or why there are none.
pub(crate) struct Section {
    pub(crate) about: &'static str,
    pub(crate) figures: Result<Vec<Figure>, Failure>,
}

impl Section {
    /// A heading and a table.
    pub(crate) fn text(&self) -> String {
        match &self.figures {
            Ok(figures) => format!("## {}\n\n{}\n", self.about, table(figures)),
            Err(why) => format!("## {}\n\nNOT MEASURED: {why}\n\n", self.about),
        }
    }
}

const HEAD: &str = "\
# What activity does, beside its peers

Written by `cargo xtask bench activity --full`; nothing here is typed by hand. All on one machine and one file
system, load generators included. Every store syncs to the disk before it acknowledges. Each figure is the
median of its rounds (least to most), in which muster and its peers took turns, each on an empty store of its
own; after each, as many events had to be stored as were acknowledged.

- Unary and single calls come from h2load: always the same event without an id, so that the service gives it one.
- The others' load comes from the benchmark's own clients, over raw sockets, encoded before the clock starts.
- PostgreSQL: a table with `PRIMARY KEY (topic, id)` and no other index; prepared `INSERT … SELECT … FROM unnest …
  ON CONFLICT DO NOTHING`, a transaction for each batch; `shared_buffers=1GB`, no checkpoint during a run.
- Redis: `appendfsync always`, no rewrite of its log during a run; for each event `EVALSHA` of SADD, then XADD,
  pipelined.
- NATS: `sync_interval: always`, publish with acknowledgement; it keeps no duplicate out here, which the others do.
";

/// All of it as Markdown, tables only from workloads that ran.
pub(crate) fn document(machine: &[(&'static str, String)], sections: &[Section]) -> String {
    let mut text = format!("{HEAD}\n| of | |\n|---|---|\n");
    for (name, value) in machine {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text.push('\n');
    for section in sections {
        text += &section.text();
    }
    text.trim_end().to_owned() + "\n"
}

/// How many targets were reached, of how many.
pub(crate) fn tally(sections: &[Section]) -> String {
    let figures = sections
        .iter()
        .filter_map(|section| section.figures.as_ref().ok());
    let verdicts: Vec<bool> = figures.flatten().filter_map(Figure::is_reached).collect();
    let reached = verdicts.iter().filter(|reached| **reached).count();
    format!("{reached} of {} targets reached", verdicts.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::figure::{Target, Unit};
    use crate::sample::Sample;

    fn figure(target: Target) -> Figure {
        Figure::new("reads", Unit::PerSecond, &Sample::of(vec![5.0]).unwrap()).target(target)
    }

    fn sections() -> [Section; 2] {
        let targets = [Target::AtLeast(5.0), Target::AtLeast(6.0), Target::Nothing];
        [
            Section {
                about: "Reading",
                figures: Ok(targets.map(figure).to_vec()),
            },
            Section {
                about: "Writing",
                figures: Err(Failure::new("no pen")),
            },
        ]
    }

    #[test]
    fn a_document_tells_the_machine_the_figures_and_what_is_missing() {
        let text = document(&[("kernel", "Linux 6".to_owned())], &sections());
        assert!(text.contains("| kernel | Linux 6 |"), "{text}");
        assert!(text.contains("## Reading\n\n| what"), "{text}");
        assert!(
            text.contains("## Writing\n\nNOT MEASURED: no pen"),
            "{text}"
        );
    }

    #[test]
    fn the_tally_counts_what_has_a_target() {
        assert_eq!(tally(&sections()), "1 of 2 targets reached");
    }
}
