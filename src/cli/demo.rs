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
/// Addresses of this machine that the demo keeps beside the server's own.
const PORTS: usize = 8;

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
        let own = sites::own(&mut tx).await?;
        let known = own.map(|site| site.origins).unwrap_or_default();
        sites::set_origins(&mut tx, &with_ours(origins(listen), known)).await?;
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

/// Ours first, then what was there: another server on this database keeps its own, and so does
/// what the operator has added. Of ports that were served on once, the last few stay.
fn with_ours(ours: Vec<String>, known: Vec<String>) -> Vec<String> {
    let mut local = 0;
    let mut all = ours;
    for origin in known {
        let of_a_port = origin.starts_with("http://127.0.0.1:") || origin.starts_with("http://localhost:");
        local += usize::from(of_a_port);
        if !all.contains(&origin) && (!of_a_port || local <= PORTS) {
            all.push(origin);
        }
    }
    all
}

/// The addresses that a browser on this machine knows the server by.
fn origins(listen: SocketAddr) -> Vec<String> {
    vec![
        format!("http://{listen}"),
        format!("http://localhost:{}", listen.port()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_leaves_the_first_ones_origins_and_the_operators() {
        let at = |port: u16| origins(SocketAddr::from(([127, 0, 0, 1], port)));
        let both = with_ours(at(8081), at(8080));
        assert_eq!(both, [at(8081), at(8080)].concat());
        assert_eq!(with_ours(at(8080), both.clone()), [at(8080), at(8081)].concat());
        let mut many = vec!["https://shop.example".to_owned()];
        for port in 9000..9100 {
            many = with_ours(at(port), many);
        }
        assert!(many.contains(&"https://shop.example".to_owned()));
        assert_eq!(many[..2], at(9099)[..]);
        assert!(many.len() <= 2 + PORTS + 1, "{many:?}");
    }
}
