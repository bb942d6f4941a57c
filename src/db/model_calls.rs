//! Calls of language models, and the sentences that the gate held back: what explains a
//! turn afterwards beside its steps and its tools (AGT-11).

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::TurnId;

/// One call of a language model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ModelCall {
    /// Its row.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `plan` or `draft`.
    pub phase: String,
    /// The provider, by its name in the configuration.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Name, version and hash of the prompt.
    pub prompt: String,
    /// Tokens of the request; estimated where the provider doesn't tell.
    pub tokens_in: i32,
    /// Tokens of the answer; estimated likewise.
    pub tokens_out: i32,
    /// Its cost, in millionths of the currency's unit.
    pub cost_micro: i64,
    /// To the first token, in milliseconds.
    pub first_ms: Option<i32>,
    /// To its end, in milliseconds.
    pub ms: i32,
    /// `ok`, or how it failed.
    pub outcome: String,
}

/// Stores calls; of a turn, or of a question without a conversation.
///
/// # Errors
/// When the database does.
pub async fn insert(tx: &mut SiteTx, turn: Option<TurnId>, calls: &[ModelCall]) -> DbResult<()> {
    for c in calls {
        sqlx::query!(
            "INSERT INTO model_calls (site_id, id, turn_id, at, phase, provider, model, prompt, tokens_in, tokens_out,
                                      cost_micro, first_ms, ms, outcome)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            tx.site().0,
            c.id,
            turn.map(|t| t.0),
            c.at,
            c.phase,
            c.provider,
            c.model,
            c.prompt,
            c.tokens_in,
            c.tokens_out,
            c.cost_micro,
            c.first_ms,
            c.ms,
            c.outcome,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// The calls of a turn, oldest first.
///
/// # Errors
/// When the database does.
pub async fn of_turn(tx: &mut SiteTx, turn: TurnId) -> DbResult<Vec<ModelCall>> {
    let rows = sqlx::query_as!(
        ModelCall,
        "SELECT id, at, phase, provider, model, prompt, tokens_in, tokens_out, cost_micro, first_ms, ms, outcome
         FROM model_calls WHERE turn_id = $1 ORDER BY at, id",
        turn.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The calls of one model on one day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfCalls {
    /// The day.
    pub day: NaiveDate,
    /// The provider, by its name in the configuration.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How many, failed ones included.
    pub calls: i64,
    /// Tokens of the requests.
    pub tokens_in: i64,
    /// Tokens of the answers.
    pub tokens_out: i64,
    /// Their cost, in millionths of the currency's unit.
    pub cost_micro: i64,
}

/// The site's calls since the beginning of a day (UTC), by day, provider and model, newest
/// day first.
///
/// # Errors
/// When the database does.
pub async fn by_day(tx: &mut SiteTx, since: NaiveDate) -> DbResult<Vec<DayOfCalls>> {
    let rows = sqlx::query_as!(
        DayOfCalls,
        r#"SELECT (at AT TIME ZONE 'UTC')::date AS "day!", provider, model, count(*) AS "calls!",
                  sum(tokens_in)::bigint AS "tokens_in!", sum(tokens_out)::bigint AS "tokens_out!",
                  sum(cost_micro)::bigint AS "cost_micro!"
           FROM model_calls WHERE at >= $1::date::timestamp AT TIME ZONE 'UTC'
           GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3"#,
        since
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// A sentence that the gate held back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// The draft's number, from 1.
    pub round: i32,
    /// Its place in the draft.
    pub i: i32,
    /// What the brain wrote, personal data behind placeholders.
    pub text: String,
    /// The chunks that it cites.
    pub cites: Vec<i64>,
    /// Why it was held back.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps what the gate held back.
///
/// # Errors
/// When the database does.
pub async fn hold(tx: &mut SiteTx, turn: TurnId, held: &[Held]) -> DbResult<()> {
    for h in held {
        sqlx::query!(
            "INSERT INTO held_sentences (site_id, turn_id, round, i, text, cites, reason, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            tx.site().0,
            turn.0,
            h.round,
            h.i,
            h.text,
            &h.cites,
            h.reason,
            h.at,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// What the gate held back of a turn, in order.
///
/// # Errors
/// When the database does.
pub async fn held_of_turn(tx: &mut SiteTx, turn: TurnId) -> DbResult<Vec<Held>> {
    let rows = sqlx::query_as!(
        Held,
        "SELECT round, i, text, cites, reason, at FROM held_sentences WHERE turn_id = $1 ORDER BY round, i",
        turn.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
