//! `deskhand tickets`: a site's tickets, listed, shown and worked on.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use super::print::{self, line, note};
use super::session::Session;
use super::times::{left, since};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::{mirrors, tickets as rows};
use crate::domain::ticket::{Priority, TicketState};
use crate::inbox::desk::Desk;
use crate::inbox::tickets::{self, Edit, Note, Ticket, Which};

/// Tickets in one list at most.
const MOST: i64 = 1_000;

/// Whose tickets, and who acts.
#[derive(clap::Args)]
pub struct Who {
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long, global = true)]
    site: Option<String>,
    /// Your name, as the audit and notes keep it.
    #[arg(long = "as", value_name = "NAME", default_value = "Support", global = true)]
    name: String,
}

/// What to do with them.
#[derive(Subcommand)]
pub enum Command {
    /// List tickets that aren't resolved, oldest first.
    List {
        /// Only in this state: new, open, pending, resolved.
        #[arg(long, value_parser = state)]
        state: Vec<TicketState>,
        /// Only this person's.
        #[arg(long)]
        assignee: Option<String>,
        /// Only of this kind.
        #[arg(long)]
        category: Option<String>,
        /// Only those that nobody has answered in time.
        #[arg(long)]
        overdue: bool,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show a ticket with its notes. Personal data is shown, and that is noted.
    Show {
        /// As the list calls it: T-12.
        #[arg(value_parser = which)]
        ticket: Which,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Change a ticket: state, priority, category, assignee, customer_email, customer, company, subject, summary, reply_draft, url, confidence, or a field of its own (fields.NAME).
    Set {
        /// As the list calls it: T-12.
        #[arg(value_parser = which)]
        ticket: Which,
        /// key=value; nothing after the = takes a value away.
        #[arg(required = true)]
        changes: Vec<String>,
    },
    /// Add an internal note.
    Note {
        /// As the list calls it: T-12.
        #[arg(value_parser = which)]
        ticket: Which,
        /// What to note.
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Give a ticket to somebody.
    Assign {
        /// As the list calls it: T-12.
        #[arg(value_parser = which)]
        ticket: Which,
        /// Whom.
        to: String,
    },
    /// Be done with a ticket.
    Resolve {
        /// As the list calls it: T-12.
        #[arg(value_parser = which)]
        ticket: Which,
        /// A note on how.
        #[arg(long)]
        note: Option<String>,
    },
}

fn which(text: &str) -> Result<Which, String> {
    Which::read(text).ok_or_else(|| "a ticket is called T-12, or by its id".to_owned())
}

fn state(text: &str) -> Result<TicketState, String> {
    TicketState::parse(text).ok_or_else(|| "new, open, pending or resolved".to_owned())
}

/// Runs one.
///
/// # Errors
/// When there is no such site or ticket, or a value doesn't fit.
pub async fn run(config: Config, who: Who, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, who, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, who: Who, command: Command) -> anyhow::Result<()> {
    let site = session.site(who.site.as_deref()).await?;
    let desk = Desk {
        db: &session.db,
        clock: session.clock.as_ref(),
        site: site.id,
        staff: &who.name,
    };
    match command {
        Command::List {
            state,
            assignee,
            category,
            overdue,
            json,
        } => {
            let filter = rows::Filter {
                states: state,
                assignee: assignee.as_deref(),
                category: category.as_deref(),
                overdue,
                most: MOST,
                ..rows::Filter::default()
            };
            list(session, &desk, &filter, json).await
        }
        Command::Show { ticket, json } => show(session, &desk, ticket, json).await,
        Command::Set { ticket, changes } => edited(session, &desk, ticket, &edit(&changes)?).await,
        Command::Note { ticket, text } => {
            desk.note_ticket(&session.master, ticket, &text.join(" ")).await?;
            note("Noted.");
            Ok(())
        }
        Command::Assign { ticket, to } => {
            let edit = Edit {
                assignee: Some(to),
                ..Edit::default()
            };
            edited(session, &desk, ticket, &edit).await
        }
        Command::Resolve { ticket, note } => {
            if let Some(text) = note {
                desk.note_ticket(&session.master, ticket, &text).await?;
            }
            let edit = Edit {
                state: Some(TicketState::Resolved),
                ..Edit::default()
            };
            edited(session, &desk, ticket, &edit).await
        }
    }
}

async fn edited(session: &Session, desk: &Desk<'_>, which: Which, edit: &Edit) -> anyhow::Result<()> {
    let ticket = desk.edit_ticket(&session.master, which, edit).await?;
    line(&row(session, &ticket));
    Ok(())
}

/// Reads `key=value` pairs.
fn edit(changes: &[String]) -> anyhow::Result<Edit> {
    let mut edit = Edit::default();
    for change in changes {
        let (key, value) = change
            .split_once('=')
            .with_context(|| format!("`{change}` is no change; write key=value, such as priority=high"))?;
        let text = Some(value.to_owned());
        match key.trim() {
            "state" => edit.state = Some(state(value).map_err(|e| anyhow::anyhow!("state: {e}"))?),
            "priority" => {
                edit.priority =
                    Some(Priority::parse(value).context("priority: low, normal, high or urgent")?);
            }
            "category" => edit.category = text,
            "assignee" => edit.assignee = text,
            "customer_email" => edit.customer_email = text,
            "customer" => edit.customer = text,
            "company" => edit.company = text,
            "subject" => edit.subject = text,
            "summary" => edit.summary = text,
            "reply_draft" => edit.reply_draft = text,
            "url" => edit.url = text,
            "confidence" => {
                edit.confidence = Some(value.parse().context("confidence: a number from 0 to 1")?)
            }
            key => {
                let name = key.strip_prefix("fields.").filter(|n| !n.is_empty()).with_context(|| {
                    format!(
                        "a ticket has no `{key}`; there are state, priority, category, assignee, customer_email, \
                         customer, company, subject, summary, reply_draft, url, confidence, fields.NAME"
                    )
                })?;
                let value = if value.is_empty() {
                    Value::Null
                } else {
                    json!(value)
                };
                edit.fields.insert(name.to_owned(), value);
            }
        }
    }
    Ok(edit)
}

fn row(session: &Session, t: &Ticket) -> String {
    let now = session.clock.now();
    let about = if t.subject.is_empty() {
        &t.reason
    } else {
        &t.subject
    };
    let who = t.assignee.as_deref().unwrap_or("-");
    format!(
        "{:<7} {:<8} {:<7} {:<10} {:>7}  {:<14} {who:<10} {about}",
        t.ticket,
        t.state.as_str(),
        t.priority.as_str(),
        t.category,
        since(t.created_at, now),
        due(t, now),
    )
}

fn due(t: &Ticket, now: chrono::DateTime<chrono::Utc>) -> String {
    match (t.due_at, t.answered_at) {
        (_, Some(_)) if t.breached_at.is_some() => "answered late".to_owned(),
        (_, Some(_)) => "answered".to_owned(),
        (Some(at), None) if at <= now => format!("late {}", left(now - at)),
        (Some(at), None) => format!("due {}", left(at - now)),
        (None, None) => "-".to_owned(),
    }
}

async fn list(
    session: &Session,
    desk: &Desk<'_>,
    filter: &rows::Filter<'_>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut tx = session.db.site(desk.site).await?;
    let found = rows::list(&mut tx, filter).await?;
    tx.commit().await?;
    let tickets: Vec<Ticket> = found
        .into_iter()
        .map(|row| tickets::opened(&session.master, desk.site, row))
        .collect::<Result<_, _>>()?;
    if as_json {
        return print::json(&tickets);
    }
    if tickets.is_empty() {
        note("No such tickets.");
    }
    for ticket in &tickets {
        line(&row(session, ticket));
    }
    Ok(())
}

async fn show(session: &Session, desk: &Desk<'_>, which: Which, as_json: bool) -> anyhow::Result<()> {
    let mut tx = session.db.site(desk.site).await?;
    let row = tickets::find(&mut tx, which).await?;
    let ticket = tickets::opened(&session.master, desk.site, row)?;
    let notes: Vec<Note> = tickets::notes(&mut tx, &session.master, ticket.id).await?;
    let elsewhere = mirrors::of_ticket(&mut tx, ticket.id).await?;
    desk.read_ticket(&mut tx, &ticket).await?;
    tx.commit().await?;
    if as_json {
        let mut shown = serde_json::to_value(&ticket)?;
        shown["mirrors"] = serde_json::to_value(&elsewhere)?;
        shown["notes"] = serde_json::to_value(&notes)?;
        return print::json(&shown);
    }
    let now = session.clock.now();
    let field = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            line(&format!("{name:<12} {value}"));
        }
    };
    field("Ticket", Some(&ticket.ticket));
    field("State", Some(ticket.state.as_str()));
    field("Priority", Some(ticket.priority.as_str()));
    field("Category", Some(&ticket.category));
    field("Source", Some(&format!("{} ({})", ticket.source, ticket.reason)));
    field("Opened", Some(&format!("{} ago", since(ticket.created_at, now))));
    field("To answer", Some(&due(&ticket, now)));
    field("Assignee", ticket.assignee.as_deref());
    field("Customer", ticket.customer.as_deref());
    field("E-mail", ticket.customer_email.as_deref());
    field("Company", ticket.company.as_deref());
    field("Address", ticket.url.as_deref());
    field("Confidence", ticket.confidence.map(|c| c.to_string()).as_deref());
    for (name, value) in &ticket.fields {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        field(name, Some(&text));
    }
    field("Subject", Some(&ticket.subject));
    for (name, text) in [
        ("Summary:", ticket.summary.as_deref()),
        ("Text:", Some(ticket.body.as_str())),
        ("Reply draft:", ticket.reply_draft.as_deref()),
    ] {
        if let Some(text) = text.filter(|t| !t.is_empty()) {
            line(&format!("\n{name}\n{text}"));
        }
    }
    for n in notes {
        line(&format!(
            "\n{}  {}\n{}",
            n.at.format("%Y-%m-%d %H:%M"),
            n.author,
            n.text
        ));
    }
    for m in elsewhere {
        let where_to = m.remote_url.or(m.remote_ref).unwrap_or_default();
        let state = if m.sent_rev >= ticket.rev {
            "up to date"
        } else {
            "behind"
        };
        let error = m.error.map(|e| format!(": {e}")).unwrap_or_default();
        line(&format!(
            "\nMirrored to {} {} {where_to} ({state}{error})",
            m.kind, m.name
        ));
    }
    if let Some(thread) = ticket.thread_id {
        line(&format!("\nThe conversation: deskhand inbox show {thread}"));
    }
    Ok(())
}
