//! Makes one run of several, step by step.

use super::block::{self, Entry};
use super::filter::Filter;
use super::runs::{Blocks, FAN_OUT, RUN_ENTRIES, bits};

/// Runs of one level on their way to become one of the next. What was written so far belongs to
/// no run, and is thrown away when the store is opened anew.
pub(super) struct Merge {
    level: u32,
    inputs: Vec<i64>,
    output: i64,
    /// The next block of each input.
    next: u32,
    filter: Filter,
}

impl Merge {
    pub(super) fn new(level: u32, inputs: Vec<i64>, output: i64) -> Merge {
        let entries = RUN_ENTRIES * FAN_OUT.pow(level + 1);
        Merge {
            level,
            inputs,
            output,
            next: 0,
            filter: Filter::new(entries),
        }
    }

    /// That of the inputs.
    pub(super) fn level(&self) -> u32 {
        self.level
    }

    pub(super) fn inputs(&self) -> &[i64] {
        &self.inputs
    }

    pub(super) fn output(&self) -> i64 {
        self.output
    }

    pub(super) fn into_filter(self) -> Filter {
        self.filter
    }

    /// Merges the next block of each input; false when that was the last.
    pub(super) fn step(&mut self, blocks: &mut Blocks<'_>) -> rusqlite::Result<bool> {
        let mut entries: Vec<Entry> = Vec::new();
        for input in &self.inputs {
            blocks.with(*input, self.next, |block| {
                entries.extend(block::entries(block));
            })?;
        }
        entries.sort_unstable();
        entries
            .iter()
            .for_each(|entry| self.filter.add(entry.identity));
        blocks.write(self.output, self.level + 1, &entries)?;
        self.next += 1;
        Ok(self.next < 1 << bits(self.level))
    }
}
