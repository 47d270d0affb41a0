//! A running suite, whoever runs it, as its users see it.

use muster_testkit::{Service, grpcurl};
use serde_json::Value;

/// Where the services of a suite are reached, and what mails have left it.
pub trait Suite {
    /// Where a service listens, `host:port`; `web` is the gateway's pages.
    fn addr_of(&self, service: &str) -> String;

    /// The admin address of the process that a service runs in.
    fn admin_of(&self, service: &str) -> String;

    /// The mails so far.
    fn mails(&self) -> Vec<String>;
}

/// `muster up`: all in one process.
impl Suite for Service {
    fn addr_of(&self, service: &str) -> String {
        Service::addr_of(self, service)
    }

    fn admin_of(&self, _service: &str) -> String {
        Service::addr_of(self, "admin")
    }

    fn mails(&self) -> Vec<String> {
        Service::mails(self)
    }
}

/// A call by grpcurl that must succeed: its answer, or its answers as an array.
///
/// # Panics
/// When it fails.
pub async fn call(addr: &str, method: &str, message: &Value) -> Value {
    let text = message.to_string();
    let args = ["-plaintext", "-max-msg-sz", "99999999", "-d", "@"];
    let answer = grpcurl(&[&args[..], &[addr, method]].concat(), &text).await;
    let answer = answer.ok();
    let mut answers: Vec<Value> = serde_json::Deserializer::from_str(&answer)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    if answers.len() == 1 {
        answers.remove(0)
    } else {
        Value::Array(answers)
    }
}

/// A call that must fail: what grpcurl says of it.
///
/// # Panics
/// When it succeeds.
pub async fn refused(addr: &str, method: &str, message: &Value) -> String {
    let text = message.to_string();
    let output = grpcurl(&["-plaintext", "-d", "@", addr, method], &text).await;
    let (failed, answer) = (!output.status.success(), &output.stdout);
    assert!(failed, "{method} {message} was answered {answer}");
    output.stderr
}
