//! A session that goes on when the service was away.

use clap::ArgMatches;
use futures_util::{StreamExt, stream};
use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use pb::session_response::News;

use super::client;
use crate::client::{Failure, complain, is_away, patience};

/// Asks for these things in a session, and hands on what it tells. Where it breaks off another one begins anew, once
/// there is a service again.
pub(super) async fn keep(
    matches: &ArgMatches,
    actions: Vec<Action>,
    mut tell: impl FnMut(News) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut backoff = patience();
    let mut was_ever_heard = false;
    loop {
        let mut is_heard = false;
        let ended = read(matches, actions.clone(), |news| {
            is_heard = true;
            tell(news)
        });
        let ended = ended.await;
        was_ever_heard |= is_heard;
        match ended {
            Err(Failure::Call(status)) if was_ever_heard && is_away(&status) => {
                if is_heard {
                    backoff.reset();
                    complain("presence", format!("{}: waiting for it", status.message()));
                }
            }
            ended => return ended,
        }
        tokio::time::sleep(backoff.delay()).await;
    }
}

/// One session, to its end.
async fn read(
    matches: &ArgMatches,
    actions: Vec<Action>,
    mut tell: impl FnMut(News) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let requests = actions.into_iter().zip(1..);
    let requests = requests.map(|(action, request_id)| pb::SessionRequest {
        request_id,
        action: Some(action),
    });
    // There is nothing more to ask for, but the devices stay.
    let requests = stream::iter(requests).chain(stream::pending());
    let mut told = client(matches)?.session(requests).await?.into_inner();
    while let Some(response) = told.message().await? {
        match response.news {
            Some(News::Outcome(outcome)) if !outcome.refusals.is_empty() => {
                return Err(refused(&outcome));
            }
            Some(news) => tell(news)?,
            None => {}
        }
    }
    Ok(())
}

fn refused(outcome: &pb::Outcome) -> Failure {
    let why = |refusal: &pb::Refusal| format!("{}: {}", refusal.field, refusal.description);
    let all: Vec<_> = outcome.refusals.iter().map(why).collect();
    Failure::failed(all.join("\n"))
}
