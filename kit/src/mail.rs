//! Mail addresses, parsed once at the edge.

use std::fmt;
use std::str::FromStr;

/// RFC 5321, 4.5.3.1: the most bytes of a local part, of a label, and of an address.
const LOCAL_BYTES: usize = 64;
const LABEL_BYTES: usize = 63;
const ADDRESS_BYTES: usize = 254;

/// What a local part may hold beside letters and digits: RFC 5322's dot-atom. Quoted local
/// parts are refused, as nearly all providers do.
const LOCAL_SIGNS: &[u8] = b"!#$%&'*+-/=?^_`{|}~.";

/// A normalised address: no white space around it, the domain in lower-case ASCII (IDNA), the
/// local part as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    local_bytes: usize,
}

/// The domain that a bare local part is qualified with, as Postfix's `myorigin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain(String);

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing.
    #[error("required")]
    Empty,
    /// White space, a line break or a control character inside.
    #[error("expected an address without spaces, line breaks or control characters")]
    Space,
    /// The part before the `@` is not one.
    #[error("expected letters, digits, dots and signs before the @, 64 bytes at most")]
    Local,
    /// The part after the `@` is not one.
    #[error("expected a domain name after the @")]
    Domain,
    /// It is longer than mail can carry.
    #[error("expected an address of at most 254 bytes")]
    Long,
}

impl Address {
    /// Parses and normalises an address; a bare local part (`test`) gets `domain`.
    ///
    /// # Errors
    /// The text is no address.
    pub fn parse(text: &str, domain: &MailDomain) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::Space);
        }
        let (local, domain) = match text.rsplit_once('@') {
            Some((local, domain)) => (local, domain.parse()?),
            None => (text, domain.clone()),
        };
        if !is_local(local) {
            return Err(AddressError::Local);
        }
        let text = format!("{local}@{}", domain.0);
        match text.len() {
            0..=ADDRESS_BYTES => Ok(Self {
                text,
                local_bytes: local.len(),
            }),
            _ => Err(AddressError::Long),
        }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.local_bytes]
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        &self.text[self.local_bytes + 1..]
    }

    /// The identity of the mailbox: two addresses with the same key are the same.
    pub fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl MailDomain {
    /// The domain in lower-case ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailDomain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let ascii = idna::domain_to_ascii(text).map_err(|_| AddressError::Domain)?;
        match ascii.split('.').all(is_label) {
            true => Ok(Self(ascii)),
            false => Err(AddressError::Domain),
        }
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_local(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || LOCAL_SIGNS.contains(&byte);
    (1..=LOCAL_BYTES).contains(&text.len())
        && text.bytes().all(fits)
        && text.split('.').all(|atom| !atom.is_empty())
}

fn is_label(label: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LABEL_BYTES).contains(&label.len())
        && label.bytes().all(fits)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, &"localhost".parse().unwrap())
    }

    #[test]
    fn a_bare_local_part_gets_the_mail_domain() {
        assert_eq!(parse("test").unwrap().as_str(), "test@localhost");
    }

    #[test]
    fn the_domain_is_normalised_and_the_local_part_is_not() {
        let address = parse("  Ann.B+x@EXAMPLE.org ").unwrap();
        assert_eq!(
            (address.local(), address.domain()),
            ("Ann.B+x", "example.org")
        );
        assert_eq!(
            parse("a@Bücher.example").unwrap().as_str(),
            "a@xn--bcher-kva.example"
        );
    }

    #[test]
    fn addresses_in_lower_case_are_the_same() {
        assert_eq!(
            parse("Ann@example.org").unwrap().key(),
            parse("ann@EXAMPLE.ORG").unwrap().key()
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        let long = format!(
            "{}@{}",
            "a".repeat(64),
            ["b".repeat(63).as_str(); 4].join(".")
        );
        for (text, why) in [
            ("", AddressError::Empty),
            (" \t ", AddressError::Empty),
            ("a\r\nBcc: b@example.org", AddressError::Space),
            ("a b@example.org", AddressError::Space),
            ("a\0@example.org", AddressError::Space),
            ("@example.org", AddressError::Local),
            ("a..b@example.org", AddressError::Local),
            (".a@example.org", AddressError::Local),
            ("\"a\"@example.org", AddressError::Local),
            ("a@b@example.org", AddressError::Local),
            ("ä@example.org", AddressError::Local),
            ("a@", AddressError::Domain),
            ("a@-x.org", AddressError::Domain),
            ("a@x..org", AddressError::Domain),
            ("a@[127.0.0.1]", AddressError::Domain),
            ("a@x_y.org", AddressError::Domain),
            (&long, AddressError::Long),
        ] {
            assert_eq!(parse(text), Err(why), "{text:?}");
        }
        assert_eq!(parse(&"a".repeat(65)), Err(AddressError::Local));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_it_gives_it_takes(text in "\\PC{0,80}") {
            if let Ok(address) = parse(&text) {
                prop_assert_eq!(parse(address.as_str()), Ok(address.clone()));
                prop_assert!(!address.as_str().contains(['\r', '\n']));
            }
        }
    }
}
