//! What tells one event from another: topic and id as a number of fixed size.

use sha2::{Digest, Sha256};

/// The first 128 bits of SHA-256 over an event's topic and id. Two events with the same one are
/// taken for the same: whoever wants such a pair must try some 2^64 ids.
///
/// They are spread evenly, so that the leading bits say where one lies in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct Identity(u128);

impl Identity {
    /// Of the event with this id in the topic with this key.
    pub(in super::super) fn of(topic: i64, id: &str) -> Identity {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(topic.to_be_bytes())
            .chain_update(id)
            .finalize()
            .into();
        Identity(first_128_bits(&hash))
    }

    pub(in super::super) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Identity {
        Identity(u128::from_be_bytes(bytes))
    }

    pub(super) fn from_bits(bits: u128) -> Identity {
        Identity(bits)
    }

    pub(super) fn bits(self) -> u128 {
        self.0
    }

    /// Where it lies among `2^bits` equal parts of all identities.
    pub(super) fn part(self, bits: u32) -> u32 {
        (self.0 >> (u128::BITS - bits)) as u32
    }
}

fn first_128_bits(hash: &[u8; 32]) -> u128 {
    let (first, _) = hash.split_at(16);
    first
        .iter()
        .fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_and_id_make_the_identity() {
        let identity = Identity::of(1, "7");
        assert_eq!(identity, Identity::of(1, "7"));
        assert_ne!(identity, Identity::of(2, "7"));
        assert_ne!(identity, Identity::of(1, "8"));
    }

    #[test]
    fn the_leading_bits_say_the_part() {
        let identity = Identity::from_bits(0b101 << 125);
        assert_eq!(identity.part(1), 0b1);
        assert_eq!(identity.part(3), 0b101);
        assert_eq!(identity.part(5), 0b10100);
    }

    /// Stores would not find what they have if it changed.
    #[test]
    fn an_identity_is_the_same_in_every_version() {
        let first_half = 0xfa49_cd90_bd0e_e9d0_7cc8_18a2_17ae_f1ca;
        assert_eq!(Identity::of(1, "7").bits(), first_half);
    }
}
