//! The configuration: one TOML file and environment variables, the latter win. The only
//! place that reads the environment; it composes the settings that each room owns, and
//! stops the start with the key's name and what is allowed.

pub mod embeddings;
pub mod fetch;
mod keys;
pub mod mail;
pub mod master;
pub mod moderation;
mod moderation_keys;
mod paths;
mod provider_keys;
pub mod providers;
pub mod reading;
mod reference;
pub mod telemetry;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Value;
use secrecy::SecretString;
use serde::Deserialize;

use crate::knowledge::chunk::ChunkLimits;

pub use keys::Key;
pub use reference::reference;

/// Why the configuration can't be used. Every message names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named on the command line isn't there or can't be read.
    #[error("the configuration file {0} can't be read: {1}")]
    File(PathBuf, std::io::Error),
    /// An unknown key, or a value of a wrong type.
    #[error("configuration: {0}")]
    Value(String),
    /// An environment variable that looks like ours, but is none.
    #[error(
        "the environment variable {0} is not one that deskhand knows{1}; `deskhand help config` lists them"
    )]
    UnknownVariable(String, String),
    /// A value out of range.
    #[error("configuration: `{key}` is {got}; allowed: {allowed}")]
    Range {
        /// The key.
        key: &'static str,
        /// What was given.
        got: String,
        /// What may be given.
        allowed: &'static str,
    },
    /// A provider's key with a value that it can't have.
    #[error("configuration: `{key}` is {got}; allowed: {allowed}")]
    Provider {
        /// The key with its place: `providers.0.base_url`.
        key: String,
        /// What was given.
        got: String,
        /// What may be given.
        allowed: String,
    },
    /// No folder to put data into.
    #[error(
        "no folder for data: set `data_dir` (or DESKHAND_DATA_DIR), since neither HOME nor XDG_DATA_HOME is set"
    )]
    NoDataDir,
}

/// Everything that can be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the own database, its log and the master key live.
    pub data_dir: PathBuf,
    /// Where downloaded programs are looked for.
    #[serde(skip)]
    pub cache_dir: PathBuf,
    /// For files that live for a moment.
    #[serde(skip)]
    pub temp_dir: PathBuf,
    /// Programs that help to read documents, where they are installed.
    #[serde(skip)]
    pub programs: reading::Programs,
    /// Where to die, in debug builds: for tests of what a crash leaves.
    #[serde(skip)]
    pub fail_point: Option<String>,
    /// The web server.
    pub server: Server,
    /// The database.
    pub database: Database,
    /// Secrets at rest.
    #[serde(default)]
    pub secrets: Secrets,
    /// Limits of a turn.
    pub agent: Agent,
    /// The language models that are asked first, if there are any.
    pub provider: Option<providers::ProviderEntry>,
    /// Those that are asked next, in this order.
    #[serde(default)]
    pub providers: Vec<providers::ProviderEntry>,
    /// Who is asked about what is written.
    pub moderation: moderation::Moderation,
    /// How documents are cut.
    pub knowledge: Knowledge,
    /// Who looks for viruses in files.
    pub scan: reading::Scan,
    /// What gives passages and questions their vectors.
    pub embeddings: embeddings::Embeddings,
    /// What is fetched for sites, and how.
    pub fetch: fetch::Fetch,
    /// Mail that goes out.
    pub mail: mail::Mail,
    /// Background work.
    pub jobs: Jobs,
    /// Logs.
    pub log: Log,
    /// Traces and metrics.
    pub telemetry: telemetry::Telemetry,
}

/// `[server]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// Whether the demo page and its token minter are served (on loopback only).
    pub demo: bool,
    /// How long a stop waits for turns and streams.
    pub drain_seconds: u64,
}

/// `[database]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The application's login; empty: an own PostgreSQL is started.
    pub url: Option<SecretString>,
    /// The owner's login, for migrations.
    pub owner_url: Option<SecretString>,
    /// Connections of this process at most.
    pub connections: u32,
    /// A PostgreSQL installation with pgvector, for the own server.
    pub pg_dir: Option<PathBuf>,
}

/// `[secrets]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// 32 bytes in hex or Base64.
    pub master_key: Option<SecretString>,
    /// A file that holds them.
    pub master_key_file: Option<PathBuf>,
}

/// `[agent]`, times in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Planning.
    pub plan_ms: u32,
    /// A tool with its retries.
    pub tool_ms: u32,
    /// From the message to the first released sentence.
    pub first_ms: u32,
    /// Between two sentences.
    pub stall_ms: u32,
    /// A whole turn.
    pub turn_ms: u32,
    /// Turns at once in this process; one more gets 503.
    pub turns_at_once: usize,
    /// Open event streams at once in this process; one more gets 503.
    pub streams_at_once: usize,
    /// A model's answer at most, in tokens.
    pub answer_tokens: u32,
    /// Earlier messages of the thread that a model reads at most.
    pub history_messages: usize,
    /// The same in tokens.
    pub history_tokens: usize,
    /// What a site may spend on models in a day.
    pub day_cap: providers::Amount,
    /// What prices and caps are in.
    pub currency: String,
}

/// `[knowledge]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// A chunk's length at most.
    pub chunk_tokens: usize,
    /// What two neighbours of one section share.
    pub chunk_overlap: usize,
    /// Time for reading one file.
    pub extract_seconds: u64,
    /// Memory for reading one file, in MiB.
    pub extract_memory_mb: u64,
    /// The languages that text is recognised in on pictures of pages.
    pub ocr_languages: String,
    /// Time for recognising one document's text.
    pub ocr_seconds: u64,
    /// Pages of it at most.
    pub ocr_pages: usize,
    /// Room for sites' knowledge in memory, in MiB.
    pub copies_mb: u64,
}

/// `[jobs]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// Jobs at once in this process.
    pub at_once: usize,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a terminal.
    Text,
    /// For machines, one object a line.
    Json,
}

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// tracing's filter directives, for `serve` and `worker`.
    pub filter: String,
    /// The same for all other commands.
    pub tool_filter: String,
    /// How lines look.
    pub format: LogFormat,
}

impl Config {
    /// Reads the defaults, the file (`path`, else `deskhand.toml` here if there is one) and
    /// the environment.
    ///
    /// # Errors
    /// When a key or a value is wrong; the message names it.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_parts(path, paths::environment())
    }

    fn from_parts(path: Option<&Path>, environment: Vec<(String, String)>) -> Result<Self, ConfigError> {
        let named = |name: &str| {
            environment
                .iter()
                .find(|(n, v)| n == name && !v.is_empty())
                .map(|(_, v)| v.clone())
        };
        let file = match path
            .map(Path::to_owned)
            .or_else(|| named("DESKHAND_CONFIG").map(PathBuf::from))
        {
            Some(path) => {
                std::fs::metadata(&path).map_err(|e| ConfigError::File(path.clone(), e))?;
                Some(path)
            }
            None => Some(PathBuf::from("deskhand.toml")).filter(|p| p.exists()),
        };
        let mut figment = Figment::new();
        for key in keys::all() {
            if let Some(default) = key.default {
                figment = figment.merge(Serialized::default(key.path, parse(default)));
            }
        }
        let dirs = paths::Dirs::find(&environment);
        if let Some(data) = &dirs.data {
            figment = figment.merge(Serialized::default("data_dir", data));
        }
        if let Some(file) = file {
            figment = figment.merge(Toml::file(file));
        }
        for (name, value) in &environment {
            match reference::by_variable(name) {
                Some(key) if value.is_empty() && !key.has_default => {}
                Some(key) if key.text => figment = figment.merge(Serialized::default(&key.path, value)),
                Some(key) => figment = figment.merge(Serialized::default(&key.path, parse(value))),
                None if name.starts_with("DESKHAND_") && !keys::OTHER_VARIABLES.contains(&name.as_str()) => {
                    return Err(ConfigError::UnknownVariable(
                        name.clone(),
                        reference::did_you_mean(name),
                    ));
                }
                None => {}
            }
        }
        if dirs.data.is_none() && figment.find_value("data_dir").is_err() {
            return Err(ConfigError::NoDataDir);
        }
        let mut config: Self = figment
            .extract()
            .map_err(|e| ConfigError::Value(reference::explain(&e)))?;
        config.cache_dir = dirs.cache.unwrap_or_else(|| config.data_dir.join("cache"));
        config.temp_dir = std::env::temp_dir();
        config.programs = reading::Programs::find(&environment);
        config.fail_point = named("DESKHAND_FAIL_POINT").filter(|_| cfg!(debug_assertions));
        config.fill_keys(&environment);
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let range = |key, got: u64, min: u64, max: u64, allowed| {
            if (min..=max).contains(&got) {
                Ok(())
            } else {
                Err(ConfigError::Range {
                    key,
                    got: got.to_string(),
                    allowed,
                })
            }
        };
        range(
            "database.connections",
            self.database.connections.into(),
            2,
            500,
            "2 to 500",
        )?;
        range(
            "server.drain_seconds",
            self.server.drain_seconds,
            0,
            600,
            "0 to 600",
        )?;
        let a = &self.agent;
        range("agent.plan_ms", a.plan_ms.into(), 100, 60_000, "100 to 60000")?;
        range("agent.tool_ms", a.tool_ms.into(), 100, 60_000, "100 to 60000")?;
        range("agent.first_ms", a.first_ms.into(), 500, 120_000, "500 to 120000")?;
        range("agent.stall_ms", a.stall_ms.into(), 500, 120_000, "500 to 120000")?;
        range(
            "agent.turn_ms",
            a.turn_ms.into(),
            1_000,
            600_000,
            "1000 to 600000",
        )?;
        range(
            "agent.turns_at_once",
            a.turns_at_once as u64,
            1,
            100_000,
            "1 to 100000",
        )?;
        range(
            "agent.streams_at_once",
            a.streams_at_once as u64,
            1,
            1_000_000,
            "1 to 1000000",
        )?;
        range(
            "agent.answer_tokens",
            a.answer_tokens.into(),
            50,
            8_000,
            "50 to 8000",
        )?;
        range(
            "agent.history_messages",
            a.history_messages as u64,
            0,
            100,
            "0 to 100",
        )?;
        range(
            "agent.history_tokens",
            a.history_tokens as u64,
            0,
            200_000,
            "0 to 200000",
        )?;
        if a.currency.len() != 3 || !a.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(ConfigError::Range {
                key: "agent.currency",
                got: format!("`{}`", a.currency),
                allowed: "a currency's three letters, for example `EUR`",
            });
        }
        range(
            "knowledge.chunk_tokens",
            self.knowledge.chunk_tokens as u64,
            64,
            8_000,
            "64 to 8000",
        )?;
        if self.knowledge.chunk_overlap * 2 > self.knowledge.chunk_tokens {
            return Err(ConfigError::Range {
                key: "knowledge.chunk_overlap",
                got: self.knowledge.chunk_overlap.to_string(),
                allowed: "at most half of knowledge.chunk_tokens",
            });
        }
        self.validate_reading()?;
        range(
            "knowledge.copies_mb",
            self.knowledge.copies_mb,
            0,
            1_000_000,
            "0 to 1000000",
        )?;
        self.embeddings.validate()?;
        self.fetch.validate()?;
        self.telemetry.validate()?;
        self.mail.validate()?;
        self.validate_providers()?;
        self.moderation.validate(self.agent.first_ms)?;
        range("jobs.at_once", self.jobs.at_once as u64, 1, 256, "1 to 256")?;
        for (key, filter) in [
            ("log.filter", &self.log.filter),
            ("log.tool_filter", &self.log.tool_filter),
        ] {
            tracing_subscriber::EnvFilter::try_new(filter).map_err(|e| ConfigError::Range {
                key,
                got: format!("`{filter}` ({e})"),
                allowed: "tracing's directives, for example `info` or `deskhand=debug,info`",
            })?;
        }
        Ok(())
    }

    /// How many bytes of memory sites' knowledge may take.
    #[must_use]
    pub fn copies(&self) -> usize {
        usize::try_from(self.knowledge.copies_mb << 20).unwrap_or(usize::MAX)
    }

    /// How documents are cut.
    #[must_use]
    pub fn chunk_limits(&self) -> ChunkLimits {
        ChunkLimits {
            max_tokens: self.knowledge.chunk_tokens,
            overlap: self.knowledge.chunk_overlap,
            join_to: self.knowledge.chunk_tokens,
        }
    }

    /// How long a stop waits.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.server.drain_seconds)
    }
}

/// Environment variables are text; figment's own reading turns `5` and `true` into what they are.
fn parse(text: &str) -> Value {
    match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests;
