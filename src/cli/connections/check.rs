//! `deskhand connections SITE test KIND`: one function a kind that calls the other side and
//! says in words what it found.

use anyhow::Context as _;
use secrecy::SecretString;

use super::super::session::Session;
use crate::agent::Agent;
use crate::db::connections::Connection;
use crate::domain::connection;
use crate::domain::connection::kinds::{GITHUB, SLACK, TICKET_WEBHOOK, WOOCOMMERCE};
use crate::domain::connection::tools::{HTTP_TOOL, MCP};
use crate::domain::site::Site;
use crate::hands::adapters::woocommerce::Access;
use crate::inbox::mirror::github::GitHub;
use crate::inbox::mirror::webhook;
use crate::inbox::notices;

/// Tries a connection; gives what is to be told.
pub(super) async fn run(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    match connection.kind.as_str() {
        WOOCOMMERCE => woocommerce(session, site, connection).await,
        SLACK => slack(session, site, connection).await,
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
        MCP | HTTP_TOOL => {
            let agent = session.agent()?;
            let said = match connection.kind.as_str() {
                MCP => mcp(&agent, site, connection).await,
                _ => http_tool(&agent, site, connection).await,
            };
            // Other servers may be asked for their tools meanwhile.
            agent.registry.drain().await;
            said
        }
        other => anyhow::bail!("nothing is known of how to try a connection of kind {other}"),
    }
}

/// Asks the server for its tools, and says which the agent may use.
async fn mcp(agent: &Agent, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    let outside = agent
        .registry
        .outside()
        .context("connected tools aren't set up in this program")?;
    let told = outside
        .discover(site.id, connection)
        .await
        .map_err(anyhow::Error::msg)?;
    let listed = connection.config["tools"].as_array().map_or(0, Vec::len);
    let mut said = format!("The server answers and has {} tool(s):", told.len());
    for tool in &told {
        let hint = if tool["reads_by_its_own_word"] == true {
            " (says that it only reads)"
        } else {
            ""
        };
        let name = tool["name"].as_str().unwrap_or_default();
        let about: String = tool["description"]
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(100)
            .collect();
        said.push_str(&format!("\n  {name}{hint}: {about}"));
    }
    said.push_str(&format!("\n{listed} of them are listed in tools=…"));
    let usable = outside.of(site.id).await;
    for problem in usable
        .problems
        .iter()
        .filter(|p| p.connection.ends_with(&connection.name))
    {
        let tool = problem.tool.as_deref().unwrap_or("the connection");
        said.push_str(&format!("\n  {tool} can't be used: {}", problem.why));
    }
    for (name, tool) in usable.iter().filter(|(_, t)| t.origin.name == connection.name) {
        said.push_str(&format!("\n  {name}: {}", tool.power().as_str()));
    }
    Ok(said)
}

/// Nothing is called: what a call changes, nobody knows here.
async fn http_tool(agent: &Agent, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    let tools = agent.registry.site_tools(site.id).await;
    let of_this = |name: &str| name == format!("{HTTP_TOOL}/{}", connection.name);
    if let Some(problem) = tools.problems.iter().find(|p| of_this(&p.connection)) {
        anyhow::bail!("{}", problem.why);
    }
    let found = tools.iter().find(|(_, tool)| of_this(&tool.origin.to_string()));
    let (name, tool) = found.context("the connection is gone")?;
    Ok(format!(
        "The description is fine: {name}, which {}. `deskhand tools test {} {name} '{{…}}'` calls it.",
        tool.power().as_str(),
        site.slug
    ))
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

async fn slack(session: &Session, site: &Site, connection: &Connection) -> anyhow::Result<String> {
    let url = notices::address(&session.master, site.id, connection)?;
    let told = notices::trial(site, session.clock.now());
    notices::post(&session.fetcher, &url, &site.name, &told).await?;
    Ok("The webhook took a test message; it stands in its channel now.".to_owned())
}
