//! `deskhand connections SITE test KIND`: one function a kind that calls the other side and
//! says in words what it found.

use super::super::session::Session;
use crate::db::connections::Connection;
use crate::domain::connection::kinds::WOOCOMMERCE;
use crate::domain::site::Site;
use crate::hands::adapters::woocommerce::Access;

/// Tries a connection; gives what is to be told.
pub(super) async fn run(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    match connection.kind.as_str() {
        WOOCOMMERCE => woocommerce(session, site, connection).await,
        other => anyhow::bail!("nothing is known of how to try a connection of kind {other}"),
    }
}

async fn woocommerce(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    let Access { orders, may_write } = session.shops.woocommerce(site.id, connection)?.check().await?;
    let orders = orders.map_or_else(
        || "Orders can be read.".to_owned(),
        |n| format!("Its {n} orders can be read."),
    );
    let write = if may_write {
        "The key may change them too."
    } else {
        "The key may only read: refunds and changes of address would fail. Make one with “Read/Write” permission."
    };
    Ok(format!("The shop answers. {orders} {write}"))
}
