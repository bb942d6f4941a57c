//! What is measured of a tool's call: its span and its metrics. Arguments and results stay out.

use std::time::Instant;

use tracing::Instrument;
use tracing::field::Empty;

use super::registry::{CallError, Called};
use crate::telemetry::trace::TARGET;

/// Runs a call and tells how it went.
pub(super) async fn call(
    tool: &'static str,
    work: impl Future<Output = Result<Called, CallError>>,
) -> Result<Called, CallError> {
    let begun = Instant::now();
    let span = tracing::info_span!(
        target: TARGET, "execute_tool",
        otel.name = %format!("execute_tool {tool}"), otel.status_code = Empty,
        gen_ai.operation.name = "execute_tool", gen_ai.tool.name = tool, gen_ai.tool.type = "function",
        error.type = Empty, deskhand.tool.attempts = Empty,
    );
    let result = work.instrument(span.clone()).await;
    metrics::histogram!("deskhand_tool_seconds", "tool" => tool).record(begun.elapsed());
    match &result {
        Ok(called) => {
            span.record("deskhand.tool.attempts", called.attempts);
        }
        Err(error) => {
            let code = match error {
                CallError::Unknown => "unknown_tool",
                CallError::Schema(_) => "bad_arguments",
                CallError::Failed { error, .. } => error.code.as_str(),
            };
            span.record("error.type", code);
            span.record("otel.status_code", "ERROR");
            metrics::counter!("deskhand_tool_errors_total", "tool" => tool, "code" => code).increment(1);
        }
    }
    result
}
