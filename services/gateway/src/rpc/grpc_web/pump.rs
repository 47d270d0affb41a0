//! Takes an answer to its client, unless the client does not take it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, pin_mut, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The pieces of `source` as they are taken. What feeds it is dropped when nobody takes them any more, also when the
/// connection stays and a piece has waited for so long: a place for a stream is not there for who does not read.
pub(super) fn pumped(
    source: impl Stream<Item = Bytes> + Send + 'static,
    patience: Duration,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let (pieces, taken) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = pump(source, &pieces, patience) => {}
            () = pieces.closed() => {}
        }
    });
    stream::unfold(taken, |mut taken| async {
        let piece = taken.recv().await?;
        Some((piece, taken))
    })
}

async fn pump(source: impl Stream<Item = Bytes>, pieces: &mpsc::Sender<Bytes>, patience: Duration) {
    pin_mut!(source);
    while let Some(piece) = source.next().await {
        if !matches!(timeout(patience, pieces.send(piece)).await, Ok(Ok(()))) {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(60);

    /// Pieces without an end, and what is dropped with them.
    fn endless() -> (impl Stream<Item = Bytes> + Send + 'static, Arc<()>) {
        let held = Arc::new(());
        let holder = Arc::clone(&held);
        let pieces = stream::unfold(holder, |holder| async {
            Some((Bytes::from_static(b"x"), holder))
        });
        (pieces, held)
    }

    async fn until_dropped(held: &Arc<()>) {
        let dropped = async {
            while Arc::strong_count(held) > 1 {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, dropped).await.unwrap();
    }

    #[tokio::test]
    async fn all_that_is_taken_comes_in_its_order() {
        let pieces = ["a", "b", "c", "d"].map(|piece| Bytes::from_static(piece.as_bytes()));
        let taken = pumped(stream::iter(pieces.clone()), LONG).collect::<Vec<_>>();
        assert_eq!(taken.await, pieces);
    }

    #[tokio::test]
    async fn who_does_not_take_it_holds_nothing_for_long() {
        let (pieces, held) = endless();
        let taken = pumped(pieces, Duration::from_millis(10));
        until_dropped(&held).await;
        // What had come that far is there, and then the end.
        assert!(taken.count().await <= 2);
    }

    #[tokio::test]
    async fn who_goes_holds_nothing() {
        let held = Arc::new(());
        let holder = Arc::clone(&held);
        let silent = stream::pending().map(move |piece| {
            let _held = &holder;
            piece
        });
        drop(pumped(silent, LONG));
        until_dropped(&held).await;
    }
}
