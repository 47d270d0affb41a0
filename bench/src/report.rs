//! What a run found.

use std::fmt::Write;

use crate::failure::Failure;
use crate::figure::Figure;
use crate::scale::Scale;
use crate::table::table;

/// What the heading of a suite's part begins with.
const HEADING: &str = "# ";

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

/// The part of a suite, as Markdown: from its heading to its last figure.
pub(crate) fn part(
    suite: &str,
    head: &str,
    scale: Scale,
    machine: &[(&'static str, String)],
    sections: &[Section],
) -> String {
    let rounds = scale.rounds();
    let mut text = format!("{HEADING}{suite} beside its peers\n\n{head}\n");
    let _ = writeln!(text, "| run | {scale:?}, rounds: {rounds} |\n|---|---|");
    for (name, value) in machine {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text.push('\n');
    for section in sections {
        text += &section.text();
    }
    text.trim_end().to_owned() + "\n"
}

/// The document with a part in the place of the one that has the same heading, or behind all others.
pub(crate) fn with_part(document: &str, part: &str) -> String {
    let heading = part.lines().next();
    let mut parts: Vec<String> = Vec::new();
    for line in document.lines() {
        if line.starts_with(HEADING) || parts.is_empty() {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    match parts.iter_mut().find(|old| old.lines().next() == heading) {
        Some(old) => *old = part.to_owned(),
        None => parts.push(part.to_owned()),
    }
    let parts: Vec<&str> = parts.iter().map(|part| part.trim_end()).collect();
    parts.join("\n\n") + "\n"
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

    fn part_of(suite: &str) -> String {
        let machine = [("kernel", "Linux 6".to_owned())];
        part(suite, "Read this.\n", Scale::Full, &machine, &sections())
    }

    #[test]
    fn a_part_tells_the_machine_the_figures_and_what_is_missing() {
        let text = part_of("paper");
        for expected in [
            "# paper beside its peers\n\nRead this.\n\n| run | Full, rounds: 3 |\n",
            "| kernel | Linux 6 |\n\n## Reading\n\n| what",
            "## Writing\n\nNOT MEASURED: no pen",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_part_takes_the_place_of_its_predecessor_alone() {
        let both = with_part(&part_of("paper"), &part_of("stone"));
        assert_eq!(both, part_of("paper") + "\n" + &part_of("stone"));
        let other = "# paper beside its peers\n\nnothing\n";
        let replaced = with_part(&both, other);
        assert_eq!(replaced, other.to_owned() + "\n" + &part_of("stone"));
        assert_eq!(with_part(&replaced, &part_of("paper")), both);
    }

    #[test]
    fn the_tally_counts_what_has_a_target() {
        assert_eq!(tally(&sections()), "1 of 2 targets reached");
    }
}
