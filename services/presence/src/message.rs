//! What replicas say to each other, on a link that both have open.

use crate::ballot::{Ballot, Delta};
use crate::origin::Origin;
use crate::user::User;

/// A message between replicas. `replication.proto` says what each is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Who speaks.
    Hello(Hello),
    /// What the speaker knows of all origins.
    Report(Vec<Status>),
    /// A request for an origin's votes.
    Want(Want),
    /// Consecutive votes of an origin.
    Deltas(Deltas),
    /// A part of all votes of an origin.
    Ballots(Ballots),
    /// Users whose origin has gone, but not yet their grace.
    Lingering(Lingering),
    /// When users were last seen, in milliseconds since the Unix epoch.
    LastSeen(Vec<(User, i64)>),
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The speaker.
    pub origin: Origin,
    /// Whether it wants to be told who lingers, and who was last seen when.
    pub is_new: bool,
}

/// What the speaker knows of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which.
    pub origin: Origin,
    /// The latest of its votes that the speaker has; 0: none.
    pub seq: u64,
    /// Whether the speaker has all votes up to there.
    pub is_known: bool,
    /// Over all votes up to there.
    pub digest: u64,
    /// The origin's own heartbeat, as far as it has come to the speaker.
    pub beat: u64,
    /// What the speaker holds of it.
    pub life: Life,
}

/// What a replica holds of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    /// It is heard, directly or through others.
    Up,
    /// Its link has ended or is silent; its votes still count.
    Suspect,
    /// Nobody hears it; its votes count no more, graces aside.
    Down,
    /// It said that it would stop.
    Left,
}

/// Asks for the votes of an origin until they are unwanted or the link ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Whose.
    pub origin: Origin,
    /// From where on.
    pub from: From,
}

/// From where on votes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Nothing is known: all of them.
    Start,
    /// What comes after this one.
    After(u64),
    /// They come from elsewhere now.
    Nowhere,
}

/// Consecutive votes of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deltas {
    /// Whose.
    pub origin: Origin,
    /// The number of the first; 1 is the first of all.
    pub first_seq: u64,
    /// The votes.
    pub deltas: Vec<Delta>,
}

/// A part of all votes of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballots {
    /// Whose.
    pub origin: Origin,
    /// The latest vote that is contained.
    pub seq: u64,
    /// 0 for the first part.
    pub part: u32,
    /// Whether it is the last part.
    pub is_last: bool,
    /// For whom, which of the origin's votes it was, and with what.
    pub ballots: Vec<(User, u64, Ballot)>,
}

/// Users whose origin has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lingering {
    /// Whose users they were.
    pub origin: Origin,
    /// Who, of which vote, and for how long still, in milliseconds.
    pub users: Vec<(User, u64, u32)>,
}
