//! What a site holds of a person, readable: conversations with the personal data put back,
//! what people of the site were given of them, opinions, AI jobs.
//!
//! An export is more careful than an erasure: of a visitor who only ever wrote this address it
//! gives the conversations in which it stands, of one who is known by another address too
//! only the messages with it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::subject::{self, Subject};
use crate::db::persons::{self, Record, ThreadSummary};
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::db::{ai_jobs, bridge, feedback, threads};
use crate::domain::address;
use crate::domain::ai_job::sealed_for;
use crate::domain::bridge::sealed_for as bridge_sealed_for;
use crate::domain::event::Citation;
use crate::domain::ids::{SiteId, ThreadId};
use crate::domain::seal::MasterKey;
use crate::domain::ticket::{Content, called, contact_owner};
use crate::guardrails::{opinion, vault};

/// Conversations, and messages of each, at most.
const MOST: i64 = 1_000;

/// Everything of a person.
#[derive(Debug, Serialize)]
pub struct Export {
    /// Whom the person is known as.
    pub visitors: Vec<Visitor>,
    /// Their conversations, newest first.
    pub threads: Vec<Thread>,
    /// Messages of others that name their address.
    pub mentions: Vec<Message>,
    /// Their tickets.
    pub tickets: Vec<Ticket>,
    /// Their conversations that were given to people.
    pub handoffs: Vec<Record>,
    /// What they thought of answers.
    pub feedback: Vec<Record>,
    /// What their site had answered for them in the background.
    pub ai_jobs: Vec<AiJob>,
    /// What their site told of them: forms that they filled in, orders.
    pub events: Vec<Event>,
    /// Whether there is more than is given here.
    pub truncated: bool,
}

/// A ticket.
#[derive(Debug, Serialize)]
pub struct Ticket {
    /// What people call it.
    pub ticket: String,
    /// Why it was opened, a code.
    pub reason: String,
    /// How it stands.
    pub state: String,
    /// In a few words.
    pub subject: String,
    /// All of it.
    pub body: String,
    /// The address for the answer, where it has one of its own.
    pub email: Option<String>,
    /// What else stands in it.
    pub fields: Value,
    /// When it was opened.
    pub at: DateTime<Utc>,
}

/// A visitor.
#[derive(Debug, Serialize)]
pub struct Visitor {
    /// The id.
    pub id: Uuid,
    /// The address that they left.
    pub email: Option<String>,
    /// The user of WordPress.
    pub wp_user_id: Option<i64>,
    /// What their site said of them last.
    pub profile: Option<Value>,
    /// When it said so.
    pub profile_at: Option<DateTime<Utc>>,
    /// Since when they are known.
    pub since: DateTime<Utc>,
}

/// A conversation.
#[derive(Debug, Serialize)]
pub struct Thread {
    /// Its id.
    pub id: Uuid,
    /// Where it was held.
    pub channel: String,
    /// `open`, `handoff` or `resolved`.
    pub status: String,
    /// When it began.
    pub since: DateTime<Utc>,
    /// What was said, oldest first.
    pub messages: Vec<Message>,
}

/// A message.
#[derive(Debug, Serialize)]
pub struct Message {
    /// `visitor`, `agent`, `staff` or `system`.
    pub author: String,
    /// The text.
    pub text: String,
    /// What it cites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// When.
    pub at: DateTime<Utc>,
}

/// An AI job.
#[derive(Debug, Serialize)]
pub struct AiJob {
    /// Its id.
    pub id: Uuid,
    /// `chat` or `infer`.
    pub route: String,
    /// How it stands.
    pub status: String,
    /// What was asked.
    pub request: Value,
    /// What came of it.
    pub result: Option<Value>,
    /// When it was asked.
    pub at: DateTime<Utc>,
}

/// An event that the site told.
#[derive(Debug, Serialize)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// What happened.
    pub event_type: String,
    /// What it was about.
    pub object_ref: String,
    /// What the site said of it.
    pub data: Value,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Gathers it.
///
/// # Errors
/// When the database does, or something sealed can't be opened with this master key.
pub async fn export(db: &Db, master: &MasterKey, site: SiteId, subject: &Subject) -> DbResult<Export> {
    let mut tx = db.site(site).await?;
    let person = subject::find(&mut tx, master, subject).await?;
    // Who left the address, or is named; who only wrote it isn't proved to own it.
    let known = strictly(&mut tx, master, subject).await?;
    let mut visitors = Vec::new();
    for row in persons::visitors(&mut tx, &known).await? {
        let email = row
            .email_sealed
            .map(|sealed| subject::open(master, &subject::email_owner(site, row.id), &sealed))
            .transpose()?;
        let profile = row
            .profile_sealed
            .map(|sealed| subject::open(master, &subject::profile_owner(site, row.id), &sealed))
            .transpose()?;
        visitors.push(Visitor {
            id: row.id.0,
            email,
            wp_user_id: row.wp_user_id,
            profile: profile.and_then(|p| serde_json::from_str(&p).ok()),
            profile_at: row.profile_at,
            since: row.created_at,
        });
    }
    let mut truncated = false;
    let mut conversations = Vec::new();
    for thread in persons::threads(&mut tx, &known, MOST).await? {
        let messages = messages(&mut tx, master, thread.id).await?;
        truncated |= messages.len() as i64 >= MOST;
        conversations.push(conversation(thread, messages));
    }
    truncated |= conversations.len() as i64 >= MOST;
    let mut mentions = Vec::new();
    if let Some(email) = &subject.email {
        let names = |m: &Message| m.author == "visitor" && address::folded(&m.text).contains(email.as_str());
        // Who wrote it and never gave another address: the conversations in which it stands.
        let taken: Vec<Uuid> = person
            .visitors
            .iter()
            .filter(|v| !known.contains(v))
            .copied()
            .collect();
        for thread in persons::threads(&mut tx, &taken, MOST).await? {
            let messages = messages(&mut tx, master, thread.id).await?;
            if messages.iter().any(names) {
                conversations.push(conversation(thread, messages));
            }
        }
        for thread in &person.mentions {
            let said = messages(&mut tx, master, ThreadId(*thread)).await?;
            mentions.extend(said.into_iter().filter(names));
        }
    }
    let handoffs = persons::handoffs(&mut tx, &known, 10 * MOST).await?;
    let opinions = opinions(&mut tx, master, &known).await?;
    let hash = subject
        .email
        .as_ref()
        .map(|email| subject::email_hash(master, site, email));
    let mut tickets = Vec::new();
    for row in persons::tickets(&mut tx, &known, hash.as_ref().map(<[u8; 32]>::as_slice), MOST).await? {
        let unreadable = |e: crate::domain::seal::SealError| DbError::Unreadable(format!("a ticket: {e}"));
        let content = match &row.content {
            Some(sealed) => Content::open(master, site, row.id, sealed).map_err(unreadable)?,
            None => Content::default(),
        };
        let email = row
            .contact
            .map(|sealed| subject::open(master, &contact_owner(site, row.id), &sealed))
            .transpose()?;
        tickets.push(Ticket {
            ticket: called(row.number),
            reason: row.reason,
            state: row.state,
            subject: content.subject,
            body: content.body,
            email,
            fields: Value::Object(content.fields),
            at: row.at,
        });
    }
    truncated |= tickets.len() as i64 >= MOST;
    let mut jobs = Vec::new();
    for job in ai_jobs::of_visitors(&mut tx, &known, MOST).await? {
        let request = subject::open(master, &sealed_for(site, job.id, "request"), &job.request)?;
        let result = job
            .result
            .map(|sealed| subject::open(master, &sealed_for(site, job.id, "result"), &sealed))
            .transpose()?;
        jobs.push(AiJob {
            id: job.id.0,
            route: job.route,
            status: job.state,
            request: serde_json::from_str(&request).unwrap_or(Value::String(request)),
            result: result.and_then(|r| serde_json::from_str(&r).ok()),
            at: job.created_at,
        });
    }
    let events = events(&mut tx, master, subject).await?;
    truncated |= events.len() as i64 >= MOST;
    // The hashes that looking for the person made.
    tx.commit().await?;
    Ok(Export {
        visitors,
        threads: conversations,
        mentions,
        tickets,
        handoffs,
        feedback: opinions,
        ai_jobs: jobs,
        events,
        truncated,
    })
}

/// What they thought of answers, in their own words.
async fn opinions(tx: &mut SiteTx, master: &MasterKey, visitors: &[Uuid]) -> DbResult<Vec<Record>> {
    let site = tx.site();
    let rows = feedback::of_visitors(tx, visitors, 10 * MOST).await?;
    let read = |row: feedback::Stored| {
        let values = opinion::open(master, site, row.turn, row.sealed.as_deref())?;
        Ok(Record {
            kind: "feedback".to_owned(),
            thread_id: Some(row.thread),
            what: row.value,
            detail: row.comment.map(|text| values.reveal(&text)),
            tags: row.tags.iter().map(|tag| values.reveal(tag)).collect(),
            at: row.at,
        })
    };
    rows.into_iter().map(read).collect()
}

async fn events(tx: &mut SiteTx, master: &MasterKey, subject: &Subject) -> DbResult<Vec<Event>> {
    let Some(email) = &subject.email else {
        return Ok(Vec::new());
    };
    let site = tx.site();
    let hash = subject::email_hash(master, site, email);
    let mut events = Vec::new();
    for row in bridge::of_address(tx, &hash, MOST).await? {
        let Some(sealed) = bridge::body(tx, row.id).await? else {
            continue;
        };
        let text = subject::open(master, &bridge_sealed_for(site, row.id), &sealed)?;
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        events.push(Event {
            id: row.id.0,
            event_type: row.event_type,
            object_ref: row.object_ref,
            data: told.get("data").cloned().unwrap_or_default(),
            at: row.occurred_at,
        });
    }
    Ok(events)
}

fn conversation(thread: ThreadSummary, messages: Vec<Message>) -> Thread {
    Thread {
        id: thread.id.0,
        channel: thread.channel,
        status: thread.status,
        since: thread.created_at,
        messages,
    }
}

/// The visitors who are named, or who left the address or have it in their profile.
async fn strictly(tx: &mut SiteTx, master: &MasterKey, subject: &Subject) -> DbResult<Vec<Uuid>> {
    let mut known: Vec<Uuid> = subject.visitors.iter().map(|v| v.0).collect();
    if let Some(email) = &subject.email {
        let hash = subject::email_hash(master, tx.site(), email);
        known.extend(persons::with_address(tx, &hash).await?.iter().map(|v| v.0));
    }
    known.sort_unstable();
    known.dedup();
    Ok(known)
}

async fn messages(tx: &mut SiteTx, master: &MasterKey, thread: ThreadId) -> DbResult<Vec<Message>> {
    let rows = threads::messages(tx, thread, i64::MAX, MOST).await?;
    let vault = vault::open(tx, master, thread).await?;
    Ok(rows
        .into_iter()
        .map(|m| {
            let (mut text, mut citations) = (m.text, m.citations);
            vault::reveal_message(&mut text, &mut citations, &vault);
            Message {
                author: m.author,
                text,
                citations,
                at: m.at,
            }
        })
        .collect())
}
