//! Events from files and into files, and copies of the store, by the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use muster_testkit::{Output, Service, eventually, find, program, run};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(20);

/// A service, and the client that calls it.
struct Activity(Service);

impl Activity {
    async fn start() -> Activity {
        Activity(Service::start("muster-activity", &[]).await)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = program("muster");
        command.arg("activity").args(words);
        command.args(["--addr", &self.0.addr()]);
        command.into()
    }

    async fn run(&self, words: &[&str], stdin: &str) -> Output {
        run(&mut self.command(words), stdin).await
    }

    /// What was printed by a command that succeeded.
    async fn ok(&self, words: &[&str]) -> String {
        self.run(words, "").await.ok()
    }

    async fn stats(&self) -> Value {
        serde_json::from_str(&self.ok(&["stats", "--json"]).await).unwrap()
    }

    async fn exported(&self) -> Vec<Value> {
        json_lines(&self.ok(&["export"]).await)
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Lines of a file, one event each.
fn lines(events: impl IntoIterator<Item = Value>) -> String {
    events
        .into_iter()
        .map(|event| format!("{event}\n"))
        .collect()
}

fn of_room(id: u32) -> Value {
    json!({ "topic": format!("room/{}", id % 10), "id": id.to_string(), "message": "hello" })
}

fn written(folder: &Path, text: &str) -> String {
    let file = folder.join("events.jsonl");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// A command on a store's file, in the folder where its service runs.
async fn offline(folder: &Path, words: &[&str]) -> Output {
    let mut command = program("muster");
    command.arg("activity").args(words).current_dir(folder);
    run(&mut command.into(), "").await
}

fn refused(output: &Output, code: i32, why: &str) {
    let told = output.stderr.contains(why);
    assert!(
        output.status.code() == Some(code) && told,
        "{why}: {output:#?}"
    );
}

#[tokio::test]
async fn a_file_is_stored_once_however_often_and_by_whichever_command_it_is_added() {
    let activity = Activity::start().await;
    let events = (1..=3_000).map(of_room);
    let builds = (1..=5).map(|id| json!({ "deployment_id": 7, "id": id, "message": "built" }));
    let text = lines(events.chain(builds));
    let file = written(activity.0.folder(), &text);
    let stored = activity.run(&["add", "--file", &file], "").await;
    assert_eq!(stored.stderr, "", "no progress where nobody looks");
    assert_eq!(stored.ok(), "3005 events stored\n");
    let again = activity.ok(&["import", &file]).await;
    assert_eq!(again, "0 events stored, 3005 already there\n");
    let again = activity.run(&["add", "-", "--json"], &text).await.ok();
    let expected = json!({ "stored": 0, "already_there": 3_005, "conflicts": 0 });
    assert_eq!(json_lines(&again), [expected]);
    assert_eq!(activity.stats().await["events"], 3_005);
    let listed = activity.ok(&["list", "7"]).await;
    assert_eq!(listed.lines().count(), 5);
}

/// What a terminal shows of a command, which `script` of every Debian imitates.
async fn on_terminal(command: &Command) -> String {
    let command = command.as_std();
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let mut script = Command::new(find("script"));
    script.args(["-qec", &words.join(" "), "/dev/null"]);
    run(&mut script, "").await.ok()
}

#[tokio::test]
async fn progress_is_shown_on_a_terminal_and_not_with_json() {
    let activity = Activity::start().await;
    let text = lines((1..=3_000).map(of_room));
    let file = written(activity.0.folder(), &text);
    let shown = on_terminal(&activity.command(&["import", &file])).await;
    assert!(shown.contains('%') && shown.contains("left"), "{shown}");
    assert!(shown.trim_end().ends_with("3000 events stored"), "{shown}");
    let shown = on_terminal(&activity.command(&["import", &file, "--json"])).await;
    assert_eq!(json_lines(&shown)[0]["already_there"], 3_000);
}

#[tokio::test]
async fn conflicts_are_told_by_their_lines_and_the_others_are_stored() {
    let activity = Activity::start().await;
    let other = json!({ "topic": "room/1", "id": "1", "message": "other" });
    let text = lines([of_room(1), other, of_room(2)]);
    let output = activity.run(&["import", "-"], &text).await;
    refused(
        &output,
        1,
        "line 2: event 1 of room/1 is there with another content",
    );
    refused(&output, 1, "ALREADY_EXISTS: 1 event not stored");
    assert_eq!(output.stdout, "2 events stored, 1 conflict\n");
    let output = activity.run(&["import", "-", "--json"], &text).await;
    assert_eq!(output.status.code(), Some(1));
    let told = json_lines(&output.stdout);
    assert_eq!(
        (&told[0]["line"], &told[0]["position"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(told[1]["already_there"], 2);
}

#[tokio::test]
async fn a_bad_line_ends_a_file_and_all_in_front_of_it_is_stored() {
    let activity = Activity::start().await;
    let good = lines([of_room(1), of_room(2)]);
    for (bad, why) in [
        ("{", "standard input, line 4: EOF"),
        (r#"{"topic":"a//b","message":""}"#, "line 4: topic: "),
        (
            r#"{"deployment_id":7,"message":""}"#,
            "line 4: id: required",
        ),
    ] {
        let text = format!("{good}\n{bad}\n{}", lines([of_room(3)]));
        let output = activity.run(&["add", "-"], &text).await;
        refused(&output, 64, why);
        refused(&output, 64, "nothing is stored from there on");
    }
    assert_eq!(activity.stats().await["events"], 2);
    let nowhere = activity.run(&["import", "nowhere.jsonl"], "").await;
    refused(&nowhere, 64, "nowhere.jsonl: No such file");
}

#[tokio::test]
async fn events_without_an_id_are_stored_anew_each_time_and_that_is_told() {
    let activity = Activity::start().await;
    let text = lines([json!({ "topic": "log", "message": "a" }), of_room(1)]);
    for events in [2, 3] {
        let output = activity.run(&["add", "-"], &text).await;
        assert!(output.stderr.contains("1 event had no id"), "{output:?}");
        output.ok();
        assert_eq!(activity.stats().await["events"], events);
    }
}

#[tokio::test]
async fn what_was_exported_becomes_the_same_events_in_another_store() {
    let one = Activity::start().await;
    let attributes: Value = (0..20).map(|n| (format!("n{n}"), json!("ü\n"))).collect();
    let odd = json!({
        "topic": "räume/süd 2", "id": "a b", "kind": "chat", "message": "\"one\"\n\ttwo",
        "attributes": attributes, "sent_at": "1999-12-31T23:59:59.000000001Z",
    });
    let text = lines((1..=2_500).map(of_room).chain([odd]));
    one.run(&["add", "-"], &text).await.ok();
    let add = r#"{"deployment_id":7,"message":"built"}"#;
    one.ok(&["add", add]).await;

    let file = one.0.folder().join("all.jsonl").display().to_string();
    let exported = one.ok(&["export", "--file", &file]).await;
    assert_eq!(exported, format!("2502 events exported to {file}\n"));
    refused(
        &one.run(&["export", "--file", &file], "").await,
        1,
        "it is there already",
    );
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(one.ok(&["export"]).await, text, "each time the same");

    let other = Activity::start().await;
    other
        .ok(&["add", r#"{"topic":"in/front","message":"a"}"#])
        .await;
    let imported = other.ok(&["import", &file]).await;
    assert_eq!(imported, "2502 events stored\n");
    let same = |mut event: Value| {
        event["position"].take();
        event["received_at"].take();
        event
    };
    let before: Vec<_> = json_lines(&text).into_iter().map(same).collect();
    let after = other.exported().await;
    let after: Vec<_> = after.into_iter().skip(1).map(same).collect();
    assert_eq!(after, before);
    assert_eq!(before[2_500]["attributes"], attributes);
    assert_eq!(before[2_500]["sent_at"], "1999-12-31T23:59:59.000000001Z");
    for (topic, events) in [("room/3", 250), ("room/", 2_500), ("nobody", 0)] {
        assert_eq!(other.ok(&["export", topic]).await.lines().count(), events);
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_says_how_far_it_came_and_may_be_sent_again() {
    let mut activity = Activity(
        Service::start(
            "muster-activity",
            &[
                "--listen",
                &format!("127.0.0.1:{}", muster_testkit::free_port()),
            ],
        )
        .await,
    );
    let mut command = activity.command(&["import", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut import = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = import.stdin.take().unwrap();
    // Each line goes out as soon as it is there.
    for id in 1..=3 {
        let line = lines([of_room(id)]);
        stdin.write_all(line.as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
        eventually(SOON, || async {
            (activity.stats().await["events"] == id).then_some(())
        })
        .await;
    }
    activity.0.process().sigkill();
    let ended = tokio::time::timeout(SOON, import.wait_with_output());
    let output = ended.await.expect("it waits for no more lines").unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("acknowledged up to line "), "{told}");
    assert!(told.contains("the same file again is safe"), "{told}");
    assert_eq!(output.status.code(), Some(1));

    let verified = offline(activity.0.folder(), &["verify"]).await.ok();
    assert!(verified.starts_with("nothing is wrong"), "{verified}");
    let nobody = activity.run(&["import", "-"], &lines([of_room(1)])).await;
    refused(&nobody, 1, "UNAVAILABLE: ");
    refused(&nobody, 1, "no line was acknowledged");
    activity.0.restart().await;
    let all = lines((1..=5).map(of_room));
    let again = activity.run(&["import", "-"], &all).await.ok();
    assert_eq!(again, "2 events stored, 3 already there\n");
}

#[tokio::test]
async fn a_store_is_copied_and_verified_while_it_is_served_and_the_copy_can_be_served() {
    let activity = Activity::start().await;
    let text = lines((1..=1_000).map(of_room));
    activity.run(&["add", "-"], &text).await.ok();
    let folder = activity.0.folder();
    let copied = offline(folder, &["backup", "copy.db"]).await.ok();
    let start = "1000 events in 10 topics copied to copy.db, ";
    assert!(copied.starts_with(start), "{copied}");
    let again = offline(folder, &["backup", "copy.db"]).await;
    refused(&again, 1, "cannot write copy.db: it is there already");
    for (words, url) in [
        (&["verify"][..], "sqlite:./muster-data/activity.db"),
        (&["verify", "--store", "sqlite:copy.db"], "sqlite:copy.db"),
    ] {
        let verified = offline(folder, words).await.ok();
        assert_eq!(verified, format!("nothing is wrong with {url}\n"));
    }

    let copy = folder.join("copy.db").display().to_string();
    let store = format!("sqlite:{copy}");
    let other = Activity(Service::start("muster-activity", &["--store", &store]).await);
    assert_eq!(other.exported().await, activity.exported().await);
    let (ours, theirs) = (activity.stats().await, other.stats().await);
    assert_ne!(ours["store_id"], theirs["store_id"]);
}

#[tokio::test]
async fn the_store_is_found_where_the_suite_keeps_it() {
    let suite = Service::suite(&[]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let data = suite.folder().join("muster-data");
    let store = format!("sqlite:{}", data.join("activity.db").display());
    for (name, value) in [
        ("MUSTER_DATA", data.display().to_string()),
        ("MUSTER_ACTIVITY_STORE", store.clone()),
    ] {
        let mut verify = program("muster");
        verify.args(["activity", "verify"]).env(name, value);
        verify.current_dir(elsewhere.path());
        let verified = run(&mut verify.into(), "").await;
        assert!(verified.ok().ends_with("activity.db\n"), "{name}");
    }
    let nowhere = offline(elsewhere.path(), &["verify"]).await;
    refused(
        &nowhere,
        1,
        "cannot open ./muster-data/activity.db: No such file",
    );
    let bad = offline(elsewhere.path(), &["verify", "--store", "x"]).await;
    refused(&bad, 64, r#"--store "x": expected sqlite:PATH"#);
}

#[tokio::test]
async fn a_copy_in_which_bytes_flipped_is_found() {
    let activity = Activity::start().await;
    let text = lines((1..=1_000).map(of_room));
    activity.run(&["add", "-"], &text).await.ok();
    let folder = activity.0.folder();
    let copied = offline(folder, &["backup", "copy.db", "--json"]).await.ok();
    assert_eq!(json_lines(&copied)[0]["events"], 1_000);
    let copy = folder.join("copy.db");
    let mut bytes = std::fs::read(&copy).unwrap();
    // The head of every page but the first.
    for page in bytes.chunks_mut(4_096).skip(1) {
        page.iter_mut().take(8).for_each(|byte| *byte ^= 0xff);
    }
    std::fs::write(&copy, bytes).unwrap();

    let verify = ["verify", "--store", "sqlite:copy.db"];
    let found = offline(folder, &verify).await;
    refused(&found, 1, " in sqlite:copy.db");
    assert!(found.stdout.starts_with("database: "), "{found:?}");
    let found = offline(folder, &[&verify[..], &["--json"]].concat()).await;
    assert_eq!(json_lines(&found.stdout)[0]["place"], "database");
}

#[tokio::test]
async fn events_are_trimmed_and_kept_for_a_time_by_the_command_line() {
    let activity = Activity::start().await;
    let events = lines((1..=5).map(of_room));
    activity.run(&["add", "-"], &events).await;
    let removed = activity.ok(&["trim", "room/", "--up-to", "2"]).await;
    assert_eq!(removed, "removed 2 events\n");
    let none_so_old = activity.ok(&["trim", "/", "--older-than", "1h"]).await;
    assert_eq!(none_so_old, "removed 0 events\n");
    assert_eq!(activity.exported().await.len(), 3);

    activity.ok(&["retain", "/", "36h"]).await;
    assert_eq!(
        activity.stats().await["retentions"],
        json!([{"topic_prefix": "", "max_age_s": 129_600.0}])
    );
    activity.ok(&["retain", "/", "--forever"]).await;
    assert_eq!(activity.stats().await["retentions"], json!([]));
    let bad = [
        (&["trim", "room/"][..], "--older-than"),
        (&["retain", "/"], "--forever"),
        (&["retain", "/", "soon"], "expected a duration"),
    ];
    for (words, why) in bad {
        refused(&activity.run(words, "").await, 64, why);
    }
}
