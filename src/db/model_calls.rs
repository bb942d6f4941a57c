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
    if calls.is_empty() {
        return Ok(());
    }
    let texts =
        |of: fn(&ModelCall) -> &String| -> Vec<String> { calls.iter().map(|c| of(c).clone()).collect() };
    let numbers = |of: fn(&ModelCall) -> i32| -> Vec<i32> { calls.iter().map(of).collect() };
    sqlx::query!(
        "INSERT INTO model_calls (site_id, turn_id, id, at, phase, provider, model, prompt, tokens_in, tokens_out,
                                  cost_micro, first_ms, ms, outcome)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
                                      $9::int[], $10::int[], $11::bigint[], $12::int[], $13::int[], $14::text[])",
        tx.site().0,
        turn.map(|t| t.0),
        &calls.iter().map(|c| c.id).collect::<Vec<_>>(),
        &calls.iter().map(|c| c.at).collect::<Vec<_>>(),
        &texts(|c| &c.phase),
        &texts(|c| &c.provider),
        &texts(|c| &c.model),
        &texts(|c| &c.prompt),
        &numbers(|c| c.tokens_in),
        &numbers(|c| c.tokens_out),
        &calls.iter().map(|c| c.cost_micro).collect::<Vec<_>>(),
        &calls.iter().map(|c| c.first_ms).collect::<Vec<_>>() as &[Option<i32>],
        &numbers(|c| c.ms),
        &texts(|c| &c.outcome),
    )
    .execute(tx.conn())
    .await?;
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
