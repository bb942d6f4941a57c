//! What is measured of a search: its span, its parts' times, and whether a cache spared it.
//! What was asked and found stays out.

use std::sync::Arc;
use std::time::Instant;

use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::db::pool::DbResult;
use crate::domain::document::Found;
use crate::telemetry::trace::TARGET;

/// Runs a search and tells how it went.
pub(super) async fn search(work: impl Future<Output = DbResult<Arc<Found>>>) -> DbResult<Arc<Found>> {
    let span = tracing::info_span!(
        target: TARGET, "search", otel.status_code = Empty, deskhand.search.passages = Empty,
        deskhand.search.degraded = Empty, deskhand.search.cached = Empty, deskhand.search.embed_ms = Empty,
        deskhand.search.words_ms = Empty, deskhand.search.vectors_ms = Empty,
    );
    let result = work.instrument(span.clone()).await;
    let outcome = match &result {
        Ok(found) => {
            span.record("deskhand.search.passages", found.passages.len());
            span.record("deskhand.search.degraded", found.degraded.is_some());
            match (found.degraded.is_some(), found.passages.is_empty()) {
                (true, _) => "degraded",
                (false, true) => "nothing",
                (false, false) => "found",
            }
        }
        Err(_) => {
            span.record("otel.status_code", "ERROR");
            "error"
        }
    };
    metrics::counter!("deskhand_searches_total", "result" => outcome).increment(1);
    result
}

/// Times a part of a search: `embed`, `words`, `vectors` or `whole`.
pub(super) async fn part<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    took(name, begun);
    done
}

/// Tells how long a part of a search took that has just ended.
pub(super) fn took(name: &'static str, begun: Instant) {
    let took = begun.elapsed();
    metrics::histogram!("deskhand_search_seconds", "part" => name).record(took);
    let field = match name {
        "embed" => "deskhand.search.embed_ms",
        "words" => "deskhand.search.words_ms",
        "vectors" => "deskhand.search.vectors_ms",
        _ => return,
    };
    Span::current().record(field, took.as_secs_f64() * 1_000.0);
}

/// Whether a cache had it.
pub(super) fn cache(name: &'static str, hit: bool) {
    let result = if hit { "hit" } else { "miss" };
    metrics::counter!("deskhand_cache_lookups_total", "cache" => name, "result" => result).increment(1);
    if name == "found" {
        Span::current().record("deskhand.search.cached", hit);
    }
}
