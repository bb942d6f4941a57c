//! A turn's two writes, each one statement: its opening, and what it leaves behind. The
//! functions behind them set the site themselves, so that neither needs a transaction
//! around it; what has to be true together with more is written in the caller's own.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::model_calls::ModelCall;
use super::pool::{Db, DbError, DbResult, SiteTx};
use super::turns::LEASE;
use super::vault::Entry;
use crate::domain::event::ThreadEvent;
use crate::domain::ids::{CallId, MessageId, SiteId, ThreadId, TurnId, VisitorId};
use crate::domain::site::Mode;

/// What a turn depends on of its site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFacts {
    /// Its name, for people.
    pub name: String,
    /// How far the agent may go.
    pub mode: Mode,
    /// Its language.
    pub locale: String,
}

/// A turn to open, with the message that it answers.
#[derive(Debug)]
pub struct Opening<'a> {
    /// What the caller thinks of the site; nothing is stored when it isn't so.
    pub site: &'a SiteFacts,
    /// Who asks.
    pub visitor: VisitorId,
    /// An address that they left, sealed.
    pub email: Option<&'a [u8]>,
    /// The thread.
    pub thread: ThreadId,
    /// The channel of a thread that the turn opens; none where the transaction has locked it.
    pub opens: Option<&'a str>,
    /// The visitor's language.
    pub lang: &'a str,
    /// The turn.
    pub turn: TurnId,
    /// The machine before its first input.
    pub start: &'a Value,
    /// The process that drives it.
    pub owner: Uuid,
    /// When it begins.
    pub at: DateTime<Utc>,
    /// The client's id of the message, and the hash of all that it sent.
    pub message: (MessageId, &'a [u8]),
    /// The message, personal data behind placeholders.
    pub text: &'a str,
    /// The turn's first event.
    pub event: &'a ThreadEvent,
    /// New entries of the thread's vault.
    pub vault: &'a [Entry],
    /// Whether other processes are told.
    pub tell: bool,
    /// Whether it is enough that the turn's next store makes it durable, on a new thread: until then
    /// nobody may be told of it.
    pub late: bool,
}

/// What became of an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is stored.
    Now {
        /// The epoch to drive it under.
        epoch: i64,
        /// The number of its first event.
        seq: i64,
    },
    /// The message is there already.
    Before(super::threads::SentBefore),
    /// The site isn't as the caller thought; none when it isn't there.
    Other(Option<SiteFacts>),
}

/// Opens a turn on a new thread, in a transaction of its own.
///
/// # Errors
/// A unique violation when the same message is being stored at this moment.
pub async fn open_alone(db: &Db, site: SiteId, opening: &Opening<'_>) -> DbResult<Opened> {
    let mut tries = db.tries();
    loop {
        match run_open(db.pool(), site, opening).await {
            Err(DbError::Unavailable(error)) if tries.again(&error) => {}
            opened => return opened,
        }
    }
}

/// Opens a turn within a transaction; the thread must be locked by it, if it isn't new.
///
/// # Errors
/// [`DbError::Fenced`] when the thread is staff's; a unique violation when it has an
/// unfinished turn.
pub async fn open(tx: &mut SiteTx, opening: &Opening<'_>) -> DbResult<Opened> {
    let site = tx.site();
    run_open(tx.conn(), site, opening).await
}

fn json<T: serde::Serialize>(value: &T) -> DbResult<Value> {
    serde_json::to_value(value).map_err(|e| DbError::Unreadable(e.to_string()))
}

async fn run_open(on: impl PgExecutor<'_>, site: SiteId, o: &Opening<'_>) -> DbResult<Opened> {
    let (placeholders, sealed): (Vec<String>, Vec<Vec<u8>>) = o.vault.iter().cloned().unzip();
    let row = sqlx::query!(
        r#"SELECT verdict AS "verdict!", epoch, seq, thread, turn, hash, name, mode, locale
           FROM deskhand_open_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                                   $19, $20, $21, $22, $23, $24)"#,
        site.0,
        o.site.name,
        o.site.mode.as_str(),
        o.site.locale,
        o.visitor.0,
        o.email,
        o.thread.0,
        o.opens.is_some(),
        o.opens,
        o.lang,
        o.turn.0,
        o.start,
        o.owner,
        LEASE.as_secs_f64(),
        o.at,
        Uuid::now_v7(),
        o.message.0.0,
        o.message.1,
        o.text,
        json(o.event)?,
        &placeholders,
        &sealed,
        o.tell,
        o.late,
    )
    .fetch_one(on)
    .await?;
    let missing = || DbError::Unreadable("a turn's opening".to_owned());
    Ok(match row.verdict.as_str() {
        "opened" => Opened::Now {
            epoch: row.epoch.ok_or_else(missing)?,
            seq: row.seq.ok_or_else(missing)?,
        },
        "repeat" => Opened::Before(super::threads::SentBefore {
            thread: ThreadId(row.thread.ok_or_else(missing)?),
            turn: row.turn.map(TurnId),
            body_hash: row.hash.ok_or_else(missing)?,
            seq: row.seq.ok_or_else(missing)?,
        }),
        _ => match (row.name, row.mode, row.locale) {
            (Some(name), Some(mode), Some(locale)) => Opened::Other(Some(SiteFacts {
                name,
                mode: Mode::parse(&mode).ok_or_else(|| DbError::Unreadable(format!("site mode `{mode}`")))?,
                locale,
            })),
            _ => Opened::Other(None),
        },
    })
}

/// One transition of the machine, as it is stored.
#[derive(Debug)]
pub struct Step {
    /// 0, 1, …
    pub n: i32,
    /// The input's time.
    pub at: DateTime<Utc>,
    /// The input, JSON.
    pub input: String,
    /// What the machine asked for, JSON.
    pub actions: String,
    /// Since the step before, in milliseconds.
    pub ms: i32,
}

/// A tool call, or what has become of one.
#[derive(Debug)]
pub struct Call {
    /// The call.
    pub id: CallId,
    /// Its tool and arguments, JSON, when it wasn't noted before.
    pub begun: Option<(String, String)>,
    /// What it gave, when it has ended.
    pub ended: Option<CallEnd>,
}

/// What a tool call gave.
#[derive(Debug)]
pub struct CallEnd {
    /// Its output, JSON, or an error's code.
    pub result: Result<String, &'static str>,
    /// How often it was tried.
    pub attempts: i32,
    /// How long it took.
    pub ms: i32,
}

/// What was reserved on a day, and what came of it, in millionths.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// The day.
    pub day: NaiveDate,
    /// What was reserved.
    pub reserved: i64,
    /// What it cost.
    pub cost: i64,
}

/// The agent's message, and how the turn ends.
#[derive(Debug)]
pub struct End<'a> {
    /// In the turn's row.
    pub outcome: &'a str,
    /// Which brain answered.
    pub brain: &'a str,
    /// The answer and what it cites; none when nothing was said.
    pub message: Option<(&'a str, Value)>,
}

/// What a turn leaves behind at once.
#[derive(Debug)]
pub struct Left<'a> {
    /// The thread.
    pub thread: ThreadId,
    /// Its visitor.
    pub visitor: VisitorId,
    /// The turn and the epoch that it is driven under.
    pub turn: (TurnId, i64),
    /// When.
    pub at: DateTime<Utc>,
    /// For how long the lease is renewed, if it is.
    pub renew: Option<Duration>,
    /// Whether other processes are told.
    pub tell: bool,
    /// What the visitor sees.
    pub events: &'a [ThreadEvent],
    /// The machine's transitions.
    pub steps: &'a [Step],
    /// The machine after the last of them.
    pub after: Option<&'a Value>,
    /// Calls of tools.
    pub calls: &'a [Call],
    /// Calls of models.
    pub models: &'a [ModelCall],
    /// What they cost.
    pub settled: &'a [Settled],
    /// New entries of the thread's vault.
    pub vault: &'a [Entry],
    /// The turn's end.
    pub end: Option<End<'a>>,
}

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The number of the last event, if there was any.
    pub last: Option<i64>,
    /// Whether the visitor has asked to stop.
    pub stop: bool,
}

/// Stores what a turn left behind, in a transaction of its own.
///
/// # Errors
/// [`DbError::Fenced`] when the thread or the turn is another's; then nothing is stored.
pub async fn store_alone(db: &Db, site: SiteId, left: &Left<'_>) -> DbResult<Stored> {
    let mut tries = db.tries();
    loop {
        match run_store(db.pool(), site, left).await {
            Err(DbError::Unavailable(error)) if tries.again(&error) => {}
            stored => return stored,
        }
    }
}

/// Stores what a turn left behind, within a transaction.
///
/// # Errors
/// As [`store_alone`].
pub async fn store(tx: &mut SiteTx, left: &Left<'_>) -> DbResult<Stored> {
    let site = tx.site();
    run_store(tx.conn(), site, left).await
}

/// All steps but the last, as they stand in its row; none where it is alone.
fn earlier(steps: &[Step]) -> Option<String> {
    let (_, before) = steps.split_last()?;
    if before.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(before.iter().map(|s| s.input.len() + s.actions.len() + 96).sum());
    for step in before {
        out.push(if out.is_empty() { '[' } else { ',' });
        // Input and actions are JSON already; writing to a text can't fail.
        let at = step.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let Step {
            n,
            input,
            actions,
            ms,
            ..
        } = step;
        let _ = write!(
            out,
            r#"{{"n":{n},"at":"{at}","input":{input},"actions":{actions},"ms":{ms}}}"#
        );
    }
    out.push(']');
    Some(out)
}

async fn run_store(on: impl PgExecutor<'_>, site: SiteId, l: &Left<'_>) -> DbResult<Stored> {
    let step = l.steps.last();
    let mut types = Vec::with_capacity(l.events.len());
    let mut bodies = Vec::with_capacity(l.events.len());
    for event in l.events {
        types.push(event.name().to_owned());
        bodies.push(serde_json::to_string(event).map_err(|e| DbError::Unreadable(e.to_string()))?);
    }
    let (placeholders, sealed): (Vec<String>, Vec<Vec<u8>>) = l.vault.iter().cloned().unzip();
    let texts =
        |of: fn(&ModelCall) -> &String| -> Vec<String> { l.models.iter().map(|c| of(c).clone()).collect() };
    let numbers = |of: fn(&ModelCall) -> i32| -> Vec<i32> { l.models.iter().map(of).collect() };
    let ended = |c: &Call| c.ended.as_ref().map(|e| (e.attempts, e.ms));
    let begun = |c: &Call| c.begun.clone().unzip();
    let (tools, args): (Vec<Option<String>>, Vec<Option<String>>) = l.calls.iter().map(begun).unzip();
    let result = |c: &Call| c.ended.as_ref().and_then(|e| e.result.as_ref().ok().cloned());
    let code = |c: &Call| {
        c.ended
            .as_ref()
            .and_then(|e| e.result.as_ref().err().map(|c| (*c).to_owned()))
    };
    let message = l
        .end
        .as_ref()
        .and_then(|e| e.message.as_ref())
        .filter(|_| !l.events.is_empty());
    let row = sqlx::query!(
        r#"SELECT last, cancelled AS "cancelled!"
           FROM deskhand_store_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                                    $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34,
                                    $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47)"#,
        site.0,
        l.thread.0,
        l.visitor.0,
        l.turn.0.0,
        l.turn.1,
        l.at,
        l.renew.map(|d| d.as_secs_f64()),
        l.tell,
        &types,
        &bodies,
        step.map(|s| s.n),
        step.map(|s| s.at),
        step.map(|s| s.input.as_str()),
        step.map(|s| s.actions.as_str()),
        step.map(|s| s.ms),
        earlier(l.steps),
        l.after,
        &l.calls.iter().map(|c| c.id.0).collect::<Vec<_>>(),
        &l.calls.iter().map(|c| c.begun.is_some()).collect::<Vec<_>>(),
        &tools as &[Option<String>],
        &args as &[Option<String>],
        &l.calls.iter().map(result).collect::<Vec<_>>() as &[Option<String>],
        &l.calls.iter().map(code).collect::<Vec<_>>() as &[Option<String>],
        &l.calls.iter().map(|c| ended(c).map(|e| e.0)).collect::<Vec<_>>() as &[Option<i32>],
        &l.calls.iter().map(|c| ended(c).map(|e| e.1)).collect::<Vec<_>>() as &[Option<i32>],
        &l.models.iter().map(|c| c.id).collect::<Vec<_>>(),
        &l.models.iter().map(|c| c.at).collect::<Vec<_>>(),
        &texts(|c| &c.phase),
        &texts(|c| &c.provider),
        &texts(|c| &c.model),
        &texts(|c| &c.prompt),
        &numbers(|c| c.tokens_in),
        &numbers(|c| c.tokens_out),
        &l.models.iter().map(|c| c.cost_micro).collect::<Vec<_>>(),
        &l.models.iter().map(|c| c.first_ms).collect::<Vec<_>>() as &[Option<i32>],
        &numbers(|c| c.ms),
        &texts(|c| &c.outcome),
        &l.settled.iter().map(|s| s.day).collect::<Vec<_>>(),
        &l.settled.iter().map(|s| s.reserved).collect::<Vec<_>>(),
        &l.settled.iter().map(|s| s.cost).collect::<Vec<_>>(),
        &placeholders,
        &sealed,
        message.map(|_| Uuid::now_v7()),
        message.map(|(text, _)| *text),
        message.map(|(_, citations)| citations),
        l.end.as_ref().map(|e| e.outcome),
        l.end.as_ref().map(|e| e.brain),
    )
    .fetch_one(on)
    .await?;
    Ok(Stored {
        last: row.last,
        stop: row.cancelled,
    })
}
