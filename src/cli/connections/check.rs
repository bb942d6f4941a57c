//! `deskhand connections SITE test KIND`: one function a kind that calls the other side and
//! says in words what it found.

use super::super::session::Session;
use crate::db::connections::Connection;
use crate::domain::site::Site;

/// Tries a connection; gives what is to be told.
pub(super) async fn run(_: &Session, _: &Site, connection: &Connection) -> anyhow::Result<String> {
    anyhow::bail!("nothing is known of how to try a connection of kind {}", connection.kind)
}
