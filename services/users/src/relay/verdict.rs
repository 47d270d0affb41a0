//! What an answer, or none, says about a mail that was offered.

use muster_kit::channel::was_sent;
use tonic::{Code, Status};

/// What is to become of a mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The notificator has it.
    Taken,
    /// It is to be offered again, after a while.
    Again {
        /// Whether the notificator may hold it.
        is_held: bool,
    },
    /// It never arrived anywhere: it can go to another at once.
    Elsewhere,
    /// No notificator will ever take it.
    Refused(String),
}

/// Reads an answer. `was_held`: a notificator may hold the mail from an earlier offer, and this
/// was one to the same.
pub(super) fn verdict(answer: Result<(), Status>, was_held: bool) -> Verdict {
    let Err(status) = answer else {
        return Verdict::Taken;
    };
    match status.code() {
        _ if !was_sent(&status) => match was_held {
            true => Verdict::Again { is_held: true },
            false => Verdict::Elsewhere,
        },
        Code::InvalidArgument | Code::AlreadyExists | Code::OutOfRange => {
            Verdict::Refused(format!("{:?}: {}", status.code(), status.message()))
        }
        // It has no room, and did not take the mail this time.
        Code::ResourceExhausted => Verdict::Again { is_held: was_held },
        _ => Verdict::Again { is_held: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_never_succeed_is_refused() {
        let of = |code| verdict(Err(Status::new(code, "no")), false);
        let refused = Verdict::Refused("InvalidArgument: no".to_owned());
        assert_eq!(of(Code::InvalidArgument), refused);
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Internal,
            Code::Unknown,
            Code::Unimplemented,
            Code::PermissionDenied,
        ] {
            assert_eq!(of(code), Verdict::Again { is_held: true }, "{code:?}");
        }
    }

    #[test]
    fn a_notificator_without_room_holds_no_more_than_it_may_have_held() {
        for was_held in [false, true] {
            let full = Status::new(Code::ResourceExhausted, "full");
            let again = Verdict::Again { is_held: was_held };
            assert_eq!(verdict(Err(full), was_held), again);
        }
    }
}
