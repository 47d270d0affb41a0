//! A feed that does not know yet what the store knows.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use muster_gateway::feed::{Activity, CatchUp, Feeds, Told};
use muster_gateway::hub::{Form, Mailbox, Member, Place};
use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1::event_filter::Topics;
use tokio::time::timeout;

use crate::SOON;
use crate::site::Site;

/// A catch-up of user 1, from the beginning.
fn catch_up(feeds: &Feeds) -> CatchUp {
    CatchUp {
        feed: Arc::clone(feeds.users()),
        activity: feeds.activity().clone(),
        topic: "user/1".to_owned(),
        topics: Topics::Topic("user/1".to_owned()),
        member: Member {
            mailbox: Mailbox::new(&Arc::default()),
            number: 1,
            form: Form::Message,
            kind: None,
            after: i64::MIN,
            label: None,
        },
        place: None,
        from_now: false,
    }
}

/// Where the store is.
async fn end(site: &Site) -> Place {
    let mut client = site.connect().await;
    client
        .send(serde_json::json!({"type": "subscribe", "topic": "user/1"}))
        .await;
    Place::parse(client.next().await["cursor"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_feed_that_is_late_is_waited_for_without_haste() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let site = Site::start().await;
    site.tell(1, "e1", "one").await;
    let end = end(&site).await;
    let feeds = Feeds::new(Activity::new(Channel::to(&site.activity.addr())));
    let hub = &feeds.users().hub;
    hub.begun().await;
    let other = Place::parse("00000000000000000000000000000007-1").unwrap();
    hub.begin(other, None);
    let mut told = catch_up(&feeds).told();
    let first = timeout(SOON, told.next()).await.unwrap();
    assert!(matches!(first, Some(Told::Missed(None, _))), "{first:?}");
    let next = timeout(Duration::from_secs(1), told.next()).await;
    assert!(next.is_err(), "{next:?}");
    let metrics = recorder.handle().render();
    let mut lines = metrics.lines();
    let reads = lines.find_map(|line| line.strip_prefix("gateway_store_reads_total "));
    let reads: u32 = reads.unwrap().parse().unwrap();
    assert!((2..20).contains(&reads), "{reads}");
    hub.begin(end, None);
    let last = timeout(SOON, told.next()).await.unwrap();
    assert!(matches!(last, Some(Told::Live(_))), "{last:?}");
}
