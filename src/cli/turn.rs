//! `deskhand turn show`: what happened in a turn, as a timeline that a person can read.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::print::{self, line};
use super::session::Session;
use crate::agent::explain::{Entry, Explained, What, explain};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::threads;
use crate::domain::ids::{ThreadId, TurnId};
use crate::models::price::Micros;

/// Characters shown of arguments and sentences.
const SHOWN: usize = 160;
/// Messages of a conversation that are looked through for its turns.
const MESSAGES: i64 = 200;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Show a turn's states, prompts, tools, times, tokens, cost, and what the gate held back.
    Show {
        /// Its id, as `deskhand ask --json` and the log give it, or a conversation's.
        turn: TurnId,
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
}

/// Runs one.
///
/// # Errors
/// When there is no such turn, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let Command::Show { turn, site, json } = command;
    let done = show(&session, turn, site.as_deref(), json).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn show(session: &Session, turn: TurnId, site: Option<&str>, json: bool) -> anyhow::Result<()> {
    let site = session.site(site).await?;
    let mut tx = session.db.site(site.id).await?;
    let mut explained = explain(&mut tx, turn).await?;
    if explained.is_none() {
        // Whoever has only the conversation's id, as the inbox shows it.
        let said = threads::messages(&mut tx, ThreadId(turn.0), i64::MAX, MESSAGES).await?;
        let asked = said.iter().filter(|m| m.author == "visitor");
        let turns: Vec<_> = asked.filter_map(|m| Some((m.turn_id?, m))).collect();
        if let [(only, _)] = turns[..] {
            explained = explain(&mut tx, only).await?;
        } else if json && !turns.is_empty() {
            let ids: Vec<TurnId> = turns.iter().map(|(id, _)| *id).collect();
            return print::json(&serde_json::json!({ "thread_id": turn, "turns": ids }));
        } else if !turns.is_empty() {
            line("That is a conversation; these are its turns:");
            for (id, message) in turns {
                let asked: String = message.text.chars().take(SHOWN).collect();
                line(&format!("{}  {id}  {asked}", message.at.format("%Y-%m-%d %H:%M")));
            }
            return Ok(());
        }
    }
    tx.commit().await?;
    let Some(explained) = explained else {
        anyhow::bail!("{} has no turn or conversation {turn}", site.slug)
    };
    if json {
        return print::json(&explained);
    }
    print(&explained);
    Ok(())
}

fn print(e: &Explained) {
    let took = e
        .finished_at
        .map(|at| format!(" in {:.2} s", seconds(at - e.started_at)))
        .unwrap_or_default();
    line(&format!("Turn      {}", e.turn_id));
    line(&format!(
        "Outcome   {} by {}{took}",
        e.outcome.as_deref().unwrap_or("under way"),
        e.brain.as_deref().unwrap_or("nobody yet"),
    ));
    line(&format!("Thread    {}", e.thread_id));
    line(&format!(
        "Started   {}",
        e.started_at.format("%Y-%m-%d %H:%M:%S UTC")
    ));
    if e.resumes > 0 {
        line(&format!("Resumed   {} time(s) after a crash", e.resumes));
    }
    if e.tokens_in + e.tokens_out > 0 {
        line(&format!(
            "Models    {} tokens in, {} out, cost {}",
            e.tokens_in,
            e.tokens_out,
            money(e.cost_micro)
        ));
    }
    for (name, text) in [("Question", &e.question), ("Answer", &e.answer)] {
        if let Some(text) = text {
            line(&format!("{name:<9} {}", text.replace('\n', "\n          ")));
        }
    }
    line("");
    for entry in &e.timeline {
        line(&described(entry));
    }
}

fn seconds(d: chrono::TimeDelta) -> f64 {
    d.as_seconds_f64()
}

fn money(micro: i64) -> String {
    Micros(u64::try_from(micro).unwrap_or(0)).to_string()
}

fn described(entry: &Entry) -> String {
    let text = match &entry.what {
        What::Step {
            input,
            actions,
            state,
            ..
        } => {
            let name = input.get("input").and_then(Value::as_str).unwrap_or("?");
            let detail = detail(input);
            format!("{name}{detail} → {state}: {}", actions.join(", "))
        }
        What::Model(c) => {
            let first = c
                .first_ms
                .map(|ms| format!(", first token {ms} ms"))
                .unwrap_or_default();
            format!(
                "  model  {} {} {} [{}] {} → {} tokens, {}, {} ms{first}: {}",
                c.phase,
                c.provider,
                c.model,
                c.prompt,
                c.tokens_in,
                c.tokens_out,
                money(c.cost_micro),
                c.ms,
                c.outcome
            )
        }
        What::Tool {
            tool,
            args,
            result,
            code,
            attempts,
            ms,
        } => {
            let gave = match (code, result) {
                (Some(code), _) => code.clone(),
                (None, Some(Value::Array(items))) => format!("{} result(s)", items.len()),
                (None, Some(value)) => shortened(&value.to_string()),
                (None, None) => "no end is known".to_owned(),
            };
            let ms = ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
            let tries = if *attempts > 1 {
                format!(", {attempts} tries")
            } else {
                String::new()
            };
            format!(
                "  tool   {tool} {}{ms}{tries}: {gave}",
                shortened(&args.to_string())
            )
        }
        What::Held(h) => format!(
            "  held   draft {}, sentence {}, {}: {}",
            h.round,
            h.i + 1,
            h.reason,
            shortened(&h.text)
        ),
    };
    format!("{:>7} ms  {text}", entry.after_ms)
}

/// What of an input says more than its name.
fn detail(input: &Value) -> String {
    let paths = [
        "/cause",
        "/plan/kind",
        "/verdict/kind",
        "/gate/reason",
        "/code",
        "/timer",
        "/why",
    ];
    let said: Vec<&str> = paths
        .iter()
        .filter_map(|p| input.pointer(p).and_then(Value::as_str))
        .collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(" ({})", said.join(", "))
    }
}

fn shortened(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = one_line.chars().take(SHOWN).collect();
    if short.len() < one_line.len() {
        short.push('…');
    }
    short
}
