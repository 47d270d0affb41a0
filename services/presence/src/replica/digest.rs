//! A number that is equal where votes are equal.

use crate::user::User;

/// What one vote adds to the digest of its origin, and takes from it again: digests are combined by exclusive or, so
/// the order does not matter. FNV-1a, then the finalizer of SplitMix64. Replicas of any build must agree on it; it is
/// no defence against an adversary, who could vote as they like anyway.
pub(super) fn of(user: &User, seq: u64) -> u64 {
    let bytes = user.as_str().bytes().chain(seq.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    finalized(hash)
}

fn finalized(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn other_users_and_other_votes_give_other_digests() {
        let user = |name| User::parse(name).unwrap();
        let all = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("ab", 1)];
        let digests: std::collections::HashSet<_> = all
            .iter()
            .map(|(name, seq)| of(&user(name), *seq))
            .collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn replicas_of_any_build_agree() {
        assert_eq!(
            of(&User::parse("Albert").unwrap(), 7),
            2_619_200_169_419_792_248
        );
    }
}
