//! Blocks: the identities of one part of a run, sorted, each with the position of its event.

use super::identity::Identity;

const IDENTITY_BYTES: usize = 16;
const POSITION_BYTES: usize = 6;
const ENTRY_BYTES: usize = IDENTITY_BYTES + POSITION_BYTES;

/// An identity, and the position of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) identity: Identity,
    pub(super) position: i64,
}

/// The block of these entries, which are sorted.
pub(super) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut block = Vec::with_capacity(entries.len() * ENTRY_BYTES);
    for entry in entries {
        block.extend(entry.identity.bits().to_be_bytes());
        // A store of 2^48 events would take some 10 PB.
        block.extend(&entry.position.to_be_bytes()[8 - POSITION_BYTES..]);
    }
    block
}

/// The entries of a block, in order.
pub(super) fn entries(block: &[u8]) -> impl Iterator<Item = Entry> {
    block.chunks_exact(ENTRY_BYTES).map(entry)
}

/// The position of the event with this identity.
pub(super) fn find(block: &[u8], identity: Identity) -> Option<i64> {
    let (mut from, mut to) = (0, block.len() / ENTRY_BYTES);
    while from < to {
        let middle = (from + to) / 2;
        let at = entry(&block[middle * ENTRY_BYTES..][..ENTRY_BYTES]);
        match at.identity.cmp(&identity) {
            std::cmp::Ordering::Less => from = middle + 1,
            std::cmp::Ordering::Greater => to = middle,
            std::cmp::Ordering::Equal => return Some(at.position),
        }
    }
    None
}

fn entry(bytes: &[u8]) -> Entry {
    let (identity, position) = bytes.split_at(IDENTITY_BYTES);
    Entry {
        identity: Identity::from_bits(number(identity)),
        position: number(position) as i64,
    }
}

fn number(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_entry_of_a_block_is_found_and_no_other(
            ids in proptest::collection::btree_map(any::<u128>(), 0..1_i64 << 48, 0..200),
            other: u128,
        ) {
            let all: Vec<_> = ids
                .iter()
                .map(|(bits, position)| Entry { identity: Identity::from_bits(*bits), position: *position })
                .collect();
            let block = encode(&all);
            prop_assert_eq!(entries(&block).collect::<Vec<_>>(), all);
            for (bits, position) in &ids {
                prop_assert_eq!(find(&block, Identity::from_bits(*bits)), Some(*position));
            }
            let found = find(&block, Identity::from_bits(other));
            prop_assert_eq!(found, ids.get(&other).copied());
        }
    }
}
