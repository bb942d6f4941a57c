//! `deskhand tools`: what a site's agent can do, how that goes, one call by hand, and the
//! switches.

mod list;
mod try_out;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::print::note;
use super::session::Session;
use crate::agent::Agent;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::{audit, sites};
use crate::domain::settings::TOOLS_OFF;
use crate::domain::site::Site;
use crate::domain::tool::Power;

/// What to do with tools.
#[derive(Subcommand)]
pub enum Command {
    /// List a site's tools: what each may change, whether it is on, its breaker, and how it did in
    /// the last 24 hours.
    List {
        /// The site's slug or id.
        site: String,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Call a tool once, with all checks, and show what it returned. One that changes anything is
    /// only checked.
    Test {
        /// The site's slug or id.
        site: String,
        /// The tool, as `tools list` names it.
        name: String,
        /// Its arguments, a JSON object.
        #[arg(default_value = "{}")]
        args: String,
        /// Call it although it changes something: there is no proposal and no visitor's yes.
        #[arg(long)]
        really: bool,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Let the agent use a tool again.
    On {
        /// The site's slug or id.
        site: String,
        /// The tool.
        name: String,
    },
    /// Don't let the agent use a tool; it answers DISABLED at once.
    Off {
        /// The site's slug or id.
        site: String,
        /// The tool.
        name: String,
    },
}

/// Runs one.
///
/// # Errors
/// When there is no such site or tool, the tool fails, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<()> {
    let agent = session.agent()?;
    let done = match command {
        Command::List { site, json } => {
            let site = asked(session, &agent, &site).await?;
            list::run(session, &agent, &site, json).await
        }
        Command::Test {
            site,
            name,
            args,
            really,
            json,
        } => {
            let site = asked(session, &agent, &site).await?;
            let call = try_out::Call {
                name: &name,
                args: &args,
                really,
            };
            try_out::run(session, &agent, &site, call, json).await
        }
        Command::On { site, name } => switch(session, &agent, &site, &name, true).await,
        Command::Off { site, name } => switch(session, &agent, &site, &name, false).await,
    };
    agent.registry.drain().await;
    done
}

/// The site, once its servers were asked for the tools that nobody has told yet.
async fn asked(session: &Session, agent: &Agent, site: &str) -> anyhow::Result<Site> {
    let site = session.site(Some(site)).await?;
    if let Some(outside) = agent.registry.outside() {
        outside.ask_now(site.id).await?;
    }
    Ok(site)
}

/// How much a tool changes; none when the site has no such tool.
async fn power(agent: &Agent, site: &Site, name: &str) -> Option<Power> {
    match agent.registry.power(name) {
        Some(power) => Some(power),
        None => agent.registry.site_tools(site.id).await.power(name),
    }
}

async fn switch(session: &Session, agent: &Agent, site: &str, name: &str, on: bool) -> anyhow::Result<()> {
    let site = session.site(Some(site)).await?;
    let power = power(agent, &site, name).await;
    let now = session.clock.now();
    let mut tx = session.db.site(site.id).await?;
    // A list of sites doesn't have their rules.
    let rules = sites::own(&mut tx).await?.map(|s| s.rules).unwrap_or_default();
    // One that is gone can still be taken off the list.
    anyhow::ensure!(
        power.is_some() || (on && rules.off.contains(name)),
        "{} has no tool `{name}`; see `deskhand tools list {}`",
        site.slug,
        site.slug
    );
    let mut off = rules.off;
    let changed = if on {
        off.remove(name)
    } else {
        off.insert(name.to_owned())
    };
    if changed {
        sites::set_setting(&mut tx, TOOLS_OFF, &json!(off)).await?;
        let entry = audit::Entry {
            who: "system",
            act: if on { "tool_on" } else { "tool_off" },
            thread: None,
            subject: Some(name),
            detail: json!({}),
            at: now,
        };
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
    }
    let state = if on { "on" } else { "off" };
    note(&format!("{name} is {state} for {}.", site.slug));
    if on && power.is_some_and(|p| !p.is_allowed(site.mode)) {
        note(&format!(
            "The site's mode is {}, in which the agent has no such tools: `deskhand site mode {} full`.",
            site.mode.as_str(),
            site.slug
        ));
    }
    Ok(())
}
