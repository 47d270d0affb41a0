//! Filters: which identities a run surely has not, without looking at the disk.
//!
//! A blocked Bloom filter (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom
//! Filters, 2007): all bits of an identity lie in one cache line, so that a question costs one
//! miss of the cache.

use super::identity::Identity;

const LINE_BITS: usize = 512;
const LINE_WORDS: usize = LINE_BITS / 64;
/// Bits for each identity, and how many of them are set: some 1.5 % of the identities that a run
/// has not are looked up in vain.
const BITS_EACH: usize = 10;
const BITS_SET: u32 = 6;
/// An identity's low bits choose bits in a line, so many for each.
const CHOICE_BITS: u32 = LINE_BITS.ilog2();

type Line = [u64; LINE_WORDS];

/// What a run surely has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    lines: Vec<Line>,
}

impl Filter {
    /// An empty one for so many identities.
    pub(super) fn new(identities: usize) -> Filter {
        let lines = (identities * BITS_EACH).div_ceil(LINE_BITS).max(1);
        Filter {
            lines: vec![[0; LINE_WORDS]; lines],
        }
    }

    pub(super) fn add(&mut self, identity: Identity) {
        let line = self.line(identity);
        for bit in bits(identity) {
            self.lines[line][bit / 64] |= 1 << (bit % 64);
        }
    }

    /// False: it was surely not added.
    pub(super) fn may_have(&self, identity: Identity) -> bool {
        let line = &self.lines[self.line(identity)];
        bits(identity).all(|bit| line[bit / 64] & (1 << (bit % 64)) != 0)
    }

    fn line(&self, identity: Identity) -> usize {
        let leading = identity.bits() >> 64;
        ((leading * self.lines.len() as u128) >> 64) as usize
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let words = self.lines.iter().flatten();
        words.flat_map(|word| word.to_le_bytes()).collect()
    }

    /// `None` for what no filter was written as.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Filter> {
        let (lines, rest) = bytes.as_chunks::<{ LINE_BITS / 8 }>();
        let is_one = !lines.is_empty() && rest.is_empty();
        is_one.then(|| Filter {
            lines: lines.iter().map(line_of).collect(),
        })
    }
}

fn line_of(bytes: &[u8; LINE_BITS / 8]) -> Line {
    let mut line = [0; LINE_WORDS];
    for (word, bytes) in line.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    line
}

fn bits(identity: Identity) -> impl Iterator<Item = usize> {
    let low = identity.bits() as u64;
    (0..BITS_SET).map(move |n| (low >> (n * CHOICE_BITS)) as usize % LINE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identities(range: std::ops::Range<i64>) -> impl Iterator<Item = Identity> {
        range.map(|n| Identity::of(1, &n.to_string()))
    }

    fn filled() -> Filter {
        let mut filter = Filter::new(10_000);
        identities(0..10_000).for_each(|identity| filter.add(identity));
        filter
    }

    #[test]
    fn what_was_added_is_never_denied_and_little_else_is_taken_for_it() {
        let filter = filled();
        assert!(identities(0..10_000).all(|identity| filter.may_have(identity)));
        let wrong = identities(10_000..20_000).filter(|identity| filter.may_have(*identity));
        let wrong = wrong.count();
        assert!(wrong < 250, "{wrong} of 10000");
    }

    #[test]
    fn a_filter_comes_back_from_its_bytes() {
        let filter = filled();
        assert_eq!(Filter::from_bytes(&filter.to_bytes()), Some(filter));
        assert_eq!(Filter::from_bytes(&[]), None);
        assert_eq!(Filter::from_bytes(&[0; 65]), None);
    }
}
