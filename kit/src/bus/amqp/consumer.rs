//! The side that consumes.

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};

use super::super::{AmqpUrl, Delivery, Queue, Rejected, handle};
use super::{Failure, connect, headers, topology};

/// The reply code of a connection that ends as it should.
const GOODBYE: u16 = 200;

/// Messages of a queue over a connection of their own, as long as it holds.
pub(super) struct Subscription {
    queue: Queue,
    most: usize,
    consumer: Consumer,
    channel: Channel,
    connection: Connection,
}

impl Subscription {
    pub(super) async fn open(url: &AmqpUrl, queue: &Queue, most: usize) -> Result<Self, Failure> {
        let connection = connect(url).await?;
        let channel = connection.create_channel().await?;
        topology::declare(&channel, queue).await?;
        // The next batch is on its way while one is handled.
        let prefetch = u16::try_from(most.saturating_mul(2)).unwrap_or(u16::MAX);
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let (tag, options) = ("".into(), BasicConsumeOptions::default());
        let consumer = channel
            .basic_consume(queue.name().into(), tag, options, FieldTable::default())
            .await?;
        Ok(Self {
            queue: *queue,
            most,
            consumer,
            channel,
            connection,
        })
    }

    /// Hands over batches until the connection fails, which it returns.
    pub(super) async fn hand_over<F>(
        &mut self,
        handler: &mut impl FnMut(Vec<Delivery>) -> F,
    ) -> Failure
    where
        F: Future<Output = Vec<Rejected>>,
    {
        loop {
            let (tags, batch) = match self.next().await {
                Ok(next) => next,
                Err(failure) => return failure,
            };
            let rejected = handle(&self.queue, batch, handler).await;
            if let Err(failure) = self.acknowledge(&tags, &rejected).await {
                return failure;
            }
        }
    }

    /// At least one message, and as many as are there. Those of a connection that fails meanwhile come again.
    async fn next(&mut self) -> Result<(Vec<u64>, Vec<Delivery>), Failure> {
        let mut next = self.consumer.next().await;
        let (mut tags, mut batch) = (Vec::new(), Vec::new());
        loop {
            let delivery = next.ok_or(Failure::Ended)??;
            tags.push(delivery.delivery_tag);
            batch.push(read(delivery));
            if batch.len() == self.most {
                break;
            }
            match self.consumer.next().now_or_never() {
                Some(another) => next = another,
                None => break,
            }
        }
        Ok((tags, batch))
    }

    async fn acknowledge(&self, tags: &[u64], rejected: &[Rejected]) -> Result<(), Failure> {
        let is_rejected = |index: usize| rejected.iter().any(|one| one.index == index);
        for (index, tag) in tags.iter().enumerate() {
            if is_rejected(index) {
                let set_aside = BasicNackOptions {
                    multiple: false,
                    requeue: false,
                };
                self.channel.basic_nack(*tag, set_aside).await?;
            }
        }
        // All others at once, by the last of them.
        let last = (0..tags.len()).rev().find(|index| !is_rejected(*index));
        if let Some(last) = last {
            let all = BasicAckOptions { multiple: true };
            self.channel.basic_ack(tags[last], all).await?;
        }
        Ok(())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Begins to close, which the first poll does. Otherwise lapin first cancels the consumer, and what was not
        // acknowledged comes back only when the connection ends: behind what the next consumer has got by then.
        let _ = self.connection.close(GOODBYE, "".into()).now_or_never();
    }
}

fn read(delivery: lapin::message::Delivery) -> Delivery {
    let id = delivery.properties.message_id().as_ref();
    let headers = delivery.properties.headers().as_ref();
    Delivery {
        id: id.map(ToString::to_string).unwrap_or_default(),
        trace: headers.and_then(headers::trace),
        body: delivery.data.into(),
        is_redelivered: delivery.redelivered,
    }
}
