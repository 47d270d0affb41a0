//! The way of the mails from the outbox to the notificators.
//!
//! Each mail is noted as offered before it is, so that after a crash or a lost reply it goes
//! again to the notificator that may hold it, for as long as that is registered, and to another
//! from then on. A second copy does no harm: it has the same key, from which notificators derive
//! the mail's id and its Message-ID.

mod verdict;

use std::convert::Infallible;
use std::time::Duration;

use metrics::{counter, gauge};
use muster_kit::Shutdown;
use muster_kit::backoff::Backoff;
use muster_kit::channel::{Channel, Peer};
use muster_kit::status::code_name;
use muster_kit::trace::{Kind, Span};
use muster_proto::muster::notificator::v1::SendRequest;
use muster_proto::muster::notificator::v1::notificator_service_client::NotificatorServiceClient;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tonic::{Request, Status};

use crate::SERVICE;
use crate::error::Error;
use crate::store::{Offered, Store};
use crate::user::WaitingMail;
use verdict::{Verdict, verdict};

/// Mails that are offered at the same time.
const MAX_IN_FLIGHT: usize = 16;
/// Mails that are read from the store at once.
const BATCH: u32 = 64;
/// How long a notificator may take to answer.
const OFFER_TIMEOUT: Duration = Duration::from_secs(10);
/// Until when the answer to an offer was noted, or never will be.
const CLAIM: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(30);
/// How often a mail that arrived nowhere goes to another notificator without a pause.
const MAX_DETOURS: u32 = 3;
/// What the span of an offer is called.
const OFFER: &str = "offer welcome mail";
/// How long mails wait for a notificator before the log tells of it.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// Hands mails over, in order and strictly round robin.
pub struct Relay {
    store: Store,
    notificators: Channel,
}

impl Relay {
    /// From the outbox of `store` to `notificators`.
    pub fn new(store: Store, notificators: Channel) -> Relay {
        Relay {
            store,
            notificators,
        }
    }

    /// Hands mails over until `shutdown` fires, and waits up to `drain` for the answers to those
    /// that are under way.
    pub async fn run(&self, shutdown: &Shutdown, drain: Duration) {
        let mut under_way = JoinSet::new();
        gauge!("users_offers").increment(0);
        gauge!("users_offers_limit").set(MAX_IN_FLIGHT as f64);
        tokio::select! {
            () = shutdown.cancelled() => {}
            never = self.hand_over(&mut under_way) => match never {},
        }
        let answered = async { while under_way.join_next().await.is_some() {} };
        if timeout(drain, answered).await.is_err() {
            tracing::warn!("the drain ended before all notificators answered");
        }
    }

    async fn hand_over(&self, under_way: &mut JoinSet<()>) -> Infallible {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        loop {
            match self.hand_over_due(under_way).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    tracing::error!(%error, "welcome mails wait for the store");
                    sleep(backoff.delay()).await;
                }
            }
        }
    }

    /// Hands over what is due, or waits until something is.
    async fn hand_over_due(&self, under_way: &mut JoinSet<()>) -> Result<(), Error> {
        let due = self.store.due(BATCH).await?;
        if due.mails.is_empty() {
            let next = due.next.unwrap_or(Duration::MAX);
            let _ = timeout(next, self.store.mail_waits().notified()).await;
        }
        for mail in due.mails {
            while under_way.len() >= MAX_IN_FLIGHT {
                under_way.join_next().await;
            }
            let peer = self.peer_for(&mail).await;
            self.store.offer(mail.number, peer.addr(), CLAIM).await?;
            under_way.spawn(offer(self.store.clone(), mail, peer));
        }
        Ok(())
    }

    /// The notificator that may hold the mail, or the one whose turn it is.
    async fn peer_for(&self, mail: &WaitingMail) -> Peer {
        let holder = mail.offered_to.as_deref();
        if let Some(holder) = holder.and_then(|addr| self.notificators.peer(addr)) {
            return holder;
        }
        if let Ok(peer) = timeout(LONG_WAIT, self.notificators.pick()).await {
            return peer;
        }
        let waiting = self.store.waiting();
        tracing::warn!(waiting, "no notificator is reachable: welcome mails wait");
        self.notificators.pick().await
    }
}

async fn offer(store: Store, mail: WaitingMail, peer: Peer) {
    let offers = gauge!("users_offers");
    offers.increment(1);
    let was_held = mail.offered_to.as_deref() == Some(peer.addr());
    let mut span = Span::resume(SERVICE.name, Kind::Internal, OFFER, mail.trace.as_ref());
    let answer = span.scope(send(&mail, peer.clone())).await;
    if let Err(status) = &answer {
        span.fail(code_name(status.code()));
    }
    let verdict = verdict(answer, was_held);
    if let Verdict::Refused(why) = &verdict {
        tracing::error!(
            mail = mail.id,
            peer = peer.addr(),
            why,
            "a welcome mail is set aside"
        );
    }
    let offered = offered(verdict, mail.attempts);
    count(&offered);
    if let Err(error) = store.settle(mail.number, offered).await {
        tracing::error!(mail = mail.id, %error, "what became of a welcome mail is not noted");
    }
    offers.decrement(1);
    // A mail that is to be offered again may be due before the one that is waited for.
    store.mail_waits().notify_one();
}

fn count(offered: &Offered) {
    match offered {
        Offered::Taken => counter!("users_mails_taken_total").increment(1),
        Offered::Again { .. } => counter!("users_mails_retries_total").increment(1),
        Offered::Refused(_) => counter!("users_mails_refused_total").increment(1),
    }
}

/// `earlier`: how often the mail was offered before.
fn offered(verdict: Verdict, earlier: u32) -> Offered {
    let delay = Backoff::new(FIRST_RETRY, LONGEST_RETRY).after(earlier + 1);
    match verdict {
        Verdict::Taken => Offered::Taken,
        Verdict::Again { is_held } => Offered::Again { delay, is_held },
        // Another notificator may be ready; but not round and round without a rest.
        Verdict::Elsewhere if earlier < MAX_DETOURS => Offered::Again {
            delay: Duration::ZERO,
            is_held: false,
        },
        Verdict::Elsewhere => Offered::Again {
            delay,
            is_held: false,
        },
        Verdict::Refused(why) => Offered::Refused(why),
    }
}

async fn send(mail: &WaitingMail, peer: Peer) -> Result<(), Status> {
    let mut request = Request::new(SendRequest {
        to: mail.to.clone(),
        content: mail.content.clone(),
        idempotency_key: mail.id.clone(),
        subject: String::new(),
    });
    request.set_timeout(OFFER_TIMEOUT);
    NotificatorServiceClient::new(peer).send(request).await?;
    Ok(())
}
