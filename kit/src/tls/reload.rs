//! Reading the files again when they have changed.
//!
//! They are compared by what is in them: Kubernetes swaps links, others write in place, and a clock may stand still. A
//! pair that is being replaced does not fit together for a moment; what fits is in force until the new pair does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::credentials::Credentials;
use super::files::{BadFile, Contents, Files};

const INTERVAL: Duration = Duration::from_secs(2);

/// Reads the files every two seconds, as long as anybody wants to know. What cannot be read is logged, and what was
/// read before stays in force.
pub(super) async fn keep_fresh(
    files: Files,
    contents: Contents,
    current: watch::Sender<Arc<Credentials>>,
) {
    if files == Files::default() {
        return;
    }
    let mut seen = Ok(contents);
    loop {
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = current.closed() => return,
        }
        let found = read(&files).await;
        if found == seen {
            continue;
        }
        match found
            .as_ref()
            .map_err(BadFile::clone)
            .and_then(|c| c.credentials(&files))
        {
            Ok(credentials) => {
                current.send_replace(Arc::new(credentials));
                tracing::info!("new certificates are in force");
            }
            Err(bad) => {
                tracing::warn!(flag = bad.flag, error = %bad, "the certificates from before stay in force");
            }
        }
        seen = found;
    }
}

/// A disk may take its time, and threads that serve are not to wait for it.
async fn read(files: &Files) -> Result<Contents, BadFile> {
    let files = files.clone();
    let reading = tokio::task::spawn_blocking(move || files.contents()).await;
    reading.unwrap_or_else(|error| {
        Err(BadFile {
            flag: super::CERT,
            why: error.to_string(),
        })
    })
}
