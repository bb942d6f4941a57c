//! `[telemetry]`: where traces go, and who may read metrics.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Config, ConfigError};
use crate::http::metrics::Access;
use crate::telemetry::trace::TraceSettings;

/// Collectors' names and keys are short.
const MOST_HEADERS: usize = 20;

/// `[telemetry]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// A collector of traces.
    pub otlp_endpoint: Option<String>,
    /// Sent with each request to it.
    pub otlp_headers: Option<SecretString>,
    /// What this service is called there.
    pub service_name: String,
    /// The share of traces that is exported.
    pub sample_ratio: f64,
    /// Who gets `/metrics`.
    pub metrics: Access,
}

impl Telemetry {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |key, got: &str, allowed| {
            Err(ConfigError::Range {
                key,
                got: got.to_owned(),
                allowed,
            })
        };
        if let Some(endpoint) = self.endpoint()
            && reqwest::Url::parse(endpoint).map_or(true, |u| !matches!(u.scheme(), "http" | "https"))
        {
            return wrong(
                "telemetry.otlp_endpoint",
                endpoint,
                "an http or https URL; empty: none",
            );
        }
        if self.headers().is_none() {
            // What is wrong with it may be a key's place: it isn't repeated.
            return wrong(
                "telemetry.otlp_headers",
                "not what it should be",
                "`name=value`, several with commas between",
            );
        }
        if !(1..=100).contains(&self.service_name.chars().count()) {
            return wrong(
                "telemetry.service_name",
                &self.service_name,
                "1 to 100 characters",
            );
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return wrong("telemetry.sample_ratio", &self.sample_ratio.to_string(), "0 to 1");
        }
        Ok(())
    }

    fn endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref().filter(|e| !e.is_empty())
    }

    /// None when they can't be read.
    fn headers(&self) -> Option<Vec<(String, SecretString)>> {
        let text = self
            .otlp_headers
            .as_ref()
            .map_or("", |h| h.expose_secret().trim());
        let parts: Vec<&str> = text.split(',').filter(|p| !p.trim().is_empty()).collect();
        if parts.len() > MOST_HEADERS {
            return None;
        }
        parts
            .into_iter()
            .map(|part| {
                let (name, value) = part.split_once('=')?;
                let (name, value) = (name.trim(), value.trim());
                reqwest::header::HeaderName::from_bytes(name.as_bytes()).ok()?;
                reqwest::header::HeaderValue::from_str(value).ok()?;
                Some((name.to_owned(), SecretString::from(value)))
            })
            .collect()
    }
}

impl Config {
    /// Where traces go; none: nowhere.
    #[must_use]
    pub fn traces(&self) -> Option<TraceSettings> {
        let t = &self.telemetry;
        t.endpoint().map(|endpoint| TraceSettings {
            endpoint: endpoint.to_owned(),
            headers: t.headers().unwrap_or_default(),
            service: t.service_name.clone(),
            ratio: t.sample_ratio,
        })
    }
}
