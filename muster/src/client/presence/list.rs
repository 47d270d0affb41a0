//! `muster presence list`.

use clap::ArgMatches;
use muster_proto::muster::presence::v1 as pb;

use super::{client, user};
use crate::client::{Failure, counted, print, print_for_people, timed};

/// The users of a page.
const PAGE_SIZE: u32 = 1000;

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let mut client = client(matches)?;
    let mut request = pb::ListOnlineRequest {
        page_size: PAGE_SIZE,
        page_token: String::new(),
    };
    let mut users = 0;
    loop {
        let page = client
            .list_online(timed(request.clone()))
            .await?
            .into_inner();
        for known in &page.users {
            print(matches, user::line(known), &user::object(known))?;
        }
        users += page.users.len();
        if page.next_page_token.is_empty() {
            return print_for_people(matches, format!("{} online", counted(users, "user")));
        }
        request.page_token = page.next_page_token;
    }
}
