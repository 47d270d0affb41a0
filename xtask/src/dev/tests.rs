//! What happens to a program when its sources change.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use super::*;

/// A folder with a source, in which a program is "built" unless there is a file `broken`.
struct Site {
    folder: PathBuf,
}

impl Site {
    fn new(name: &str) -> Site {
        let folder = env::temp_dir().join(format!("xtask-dev-{name}-{}", std::process::id()));
        let _none = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("sources/deep")).unwrap();
        let site = Site { folder };
        site.change("0");
        site
    }

    fn change(&self, text: &str) {
        fs::write(self.folder.join("sources/deep/main.rs"), text).unwrap();
    }

    fn dev(&self) -> Dev<impl Fn() -> Command, impl Fn() -> Command> {
        let (built, ran) = (self.folder.clone(), self.folder.clone());
        let build = move || shell(&built, "test ! -e broken");
        let program = move || shell(&ran, "exec sleep 1000");
        Dev::new(&[self.folder.join("sources")], build, program)
    }

    /// Looks until a change that came before has had its effect; which process runs then.
    fn look(&self, dev: &mut Dev<impl Fn() -> Command, impl Fn() -> Command>) -> Option<u32> {
        dev.look();
        dev.look();
        dev.look();
        dev.running.as_ref().map(Child::id)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

fn shell(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder);
    command
}

#[test]
fn a_change_starts_the_program_once_more_and_no_change_does_not() {
    let site = Site::new("change");
    let mut dev = site.dev();
    let first = site.look(&mut dev);
    assert!(first.is_some());
    assert_eq!(site.look(&mut dev), first, "nothing has changed");
    site.change("another text");
    let second = site.look(&mut dev);
    assert!(second.is_some() && second != first);
    assert_eq!(site.look(&mut dev), second, "once");
    dev.stop();
}

#[test]
fn sources_that_still_change_are_not_built_yet() {
    let site = Site::new("rest");
    let mut dev = site.dev();
    let first = site.look(&mut dev);
    for text in ["1", "22", "333"] {
        site.change(text);
        dev.look();
        assert_eq!(dev.running.as_ref().map(Child::id), first);
    }
    assert_ne!(site.look(&mut dev), first);
    dev.stop();
}

#[test]
fn a_build_that_fails_leaves_the_old_program_running_until_it_is_mended() {
    let site = Site::new("broken");
    let mut dev = site.dev();
    let first = site.look(&mut dev);
    fs::write(site.folder.join("broken"), "").unwrap();
    site.change("broken");
    assert_eq!(site.look(&mut dev), first);
    fs::remove_file(site.folder.join("broken")).unwrap();
    site.change("mended");
    let second = site.look(&mut dev);
    assert!(second.is_some() && second != first);
    dev.stop();
}

#[test]
fn a_program_that_has_ended_is_started_again_by_the_next_change() {
    let site = Site::new("ended");
    let mut dev = site.dev();
    site.look(&mut dev);
    let child = dev.running.as_mut().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(site.look(&mut dev), None);
    site.change("another text");
    assert!(site.look(&mut dev).is_some());
    dev.stop();
    assert!(dev.running.is_none());
}
