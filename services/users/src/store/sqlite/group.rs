//! Sign-ups that share a commit: whoever finds nobody waiting writes for all that come until it
//! has the connection. One fsync for a whole group is what makes a durable sign-up cheap.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use muster_kit::store::sqlite::WriteError;
use sqlx::pool::PoolConnection;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::oneshot;

use super::{Sqlite, insert};
use crate::error::Error;
use crate::user::{NewUser, User};

/// Sign-ups that may wait for the connection; as many may be being written.
const MAX_WAITING: usize = 1024;

/// Sign-ups that wait to be written together. If there is one, somebody is on the way to take
/// them all.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Vec<SignUp>>);

#[derive(Debug)]
struct SignUp {
    user: NewUser,
    reply: oneshot::Sender<Result<User, Error>>,
}

impl Queue {
    /// Whether this is the first, and so to be taken care of.
    fn push(&self, sign_up: SignUp) -> Result<bool, Error> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            return Err(Error::Busy);
        }
        waiting.push(sign_up);
        Ok(waiting.len() == 1)
    }

    fn take(&self) -> Vec<SignUp> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sqlite {
    /// Writes the user with all others that wait. Once it is on the way it is written, though
    /// the caller may go away.
    pub(super) async fn sign_up(self: &Arc<Self>, user: NewUser) -> Result<User, Error> {
        let (reply, answer) = oneshot::channel();
        if self.queue.push(SignUp { user, reply })? {
            tokio::spawn(self.clone().write_group());
        }
        let gone = |_| WriteError::from(sqlx::Error::WorkerCrashed);
        answer.await.map_err(gone)?
    }

    async fn write_group(self: Arc<Self>) {
        let connection = self.database.writer().acquire().await;
        let group = self.queue.take();
        let written = match connection {
            Ok(connection) => insert_all(connection, &group).await,
            Err(error) => Err(error),
        };
        match self.database.written(written) {
            Ok(stored) => self.answer(group, stored),
            Err(error) => refuse(group, &Arc::new(error)),
        }
    }

    /// All of it is on disk now. A caller that went away needs no answer.
    fn answer(&self, group: Vec<SignUp>, stored: Vec<(User, bool)>) {
        let new = stored.iter().filter(|(_, is_new)| *is_new).count();
        self.waiting.fetch_add(new, Ordering::Relaxed);
        self.mail_waits.notify_one();
        for (sign_up, (user, _)) in group.into_iter().zip(stored) {
            let _gone = sign_up.reply.send(Ok(user));
        }
    }
}

async fn insert_all(
    mut connection: PoolConnection<sqlx::Sqlite>,
    group: &[SignUp],
) -> Result<Vec<(User, bool)>, sqlx::Error> {
    let connection: &mut SqliteConnection = &mut connection;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut stored = Vec::with_capacity(group.len());
    for sign_up in group {
        stored.push(insert(&mut transaction, &sign_up.user).await?);
    }
    transaction.commit().await?;
    Ok(stored)
}

fn refuse(group: Vec<SignUp>, error: &Arc<WriteError>) {
    for sign_up in group {
        let _gone = sign_up.reply.send(Err(Error::Write(error.clone())));
    }
}
