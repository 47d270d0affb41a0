//! A mail as RFC 5322 has it. Headers come from typed values only: nothing that a caller sent can
//! begin a header of its own.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use muster_kit::mail::MailDomain;

use super::Failure;
use crate::mail::Waiting;

/// The message; the same mail gives the same one, but for the folding of its text.
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
        .header(ContentType::TEXT_PLAIN)
        .body(mail.content.clone())
        .map_err(|why| never(&why))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_message_has_its_headers_from_the_mail() {
        let mail = Waiting {
            number: 1,
            id: Uuid::nil(),
            to: "ann@example.org".to_owned(),
            subject: "Grüße".to_owned(),
            content: "Hello\nAnn".to_owned(),
            attempts: 0,
            created_at_ns: 1_700_000_000_000_000_000,
        };
        let from = "muster@localhost".parse().unwrap();
        let message = build(&mail, &from, &"example.org".parse().unwrap()).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        for line in [
            "From: muster@localhost\r\n",
            "To: ann@example.org\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000000@example.org>\r\n",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "\r\n\r\nHello\r\nAnn",
        ] {
            assert!(text.contains(line), "{line:?} is missing in\n{text}");
        }
    }
}
