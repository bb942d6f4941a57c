//! Conversations about what the run's site is connected to: a WooCommerce, connected tools. The
//! conversation's own site gets the same connections; what is done there is done for real, so a run
//! has to be told that it may.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use serde_json::Value;

use crate::agent::Agent;
use crate::db::connections::{self, Connection, NewConnection};
use crate::domain::connection;
use crate::domain::connection::kinds::WOOCOMMERCE;
use crate::domain::ids::SiteId;
use crate::domain::tool::Power;
use crate::evals::cases::load::Case;
use crate::evals::cases::script::{Look, Shop};
use crate::hands::adapters::demo_orders::shipped;
use crate::hands::adapters::{http_tool, mcp};
use crate::hands::{ToolContext, ToolError};

/// What a last look at the other side gave: a result, or the code of an error.
pub type Seen = Result<Value, String>;

impl Case {
    /// Whether something of it happens in what the run's site is connected to.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shop.as_ref().is_some_and(|s| !s.connected.is_empty())
    }
}

/// Whether a shop's orders are those of the WooCommerce that the run's site is connected to.
pub(super) fn has_woocommerce(shop: &Shop) -> bool {
    shop.connected.iter().any(|name| name == WOOCOMMERCE)
}

/// The orders that are looked at before and after each step, where the shop can't list its own.
pub(super) fn watched(case: &Case, shop: &Shop) -> Result<BTreeSet<String>, String> {
    let demos = shipped()?.into_iter().map(|order| order.number);
    let named = shop.watches.iter().chain(case.end.orders.keys()).cloned();
    Ok(demos.chain(named).collect())
}

/// Gives a conversation's site the connections that its case names, from the run's site.
pub(super) async fn copy(agent: &Agent, from: SiteId, to: SiteId, names: &[String]) -> Result<(), String> {
    let away = |e: crate::db::pool::DbError| e.to_string();
    let mut tx = agent.db.site(from).await.map_err(away)?;
    let all = connections::list(&mut tx).await.map_err(away)?;
    tx.commit().await.map_err(away)?;
    for named in names {
        let (kind, name) = named.split_once('/').unwrap_or((named, ""));
        let found = all.iter().find(|c| c.kind == kind && c.name == name);
        let found = found.ok_or_else(|| format!("the run's site isn't connected to `{named}`"))?;
        let copied = put(agent, from, to, found).await?;
        if kind == mcp::KIND {
            let outside = agent.registry.outside().ok_or("nothing can be connected here")?;
            let told = outside.discover(to, &copied).await;
            told.map_err(|why| format!("`{named}` doesn't tell its tools: {why}"))?;
        }
    }
    if let Some(outside) = agent.registry.outside() {
        outside.forget(to);
    }
    Ok(())
}

async fn put(agent: &Agent, from: SiteId, to: SiteId, found: &Connection) -> Result<Connection, String> {
    let (kind, name) = (found.kind.as_str(), found.name.as_str());
    let unsealed = |e: crate::domain::seal::SealError| format!("a secret of `{kind}`: {e}");
    let secret_sealed = match &found.secret_sealed {
        Some(sealed) => {
            let secret = connection::open(&agent.master, from, kind, name, sealed).map_err(unsealed)?;
            let sealed = connection::seal(&agent.master, to, kind, name, secret.expose_secret());
            Some(sealed.map_err(unsealed)?)
        }
        None => None,
    };
    let at = agent.clock.now();
    let new = NewConnection {
        kind,
        name,
        config: &found.config,
        secret_sealed: secret_sealed.as_deref(),
        at,
    };
    let mut tx = agent.db.site(to).await.map_err(|e| e.to_string())?;
    connections::put(&mut tx, &new).await.map_err(|e| e.to_string())?;
    tx.commit().await.map_err(|e| e.to_string())?;
    Ok(Connection {
        secret_sealed,
        at,
        ..found.clone()
    })
}

/// Looks what the other side is like after a conversation, by its own tools that only read.
pub(super) async fn look(agent: &Agent, site: SiteId, looks: &[Look]) -> Result<Vec<Seen>, String> {
    let tools = agent.registry.site_tools(site).await;
    let ctx = ToolContext::outside(&agent.db, site, &agent.clock, &agent.master);
    let mut out = Vec::with_capacity(looks.len());
    for look in looks {
        let tool = tools.get(&look.tool).filter(|tool| tool.power() == Power::Reads);
        let tool =
            tool.ok_or_else(|| format!("there is no connected tool `{}` that only reads", look.tool))?;
        let args = Value::Object(look.args.clone());
        tool.check(&args)
            .map_err(|why| format!("`{}`: its arguments {why}", look.tool))?;
        let seen = tool.try_out(&ctx, &args, None).await;
        out.push(seen.map_err(|e: ToolError| e.code.as_str().to_owned()));
    }
    Ok(out)
}

/// The names of connections that a case may ask for, or why it can't.
pub(super) fn is_name(name: &str) -> Result<(), String> {
    let (kind, own) = name.split_once('/').unwrap_or((name, ""));
    let fits = match kind {
        WOOCOMMERCE => own.is_empty(),
        mcp::KIND | http_tool::KIND => !own.is_empty(),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        let (mcp, http) = (mcp::KIND, http_tool::KIND);
        Err(format!(
            "`{name}` can't be `connected`; there are {WOOCOMMERCE}, {mcp}/NAME and {http}/NAME"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_connected_has_a_name() {
        for name in ["woocommerce", "mcp/hotel", "http_tool/stock"] {
            assert_eq!(is_name(name), Ok(()), "{name}");
        }
        for name in ["", "woocommerce/x", "mcp", "http_tool/", "github/dev", "slack"] {
            assert!(is_name(name).unwrap_err().contains("mcp/NAME"), "{name}");
        }
    }

    #[test]
    fn the_demos_orders_and_those_that_are_named_are_watched() {
        let suite = r#"{"id":"a","turns":["x"],"shop":{"connected":["woocommerce"],"watches":["2001"]},"end":{"orders":{"3001":{}}}}"#;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cases.jsonl");
        std::fs::write(&path, suite).unwrap();
        let case = crate::evals::cases::load::read(&path).unwrap().cases.remove(0);
        let shop = case.shop.clone().unwrap();
        let watched = watched(&case, &shop).unwrap();
        for number in ["1001", "1008", "2001", "3001"] {
            assert!(watched.contains(number), "{number}");
        }
        assert!(has_woocommerce(&shop));
    }
}
