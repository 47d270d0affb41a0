//! Mails that were delivered to a folder.

use std::fs;
use std::path::Path;

/// The mails that a notificator has written to a folder (`file:DIR`), headers and all; none while there is no such
/// folder.
///
/// # Panics
/// When one cannot be read.
pub fn mails(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let files = entries.map(|entry| entry.expect("an entry of the folder").path());
    // What is being written has another name.
    let whole = files.filter(|file| file.extension().is_some_and(|kind| kind == "eml"));
    whole
        .map(|file| fs::read_to_string(file).expect("a mail"))
        .collect()
}
