//! Which files there are.

/// A file of `/web`.
#[derive(Debug)]
pub(super) struct File {
    /// Its path below `/web`, which is its path on the web too.
    pub(super) name: &'static str,
    pub(super) body: &'static [u8],
}

macro_rules! file {
    ($name:literal) => {
        File {
            name: $name,
            body: include_bytes!(concat!("../../../../web/", $name)),
        }
    };
}

/// The page.
pub(super) const INDEX: File = file!("index.html");

/// All that is served.
pub(super) const FILES: [File; 12] = [
    INDEX,
    file!("app.js"),
    file!("dom.js"),
    file!("icon.svg"),
    file!("muster.js"),
    file!("rpc.js"),
    file!("style.css"),
    file!("views/activity.js"),
    file!("views/health.js"),
    file!("views/inbox.js"),
    file!("views/online.js"),
    file!("views/tasks.js"),
];

impl File {
    /// As its name ends.
    pub(super) fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The paths of the files below a folder.
    fn below(folder: &Path, root: &Path) -> Vec<String> {
        let paths = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let files = paths.flat_map(|path| match path.is_dir() {
            true => below(&path, root),
            false => vec![
                path.strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            ],
        });
        files.collect()
    }

    #[test]
    fn every_file_of_the_console_is_served_and_has_a_type() {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        let mut there: BTreeSet<String> = below(&web, &web).into_iter().collect();
        // It tells other programs that these scripts are modules.
        assert!(there.remove("package.json"));
        let served = FILES.map(|file| file.name.to_owned());
        assert_eq!(BTreeSet::from(served), there);
        for file in &FILES {
            assert_ne!(
                file.content_type(),
                "application/octet-stream",
                "{}",
                file.name
            );
        }
    }
}
