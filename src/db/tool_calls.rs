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
