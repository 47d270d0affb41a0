//! Disks as a power cut may leave them.

use std::collections::BTreeMap;
use std::path::Path;

use muster_testkit::Dice;

use crate::recording::{Change, Op, Recording};

/// So many bytes are written to a disk whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The files of a disk, by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    files: BTreeMap<String, Vec<u8>>,
}

/// A sync that does not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// No sync does anything: `synchronous = OFF`, or a disk that says it has what it has not.
    Everywhere,
    /// That of the write-ahead log.
    Log,
    /// That of the database itself.
    Database,
    /// That of the folder.
    Folder,
}

impl Lie {
    pub(crate) const ALL: [Lie; 4] = [Lie::Everywhere, Lie::Log, Lie::Database, Lie::Folder];

    fn is_about(self, name: &str) -> bool {
        match self {
            Lie::Everywhere => true,
            Lie::Log => name.ends_with("-wal"),
            Lie::Database => name.ends_with(".db"),
            Lie::Folder => name.is_empty(),
        }
    }
}

/// What is lost of that which was not synced.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Everything,
    Nothing,
    /// What came last.
    End,
    /// Any calls.
    Calls,
    /// Any sectors, also of one call.
    Sectors,
    /// Nothing, but what came later may have been overwritten by what came before.
    Order,
}

impl Loss {
    const ALL: [Loss; 6] = [
        Loss::Everything,
        Loss::Nothing,
        Loss::End,
        Loss::Calls,
        Loss::Sectors,
        Loss::Order,
    ];
}

/// A change that reached the disk, and which of its sectors did.
struct Kept<'r> {
    change: &'r Change,
    is_torn: bool,
}

impl Disk {
    /// The disk when the power is cut at a moment of the recording.
    pub(crate) fn cut(recording: &Recording, at: usize, lie: Option<Lie>, dice: &mut Dice) -> Disk {
        let mut left = |name: &str, ops| {
            let is_synced = !lie.is_some_and(|lie| lie.is_about(name));
            leave(ops, at, is_synced, dice)
        };
        let names = names(left("", &recording.folder));
        let files = recording.files.iter();
        let contents: Vec<_> = files
            .map(|file| left(&file.first_name, &file.ops))
            .collect();
        let files = names
            .into_iter()
            .filter(|(name, _)| !name.ends_with("-shm"))
            .map(|(name, file)| (name, content(&contents[file], dice)))
            .collect();
        Disk { files }
    }

    /// Writes its files into a folder.
    pub(crate) fn write(&self, folder: &Path) {
        for (name, content) in &self.files {
            std::fs::write(folder.join(name), content).unwrap();
        }
    }
}

/// What is left of the changes to a file, or to the folder.
fn leave<'r>(ops: &'r [Op], at: usize, is_synced: bool, dice: &mut Dice) -> Vec<Kept<'r>> {
    let begun = &ops[..ops.partition_point(|op| op.begun < at)];
    let is_sync = |op: &&Op| matches!(op.change, Change::Sync);
    let syncs = begun.iter().filter(|op| is_sync(op) && op.done < at);
    let synced = syncs.map(|op| op.begun).max().filter(|_| is_synced);
    let changes = begun.iter().filter(|op| !is_sync(op));
    let (sure, unsure): (Vec<_>, Vec<_>) =
        changes.partition(|op| synced.is_some_and(|sync| op.done < sync));
    let kept = sure.into_iter().map(|op| Kept {
        change: &op.change,
        is_torn: false,
    });
    kept.chain(lose(unsure, dice)).collect()
}

fn lose<'r>(mut unsure: Vec<&'r Op>, dice: &mut Dice) -> impl Iterator<Item = Kept<'r>> {
    let loss = *dice.one_of(&Loss::ALL);
    match loss {
        Loss::Everything => unsure.clear(),
        Loss::Nothing => {}
        Loss::End => unsure.truncate(dice.within(0..unsure.len() + 1)),
        Loss::Calls | Loss::Sectors => unsure.retain(|_| !dice.once_in(4)),
        Loss::Order => dice.shuffle(&mut unsure),
    }
    unsure.into_iter().map(move |op| Kept {
        change: &op.change,
        is_torn: matches!(loss, Loss::Sectors),
    })
}

/// The files by the names that are left.
fn names(kept: Vec<Kept<'_>>) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for Kept { change, .. } in kept {
        match change {
            Change::Name { name, file } => drop(names.insert(name.clone(), *file)),
            Change::Unname { name } => drop(names.remove(name)),
            other => panic!("{other:?} of a folder"),
        }
    }
    names
}

/// The content of a file of which these changes are left.
fn content(kept: &[Kept<'_>], dice: &mut Dice) -> Vec<u8> {
    let mut content = Vec::new();
    for Kept { change, is_torn } in kept {
        match change {
            Change::Write { offset, bytes } if *is_torn => {
                for (offset, bytes) in sectors(*offset, bytes) {
                    if !dice.once_in(3) {
                        put(&mut content, offset, bytes);
                    }
                }
            }
            Change::Write { offset, bytes } => put(&mut content, *offset, bytes),
            Change::Truncate { length } => content.resize(*length, 0),
            other => panic!("{other:?} of a file"),
        }
    }
    content
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if content.len() < offset {
        content.resize(offset, 0);
    }
    let over = (content.len() - offset).min(bytes.len());
    content[offset..offset + over].copy_from_slice(&bytes[..over]);
    content.extend_from_slice(&bytes[over..]);
}

/// What a write puts into each sector of the disk.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let in_first = (SECTOR_BYTES - offset % SECTOR_BYTES).min(bytes.len());
    let (first, rest) = bytes.split_at(in_first);
    let rest = rest.chunks(SECTOR_BYTES).enumerate();
    let rest = rest.map(move |(index, bytes)| (offset + in_first + index * SECTOR_BYTES, bytes));
    [(offset, first)].into_iter().chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::File;

    fn op(begun: usize, change: Change) -> Op {
        Op {
            begun,
            done: begun,
            change,
        }
    }

    fn write(begun: usize, text: &str) -> Op {
        let bytes = text.repeat(1_000).into_bytes();
        op(begun, Change::Write { offset: 0, bytes })
    }

    /// One file, made and synced, then written to without a sync.
    fn recording() -> Recording {
        let name = "activity.db".to_owned();
        let made = Change::Name {
            name: name.clone(),
            file: 0,
        };
        Recording {
            folder: vec![op(0, made), op(2, Change::Sync)],
            files: vec![File {
                first_name: name,
                ops: vec![write(1, "a"), op(3, Change::Sync), write(4, "b")],
            }],
            ..Recording::default()
        }
    }

    fn cuts(at: usize, lie: Option<Lie>) -> Vec<Option<Vec<u8>>> {
        let recording = recording();
        let cut = |seed| Disk::cut(&recording, at, lie, &mut Dice::new(seed));
        let disks = (0..200).map(cut);
        disks
            .map(|mut disk| disk.files.remove("activity.db"))
            .collect()
    }

    #[test]
    fn what_was_synced_is_there() {
        let all = cuts(4, None);
        let whole = vec![b'a'; 1_000];
        assert!(all.iter().all(|content| content.as_ref() == Some(&whole)));
    }

    #[test]
    fn what_was_not_synced_may_be_there_or_not_or_torn() {
        let all: Vec<_> = cuts(5, None).into_iter().map(Option::unwrap).collect();
        let is_torn =
            |content: &&Vec<u8>| content[..512] != [content[0]; 512] || content[0] != content[999];
        assert!(all.contains(&vec![b'a'; 1_000]));
        assert!(all.contains(&vec![b'b'; 1_000]));
        assert!(all.iter().any(|content| is_torn(&content)));
    }

    #[test]
    fn a_name_is_sure_once_the_folder_is_synced() {
        assert!(cuts(2, None).contains(&None));
        assert!(!cuts(3, None).contains(&None));
        assert!(cuts(5, Some(Lie::Folder)).contains(&None));
    }

    #[test]
    fn a_lie_takes_what_a_sync_gave() {
        let is_whole = |content: &Option<Vec<u8>>| content.as_ref().map(Vec::len) == Some(1_000);
        assert!(cuts(4, Some(Lie::Log)).iter().all(is_whole));
        assert!(!cuts(4, Some(Lie::Database)).iter().all(is_whole));
        assert!(!cuts(4, Some(Lie::Everywhere)).iter().all(is_whole));
    }
}
