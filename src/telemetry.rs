//! Logs: to standard error, as text or JSON. They carry ids, codes and times; message
//! texts, addresses and keys are never logged.

use tracing_subscriber::EnvFilter;

/// How log lines look, and which there are.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// tracing's filter directives.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Starts logging. A second call changes nothing.
pub fn init(settings: &LogSettings) {
    let mut filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    // It logs whole bodies, and with them what visitors wrote.
    if let Ok(silence) = "async_openai=off".parse() {
        filter = filter.add_directive(silence);
    }
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    // An error means that a logger is there already (tests).
    let _ = if settings.json {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .try_init()
    } else {
        builder.compact().with_target(false).try_init()
    };
}
