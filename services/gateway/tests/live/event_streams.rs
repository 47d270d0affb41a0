//! Server-sent events.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::SOON;
use crate::site::{Site, event};

/// A stream of events.
struct Events {
    lines: BufReader<TcpStream>,
}

/// One event.
#[derive(Debug, Default, PartialEq)]
struct Told {
    name: Option<String>,
    id: Option<String>,
    data: String,
}

impl Events {
    /// Asks for a stream; the status.
    async fn open(site: &Site, query: &str, headers: &str) -> (u16, Events) {
        let mut socket = TcpStream::connect(site.gateway.addr()).await.unwrap();
        let request = format!("GET /events?{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut events = Events {
            lines: BufReader::new(socket),
        };
        let status = events.line().await;
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        while !events.line().await.is_empty() {}
        (status, events)
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(SOON, self.lines.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        line.trim_end().to_owned()
    }

    /// The next event. The lengths of chunks between are passed over.
    async fn next(&mut self) -> Told {
        let mut told = Told::default();
        loop {
            let line = self.line().await;
            match line.split_once(": ") {
                Some(("event", name)) => told.name = Some(name.to_owned()),
                Some(("id", id)) => told.id = Some(id.to_owned()),
                Some(("data", data)) => told.data.push_str(data),
                _ if line.is_empty() && !told.data.is_empty() => return told,
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_stream_tells_what_a_socket_tells_with_the_cursor_as_id() {
    let site = Site::start().await;
    let (status, mut events) = Events::open(&site, "user_id=1", "").await;
    assert_eq!(status, 200);
    let live = events.next().await;
    assert_eq!(live.name.as_deref(), Some("live"));
    site.tell(1, "e1", "done").await;
    let told = events.next().await;
    let data: serde_json::Value = serde_json::from_str(&told.data).unwrap();
    assert_eq!((told.name, data["message"].as_str()), (None, Some("done")));
    assert_eq!(told.id.as_deref(), data["cursor"].as_str());
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_where_it_was() {
    let site = Site::start().await;
    let (_, mut events) = Events::open(&site, "topic=room%2F1&after=", "").await;
    let id = events.next().await.id.unwrap();
    drop(events);
    let (_, mut other) = Events::open(&site, "topic=room%2F1", "").await;
    other.next().await;
    site.append(vec![event("room/1", "a", "x"), event("room/1", "b", "y")])
        .await;
    // By what it is told the gateway has heard of both.
    for _ in 0..2 {
        other.next().await;
    }
    let last = format!("last-event-id: {id}\r\n");
    let (_, mut events) = Events::open(&site, "topic=room%2F1&after=", &last).await;
    for expected in ["x", "y"] {
        let told = events.next().await;
        let data: serde_json::Value = serde_json::from_str(&told.data).unwrap();
        assert_eq!(
            (told.name.as_deref(), data["message"].as_str()),
            (Some("event"), Some(expected))
        );
    }
    assert_eq!(events.next().await.name.as_deref(), Some("live"));
}

#[tokio::test]
async fn a_query_that_is_none_is_refused_by_name() {
    let site = Site::start().await;
    for query in [
        "",
        "user_id=x",
        "user_id=1&topic=a",
        "topic=a//b",
        "user_id=1&after=x",
    ] {
        let (status, _) = Events::open(&site, query, "").await;
        assert_eq!(status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_stream() {
    let mut site = Site::start().await;
    let (_, mut events) = Events::open(&site, "user_id=1", "").await;
    events.next().await;
    assert!(site.gateway.stop(SOON).await.success());
}
