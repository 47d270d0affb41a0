//! `muster presence replicas`.

use clap::ArgMatches;
use muster_proto::muster::presence::v1 as pb;
use serde_json::json;

use super::client;
use crate::client::{Failure, print, print_for_people, timed};

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let request = timed(pb::ListReplicasRequest {});
    let replicas = client(matches)?.list_replicas(request).await?.into_inner();
    let names = replicas
        .replicas
        .iter()
        .map(|known| origin(known).replica.len());
    let width = names.chain(["replica".len()]).max().unwrap_or_default();
    let row = |name: &str, state: &str, rest: [String; 3]| {
        let [users, sequence, behind] = rest;
        format!("{name:width$}  {state:7}  {users:>9}  {sequence:>12}  {behind:>6}")
    };
    let head = ["users", "sequence", "behind"].map(str::to_owned);
    print_for_people(matches, row("replica", "state", head))?;
    for replica in &replicas.replicas {
        let origin = origin(replica);
        let numbers = [replica.users, replica.sequence, replica.behind];
        let line = row(
            &origin.replica,
            state(replica),
            numbers.map(|number| number.to_string()),
        );
        let object = json!({
            "replica": origin.replica,
            "incarnation": origin.incarnation,
            "state": state(replica),
            "users": replica.users,
            "sequence": replica.sequence,
            "behind": replica.behind,
        });
        print(matches, line, &object)?;
    }
    Ok(())
}

fn origin(replica: &pb::Replica) -> pb::Origin {
    replica.origin.clone().unwrap_or_default()
}

fn state(replica: &pb::Replica) -> &'static str {
    match replica.state() {
        pb::ReplicaState::Up => "up",
        pb::ReplicaState::Suspect => "suspect",
        pb::ReplicaState::Down => "down",
        pb::ReplicaState::Left => "left",
        pb::ReplicaState::Unspecified => "unknown",
    }
}
