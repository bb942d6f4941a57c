//! `deskhand connections SITE test KIND`: one function a kind that calls the other side and
//! says in words what it found.

use super::super::session::{Session, fetcher};
use crate::db::connections::Connection;
use crate::domain::connection::kinds::{SLACK, WOOCOMMERCE};
use crate::domain::site::Site;
use crate::hands::adapters::woocommerce::Access;
use crate::inbox::notices;

/// Tries a connection; gives what is to be told.
pub(super) async fn run(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    match connection.kind.as_str() {
        WOOCOMMERCE => woocommerce(session, site, connection).await,
        SLACK => slack(session, site, connection).await,
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

async fn slack(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    let url = notices::address(&session.master, site.id, connection)?;
    let fetcher = fetcher(&session.config)?;
    let told = notices::trial(site, session.clock.now());
    notices::post(&fetcher, &url, &site.name, &told).await?;
    Ok("The webhook took a test message; it stands in its channel now.".to_owned())
}
