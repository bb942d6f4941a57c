//! `[fetch]`: what the program may reach for sites, and how long it waits.

use std::time::Duration;

use serde::Deserialize;

use super::{Config, ConfigError};
use crate::knowledge::fetch::FetchSettings;
use crate::knowledge::fetch::allow::PrivateHosts;

/// `[fetch]`, times in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Hosts on the own network that may be reached.
    pub allow_private: Pairs,
    /// For connecting.
    pub connect_ms: u32,
    /// Until an answer begins.
    pub first_byte_ms: u32,
    /// For all of one.
    pub total_ms: u32,
}

/// A list, or a text with commas, as environment variables have it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Pairs {
    /// `["127.0.0.1:8081"]`
    List(Vec<String>),
    /// `127.0.0.1:8081, wordpress:80`
    Text(String),
}

impl Pairs {
    fn hosts(&self) -> Result<PrivateHosts, String> {
        match self {
            Self::List(pairs) => PrivateHosts::parse(pairs.iter().map(String::as_str)),
            Self::Text(text) => {
                let pairs = text.split(',').map(str::trim);
                PrivateHosts::parse(pairs.filter(|p| !p.is_empty()))
            }
        }
    }
}

impl Fetch {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.allow_private.hosts().map_err(|pair| ConfigError::Range {
            key: "fetch.allow_private",
            got: format!("`{pair}`"),
            allowed: "a host and a port, for example `127.0.0.1:8081`; several with commas between",
        })?;
        for (key, got, min, max, allowed) in [
            ("fetch.connect_ms", self.connect_ms, 100, 60_000, "100 to 60000"),
            (
                "fetch.first_byte_ms",
                self.first_byte_ms,
                100,
                300_000,
                "100 to 300000",
            ),
            (
                "fetch.total_ms",
                self.total_ms,
                1_000,
                1_800_000,
                "1000 to 1800000",
            ),
        ] {
            if !(min..=max).contains(&got) {
                let got = got.to_string();
                return Err(ConfigError::Range { key, got, allowed });
            }
        }
        Ok(())
    }
}

impl Config {
    /// How content is fetched for sites, and answers are sent to them.
    #[must_use]
    pub fn fetching(&self) -> FetchSettings {
        let ms = |n: u32| Duration::from_millis(n.into());
        FetchSettings {
            // Checked when the configuration was read.
            private: self.fetch.allow_private.hosts().unwrap_or_default(),
            connect: ms(self.fetch.connect_ms),
            first_byte: ms(self.fetch.first_byte_ms),
            total: ms(self.fetch.total_ms),
            ..FetchSettings::new(self.temp_dir.clone())
        }
    }
}
