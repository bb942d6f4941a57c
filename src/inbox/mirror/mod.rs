//! Tickets in other systems: each change is brought to every connection of the site's that mirrors
//! tickets, at least once. What was asked for and not answered is looked up before it is asked for
//! again, where the other side can be asked; a signed webhook carries an id to know repeats by.
//!
//! What leaves is masked of personal data, unless the connection says `personal=true`.

pub mod github;
pub mod webhook;

use std::time::Duration;

use serde_json::{Map, Value};

use super::InboxError;
use super::tickets::{self, Note, Ticket, Which};
use crate::db::connections::{self, Connection};
use crate::db::mirrors::{self, Begin, Begun, Sent};
use crate::db::pool::{Db, DbError};
use crate::domain::clock::SharedClock;
use crate::domain::connection;
use crate::domain::connection::kinds::{GITHUB, MIRRORS};
use crate::domain::ids::{SiteId, TicketId};
use crate::domain::seal::{MasterKey, SealError};
use crate::guardrails::pii::placeholders::Placeholders;
use crate::knowledge::fetch::Answer;
use crate::knowledge::fetch::Fetcher;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};

use std::sync::Arc;

/// How long one request may take.
const TIME: Duration = Duration::from_secs(20);
/// The longest that the other side may have us wait at a time.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// How often it may, one after another.
const MOST_WAITS: i32 = 50;
/// How soon a delivery is tried that found another one under way.
const SOON: Duration = Duration::from_secs(2);

/// Why a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct MirrorError {
    /// For programs.
    pub code: &'static str,
    /// For people; nothing personal.
    pub detail: String,
    /// Whether another try is useless until somebody changes something.
    pub permanent: bool,
    /// Whether it may have happened all the same.
    pub in_doubt: bool,
    /// The other side wants to be left alone for so long.
    pub wait: Option<Duration>,
}

impl MirrorError {
    fn new(code: &'static str, detail: impl Into<String>, permanent: bool) -> Self {
        Self {
            code,
            detail: detail.into(),
            permanent,
            in_doubt: false,
            wait: None,
        }
    }
}

impl From<DbError> for MirrorError {
    fn from(error: DbError) -> Self {
        tracing::warn!(%error, "a ticket's mirror waits for the database");
        Self::new("database", "The database refused or was away.", false)
    }
}

impl From<SealError> for MirrorError {
    fn from(error: SealError) -> Self {
        tracing::error!(%error, "a connection's secret can't be opened");
        Self::new(
            "secret",
            "The connection's secret can't be opened: connect it anew.",
            true,
        )
    }
}

impl From<InboxError> for MirrorError {
    fn from(error: InboxError) -> Self {
        match error {
            InboxError::Db(error) => error.into(),
            InboxError::Seal(error) => error.into(),
            other => Self::new("ticket", other.to_string(), true),
        }
    }
}

impl From<FetchError> for MirrorError {
    fn from(error: FetchError) -> Self {
        // Where there was a connection, what was asked for may have been done.
        let in_doubt = matches!(error.reason, Reason::Timeout(_) | Reason::CutOff);
        Self {
            in_doubt,
            ..Self::new(error.code(), error.to_string(), error.is_permanent())
        }
    }
}

/// What an answer of another system means.
fn judge(answer: &Answer, who: &str) -> Result<(), MirrorError> {
    let status = answer.status;
    let limited = answer
        .headers
        .get("x-ratelimit-remaining")
        .is_some_and(|left| left.as_bytes() == b"0");
    let wait = answer.retry_after();
    match status {
        200..=299 => Ok(()),
        429 | 403 if status == 429 || limited || wait.is_some() => {
            let wait = wait.or_else(|| reset(answer)).unwrap_or(Duration::from_mins(1));
            Err(MirrorError {
                wait: Some(wait.clamp(Duration::from_secs(1), LONGEST_WAIT)),
                ..MirrorError::new("rate_limited", format!("{who} wants fewer requests."), false)
            })
        }
        401 | 403 => Err(MirrorError::new(
            "refused",
            format!("{who} answered {status}: the secret isn't accepted, or doesn't allow this."),
            true,
        )),
        408 | 409 | 425 => Err(MirrorError::new(
            "busy",
            format!("{who} answered {status}."),
            false,
        )),
        500..=599 => Err(MirrorError {
            in_doubt: true,
            ..MirrorError::new("failed", format!("{who} answered {status}."), false)
        }),
        300..=399 => Err(MirrorError::new(
            "redirect",
            format!("{who} answered {status}: name the final address, nothing is redirected."),
            true,
        )),
        _ => Err(MirrorError::new(
            "refused",
            format!("{who} answered {status}, which another try won't change."),
            true,
        )),
    }
}

/// How long until the other side's limit is over, by GitHub's header.
fn reset(answer: &Answer) -> Option<Duration> {
    let at: i64 = answer
        .headers
        .get("x-ratelimit-reset")?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    let date = answer.headers.get("date")?.to_str().ok()?;
    let now = chrono::DateTime::parse_from_rfc2822(date).ok()?.timestamp();
    u64::try_from(at - now).ok().map(Duration::from_secs)
}

/// A ticket as it leaves.
pub(crate) struct Leaving {
    pub ticket: Ticket,
    /// What its customer added.
    pub notes: Vec<Note>,
}

/// Replaces personal data by placeholders, and takes away what is nothing else.
fn masked(mut leaving: Leaving) -> Leaving {
    let mut names = Placeholders::default();
    let t = &mut leaving.ticket;
    t.customer_email = None;
    t.customer = None;
    for text in [&mut t.subject, &mut t.body] {
        *text = names.mask(text);
    }
    for text in [&mut t.summary, &mut t.company, &mut t.reply_draft]
        .into_iter()
        .flatten()
    {
        *text = names.mask(text);
    }
    let fields = std::mem::take(&mut t.fields);
    t.fields = fields
        .into_iter()
        .map(|(name, value)| (name, hidden(value, &mut names)))
        .collect::<Map<_, _>>();
    for note in &mut leaving.notes {
        note.text = names.mask(&note.text);
    }
    leaving
}

fn hidden(value: Value, names: &mut Placeholders) -> Value {
    match value {
        Value::String(text) => Value::String(names.mask(&text)),
        Value::Array(items) => items.into_iter().map(|v| hidden(v, names)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(k, v)| (k, hidden(v, names))).collect())
        }
        other => other,
    }
}

/// Brings tickets to other systems.
pub struct Mirrors {
    /// The database.
    pub db: Db,
    /// Business time.
    pub clock: SharedClock,
    /// What opens tickets and secrets.
    pub master: Arc<MasterKey>,
    /// What sends.
    pub fetcher: Fetcher,
}

impl Mirrors {
    /// Brings a ticket as it is now to all its mirrors. Those that have it are left alone.
    ///
    /// # Errors
    /// With the failure that another try may mend, if there is one; else with the first.
    pub async fn deliver(&self, site: SiteId, ticket: TicketId) -> Result<(), MirrorError> {
        let mut tx = self.db.site(site).await?;
        let row = match tickets::find(&mut tx, Which::Id(ticket)).await {
            // Erased meanwhile.
            Err(InboxError::NoTicket) => return Ok(()),
            row => row?,
        };
        let notes = tickets::notes(&mut tx, &self.master, ticket).await?;
        let mut all = Vec::new();
        for kind in MIRRORS {
            all.extend(connections::of_kind(&mut tx, kind).await?);
        }
        tx.commit().await?;
        let ticket = tickets::opened(&self.master, site, row)?;
        let mut worst: Option<MirrorError> = None;
        for connection in &all {
            let notes = notes.iter().filter(|n| n.author == "customer").cloned().collect();
            let leaving = Leaving {
                ticket: ticket.clone(),
                notes,
            };
            if let Err(error) = self.to_one(site, leaving, connection).await {
                tracing::warn!(
                    code = error.code,
                    kind = connection.kind,
                    "a ticket isn't mirrored"
                );
                if worst.as_ref().is_none_or(|w| w.permanent && !error.permanent) {
                    worst = Some(error);
                }
            }
        }
        worst.map_or(Ok(()), Err)
    }

    async fn to_one(&self, site: SiteId, leaving: Leaving, to: &Connection) -> Result<(), MirrorError> {
        let (id, rev) = (leaving.ticket.id, leaving.ticket.rev);
        let mut tx = self.db.site(site).await?;
        let begun = mirrors::begin(&mut tx, id, &to.kind, &to.name, rev, self.clock.now()).await?;
        tx.commit().await?;
        let begun = match begun {
            Begin::Now(begun) => begun,
            Begin::Done => return Ok(()),
            Begin::Busy => {
                return Err(MirrorError {
                    wait: Some(SOON),
                    ..MirrorError::new("busy", "An earlier change is being delivered.", false)
                });
            }
        };
        let personal = to.config["personal"].as_bool().unwrap_or(false);
        let leaving = if personal { leaving } else { masked(leaving) };
        let done = self.send(site, &leaving, to, &begun).await;
        let (kind, name) = (to.kind.as_str(), to.name.as_str());
        let mut tx = self.db.site(site).await?;
        let done = match done {
            Ok(sent) => {
                mirrors::sent(&mut tx, id, (kind, name), rev, &sent, self.clock.now()).await?;
                Ok(())
            }
            Err(mut error) => {
                let waits = error.wait.is_some();
                if waits && begun.waits >= MOST_WAITS {
                    // It counts as a failure from now on, so that it ends among the dead letters.
                    error.wait = None;
                }
                let in_doubt = error.in_doubt || (begun.in_doubt && !error.permanent);
                mirrors::failed(&mut tx, id, (kind, name), &error.detail, in_doubt, waits).await?;
                Err(error)
            }
        };
        tx.commit().await?;
        done
    }

    async fn send(
        &self,
        site: SiteId,
        leaving: &Leaving,
        to: &Connection,
        begun: &Begun,
    ) -> Result<Sent, MirrorError> {
        let sealed = to
            .secret_sealed
            .as_ref()
            .ok_or_else(|| MirrorError::new("secret", "The connection has no secret.", true))?;
        let secret = connection::open(&self.master, site, &to.kind, &to.name, sealed)?;
        if to.kind == GITHUB {
            let github = github::GitHub::of(&self.fetcher, to, &secret)?;
            github.mirror(self, site, leaving, begun, to).await
        } else {
            webhook::send(&self.fetcher, to, &secret, leaving, begun, self.clock.now()).await
        }
    }
}

/// The one origin that a connection may reach.
fn allowed(url: &str) -> Result<AllowList, MirrorError> {
    let bad = || MirrorError::new("bad_url", "The connection's address is none.", true);
    let origin = reqwest::Url::parse(url)
        .map_err(|_| bad())?
        .origin()
        .ascii_serialization();
    AllowList::new([origin.as_str()]).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Answer {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, HeaderValue::from_static(value));
        }
        Answer {
            status,
            headers: all,
            body: Vec::new(),
            whole: true,
        }
    }

    #[test]
    fn answers_are_told_apart_by_what_helps() {
        assert!(judge(&answer(204, &[]), "It").is_ok());
        for (status, headers, permanent, in_doubt, waits) in [
            (401, vec![], true, false, false),
            (403, vec![], true, false, false),
            (403, vec![("x-ratelimit-remaining", "0")], false, false, true),
            (429, vec![("retry-after", "7")], false, false, true),
            (500, vec![], false, true, false),
            (301, vec![], true, false, false),
            (422, vec![], true, false, false),
            (408, vec![], false, false, false),
        ] {
            let error = judge(&answer(status, &headers), "It").unwrap_err();
            assert_eq!(
                (error.permanent, error.in_doubt, error.wait.is_some()),
                (permanent, in_doubt, waits),
                "{status}"
            );
        }
        let error = judge(&answer(429, &[("retry-after", "7")]), "It").unwrap_err();
        assert_eq!(error.wait, Some(Duration::from_secs(7)));
    }
}
