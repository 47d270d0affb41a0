//! The few calls to etcd that the registry needs, each bounded in time.

use std::time::Duration;

use muster_proto::etcd::kv_client::KvClient;
use muster_proto::etcd::lease_client::LeaseClient;
use muster_proto::etcd::request_op::Request::RequestPut;
use muster_proto::etcd::watch_client::WatchClient;
use muster_proto::etcd::watch_request::RequestUnion::CreateRequest;
use muster_proto::etcd::{
    Event, KeyValue, LeaseGrantRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
    LeaseRevokeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCreateRequest,
    WatchRequest, WatchResponse,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status, Streaming};

use crate::channel::Channel;
use crate::status;
use crate::tls::Tls;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to one member of etcd, good until its first failure.
pub(super) struct Client {
    channel: Channel,
}

impl Client {
    /// `endpoint`: `host:port`, with or without `http://` or `https://`. Connects in the background.
    pub(super) fn new(endpoint: &str, tls: &Tls) -> Self {
        let channel = super::dial(endpoint, tls).one(super::dialled(endpoint));
        Self { channel }
    }

    /// All keys below `prefix`, and the revision at which they were read.
    pub(super) async fn list(&self, prefix: &str) -> Result<(Vec<KeyValue>, i64), Status> {
        let request = RangeRequest {
            key: prefix.into(),
            range_end: end_of(prefix),
        };
        let mut kv = KvClient::new(self.channel.clone());
        let found = within(kv.range(asked(request))).await?.into_inner();
        Ok((found.kvs, found.header.unwrap_or_default().revision))
    }

    /// Writes all keys in one step, under a lease.
    pub(super) async fn put(&self, keys: &[(String, String)], lease: i64) -> Result<(), Status> {
        let put = |(key, value): &(String, String)| RequestOp {
            request: Some(RequestPut(PutRequest {
                key: key.as_bytes().to_vec(),
                value: value.as_bytes().to_vec(),
                lease,
            })),
        };
        let success = keys.iter().map(put).collect();
        let mut kv = KvClient::new(self.channel.clone());
        within(kv.txn(asked(TxnRequest { success }))).await?;
        Ok(())
    }

    /// The lease that a key is under; 0 where it is under none, or not there.
    pub(super) async fn lease_of(&self, key: &str) -> Result<i64, Status> {
        let request = RangeRequest {
            key: key.into(),
            range_end: Vec::new(),
        };
        let mut kv = KvClient::new(self.channel.clone());
        let found = within(kv.range(asked(request))).await?.into_inner();
        Ok(found.kvs.first().map_or(0, |kv| kv.lease))
    }

    /// Makes sure that there is the lease `id`; a new one lasts `ttl_s` seconds.
    pub(super) async fn grant(&self, id: i64, ttl_s: u32) -> Result<(), Status> {
        let ttl = i64::from(ttl_s);
        let mut leases = LeaseClient::new(self.channel.clone());
        let granted = leases.lease_grant(asked(LeaseGrantRequest { ttl, id }));
        match within(granted).await {
            // Its code for a lease that exists.
            Err(status) if status.code() == Code::FailedPrecondition => Ok(()),
            granted => granted.map(drop),
        }
    }

    /// Ends a lease, and with it, in one step, the keys that are still under it.
    pub(super) async fn revoke(&self, lease: i64) -> Result<(), Status> {
        let request = asked(LeaseRevokeRequest { id: lease });
        let mut leases = LeaseClient::new(self.channel.clone());
        within(leases.lease_revoke(request)).await?;
        Ok(())
    }

    /// The stream on which a lease is renewed. etcd opens it with its first answer.
    pub(super) async fn renewals(&self, lease: i64) -> Result<Renewals, Status> {
        let request = LeaseKeepAliveRequest { id: lease };
        let (requests, outgoing) = mpsc::channel(1);
        let _ = requests.try_send(request);
        let mut leases = LeaseClient::new(self.channel.clone());
        let opened = leases.lease_keep_alive(asked(ReceiverStream::new(outgoing)));
        let answers = within(opened).await?.into_inner();
        let mut renewals = Renewals {
            request,
            requests,
            answers,
        };
        within(renewals.answer()).await?;
        Ok(renewals)
    }

    /// What happens below `prefix`, from `revision` on.
    pub(super) async fn watch(&self, prefix: &str, revision: i64) -> Result<Events, Status> {
        let create = WatchCreateRequest {
            key: prefix.into(),
            range_end: end_of(prefix),
            start_revision: revision,
        };
        let (requests, outgoing) = mpsc::channel(1);
        let _ = requests.try_send(WatchRequest {
            request_union: Some(CreateRequest(create)),
        });
        let mut watches = WatchClient::new(self.channel.clone());
        let opened = watches.watch(asked(ReceiverStream::new(outgoing)));
        let answers = within(opened).await?.into_inner();
        Ok(Events {
            _requests: requests,
            answers,
        })
    }
}

/// A lease that is being renewed.
pub(super) struct Renewals {
    request: LeaseKeepAliveRequest,
    requests: mpsc::Sender<LeaseKeepAliveRequest>,
    answers: Streaming<LeaseKeepAliveResponse>,
}

impl Renewals {
    /// Renews the lease once.
    pub(super) async fn renew(&mut self) -> Result<(), Status> {
        let ended = |_| status::unavailable("etcd ended the stream");
        self.requests.send(self.request).await.map_err(ended)?;
        within(self.answer()).await
    }

    /// The loss of a lease is told by a time to live of nothing, and by nothing else.
    async fn answer(&mut self) -> Result<(), Status> {
        match self.answers.message().await? {
            Some(renewed) if renewed.ttl > 0 => Ok(()),
            Some(_) => Err(status::not_found("the lease is lost")),
            None => Err(status::unavailable("etcd ended the stream")),
        }
    }
}

/// A watch that is open. Ends with the stream of its requests.
pub(super) struct Events {
    _requests: mpsc::Sender<WatchRequest>,
    answers: Streaming<WatchResponse>,
}

impl Events {
    /// The next events; may be none. An error where the watch ended, for whatever reason.
    pub(super) async fn next(&mut self) -> Result<Vec<Event>, Status> {
        match self.answers.message().await? {
            Some(answer) if !answer.canceled => Ok(answer.events),
            Some(answer) => Err(status::unavailable(answer.cancel_reason)),
            None => Err(status::unavailable("etcd ended the stream")),
        }
    }
}

/// A member that lost its leader is to say so rather than to answer from memory, or never.
fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let leader = MetadataValue::from_static("true");
    request.metadata_mut().insert("hasleader", leader);
    request
}

async fn within<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let late = |_| status::unavailable("no answer in time");
    timeout(REQUEST_TIMEOUT, call).await.map_err(late)?
}

/// Behind all keys below `prefix`, which ends with a slash.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}
