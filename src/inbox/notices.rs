//! Tells staff (INB-4): what happened, a masked excerpt, and how to look at it. By Slack and by
//! e-mail, each a notice of its own; at least once, since a crash may fall between the telling
//! and the note of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::ExposeSecret;

use super::slack;
use crate::db::connections::{self, Connection};
use crate::db::notices::{self, NoticeRow};
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::db::{sites, threads};
use crate::domain::connection::{self, kinds::SLACK};
use crate::domain::ids::{NoticeId, SiteId, ThreadId};
use crate::domain::notice::{NoticeChannel, NoticeKind};
use crate::domain::seal::MasterKey;
use crate::domain::site::Site;
use crate::domain::waiting;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::{Answer, Fetcher};
use crate::mail::outbox::{self, Kind, Posting};
use crate::mail::words::Sender;

/// How long Slack may take.
const TIME: Duration = Duration::from_secs(10);
/// An excerpt at most, in characters.
const EXCERPT: usize = 240;
/// Messages that are looked through for one of the visitor's.
const BACK: i64 = 20;
/// The longest wait that Slack may ask for.
const MOST_WAIT: Duration = Duration::from_mins(10);

/// What staff are told with.
pub struct Teller<'a> {
    /// The database.
    pub db: &'a Db,
    /// What opens addresses and secrets.
    pub master: &'a MasterKey,
    /// What reaches Slack.
    pub fetcher: &'a Fetcher,
    /// Whether mail can be sent.
    pub mails: bool,
}

/// Why a notice didn't go out.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// It is tried again, after that time if it is known.
    #[error("{detail}")]
    Later {
        /// For programs.
        code: String,
        /// For people.
        detail: String,
        /// What the other side asked for.
        after: Option<Duration>,
    },
    /// Another try is useless.
    #[error("{detail}")]
    Refused {
        /// For programs.
        code: String,
        /// For people.
        detail: String,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl NoticeError {
    fn later(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Later {
            code: code.into(),
            detail: detail.into(),
            after: None,
        }
    }

    fn refused(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Refused {
            code: code.into(),
            detail: detail.into(),
        }
    }
}

/// A notice in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// One line.
    pub title: String,
    /// Lines.
    pub facts: Vec<String>,
    /// What the visitor wrote last, personal data behind placeholders.
    pub excerpt: Option<String>,
    /// What to type to see it.
    pub command: String,
}

/// Sends a notice by its channel, once more should it have been sent before without a note.
///
/// # Errors
/// When it didn't go out.
pub async fn send(
    teller: &Teller<'_>,
    site: SiteId,
    id: NoticeId,
    now: DateTime<Utc>,
) -> Result<(), NoticeError> {
    let mut tx = teller.db.site(site).await?;
    let Some(row) = notices::lock(&mut tx, id).await?.filter(|n| n.state == "waiting") else {
        return Ok(());
    };
    let Some(own) = sites::own(&mut tx).await? else {
        return Ok(());
    };
    let told = told(&mut tx, &own, &row).await?;
    match row.channel {
        NoticeChannel::Email => {
            let code = mail(teller, &mut tx, &own, &row, &told, now).await?;
            let state = if code.is_none() { "sent" } else { "skipped" };
            notices::note(&mut tx, id, state, code, now).await?;
            Ok(tx.commit().await?)
        }
        NoticeChannel::Slack => {
            let url = webhook(&mut tx, teller.master).await?;
            // Nothing is held while the other side is waited for.
            tx.commit().await?;
            let sent = match url {
                None => Ok("skipped"),
                Some(url) => post(teller.fetcher, &url, &own.name, &told)
                    .await
                    .map(|()| "sent"),
            };
            let mut tx = teller.db.site(site).await?;
            let (state, code) = match &sent {
                Ok("skipped") => ("skipped", Some("no_connection")),
                Ok(_) => ("sent", None),
                Err(NoticeError::Refused { code, .. }) => ("refused", Some(code.as_str())),
                Err(NoticeError::Later { code, .. }) => ("waiting", Some(code.as_str())),
                Err(NoticeError::Db(_)) => ("waiting", Some("database")),
            };
            notices::note(&mut tx, id, state, code, now).await?;
            tx.commit().await?;
            sent.map(drop)
        }
    }
}

/// Gives up a notice whose tries are over.
///
/// # Errors
/// When the database does.
pub async fn give_up(db: &Db, site: SiteId, id: NoticeId, code: &str, now: DateTime<Utc>) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    notices::note(&mut tx, id, "refused", Some(code), now).await?;
    tx.commit().await
}

/// A letter to each address of staff; a code when there is none to write.
async fn mail(
    teller: &Teller<'_>,
    tx: &mut SiteTx,
    site: &Site,
    row: &NoticeRow,
    told: &Told,
    now: DateTime<Utc>,
) -> DbResult<Option<&'static str>> {
    let settings = sites::settings(tx).await?;
    let to = settings.staff_emails();
    if to.is_empty() {
        return Ok(Some("no_address"));
    }
    if !teller.mails {
        return Ok(Some("no_mail"));
    }
    let sender = Sender {
        site: &site.name,
        reply_to: None,
        lang: &site.locale,
    };
    let look = format!("→ {}", told.command);
    let letter = sender.notice(&told.title, &told.facts, told.excerpt.as_deref(), &look);
    for address in &to {
        let posting = Posting {
            kind: Kind::Notice,
            to: address,
            visitor: None,
            thread: row.thread_id,
            at: now,
            not_after: None,
        };
        outbox::post(tx, teller.master, &posting, letter.clone()).await?;
    }
    Ok(None)
}

/// The address of the site's incoming webhook.
async fn webhook(tx: &mut SiteTx, master: &MasterKey) -> DbResult<Option<String>> {
    let found = connections::of_kind(tx, SLACK).await?;
    let site = tx.site();
    found.first().map(|c| address(master, site, c)).transpose()
}

/// The address that a connection of this kind keeps.
///
/// # Errors
/// When it can't be opened with this master key.
pub fn address(master: &MasterKey, site: SiteId, connection: &Connection) -> DbResult<String> {
    let sealed = connection.secret_sealed.as_deref().unwrap_or_default();
    let opened = connection::open(master, site, &connection.kind, &connection.name, sealed);
    let opened = opened.map_err(|e| DbError::Unreadable(format!("the webhook's address: {e}")))?;
    Ok(opened.expose_secret().to_owned())
}

/// A notice that says nothing: somebody tries whether it arrives.
#[must_use]
pub fn trial(site: &Site, now: DateTime<Utc>) -> Told {
    let row = NoticeRow {
        id: NoticeId::new(),
        kind: NoticeKind::Test,
        channel: NoticeChannel::Slack,
        thread_id: None,
        subject: None,
        reason: "test".to_owned(),
        state: "waiting".to_owned(),
        code: None,
        tries: 0,
        at: now,
        ended_at: None,
    };
    words(site, &row, None)
}

/// Posts to an incoming webhook.
///
/// # Errors
/// When it doesn't take it.
pub async fn post(fetcher: &Fetcher, url: &str, site: &str, told: &Told) -> Result<(), NoticeError> {
    let bad = || NoticeError::refused("bad_address", "The webhook's address can't be used.");
    let parsed = reqwest::Url::parse(url).map_err(|_| bad())?;
    let origin = parsed.origin().ascii_serialization();
    let allowed = AllowList::new([origin.as_str()]).map_err(|_| bad())?;
    let body = slack::message(site, told).to_string().into_bytes();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match fetcher.post(url, &allowed, headers, body, TIME).await {
        Ok(answer) => judge(&answer),
        Err(error) if error.is_permanent() => Err(NoticeError::refused(error.code(), error.to_string())),
        Err(error) => Err(NoticeError::later(error.code(), error.to_string())),
    }
}

/// What Slack's answer means.
fn judge(answer: &Answer) -> Result<(), NoticeError> {
    let code = format!("webhook_{}", answer.status);
    match answer.status {
        200..=299 => Ok(()),
        429 => {
            let text = |name: &str| answer.headers.get(name)?.to_str().ok();
            let asked = text("retry-after").and_then(|after| waiting::retry_after(after, text("date")));
            Err(NoticeError::Later {
                code,
                detail: "The webhook takes no more for the moment.".to_owned(),
                after: Some(asked.unwrap_or(Duration::from_secs(30)).min(MOST_WAIT)),
            })
        }
        408 | 425 | 500..=599 => Err(NoticeError::later(
            code,
            format!("The webhook answered {}; it is tried again.", answer.status),
        )),
        status => Err(NoticeError::refused(
            code,
            format!(
                "The webhook answered {status}: its address is no longer valid, or its channel is gone. `deskhand connect` sets another."
            ),
        )),
    }
}

/// A notice in words, with what the visitor wrote last.
///
/// # Errors
/// When the database does.
pub async fn told(tx: &mut SiteTx, site: &Site, row: &NoticeRow) -> DbResult<Told> {
    let excerpt = match row.thread_id {
        Some(thread) => excerpt(tx, thread).await?,
        None => None,
    };
    Ok(words(site, row, excerpt))
}

async fn excerpt(tx: &mut SiteTx, thread: ThreadId) -> DbResult<Option<String>> {
    let messages = threads::messages(tx, thread, i64::MAX, BACK).await?;
    let last = messages.into_iter().rev().find(|m| m.author == "visitor");
    Ok(last.map(|m| {
        let mut cut: String = m.text.chars().take(EXCERPT).collect();
        if cut.len() < m.text.len() {
            cut.push('…');
        }
        cut
    }))
}

fn words(site: &Site, row: &NoticeRow, excerpt: Option<String>) -> Told {
    let german = crate::mail::words::is_german(&site.locale);
    let say = |english: &str, german_words: &str| if german { german_words } else { english }.to_owned();
    let subject = row.subject.as_deref().unwrap_or_default();
    let title = match row.kind {
        NoticeKind::Handoff => say("a conversation waits for you", "ein Gespräch wartet auf Sie"),
        NoticeKind::Ticket => say("a new ticket", "ein neues Ticket"),
        NoticeKind::Sla => say("a ticket is overdue", "ein Ticket ist überfällig"),
        NoticeKind::Budget => say(
            "today's budget for language models is spent",
            "das heutige Budget für Sprachmodelle ist verbraucht",
        ),
        NoticeKind::UnknownEffect => say(
            "please check whether something was done",
            "bitte prüfen, ob etwas ausgeführt wurde",
        ),
        NoticeKind::DeadJobs => say(
            "background jobs have failed for good",
            "Hintergrundarbeiten sind endgültig fehlgeschlagen",
        ),
        NoticeKind::Test => say("a test", "ein Test"),
    };
    let mut facts = vec![match row.kind {
        NoticeKind::Budget => say(
            "Answers are put together from the documents' own sentences until tomorrow.",
            "Bis morgen werden Antworten aus den Sätzen der Dokumente zusammengestellt.",
        ),
        NoticeKind::UnknownEffect => say(
            "The shop didn't say whether it was done. It is not tried again.",
            "Der Shop hat nicht gesagt, ob es geschehen ist. Es wird nicht noch einmal versucht.",
        ),
        NoticeKind::DeadJobs => format!("{}: {subject}", say("Kind", "Art")),
        NoticeKind::Test => say("Notices arrive.", "Benachrichtigungen kommen an."),
        _ => format!("{}: {}", say("Reason", "Grund"), reason(&row.reason, german)),
    }];
    facts.push(format!(
        "{}: {} UTC",
        say("Since", "Seit"),
        row.at.format("%Y-%m-%d %H:%M")
    ));
    if matches!(row.kind, NoticeKind::Ticket | NoticeKind::Sla) && !subject.is_empty() {
        facts.push(format!("Ticket: {subject}"));
    }
    let slug = &site.slug;
    let command = match (row.kind, row.thread_id) {
        (NoticeKind::DeadJobs, _) => format!("deskhand jobs list --state dead --site {slug}"),
        (NoticeKind::Budget, _) => "deskhand usage".to_owned(),
        (_, Some(thread)) => format!("deskhand inbox --site {slug} show {thread}"),
        (_, None) => format!("deskhand inbox --site {slug} list"),
    };
    Told {
        title,
        facts,
        excerpt,
        command,
    }
}

/// A reason's code in words; one that is new here stays as it is.
fn reason(code: &str, german: bool) -> String {
    let (english, german_words) = match code {
        "visitor_asked" => ("the visitor asked for a person", "ein Mensch wurde gewünscht"),
        "policy" => ("no document answers it", "kein Dokument beantwortet es"),
        "low_confidence" => (
            "nothing found fits well enough",
            "nichts Gefundenes passt gut genug",
        ),
        "knowledge_off" => ("there is no fresh knowledge", "es gibt kein aktuelles Wissen"),
        "out_of_scope" => ("the agent doesn't do that", "das macht der Agent nicht"),
        "not_answered" => (
            "nobody has answered in time",
            "niemand hat rechtzeitig geantwortet",
        ),
        "needs_approval" => (
            "something waits for your approval",
            "etwas wartet auf Ihre Freigabe",
        ),
        "guardrail" => (
            "the answer failed its checks",
            "die Antwort bestand die Prüfungen nicht",
        ),
        "no_brain" => ("no model could answer", "kein Modell konnte antworten"),
        "incomplete" => ("an answer broke off", "eine Antwort brach ab"),
        "timed_out" => ("an answer took too long", "eine Antwort dauerte zu lange"),
        "blocked" => (
            "the content filter stopped a message",
            "der Inhaltsfilter hielt eine Nachricht an",
        ),
        "void_approval" => (
            "what was approved can't be done",
            "das Freigegebene ist nicht mehr möglich",
        ),
        _ => return code.replace('_', " "),
    };
    if german { german_words } else { english }.to_owned()
}
