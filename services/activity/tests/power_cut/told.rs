//! What the process told of its store before the cut.

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The store is open, under this id.
    Opened(String),
    /// An event is on disk.
    Acked(Acked),
    /// Events are being removed.
    Trimming(Trim),
    /// Events are removed, and that is on disk.
    Trimmed(Trim),
}

/// Events of a topic up to a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trim {
    pub(crate) topic: String,
    pub(crate) up_to: i64,
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
            ["trimming", topic, up_to] => Told::Trimming(trim(topic, up_to)),
            ["trimmed", topic, up_to] => Told::Trimmed(trim(topic, up_to)),
            _ => panic!("what does this tell: {line}"),
        }
    }
}

fn trim(topic: &str, up_to: &str) -> Trim {
    Trim {
        topic: topic.to_owned(),
        up_to: up_to.parse().unwrap(),
    }
}
