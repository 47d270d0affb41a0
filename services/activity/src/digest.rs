//! Digests: what is remembered of an event's content when the event is gone.

use sha2::Sha256;

use crate::event::Attributes;

/// The first 128 bits of SHA-256 over what an event says. Times do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; Digest::BYTES]);

impl Digest {
    /// What a digest takes.
    pub const BYTES: usize = 16;

    /// Of what an event says.
    pub fn of(kind: &str, message: &str, attributes: &Attributes) -> Digest {
        let mut hash = Hash(Sha256::default());
        hash.text(kind);
        hash.text(message);
        for (name, value) in attributes {
            hash.text(name);
            hash.text(value);
        }
        hash.digest()
    }

    /// The digest that was kept as these bytes.
    pub fn from_bytes(bytes: [u8; Digest::BYTES]) -> Digest {
        Digest(bytes)
    }

    /// As it is kept.
    pub fn as_bytes(&self) -> &[u8; Digest::BYTES] {
        &self.0
    }
}

struct Hash(Sha256);

impl Hash {
    /// With its length, so that no text goes on where another one ends.
    fn text(&mut self, text: &str) {
        use sha2::Digest;
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    fn digest(self) -> Digest {
        let hash: [u8; 32] = sha2::Digest::finalize(self.0).into();
        let mut first = [0; Digest::BYTES];
        first.copy_from_slice(&hash[..Digest::BYTES]);
        Digest(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(name: &str, value: &str) -> Attributes {
        Attributes::from([(name.into(), value.into())])
    }

    #[test]
    fn all_that_an_event_says_makes_its_digest() {
        let digest = Digest::of("k", "m", &attributes("a", "b"));
        assert_eq!(digest, Digest::of("k", "m", &attributes("a", "b")));
        for other in [
            Digest::of("", "km", &attributes("a", "b")),
            Digest::of("k", "n", &attributes("a", "b")),
            Digest::of("k", "m", &attributes("ab", "")),
            Digest::of("k", "m", &Attributes::new()),
        ] {
            assert_ne!(digest, other);
        }
    }
}
