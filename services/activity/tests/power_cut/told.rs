//! What the process told of its store before the cut.

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The store is open, under this id.
    Opened(String),
    /// An event is on disk.
    Acked(Acked),
}

/// An event that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acked {
    pub(crate) topic: String,
    pub(crate) id: String,
    pub(crate) position: i64,
}

impl Told {
    /// Reads a line that the example `append` writes.
    pub(crate) fn read(line: &str) -> Told {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["opened", id] => Told::Opened((*id).to_owned()),
            ["acked", topic, id, position] => Told::Acked(Acked {
                topic: (*topic).to_owned(),
                id: (*id).to_owned(),
                position: position.parse().unwrap(),
            }),
            _ => panic!("what does this tell: {line}"),
        }
    }
}
