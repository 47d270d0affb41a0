//! Which spans of time overlap: one pass over them in order of their start.
//!
//! A span holds the instants from its start up to, but not including, its end; one of no length
//! holds none. Two spans conflict if they hold an instant in common, or if one of no length lies
//! at an instant that the other holds. So spans that only touch do not conflict, and neither do
//! two of no length, wherever they are.
//! Overlap is transitive: a group is what is connected by conflicts.
//!
//! In order of start, a span belongs to the group before it if it starts before that group's
//! latest end: whichever member ends last holds the span's start. Only the spans of no length at
//! the very start of a group are found ahead of the member that holds them.

/// Nanoseconds since some epoch. 64 bits hold only 584 years of them.
pub type Instant = i128;

/// A span of time, as one of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it starts.
    pub start: Instant,
    /// When it ends: not before its start.
    pub end: Instant,
    /// Its place in the input.
    pub index: usize,
}

/// Groups of two or more spans that overlap, directly or through others of the group. Orders the
/// spans, given in input order, by their start, ties by input order; so are the groups ordered,
/// and the members of each.
pub fn conflicts(spans: &mut [Span]) -> Conflicts<'_> {
    // Stable; and quick on what is in order already, as calendars often are.
    spans.sort_by_key(|span| span.start);
    Conflicts { rest: spans }
}

/// See [`conflicts`].
#[derive(Debug)]
pub struct Conflicts<'a> {
    /// In order of start; no conflict reaches into it from before.
    rest: &'a [Span],
}

impl<'a> Iterator for Conflicts<'a> {
    type Item = &'a [Span];

    fn next(&mut self) -> Option<&'a [Span]> {
        while let Some(first) = self.rest.first() {
            let run = Run::from(*first, &self.rest[1..]);
            let (members, rest) = self.rest.split_at(run.length);
            self.rest = rest;
            if run.length > 1 && run.lasts {
                return Some(members);
            }
        }
        None
    }
}

/// A stretch of spans in order of start, without a gap between them.
struct Run {
    length: usize,
    end: Instant,
    /// Whether any member has a length. Until one has, all are at one instant, and wait for a
    /// span that holds it.
    lasts: bool,
}

impl Run {
    /// The longest run that begins with `first`.
    fn from(first: Span, rest: &[Span]) -> Self {
        let lasts = first.end > first.start;
        let mut run = Self {
            length: 1,
            end: first.end,
            lasts,
        };
        for span in rest {
            if !run.reaches(span) {
                break;
            }
            run.length += 1;
            run.lasts |= span.end > span.start;
            run.end = run.end.max(span.end);
        }
        run
    }

    fn reaches(&self, span: &Span) -> bool {
        if self.lasts {
            span.start < self.end
        } else {
            span.start == self.end
        }
    }
}

#[cfg(test)]
mod tests;
