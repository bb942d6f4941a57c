//! `deskhand connections SITE test KIND`: one function a kind that calls the other side and
//! says in words what it found.

use anyhow::Context as _;
use secrecy::SecretString;

use super::super::session::Session;
use crate::db::connections::Connection;
use crate::domain::connection;
use crate::domain::connection::kinds::{GITHUB, TICKET_WEBHOOK, WOOCOMMERCE};
use crate::domain::site::Site;
use crate::hands::adapters::woocommerce::Access;
use crate::inbox::mirror::github::GitHub;
use crate::inbox::mirror::webhook;

/// Tries a connection; gives what is to be told.
pub(super) async fn run(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    match connection.kind.as_str() {
        WOOCOMMERCE => woocommerce(session, site, connection).await,
        TICKET_WEBHOOK => {
            let secret = secret(session, site, connection)?;
            webhook::ping(&session.fetcher, connection, &secret, session.clock.now()).await?;
            Ok(
                "The other side took a message of type ping. Tickets that change from now on are sent."
                    .to_owned(),
            )
        }
        GITHUB => {
            let secret = secret(session, site, connection)?;
            let repo = GitHub::of(&session.fetcher, connection, &secret)?.check().await?;
            Ok(format!(
                "GitHub knows {repo}. Tickets that change from now on become issues there with the label deskhand."
            ))
        }
        other => anyhow::bail!("nothing is known of how to try a connection of kind {other}"),
    }
}

fn secret(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<SecretString> {
    let sealed = connection.secret_sealed.as_deref().context("it has no secret")?;
    let (kind, name) = (&connection.kind, &connection.name);
    Ok(connection::open(&session.master, site.id, kind, name, sealed)?)
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
