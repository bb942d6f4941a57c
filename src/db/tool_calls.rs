//! The calls of tools within a turn. They are written with what the turn leaves behind
//! (`turn_writes`): one that changes anything is noted before it is made and completed
//! after, so that a crash between the two can be seen; a read may be noted when it has ended.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::pool::{DbResult, SiteTx};
use crate::domain::ids::{CallId, TurnId};

/// A tool call of a turn.
#[derive(Debug, Clone)]
pub struct CallRow {
    /// The call.
    pub id: CallId,
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
    /// Its output.
    pub result: Option<Value>,
    /// The error's code.
    pub code: Option<String>,
    /// Whether it has ended.
    pub ended: bool,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took; none while it runs.
    pub ms: Option<i32>,
    /// How often it was tried.
    pub attempts: i32,
}

/// The tool calls of a turn, oldest first.
///
/// # Errors
/// When the database does.
pub async fn of_turn(tx: &mut SiteTx, turn: TurnId) -> DbResult<Vec<CallRow>> {
    let rows = sqlx::query!(
        r#"SELECT id, tool, args, result, code, at, ms, attempts FROM tool_calls WHERE turn_id = $1 ORDER BY at, id"#,
        turn.0
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| CallRow {
            id: r.id.into(),
            tool: r.tool,
            args: r.args,
            result: r.result,
            code: r.code,
            ended: r.ms.is_some(),
            at: r.at,
            ms: r.ms,
            attempts: r.attempts,
        })
        .collect())
}

/// How a tool did.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    /// The tool.
    pub tool: String,
    /// Calls that have ended.
    pub calls: i64,
    /// Those that gave no result, questions and approvals left out.
    pub errors: i64,
    /// Half of them took no longer.
    pub p50_ms: Option<f64>,
    /// 95 in 100 took no longer.
    pub p95_ms: Option<f64>,
}

/// How the site's tools did since then, in turns.
///
/// # Errors
/// When the database does.
pub async fn since(tx: &mut SiteTx, since: DateTime<Utc>) -> DbResult<Vec<ToolUse>> {
    let rows = sqlx::query_as!(
        ToolUse,
        r#"SELECT tool, count(*) AS "calls!",
                  count(*) FILTER (WHERE code NOT IN ('NEEDS_CONFIRMATION', 'NEEDS_APPROVAL')) AS "errors!",
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50_ms,
                  percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
           FROM tool_calls WHERE at >= $1 AND ms IS NOT NULL GROUP BY tool ORDER BY tool"#,
        since
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
