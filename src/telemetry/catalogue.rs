//! Every metric in one table: its name, its labels and what it says. `docs/metrics.md` is
//! printed from it, and a test holds it against what the source records and a server exports.
//! No label has more values than the configuration has names; ids are never among them.

use std::fmt::Write as _;

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Stands at something.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// As it is exported.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        meaning,
    }
}

use Kind::{Counter, Gauge, Histogram};

/// All of them.
pub const METRICS: &[Metric] = &[
    metric(
        "deskhand_turns_total",
        Counter,
        &["outcome", "brain"],
        "Turns that this process brought to their end. `outcome` as in the `final` event; `brain`: the link that was asked last.",
    ),
    metric(
        "deskhand_turn_seconds",
        Histogram,
        &["outcome"],
        "Whole turns, as far as this process drove them.",
    ),
    metric(
        "deskhand_turn_phase_seconds",
        Histogram,
        &["phase"],
        "Time in a phase, each time it is left: `screen`, `plan`, `tool`, `draft`, `check`, `close`.",
    ),
    metric(
        "deskhand_first_sentence_seconds",
        Histogram,
        &[],
        "From the start of a turn to its first released sentence.",
    ),
    metric(
        "deskhand_turns_running",
        Gauge,
        &[],
        "Turns under way in this process.",
    ),
    metric(
        "deskhand_tool_seconds",
        Histogram,
        &["tool"],
        "Calls of tools, with their retries.",
    ),
    metric(
        "deskhand_tool_errors_total",
        Counter,
        &["tool", "code"],
        "Calls of tools that gave no result. `tool` is `unknown` where there is no such tool, `mcp` or `http_tool` for what operators have connected; `code` is the tool's error code, `unknown_tool` or `bad_arguments`.",
    ),
    metric(
        "deskhand_link_failures_total",
        Counter,
        &["provider", "cause"],
        "Links of the fallback chain that failed a turn. `cause`: `timeout`, `breaker_open`, `rate_limit`, `server_error`, `cut`, `stall`, `malformed`, `empty`, `late_error`, `refused`, `over_budget`, or `clock` when a clock of the turn ran out first.",
    ),
    metric(
        "deskhand_breaker_state",
        Gauge,
        &["provider"],
        "0: calls go through; 1: one call is on trial; 2: it is left alone. As of the last call that asked.",
    ),
    metric(
        "deskhand_moderation_total",
        Counter,
        &["direction", "result"],
        "Texts that the moderation endpoint was to be asked about. `direction`: `message` or `answer`; `result`: `passed`, `tripped`, or `away` when it gave no answer.",
    ),
    metric(
        "deskhand_moderation_seconds",
        Histogram,
        &[],
        "Calls of the moderation endpoint.",
    ),
    metric(
        "deskhand_model_calls_total",
        Counter,
        &["provider", "model", "phase", "outcome"],
        "Calls of language models. `phase`: `plan` or `draft`, or `infer` for AI jobs without a conversation; `outcome`: `ok`, `aborted`, or how it failed.",
    ),
    metric(
        "deskhand_model_first_token_seconds",
        Histogram,
        &["provider", "model"],
        "From a call to the first piece of its answer.",
    ),
    metric(
        "deskhand_model_seconds",
        Histogram,
        &["provider", "model"],
        "Whole calls of language models.",
    ),
    metric(
        "deskhand_tokens_total",
        Counter,
        &["provider", "model", "direction"],
        "Tokens, `input` or `output`; estimated where the provider doesn't tell.",
    ),
    metric(
        "deskhand_cost_micros_total",
        Counter,
        &["provider", "model", "direction"],
        "Cost in millionths of the currency's unit.",
    ),
    metric(
        "deskhand_sentences_total",
        Counter,
        &["verdict"],
        "Sentences of drafts: `passed`, or why one was held back (`uncited`, `bad_citation`, `unsupported`, `mismatch`, `content`, `personal_data`, `internal`, `form`).",
    ),
    metric(
        "deskhand_handoffs_total",
        Counter,
        &["reason"],
        "Threads that were given to a person, by the reason's code.",
    ),
    metric(
        "deskhand_sla_breaches_total",
        Counter,
        &["kind"],
        "Tickets and handoffs (`ticket`, `handoff`) that no person had answered in time.",
    ),
    metric(
        "deskhand_searches_total",
        Counter,
        &["result"],
        "Searches: `found`, `nothing`, `degraded` (no vector, words alone) or `error`.",
    ),
    metric(
        "deskhand_search_seconds",
        Histogram,
        &["part"],
        "Searches that the cache couldn't answer: `whole`, `embed` (the question's vector), `words` (BM25), `vectors`.",
    ),
    metric(
        "deskhand_cache_lookups_total",
        Counter,
        &["cache", "result"],
        "`found` (what a search found), `vector` (a question's) and `copy` (of a site's knowledge, where there is one): `hit` or `miss`.",
    ),
    metric(
        "deskhand_copy_seconds",
        Histogram,
        &["work"],
        "Making copies of sites' knowledge in memory: `load`, and `refresh` after a change.",
    ),
    metric("deskhand_copies_bytes", Gauge, &[], "What the copies take."),
    metric(
        "deskhand_jobs_waiting",
        Gauge,
        &["kind"],
        "Jobs that are due and wait for a worker, over all sites; at most 5 s old.",
    ),
    metric(
        "deskhand_jobs_oldest_seconds",
        Gauge,
        &["kind"],
        "How long the oldest of them has been due.",
    ),
    metric(
        "deskhand_streams_open",
        Gauge,
        &[],
        "Event streams that are open in this process.",
    ),
    metric(
        "deskhand_spans_dropped_total",
        Counter,
        &["reason"],
        "Spans that weren't exported: `queue_full`, or `collector` when it was away.",
    ),
    metric(
        "deskhand_webhooks_total",
        Counter,
        &["source", "outcome"],
        "Webhooks that came in. `source`: `wordpress`, `bridge`, `orders`; `outcome`: `new`, `repeat`, `bad_signature`, `stale_timestamp`, `refused` (its form is wrong), `failed` (not stored; the sender tries again).",
    ),
    metric(
        "deskhand_callbacks_total",
        Counter,
        &["outcome"],
        "Tries to bring an AI job's result to its site. `outcome`: `delivered`, `again` (it is tried later), `dead` (for good).",
    ),
    metric(
        "deskhand_mails_total",
        Counter,
        &["outcome"],
        "Tries to hand a mail to the mail server. `outcome`: `sent`, `again` (it is tried later), `refused` (for good).",
    ),
    metric(
        "deskhand_notices_total",
        Counter,
        &["outcome"],
        "Tries to tell staff of something. `outcome`: `sent` (or handed to mail), `again`, `refused`.",
    ),
];

/// The reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "# Metrics\n\n\
         `GET /metrics` gives them as Prometheus text, to callers that `telemetry.metrics` lets through. A metric\n\
         appears when it is first recorded. Histograms count seconds.\n\n\
         | name | kind | labels | what it says |\n|---|---|---|---|\n",
    );
    for m in METRICS {
        let labels: Vec<String> = m.labels.iter().map(|l| format!("`{l}`")).collect();
        let kind = match m.kind {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
        };
        // Writing into a String can't fail.
        let _ = writeln!(
            out,
            "| `{}` | {kind} | {} | {} |",
            m.name,
            labels.join(", "),
            m.meaning
        );
    }
    out
}
