//! The demo shop that a fresh install answers about: its site and its articles, which are
//! built into the binary. Made where there is no site yet.

use std::net::SocketAddr;

use rust_embed::RustEmbed;

use super::ingest;
use super::session::Session;
use super::site::add_site;
use crate::db::{demo_orders, documents, sites};
use crate::domain::ids::SiteId;
use crate::domain::site::Mode;
use crate::hands::adapters::demo_orders::shipped;

/// The demo's site.
pub const SLUG: &str = "demo";
const NAME: &str = "Lumen & Oak";
/// Articles that earlier versions had in another format.
const RETIRED: [&str; 2] = ["bulbs-and-dimming.md", "wood-care.md"];
/// Documents that are looked through for them.
const MOST: i64 = 1000;

#[derive(RustEmbed)]
#[folder = "kb/"]
struct Articles;

/// When the articles are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Only if the demo isn't complete.
    IfNew,
    /// Always, for a server at this address: a newer binary may bring newer ones.
    Always(SocketAddr),
}

/// Makes sure that a fresh install has the demo. Gives its site; None where the operator
/// has sites of their own and no demo, or wants none.
///
/// # Errors
/// When the database is away.
pub async fn ensure(session: &Session, refresh: Refresh) -> anyhow::Result<Option<SiteId>> {
    if !session.config.server.demo {
        return Ok(None);
    }
    let all = sites::list(&session.db).await?;
    let site = match all.iter().find(|s| s.slug == SLUG) {
        Some(site) => site.id,
        None if !all.is_empty() => return Ok(None),
        None => {
            add_site(session, SLUG, NAME, origins(session.config.server.listen), "en")
                .await?
                .0
                .id
        }
    };
    stock(session, site).await?;
    let mut tx = session.db.site(site).await?;
    let complete = documents::count_live(&mut tx).await? >= Articles::iter().count();
    if let Refresh::Always(listen) = refresh {
        sites::set_origins(&mut tx, &origins(listen)).await?;
    }
    tx.commit().await?;
    if complete && refresh == Refresh::IfNew {
        return Ok(Some(site));
    }
    let files = Articles::iter()
        .filter_map(|name| Some((name.to_string(), Articles::get(&name)?.data.into_owned())))
        .collect();
    ingest::take_in(session, site, "/kb/", files).await?;
    retire(session, site).await?;
    Ok(Some(site))
}

/// Gives the demo its orders, relative to the day on which that happens, and lets its agent
/// act on them. Once: what was done to them since stays, and so does what was set.
async fn stock(session: &Session, site: SiteId) -> anyhow::Result<()> {
    let mut tx = session.db.site(site).await?;
    if demo_orders::count(&mut tx).await? == 0 {
        let now = session.clock.now();
        for order in shipped().map_err(anyhow::Error::msg)? {
            demo_orders::put(&mut tx, &order.at(now).map_err(anyhow::Error::msg)?).await?;
        }
        sites::set_mode(&mut tx, Mode::Full).await?;
        sites::merge_settings(&mut tx, &serde_json::json!({ "refund_approve_all": false })).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Removes what a newer format has taken the place of, so that no article answers twice.
async fn retire(session: &Session, site: SiteId) -> anyhow::Result<()> {
    let mut tx = session.db.site(site).await?;
    for row in documents::list(&mut tx, MOST, 0).await? {
        let shipped = row.source == "file" && row.url.is_some_and(|u| u.starts_with("/kb/"));
        if shipped && RETIRED.contains(&row.external_id.as_str()) {
            documents::delete(&mut tx, session.clock.now(), row.id).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// The addresses that a browser on this machine knows the server by.
fn origins(listen: SocketAddr) -> Vec<String> {
    vec![
        format!("http://{listen}"),
        format!("http://localhost:{}", listen.port()),
    ]
}
