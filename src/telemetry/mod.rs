//! What the house tells its operators: logs to standard error, traces to an OTLP
//! collector, metrics for Prometheus. They carry ids, codes and times; message texts,
//! addresses and keys are never among them, and ids of sites, threads and visitors hashed.

pub mod catalogue;
pub mod export;
pub mod metrics;
pub mod trace;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// How log lines look, and which there are.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// tracing's filter directives.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Starts logging, and tracing where there is an exporter. A second call changes nothing.
pub fn init(settings: &LogSettings, traces: Option<&trace::Traces>) {
    let logs = logs(settings);
    // An error means that a logger is there already (tests).
    let _ = match traces {
        Some(traces) => Registry::default().with(logs).with(traces.layer()).try_init(),
        None => Registry::default().with(logs).try_init(),
    };
}

/// Log lines on standard error.
fn logs<S>(settings: &LogSettings) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    // What must be silent whatever is asked for: a library that logs whole bodies, and with
    // them what visitors wrote; and spans that are made for traces alone.
    for directive in SILENT.iter().filter_map(|d| d.parse().ok()) {
        filter = filter.add_directive(directive);
    }
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if settings.json {
        let lines = lines.with_ansi(false).json();
        lines
            .flatten_event(true)
            .with_current_span(true)
            .with_filter(filter)
            .boxed()
    } else {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
        lines
            .with_ansi(colours)
            .compact()
            .with_target(false)
            .with_filter(filter)
            .boxed()
    }
}

const SILENT: [&str; 2] = ["async_openai=off", "deskhand::trace=off"];

/// Of the exporter: its spans, and nothing of what is logged.
fn exported<S>(layer: impl Layer<S> + Send + Sync) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let only_traces =
        tracing_subscriber::filter::filter_fn(|meta| meta.is_span() && meta.target() == trace::TARGET)
            .with_max_level_hint(LevelFilter::INFO);
    layer.with_filter(only_traces)
}
