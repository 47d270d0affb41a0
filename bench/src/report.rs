//! What a run found.

use std::fmt::Write;

use crate::failure::Failure;
use crate::figure::Figure;
use crate::scale::Scale;
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
# activity beside its peers

Written by `cargo xtask bench activity`, all of it: figures that were typed would say nothing. One machine holds the
services, the load generators and, on one file system, all stores. Each store syncs to the disk before it
acknowledges. A figure is the median of its rounds, with the least and the most; in each round muster and its peers
took their turns, each on an empty store of its own, and afterwards held as many events as they had acknowledged.

- Unary and single calls to muster come from h2load: one event without an id, again and again, so that the service
  gives the id. All other load comes from clients of the benchmark itself, encoded before the clock starts.
- NATS: JetStream on one replica, `sync_interval: always`, 16 publications in flight on each of 4 connections. It
  looks for no duplicates here; the others do.
- PostgreSQL: `PRIMARY KEY (topic, id)` and no other index; a prepared `INSERT … SELECT … FROM unnest(…) ON CONFLICT DO
  NOTHING` for each batch; 64 clients with single events. `shared_buffers=1GB`, and no checkpoint during a run.
- Redis: `appendfsync always`, and no rewrite of its log during a run. `EVALSHA` of SADD, then XADD, for each event,
  pipelined: 16 in flight on each of 4 connections with single events, and as many as the others in batches.
- The time to SERVING is that until `/readyz` says so, asked every 10 ms.
- The disk alone: a write of the 64 bytes of an event's message, then fdatasync.
";

/// All of it as Markdown.
pub(crate) fn document(
    scale: Scale,
    machine: &[(&'static str, String)],
    sections: &[Section],
) -> String {
    let rounds = scale.rounds();
    let mut text = format!("{HEAD}\n| run | {scale:?}, rounds: {rounds} |\n|---|---|\n");
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
        let text = document(
            Scale::Full,
            &[("kernel", "Linux 6".to_owned())],
            &sections(),
        );
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
