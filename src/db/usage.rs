//! What a site's conversations and calls of models came to, by day (UTC): what is there, and
//! the sums of what was erased.

use chrono::NaiveDate;

use super::model_calls::DayOfCalls;
use super::pool::{DbResult, SiteTx};

/// A day's turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayOfTurns {
    /// The day.
    pub day: NaiveDate,
    /// All of them.
    pub turns: i64,
    /// Ended with an answer.
    pub answered: i64,
    /// Given to a person.
    pub handoffs: i64,
    /// Cut short.
    pub degraded: i64,
}

/// Turns that began from one day to another, both included; days without any are left out.
///
/// # Errors
/// When the database does.
pub async fn turns(tx: &mut SiteTx, from: NaiveDate, to: NaiveDate) -> DbResult<Vec<DayOfTurns>> {
    let rows = sqlx::query_as!(
        DayOfTurns,
        r#"SELECT day AS "day!", sum(turns)::bigint AS "turns!", sum(answered)::bigint AS "answered!",
                  sum(handoffs)::bigint AS "handoffs!", sum(degraded)::bigint AS "degraded!"
           FROM (SELECT (started_at AT TIME ZONE 'UTC')::date AS day, count(*) AS turns,
                        count(*) FILTER (WHERE outcome = 'answered') AS answered,
                        count(*) FILTER (WHERE outcome = 'handoff') AS handoffs,
                        count(*) FILTER (WHERE outcome = 'degraded') AS degraded
                 FROM turns WHERE started_at >= $1::date::timestamp AT TIME ZONE 'UTC'
                              AND started_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC' GROUP BY 1
                 UNION ALL
                 SELECT day, turns, answered, handoffs, degraded FROM usage_erased
                 WHERE provider = '' AND day BETWEEN $1 AND $2) x
           GROUP BY 1 ORDER BY 1"#,
        from,
        to
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Calls of models from one day to another, both included, by day, provider and model.
///
/// # Errors
/// When the database does.
pub async fn calls(tx: &mut SiteTx, from: NaiveDate, to: NaiveDate) -> DbResult<Vec<DayOfCalls>> {
    let rows = sqlx::query_as!(
        DayOfCalls,
        r#"SELECT day AS "day!", provider AS "provider!", model AS "model!", sum(calls)::bigint AS "calls!",
                  sum(tokens_in)::bigint AS "tokens_in!", sum(tokens_out)::bigint AS "tokens_out!",
                  sum(cost_micro)::bigint AS "cost_micro!"
           FROM (SELECT (at AT TIME ZONE 'UTC')::date AS day, provider, model, count(*) AS calls,
                        sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out, sum(cost_micro) AS cost_micro
                 FROM model_calls WHERE at >= $1::date::timestamp AT TIME ZONE 'UTC'
                                    AND at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC' GROUP BY 1, 2, 3
                 UNION ALL
                 SELECT day, provider, model, calls, tokens_in, tokens_out, cost_micro FROM usage_erased
                 WHERE provider <> '' AND day BETWEEN $1 AND $2) x
           GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3"#,
        from,
        to
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
