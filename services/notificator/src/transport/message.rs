//! A mail as RFC 5322 has it. Headers come from typed values only: nothing that a caller sent can
//! begin a header of its own.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, MIME_VERSION_1_0};
use muster_kit::mail::MailDomain;

use super::Failure;
use crate::mail::Waiting;

/// The message; the same mail gives the same one, byte by byte.
pub(super) fn build(
    mail: &Waiting,
    from: &Mailbox,
    domain: &MailDomain,
) -> Result<Message, Failure> {
    let never = |why: &dyn std::fmt::Display| Failure::ForGood(format!("no message: {why}"));
    let to = mail
        .to
        .parse::<lettre::Address>()
        .map_err(|why| never(&why))?;
    let created = Duration::from_nanos(u64::try_from(mail.created_at_ns).unwrap_or_default());
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&mail.subject)
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        .date(UNIX_EPOCH + created)
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.content.clone())
        .map_err(|why| never(&why))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use muster_kit::mail::Address;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn message(to: &str, subject: &str, content: &str) -> Result<Message, Failure> {
        let mail = Waiting {
            number: 1,
            id: Uuid::nil(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            content: content.to_owned(),
            attempts: 0,
            created_at_ns: 1_700_000_000_000_000_000,
            trace: None,
        };
        let from = "muster@localhost".parse().unwrap();
        build(&mail, &from, &"example.org".parse().unwrap())
    }

    #[test]
    fn a_message_has_its_headers_from_the_mail() {
        let message = message("ann@example.org", "Grüße", "Hello\nAnn").unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        for line in [
            "From: muster@localhost\r\n",
            "To: ann@example.org\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000000@example.org>\r\n",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "\r\n\r\nHello\r\nAnn",
        ] {
            assert!(text.contains(line), "{line:?} is missing in\n{text}");
        }
    }

    proptest! {
        /// What was acknowledged is not refused afterwards.
        #[test]
        fn every_address_that_is_taken_makes_a_message(
            local in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,30})?",
            domain in "[a-zA-Z0-9äöü-]{1,60}(\\.[a-z0-9]{1,63}){0,3}",
        ) {
            let domain = domain.parse::<MailDomain>();
            if let Ok(to) = domain.and_then(|domain| Address::parse(&local, &domain)) {
                let message = message(to.as_str(), "", "").unwrap();
                let taken: Vec<_> = message.envelope().to().iter().map(ToString::to_string).collect();
                prop_assert_eq!(taken, [to.as_str()]);
            }
        }

        #[test]
        fn no_text_begins_a_header_of_its_own(subject in "\\PC{0,80}", content in "(?s).{0,200}") {
            let plain = message("ann@example.org", "", "").unwrap().formatted();
            let message = message("ann@example.org", &subject, &content).unwrap().formatted();
            prop_assert_eq!(names(&message), names(&plain));
        }
    }

    /// The names of the headers of a message, in their order.
    fn names(message: &[u8]) -> Vec<String> {
        let text = String::from_utf8(message.to_vec()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let lines = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']));
        lines
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect()
    }
}
