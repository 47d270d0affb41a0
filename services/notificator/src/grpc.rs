//! Both APIs: proto ⇄ domain.

use muster_proto::compat::notificator as pb;
use muster_proto::muster::notificator::v1;
use prost_types::Timestamp;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::mail::{BadMail, NewMail, Report, State};
use crate::outbox::Outbox;

/// `pb.Notificator` and `muster.notificator.v1.NotificatorService` on one outbox.
#[derive(Debug, Clone)]
pub struct Api(pub Outbox);

#[tonic::async_trait]
impl pb::notificator_server::Notificator for Api {
    async fn send_email(
        &self,
        request: Request<pb::SendEmailRequest>,
    ) -> Result<Response<pb::SendEmailReply>, Status> {
        let request = request.into_inner();
        let to = self.0.address("email", &request.email)?;
        let mail = NewMail::new(to, request.content).map_err(named)?;
        let id = self.0.send(mail).await?.to_string();
        Ok(Response::new(pb::SendEmailReply { id }))
    }
}

#[tonic::async_trait]
impl v1::notificator_service_server::NotificatorService for Api {
    async fn send(
        &self,
        request: Request<v1::SendRequest>,
    ) -> Result<Response<v1::SendResponse>, Status> {
        let v1::SendRequest {
            to,
            content,
            idempotency_key,
            subject,
        } = request.into_inner();
        let to = self.0.address("to", &to)?;
        let mail = NewMail::with_key(&idempotency_key, to, subject, content).map_err(named)?;
        let id = self.0.send(mail).await?.to_string();
        Ok(Response::new(v1::SendResponse { id }))
    }

    async fn get_mail(
        &self,
        request: Request<v1::GetMailRequest>,
    ) -> Result<Response<v1::GetMailResponse>, Status> {
        let report = self.0.report(&request.get_ref().id).await?;
        Ok(Response::new(v1::GetMailResponse {
            mail: Some(mail(report)),
        }))
    }
}

/// By the field that both APIs have under the same name.
fn named(bad: BadMail) -> Error {
    let field = match bad {
        BadMail::LongContent | BadMail::NulContent => "content",
        BadMail::Subject => "subject",
        BadMail::Key => "idempotency_key",
    };
    Error::Mail(field, bad)
}

fn mail(report: Report) -> v1::Mail {
    let state = match report.state {
        State::Queued => v1::MailState::Queued,
        State::Delivered => v1::MailState::Delivered,
        State::Failed => v1::MailState::Failed,
    };
    let next = (report.state == State::Queued).then(|| timestamp(report.due_at_ns));
    v1::Mail {
        id: report.id.to_string(),
        to: report.to,
        state: state.into(),
        attempts: report.attempts,
        last_error: report.last_error,
        created_at: Some(timestamp(report.created_at_ns)),
        next_attempt_at: next,
    }
}

fn timestamp(since_epoch_ns: i64) -> Timestamp {
    const SECOND_NS: i64 = 1_000_000_000;
    Timestamp {
        seconds: since_epoch_ns.div_euclid(SECOND_NS),
        nanos: i32::try_from(since_epoch_ns.rem_euclid(SECOND_NS)).unwrap_or_default(),
    }
}
