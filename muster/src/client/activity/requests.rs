//! Lines on their way to the service, many in a request.

use futures_util::{Stream, stream};
use muster_proto::muster::activity::v1 as pb;
use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver, UnboundedSender};

use super::lines::{BadLine, Line};

/// A request has so many events at most,
const EVENTS: usize = 500;
/// or ends once its texts have so many bytes, or sooner where the next line is not there yet.
const BYTES: usize = 256 * 1024;

/// What goes out, in order.
pub(super) enum Out {
    /// These lines; the answer comes in its turn.
    Request(Vec<Sent>),
    /// Nothing more, because of this one.
    Bad(BadLine),
}

/// What is remembered of a line until the answer.
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) end_bytes: u64,
    pub(super) has_id: bool,
    pub(super) topic: String,
    pub(super) id: String,
}

/// The requests, and what they are made of. How many are under way is up to the service: it
/// takes only so many ahead of its answers.
pub(super) fn of(
    lines: Receiver<Result<Line, BadLine>>,
) -> (
    impl Stream<Item = pb::AppendStreamRequest> + Send + 'static,
    UnboundedReceiver<Out>,
) {
    let (out, sent) = mpsc::unbounded_channel();
    let bad = None;
    let requests = stream::unfold(Requests { lines, bad, out }, |mut requests| async move {
        Some((requests.next().await?, requests))
    });
    (requests, sent)
}

struct Requests {
    lines: Receiver<Result<Line, BadLine>>,
    /// Read, but not told yet.
    bad: Option<BadLine>,
    out: UnboundedSender<Out>,
}

impl Requests {
    /// Waits for one line, and takes those that are there behind it.
    async fn next(&mut self) -> Option<pb::AppendStreamRequest> {
        let mut line = self.line().await?;
        let (mut events, mut sent, mut bytes) = (Vec::new(), Vec::new(), 0);
        loop {
            bytes += texts_bytes(&line.event);
            sent.push(Sent::of(&line));
            events.push(line.event);
            if events.len() >= EVENTS || bytes >= BYTES {
                break;
            }
            match self.lines.try_recv() {
                Ok(Ok(next)) => line = next,
                Ok(Err(bad)) => {
                    self.bad = Some(bad);
                    break;
                }
                Err(_) => break,
            }
        }
        self.out.send(Out::Request(sent)).ok()?;
        Some(pb::AppendStreamRequest {
            events,
            expected_last_position: None,
        })
    }

    async fn line(&mut self) -> Option<Line> {
        let line = match self.bad.take() {
            Some(bad) => Err(bad),
            None => self.lines.recv().await?,
        };
        match line {
            Ok(line) => Some(line),
            Err(bad) => {
                let _nobody_asks = self.out.send(Out::Bad(bad));
                None
            }
        }
    }
}

impl Sent {
    fn of(line: &Line) -> Sent {
        Sent {
            number: line.number,
            end_bytes: line.end_bytes,
            has_id: line.has_id,
            topic: line.event.topic.clone(),
            id: line.event.id.clone(),
        }
    }
}

fn texts_bytes(event: &pb::NewEvent) -> usize {
    let attributes = event.attributes.iter();
    let attributes: usize = attributes
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let texts = [&event.topic, &event.id, &event.kind, &event.message];
    attributes + texts.map(String::len).iter().sum::<usize>()
}
