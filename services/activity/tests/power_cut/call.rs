//! The calls of a process as strace tells them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

/// A call to the system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// `pwrite64`
    pub(crate) name: String,
    /// `7<\x2f…>, "\x61…", 1, 0`: texts are in hexadecimal.
    pub(crate) args: String,
    /// What it returned, -1 when it failed or never returned.
    pub(crate) result: i64,
    /// When it began: the number of its line.
    pub(crate) begun: usize,
    /// When it returned.
    pub(crate) done: usize,
}

/// A call of which not everything has been read.
struct Begun {
    text: String,
    begun: usize,
}

/// Gives each call, in the order in which they returned, to `take`.
pub(crate) fn read(record: impl Read, mut take: impl FnMut(Call)) {
    let mut begun: HashMap<String, Begun> = HashMap::new();
    for (number, line) in BufReader::new(record).lines().enumerate() {
        let line = line.unwrap();
        let (process, text) = line.split_once(' ').unwrap_or((&line, ""));
        let text = text.trim_start();
        if process == "strace:" {
            println!("{line}");
            continue;
        }
        if text.starts_with("+++") || text.starts_with("---") {
            continue;
        }
        if let Some(text) = text.strip_suffix("<unfinished ...>") {
            let call = Begun {
                text: text.trim_end().to_owned(),
                begun: number,
            };
            begun.insert(process.to_owned(), call);
        } else if text.starts_with("<... ") {
            let call = begun.remove(process).expect("a call returns that began");
            let (_, rest) = text.split_once(" resumed>").unwrap();
            take(call_of(&(call.text + rest), call.begun, number));
        } else {
            take(call_of(text, number, number));
        }
    }
    for (_, call) in begun {
        take(call_of(&(call.text + ") = -1"), call.begun, usize::MAX));
    }
}

/// `fsync(4<\x2f…>) = 0`
fn call_of(text: &str, begun: usize, done: usize) -> Call {
    let parts = || {
        let (call, result) = text.rsplit_once(" = ")?;
        let (name, args) = call.trim_end().strip_suffix(')')?.split_once('(')?;
        Some((name, args, result.split([' ', '<']).next()?))
    };
    let (name, args, result) = parts().unwrap_or_else(|| panic!("not a call: {text}"));
    Call {
        name: name.to_owned(),
        args: args.to_owned(),
        // An address is no number, and of no interest.
        result: result.parse().unwrap_or(0),
        begun,
        done,
    }
}

impl Call {
    /// The path of the file in its first argument (`7<\x2f…>`).
    pub(crate) fn path(&self) -> String {
        let path = self.args.split_once('<').expect("a file has a path").1;
        text(path.split_once('>').expect("a path ends").0)
    }

    /// Its first text (`"\x61…"`).
    pub(crate) fn text(&self) -> Vec<u8> {
        let quoted = self.args.split('"').nth(1).expect("a text is quoted");
        unhex(quoted)
    }

    /// Its last argument.
    pub(crate) fn last_number(&self) -> usize {
        let last = self.args.rsplit(", ").next().unwrap();
        last.parse().unwrap_or_else(|_| panic!("no number: {last}"))
    }
}

fn text(hex: &str) -> String {
    String::from_utf8(unhex(hex)).unwrap()
}

/// `\x61\x62` → `ab`
fn unhex(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => panic!("not hexadecimal: {hex}"),
    };
    let bytes = hex.as_bytes().chunks_exact(4);
    assert!(bytes.remainder().is_empty(), "not hexadecimal: {hex}");
    bytes
        .map(|byte| digit(byte[2]) << 4 | digit(byte[3]))
        .collect()
}

#[test]
fn a_call_that_another_one_interrupts_is_put_together() {
    let record = r#"7 pwrite64(3<\x2f\x61>, "\x00\xff", 2, 512 <unfinished ...>
8 fsync(3<\x2f\x61>) = 0
7 <... pwrite64 resumed>) = 2
8 +++ exited with 0 +++
"#;
    let mut calls = Vec::new();
    read(record.as_bytes(), |call| calls.push(call));
    assert_eq!(calls.len(), 2);
    let (sync, write) = (&calls[0], &calls[1]);
    assert_eq!((sync.name.as_str(), sync.begun, sync.done), ("fsync", 1, 1));
    assert_eq!((write.begun, write.done, write.result), (0, 2, 2));
    assert_eq!(write.path(), "/a");
    assert_eq!((write.text(), write.last_number()), (vec![0, 255], 512));
}
