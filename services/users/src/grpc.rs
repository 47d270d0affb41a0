//! `muster.users.v1`: proto ⇄ domain.

use muster_proto::muster::users::v1 as pb;
use tonic::{Request, Response, Status};

use crate::accounts::Accounts;
use crate::user::User;

const SECOND_NS: i64 = 1_000_000_000;

/// `muster.users.v1.UsersService` on the accounts.
#[derive(Debug, Clone)]
pub struct Api {
    accounts: Accounts,
}

impl Api {
    /// Serves these accounts.
    pub fn new(accounts: Accounts) -> Api {
        Api { accounts }
    }
}

#[tonic::async_trait]
impl pb::users_service_server::UsersService for Api {
    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        let user = self.accounts.create(&request.get_ref().email).await?;
        let user = Some(message(user));
        Ok(Response::new(pb::CreateUserResponse { user }))
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        let user = self.accounts.get(request.get_ref().id).await?;
        let user = Some(message(user));
        Ok(Response::new(pb::GetUserResponse { user }))
    }
}

fn message(user: User) -> pb::User {
    let created_at = prost_types::Timestamp {
        seconds: user.created_at_ns.div_euclid(SECOND_NS),
        nanos: user.created_at_ns.rem_euclid(SECOND_NS) as i32,
    };
    pb::User {
        id: user.id,
        email: user.email,
        created_at: Some(created_at),
    }
}
