//! `[moderation]`: who is asked about what visitors and models write, beside the closed rules.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Config, ConfigError, providers};
use crate::models::openai::moderation::ModerationSettings;

/// `[moderation]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moderation {
    /// The endpoint; none: the closed rules alone.
    pub url: Option<String>,
    /// Its key.
    pub api_key: Option<SecretString>,
    /// A file that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// The model.
    pub model: String,
    /// Time for a call, in milliseconds.
    pub ms: u64,
    /// Whether nothing passes while the endpoint is away.
    pub closed: bool,
    /// Categories that trip nothing, with commas between.
    pub ignore: String,
}

const URL: &str = "an https URL without user, query and fragment; http to this machine or a private network";

impl Moderation {
    pub(super) fn validate(&self, first_ms: u32) -> Result<(), ConfigError> {
        let wrong = |key, got: String, allowed| Err(ConfigError::Range { key, got, allowed });
        // What is wrong is not shown whole: it may hold a password.
        if let Some(Err(why)) = self.url.as_deref().map(|u| providers::base_url(u, false)) {
            return wrong("moderation.url", why.to_owned(), URL);
        }
        if self.model.is_empty()
            || self.model.chars().count() > 200
            || self.model.contains(char::is_whitespace)
        {
            return wrong(
                "moderation.model",
                format!("`{}`", self.model.escape_debug()),
                "a model's name, up to 200 characters without blanks",
            );
        }
        // A message and the answer's first sentence are each asked about within `agent.first_ms`.
        let too_long = self.url.is_some() && self.ms * 2 > u64::from(first_ms);
        if !(50..=10_000).contains(&self.ms) || too_long {
            return wrong(
                "moderation.ms",
                self.ms.to_string(),
                "50 to 10000, and at most half of `agent.first_ms`",
            );
        }
        Ok(())
    }
}

impl Config {
    /// The moderation endpoint, its key read; none where none is configured.
    ///
    /// # Errors
    /// When the key's file can't be read.
    pub fn moderation_settings(&self) -> Result<Option<ModerationSettings>, ConfigError> {
        let m = &self.moderation;
        let Some(url) = &m.url else {
            return Ok(None);
        };
        let key = match (&m.api_key, &m.api_key_file) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(file)) => {
                let read = std::fs::read_to_string(file);
                let key = read.map_err(|e| ConfigError::File(file.clone(), e))?;
                Some(SecretString::from(key.trim()))
            }
            (None, None) => None,
        };
        let ignored = m.ignore.split(',').map(str::trim).filter(|n| !n.is_empty());
        let ignored: BTreeSet<String> = ignored.map(str::to_owned).collect();
        Ok(Some(ModerationSettings {
            base_url: url.trim().to_owned(),
            key,
            model: m.model.clone(),
            time: Duration::from_millis(m.ms),
            ignored,
        }))
    }
}
