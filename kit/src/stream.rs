//! Streams that would otherwise outlive their process.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use crate::{Shutdown, status};

/// Ends a stream with UNAVAILABLE when the service stops, so that its reader goes elsewhere and
/// the drain need not wait for it. For streams without an end of their own.
pub fn until_shutdown<S, T>(stream: S, shutdown: &Shutdown) -> UntilShutdown<S>
where
    S: Stream<Item = Result<T, Status>> + Unpin,
{
    UntilShutdown {
        stream: Some(stream),
        shutdown: Box::pin(shutdown.clone().cancelled_owned()),
    }
}

/// See [`until_shutdown`].
pub struct UntilShutdown<S> {
    stream: Option<S>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S, T> Stream for UntilShutdown<S>
where
    S: Stream<Item = Result<T, Status>> + Unpin,
{
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(stream) = this.stream.as_mut() else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(item) = Pin::new(stream).poll_next(cx) {
            return Poll::Ready(item);
        }
        if this.shutdown.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // Dropped at once: what the stream stands for (a vote, say) ends with it.
        this.stream = None;
        Poll::Ready(Some(Err(status::unavailable("the service is stopping"))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::{StreamExt, stream};
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn what_is_ready_comes_before_the_end() {
        let shutdown = Shutdown::new();
        shutdown.cancel();
        let endless = stream::iter([Ok(1)]).chain(stream::pending());
        let mut stream = until_shutdown(Box::pin(endless), &shutdown);
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        let end = stream.next().await.unwrap().unwrap_err();
        assert_eq!(end.code(), Code::Unavailable);
        assert!(stream.next().await.is_none());
    }
}
