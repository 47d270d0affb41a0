//! What clients should not send.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::site::Site;

#[tokio::test]
async fn a_message_that_is_none_of_the_protocol_is_an_error_frame_and_the_socket_stays() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    for (text, field) in [
        ("", Value::Null),
        ("hello", Value::Null),
        ("[1]", Value::Null),
        ("{}", json!("type")),
        (r#"{"type":"publish"}"#, json!("type")),
        (r#"{"type":"subscribe","user_id":"x"}"#, json!("user_id")),
        (
            r#"{"type":"subscribe","user_id":1,"after":"x"}"#,
            json!("after"),
        ),
        (r#"{"type":"subscribe","topic":"a//b"}"#, json!("topic")),
        (r#"{"type":"monitor","users":"all"}"#, json!("users")),
    ] {
        client.send_raw(Message::text(text)).await;
        let refusal = client.next().await;
        assert_eq!(
            (&refusal["type"], &refusal["field"]),
            (&json!("error"), &field),
            "{text}"
        );
        assert!(!refusal["error"].as_str().unwrap().is_empty());
    }
    client.send_raw(Message::binary(vec![0, 1, 2])).await;
    assert_eq!(client.next().await["type"], "error");
    client.subscribe(1).await;
}

#[tokio::test]
async fn a_message_of_16_kib_is_taken_and_a_longer_one_ends_with_1009() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    let padded = |bytes: usize| {
        let message = json!({"type": "ping"}).to_string();
        Message::text(format!("{message}{}", " ".repeat(bytes - message.len())))
    };
    client.send_raw(padded(16 * 1024)).await;
    assert_eq!(client.next().await["type"], "pong");
    for bytes in [16 * 1024 + 1, 64 * 1024, 1024 * 1024] {
        let mut client = site.connect().await;
        client.send_raw(padded(bytes)).await;
        assert_eq!(client.closed().await.0, 1009, "{bytes}");
    }
}

#[tokio::test]
async fn what_is_no_websocket_frame_ends_with_1002() {
    let site = Site::start().await;
    // Opcode 3 is reserved, a frame of a client is masked, and text is UTF-8.
    for (frame, code) in [
        (&[0x83, 0x80, 0, 0, 0, 0][..], 1002_u16),
        (&[0x81, 0x02, b'h', b'i'], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ] {
        let mut socket = upgraded(&site).await;
        socket.write_all(frame).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer[0], 0x88, "a close");
        assert_eq!(answer[2..4], code.to_be_bytes(), "{frame:?}");
    }
}

/// A connection behind its handshake.
async fn upgraded(site: &Site) -> TcpStream {
    let (socket, head) = handshake(site, "host: localhost\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    socket
}

/// A handshake with these headers, and the head of the answer.
async fn handshake(site: &Site, headers: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(site.gateway.addr()).await.unwrap();
    let request = format!(
        "GET /ws HTTP/1.1\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    (socket, String::from_utf8(head).unwrap())
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_gets_no_websocket() {
    let site = Site::start().await;
    for headers in [
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: evil.example\r\n",
    ] {
        let (_, head) = handshake(&site, headers).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    }
    let (_, head) = handshake(&site, "host: localhost\r\norigin: http://localhost\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "RFC 6455 section 1.3: {head}"
    );
}

#[tokio::test]
async fn a_handshake_of_another_version_is_told_which_one_there_is() {
    let site = Site::start().await;
    let mut socket = TcpStream::connect(site.gateway.addr()).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 8\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let length = socket.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(answer.starts_with("http/1.1 426 "), "{answer}");
    assert!(answer.contains("sec-websocket-version: 13"), "{answer}");
}
