//! From the store to the outlet: due mails, a few at a time, again and again until each is
//! delivered or refused for good.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{counter, gauge};
use muster_kit::Shutdown;
use muster_kit::backoff::Backoff;
use muster_kit::trace::{Kind, Span};
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio::time::{sleep, timeout};

use crate::SERVICE;
use crate::error::Error;
use crate::mail::{LEAST_ATTEMPTS, LIFETIME, Waiting};
use crate::store::{Attempt, Store};
use crate::transport::{Failure, Transport};

/// Deliveries that are under way at the same time.
const AT_ONCE: usize = 16;
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// What the span of an attempt is called.
const DELIVER: &str = "deliver mail";
/// The longest time between two attempts.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);
/// How long to rest when the store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);
const LONGEST_STORE_RETRY: Duration = Duration::from_secs(10);

/// Delivers the mails of a store.
pub struct Delivery {
    courier: Courier,
    mail_waits: Arc<Notify>,
}

/// What is needed to deliver one mail.
#[derive(Clone)]
struct Courier {
    store: Store,
    transport: Transport,
}

impl Delivery {
    /// From `store` by `transport`; `mail_waits` tells of new mails.
    pub fn new(store: Store, transport: Transport, mail_waits: Arc<Notify>) -> Self {
        Self {
            courier: Courier { store, transport },
            mail_waits,
        }
    }

    /// Delivers until `shutdown` fires, then waits up to `drain` for what is under way.
    pub async fn run(&self, shutdown: &Shutdown, drain: Duration) {
        let mut under_way = UnderWay::default();
        gauge!("notificator_deliveries_limit").set(AT_ONCE as f64);
        tokio::select! {
            () = shutdown.cancelled() => {}
            never = self.deliver_all(&mut under_way) => match never {},
        }
        let ended = async { while under_way.one_ended().await {} };
        if timeout(drain, ended).await.is_err() {
            tracing::warn!("the drain ended before all deliveries did; they are tried again");
        }
    }

    async fn deliver_all(&self, under_way: &mut UnderWay) -> Infallible {
        loop {
            if let Err(error) = self.deliver_due(under_way).await {
                tracing::error!(%error, "mails wait for the store");
                sleep(STORE_RETRY).await;
            }
        }
    }

    /// Starts what is due as far as there is room, then waits for something to change.
    async fn deliver_due(&self, under_way: &mut UnderWay) -> Result<(), Error> {
        let numbers = under_way.numbers();
        let room = AT_ONCE - numbers.len();
        gauge!("notificator_deliveries").set(numbers.len() as f64);
        if room == 0 {
            under_way.one_ended().await;
            return Ok(());
        }
        let due = self.courier.store.due(room, &numbers).await?;
        let is_full = due.mails.len() == room;
        for mail in due.mails {
            under_way.start(mail, &self.courier);
        }
        tokio::select! {
            true = under_way.one_ended() => {}
            () = self.mail_waits.notified(), if !is_full => {}
            () = sleep(due.next.unwrap_or(LONGEST_RETRY)), if !is_full => {}
        }
        Ok(())
    }
}

/// The deliveries that are under way, each with the number of its mail.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    numbers: HashMap<Id, i64>,
}

impl UnderWay {
    fn numbers(&self) -> Vec<i64> {
        self.numbers.values().copied().collect()
    }

    fn start(&mut self, mail: Waiting, courier: &Courier) {
        let number = mail.number;
        let task = self.tasks.spawn(courier.clone().deliver(mail));
        self.numbers.insert(task.id(), number);
    }

    /// Waits until one has ended; false if there is none.
    async fn one_ended(&mut self) -> bool {
        let id = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(panic)) => {
                // What is not settled is still due.
                tracing::error!(%panic, "a delivery ended badly");
                panic.id()
            }
            None => return false,
        };
        self.numbers.remove(&id);
        true
    }
}

impl Courier {
    async fn deliver(self, mail: Waiting) {
        let mut span = Span::resume(SERVICE.name, Kind::Client, DELIVER, mail.trace.as_ref());
        self.transport.describe(&mut span);
        let delivered = span.scope(self.transport.deliver(&mail)).await;
        match &delivered {
            Ok(()) => {}
            Err(Failure::ForNow(_)) => span.fail("for_now"),
            Err(Failure::ForGood(_)) => span.fail("for_good"),
        }
        drop(span);
        let attempt = judge(&mail, delivered, age(mail.created_at_ns));
        tell(&mail, &attempt);
        self.note(&mail, attempt).await;
    }

    /// Returns once it is noted: until then the mail is due, and would go out again and again.
    async fn note(&self, mail: &Waiting, attempt: Attempt) {
        let mut backoff = Backoff::new(STORE_RETRY, LONGEST_STORE_RETRY);
        while let Err(error) = self.store.settle(mail.number, attempt.clone()).await {
            tracing::error!(mail = %mail.id, %error, "what became of a mail is not noted yet");
            if matches!(error, Error::Stopping) {
                return;
            }
            sleep(backoff.delay()).await;
        }
    }
}

/// What an attempt means for a mail of this age.
fn judge(mail: &Waiting, delivered: Result<(), Failure>, age: Duration) -> Attempt {
    match delivered {
        Ok(()) => Attempt::Delivered,
        Err(Failure::ForGood(why)) => Attempt::Failed(why),
        Err(Failure::ForNow(why)) if is_old(mail, age) => Attempt::Failed(format!(
            "given up after {} days: {why}",
            LIFETIME.as_secs() / 86_400
        )),
        Err(Failure::ForNow(why)) => {
            let delay = Backoff::new(FIRST_RETRY, LONGEST_RETRY).after(mail.attempts + 1);
            Attempt::Again(why, delay)
        }
    }
}

/// Age alone does not tell: the service may have been away, or the clock may have jumped.
fn is_old(mail: &Waiting, age: Duration) -> bool {
    age >= LIFETIME && mail.attempts + 1 >= LEAST_ATTEMPTS
}

fn tell(mail: &Waiting, attempt: &Attempt) {
    match attempt {
        Attempt::Delivered => counter!("notificator_mails_delivered_total").increment(1),
        Attempt::Again(why, delay) => {
            counter!("notificator_delivery_retries_total").increment(1);
            tracing::warn!(mail = %mail.id, why, ?delay, "a mail is not delivered yet");
        }
        Attempt::Failed(why) => {
            counter!("notificator_mails_failed_total").increment(1);
            tracing::error!(mail = %mail.id, why, "a mail cannot be delivered");
        }
    }
}

fn age(created_at_ns: i64) -> Duration {
    let created = Duration::from_nanos(u64::try_from(created_at_ns).unwrap_or_default());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.saturating_sub(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(attempts: u32) -> Waiting {
        Waiting {
            number: 1,
            id: uuid::Uuid::nil(),
            to: String::new(),
            subject: String::new(),
            content: String::new(),
            attempts,
            created_at_ns: 0,
            trace: None,
        }
    }

    fn for_now() -> Result<(), Failure> {
        Err(Failure::ForNow("busy".to_owned()))
    }

    fn delay(attempts: u32) -> Option<Duration> {
        match judge(&mail(attempts), for_now(), Duration::ZERO) {
            Attempt::Again(_, delay) => Some(delay),
            Attempt::Delivered | Attempt::Failed(_) => None,
        }
    }

    #[test]
    fn a_failure_for_now_is_tried_again_ever_later() {
        assert!(delay(0) <= Some(FIRST_RETRY));
        assert!(delay(3) > Some(2 * FIRST_RETRY));
        assert!(delay(1000) <= Some(LONGEST_RETRY) && delay(1000) >= Some(LONGEST_RETRY / 2));
    }

    #[test]
    fn a_refusal_or_old_age_is_the_end() {
        let refused = judge(
            &mail(0),
            Err(Failure::ForGood("no such user".to_owned())),
            Duration::ZERO,
        );
        assert_eq!(refused, Attempt::Failed("no such user".to_owned()));
        let old = judge(&mail(LEAST_ATTEMPTS), for_now(), LIFETIME);
        assert_eq!(
            old,
            Attempt::Failed("given up after 5 days: busy".to_owned())
        );
    }

    #[test]
    fn a_clock_that_jumps_does_not_end_a_mail() {
        let jumped = judge(&mail(3), for_now(), LIFETIME);
        assert!(matches!(jumped, Attempt::Again(..)), "{jumped:?}");
    }
}
