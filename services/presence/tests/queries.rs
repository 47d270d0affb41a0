//! Questions about many users, and events, over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use muster_proto::muster::presence::v1 as pb;
use tonic::{Code, Streaming};
use tonic_types::StatusExt;

mod wire;

use wire::talk::{Talk, disconnect, offline, online, plain, values};
use wire::{ApiClient, Running, in_time};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user-{number}")).collect()
}

#[tokio::test]
async fn users_are_told_in_the_order_of_the_request_with_their_votes() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    gateway.connect(vec![plain("Albert"), plain("Carl")]).await;
    gateway.done(disconnect("Carl")).await;
    let users = ["Berta", "Albert", "Carl"].map(str::to_owned).to_vec();
    let known = running
        .api()
        .await
        .get_presence(pb::GetPresenceRequest { users })
        .await;
    let known = known.unwrap().into_inner();
    assert_eq!(
        values(&known.users),
        [offline("Berta"), online("Albert"), offline("Carl")]
    );
    let seen: Vec<_> = known
        .users
        .iter()
        .map(|user| user.last_seen.is_some())
        .collect();
    assert_eq!(seen, [false, false, true]);
    let votes: Vec<_> = known
        .votes
        .iter()
        .map(|vote| (vote.self_vote, vote.votes_for, vote.total_voters))
        .collect();
    assert_eq!(votes, [(false, 0, 1), (true, 1, 1), (false, 0, 1)]);
}

#[tokio::test]
async fn a_question_that_is_none_is_refused_by_its_field() {
    let running = Running::start().await;
    let mut client = running.api().await;
    let get = async |users| {
        let request = pb::GetPresenceRequest { users };
        client.clone().get_presence(request).await.unwrap_err()
    };
    let field = |refused: tonic::Status| {
        assert_eq!(refused.code(), Code::InvalidArgument);
        refused.get_details_bad_request().unwrap().field_violations[0]
            .field
            .clone()
    };
    assert_eq!(
        field(get(vec!["Albert".to_owned(), String::new()]).await),
        "users[1]"
    );
    assert_eq!(field(get(names(1001)).await), "users");
    let mut list = async |page_size, page_token: &str| {
        let page_token = page_token.to_owned();
        let request = pb::ListOnlineRequest {
            page_size,
            page_token,
        };
        client.list_online(request).await.unwrap_err()
    };
    assert_eq!(field(list(1001, "").await), "page_size");
    assert_eq!(field(list(0, "next").await), "page_token");
    let elsewhere = list(0, "1.1.elsewhere:9002").await;
    assert_eq!(elsewhere.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn pages_list_all_who_are_online() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let all = names(250);
    gateway
        .connect(all.iter().map(|name| plain(name)).collect())
        .await;
    let (mut client, mut listed) = (running.api().await, BTreeSet::new());
    let mut request = pb::ListOnlineRequest::default();
    let mut pages = 0;
    loop {
        let page = client
            .list_online(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert!(page.users.len() <= 100 && page.users.iter().all(|user| user.online));
        listed.extend(page.users.into_iter().map(|user| user.user));
        request.page_token = page.next_page_token;
        pages += 1;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!((pages, listed), (3, all.into_iter().collect()));
}

#[tokio::test]
async fn the_answering_replica_is_the_first() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    gateway.connect(vec![plain("Albert")]).await;
    let replicas = running
        .api()
        .await
        .list_replicas(pb::ListReplicasRequest {})
        .await;
    let replicas = replicas.unwrap().into_inner().replicas;
    assert_eq!(replicas.len(), 1);
    assert_eq!(
        replicas[0].origin.as_ref().unwrap().replica,
        running.addr.to_string()
    );
    assert_eq!(replicas[0].state(), pb::ReplicaState::Up);
    assert_eq!((replicas[0].users, replicas[0].sequence), (1, 1));
}

/// A stream of events.
struct Follower(Streaming<pb::WatchEventsResponse>);

impl Follower {
    async fn from(mut client: ApiClient, cursor: &str) -> Self {
        let cursor = cursor.to_owned();
        let stream = in_time(client.watch_events(pb::WatchEventsRequest { cursor })).await;
        Self(stream.unwrap().into_inner())
    }

    async fn next(&mut self) -> pb::WatchEventsResponse {
        in_time(self.0.message()).await.unwrap().expect("a message")
    }

    /// The whole reset: who is online, and where to go on.
    async fn reset(&mut self) -> (BTreeSet<String>, String) {
        let mut users = BTreeSet::new();
        loop {
            let part = self.next().await;
            assert!(part.is_reset);
            users.extend(part.events.into_iter().map(|event| event.user));
            if part.is_reset_complete {
                return (users, part.cursor);
            }
        }
    }

    /// The next so many events.
    async fn events(&mut self, count: usize) -> Vec<pb::Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let part = self.next().await;
            assert!(!part.is_reset);
            events.extend(part.events);
        }
        events
    }
}

#[tokio::test]
async fn events_begin_with_all_who_are_online_and_go_on_with_who_comes_and_goes() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let all = names(2500);
    gateway
        .connect(all.iter().map(|name| plain(name)).collect())
        .await;
    let mut follower = Follower::from(running.api().await, "").await;
    let (users, _) = follower.reset().await;
    assert_eq!(users, all.into_iter().collect());

    gateway.connect(vec![plain("Albert")]).await;
    gateway.done(disconnect("Albert")).await;
    let events = follower.events(2).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.user.clone(), event.online))
        .collect();
    assert_eq!(told, [online("Albert"), offline("Albert")]);
    let ids: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(ids, [2501, 2502]);
    let origin = events[0].origin.as_ref().unwrap();
    assert_eq!(origin.replica, running.addr.to_string());
    assert!(events[0].at.is_some());
}

#[tokio::test]
async fn who_follows_again_from_a_cursor_misses_nothing_and_is_told_nothing_twice() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let mut follower = Follower::from(running.api().await, "").await;
    let (users, cursor) = follower.reset().await;
    assert!(users.is_empty());
    gateway.connect(vec![plain("Albert"), plain("Berta")]).await;

    let mut again = Follower::from(running.api().await, &cursor).await;
    let first = again.next().await;
    drop(again);
    gateway.done(disconnect("Albert")).await;
    let mut again = Follower::from(running.api().await, &first.cursor).await;
    let mut events = first.events;
    events.extend(again.events(3 - events.len()).await);
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.user.clone(), event.online))
        .collect();
    assert_eq!(told, [online("Albert"), online("Berta"), offline("Albert")]);

    let mut stranger = Follower::from(running.api().await, "of another replica").await;
    assert_eq!(stranger.reset().await.0, ["Berta".to_owned()].into());
}

#[tokio::test]
async fn sixty_four_follow_and_no_more() {
    let running = Running::start().await;
    let mut followers = Vec::new();
    for _ in 0..64 {
        followers.push(Follower::from(running.api().await, "").await);
    }
    let refused = running
        .api()
        .await
        .watch_events(pb::WatchEventsRequest::default())
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);
}
