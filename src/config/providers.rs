//! `[provider]` and `[[providers]]`: which language models are asked, in which order, with
//! what key and at what price. Everything that can be known without calling them is checked
//! at the start.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::provider_keys::{PRICE, PROVIDER_KEYS};
use super::{Config, ConfigError};
use crate::agent::brain::extractive;
use crate::models::price::{Micros, Price};
use crate::models::provider::{ProviderKind, ProviderSettings, Times};

/// What the instructions, a long question and the best passage take beside an answer, in
/// tokens.
const ROOM: u32 = 1_500;
/// The dearest that a million tokens can be.
const DEAREST: Micros = Micros(100_000_000_000);

/// An amount of money, written as text or as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Micros);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Whole(u64),
            Decimal(f64),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Whole(number) => number.to_string(),
            Written::Decimal(number) => number.to_string(),
        };
        let amount = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(amount))
    }
}

/// One provider, as it stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "provider_keys.rs documents each")]
pub struct ProviderEntry {
    pub name: Option<String>,
    pub kind: Option<ProviderKind>,
    pub base_url: Option<String>,
    pub plain_http: bool,
    pub api_version: Option<String>,
    pub api_key: Option<SecretString>,
    pub api_key_file: Option<PathBuf>,
    pub api_key_env: Option<String>,
    #[serde(skip)]
    pub key_from_env: Option<SecretString>,
    pub model: Option<String>,
    pub plan_model: Option<String>,
    pub draft_model: Option<String>,
    pub plan_temperature: Option<f32>,
    pub draft_temperature: Option<f32>,
    pub input_price: Option<Amount>,
    pub output_price: Option<Amount>,
    pub free: bool,
    pub context_tokens: Option<u32>,
    pub connect_ms: Option<u64>,
    pub first_ms: Option<u64>,
    pub idle_ms: Option<u64>,
    pub call_ms: Option<u64>,
}

/// Where an entry stands: `provider` or `providers.0`.
type Place = String;

impl Config {
    /// All, in the order in which they are asked.
    fn provider_entries(&self) -> impl Iterator<Item = (Place, &ProviderEntry)> {
        let one = self.provider.iter().map(|e| ("provider".to_owned(), e));
        let more = self.providers.iter().enumerate();
        one.chain(more.map(|(i, e)| (format!("providers.{i}"), e)))
    }

    /// Looks up the keys that the environment holds.
    pub(super) fn fill_keys(&mut self, environment: &[(String, String)]) {
        let all = self.provider.iter_mut().chain(&mut self.providers);
        for entry in all {
            let Some(name) = &entry.api_key_env else { continue };
            let found = environment
                .iter()
                .find(|(n, v)| n == name && !v.trim().is_empty());
            entry.key_from_env = found.map(|(_, v)| SecretString::from(v.trim()));
        }
    }

    pub(super) fn validate_providers(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        let least = self.agent.answer_tokens.saturating_add(ROOM);
        for (place, entry) in self.provider_entries() {
            let settings = entry.settings(&place, None)?;
            if settings.context_tokens < least {
                return Err(ConfigError::Provider {
                    key: format!("{place}.context_tokens"),
                    got: format!(
                        "{}, too little for an answer of {} tokens (`agent.answer_tokens`) and a question",
                        settings.context_tokens, self.agent.answer_tokens
                    ),
                    allowed: format!("at least {least}, or a smaller `agent.answer_tokens`"),
                });
            }
            if !names.insert(settings.name.clone()) {
                return Err(wrong(
                    &place,
                    "name",
                    format!("`{}`, which another has", settings.name),
                ));
            }
        }
        Ok(())
    }

    /// The providers in the order in which they are asked, their keys read.
    ///
    /// # Errors
    /// When a key's file can't be read.
    pub fn provider_settings(&self) -> Result<Vec<ProviderSettings>, ConfigError> {
        self.provider_entries()
            .map(|(place, entry)| {
                let key = match &entry.api_key_file {
                    Some(file) => {
                        let read = std::fs::read_to_string(file);
                        let key = read.map_err(|e| ConfigError::File(file.clone(), e))?;
                        Some(SecretString::from(key.trim()))
                    }
                    None => entry.api_key.clone().or_else(|| entry.key_from_env.clone()),
                };
                entry.settings(&place, key)
            })
            .collect()
    }
}

impl ProviderEntry {
    fn settings(&self, place: &str, api_key: Option<SecretString>) -> Result<ProviderSettings, ConfigError> {
        let kind = self.kind.unwrap_or(ProviderKind::OpenAi);
        self.check_key(place)?;
        let (plan_model, draft_model) = self.models(place, kind)?;
        Ok(ProviderSettings {
            name: self.checked_name(place)?,
            kind,
            base_url: self.checked_url(place)?,
            api_version: self.api_version.clone(),
            api_key,
            plan_model,
            draft_model,
            plan_temperature: temperature(place, "plan_temperature", self.plan_temperature, 0.2)?,
            draft_temperature: temperature(place, "draft_temperature", self.draft_temperature, 0.5)?,
            price: self.price(place)?,
            context_tokens: u32::try_from(number(
                place,
                "context_tokens",
                self.context_tokens.map(u64::from),
                32_000,
                2_000..=10_000_000,
            )?)
            .unwrap_or(u32::MAX),
            times: self.times(place)?,
        })
    }

    fn checked_name(&self, place: &str) -> Result<String, ConfigError> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None if place == "provider" => "main".to_owned(),
            None => return Err(wrong(place, "name", "not set")),
        };
        let part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let fits = (1..=64).contains(&name.len()) && name.bytes().all(part) && name != extractive::NAME;
        if fits {
            Ok(name)
        } else {
            Err(wrong(place, "name", format!("`{name}`")))
        }
    }

    fn checked_url(&self, place: &str) -> Result<String, ConfigError> {
        let text = self
            .base_url
            .as_deref()
            .unwrap_or("https://api.openai.com/v1")
            .trim();
        // What is wrong is not shown whole: it may hold a password.
        match base_url(text, self.plain_http) {
            Ok(()) => Ok(text.to_owned()),
            Err(why) => Err(wrong(place, "base_url", why)),
        }
    }

    fn check_key(&self, place: &str) -> Result<(), ConfigError> {
        let given = [
            self.api_key.is_some(),
            self.api_key_file.is_some(),
            self.api_key_env.is_some(),
        ];
        if given.iter().filter(|g| **g).count() > 1 {
            return Err(wrong(place, "api_key", "given more than once"));
        }
        match &self.api_key_env {
            Some(name) if self.key_from_env.is_none() => {
                Err(wrong(place, "api_key_env", format!("`{name}`, which isn't set")))
            }
            _ => Ok(()),
        }
    }

    fn models(&self, place: &str, kind: ProviderKind) -> Result<(String, String), ConfigError> {
        let one = |key: &'static str, own: &Option<String>| {
            let Some(name) = own.as_ref().or(self.model.as_ref()) else {
                return Err(wrong(place, key, "not set, nor is `model`"));
            };
            let part = |c: char| match kind {
                // It becomes a part of the address.
                ProviderKind::Azure => c.is_ascii_alphanumeric() || "._-".contains(c),
                ProviderKind::OpenAi => !c.is_whitespace() && !c.is_control(),
            };
            if name.is_empty() || name.chars().count() > 200 || !name.chars().all(part) {
                let key = if own.is_some() { key } else { "model" };
                return Err(wrong(place, key, format!("`{}`", name.escape_debug())));
            }
            Ok(name.clone())
        };
        Ok((
            one("plan_model", &self.plan_model)?,
            one("draft_model", &self.draft_model)?,
        ))
    }

    fn price(&self, place: &str) -> Result<Price, ConfigError> {
        let price = |key, amount: Option<Amount>| match amount {
            Some(_) if self.free => Err(wrong(place, "free", format!("true beside `{key}`"))),
            Some(Amount(price)) if price <= DEAREST => Ok(price),
            Some(Amount(price)) => Err(wrong(place, key, price.to_string())),
            None if self.free => Ok(Micros(0)),
            None => Err(ConfigError::Provider {
                key: format!("{place}.{key}"),
                got: "not set, and without prices the spending cap can't hold".to_owned(),
                allowed: format!("{PRICE}; or `free = true` for a server that charges nothing"),
            }),
        };
        let price = Price {
            input: price("input_price", self.input_price)?,
            output: price("output_price", self.output_price)?,
        };
        if price.is_free() && !self.free {
            return Err(ConfigError::Provider {
                key: format!("{place}.input_price"),
                got: "0, as `output_price` is, and without prices the spending cap can't hold".to_owned(),
                allowed: format!("{PRICE}; or `free = true` for a server that charges nothing"),
            });
        }
        Ok(price)
    }

    fn times(&self, place: &str) -> Result<Times, ConfigError> {
        let usual = Times::default();
        let time = |key, given, usual: Duration, most| {
            let usual = u64::try_from(usual.as_millis()).unwrap_or(u64::MAX);
            number(place, key, given, usual, 100..=most).map(Duration::from_millis)
        };
        Ok(Times {
            connect: time("connect_ms", self.connect_ms, usual.connect, 60_000)?,
            first: time("first_ms", self.first_ms, usual.first, 300_000)?,
            idle: time("idle_ms", self.idle_ms, usual.idle, 300_000)?,
            call: time("call_ms", self.call_ms, usual.call, 600_000)?,
        })
    }
}

/// Whether a provider can be at this address; if not, what is wrong with it.
pub(super) fn base_url(text: &str, plain_http: bool) -> Result<(), &'static str> {
    let Ok(url) = reqwest::Url::parse(text.trim()) else {
        return Err("no URL");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user in it");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a URL with a query or fragment");
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(host)) if plain_http || is_near(host) => Ok(()),
        ("http", Some(_)) => Err("http to a public host"),
        _ => Err("neither http nor https"),
    }
}

fn wrong(place: &str, key: &str, got: impl Into<String>) -> ConfigError {
    let allowed = PROVIDER_KEYS
        .iter()
        .find(|k| k.name == key)
        .map_or("", |k| k.allowed);
    ConfigError::Provider {
        key: format!("{place}.{key}"),
        got: got.into(),
        allowed: allowed.to_owned(),
    }
}

fn number(
    place: &str,
    key: &str,
    given: Option<u64>,
    usual: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let number = given.unwrap_or(usual);
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(wrong(place, key, number.to_string()))
    }
}

fn temperature(place: &str, key: &str, given: Option<f32>, usual: f32) -> Result<f32, ConfigError> {
    let number = given.unwrap_or(usual);
    if (0.0..=2.0).contains(&number) {
        Ok(number)
    } else {
        Err(wrong(place, key, number.to_string()))
    }
}

/// This machine, or one of a private network: by its address, or by a name that can't be a
/// public one.
fn is_near(host: &str) -> bool {
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => {
            let suffixes = [".localhost", ".local", ".internal", ".home.arpa"];
            !host.contains('.') || suffixes.iter().any(|s| host.ends_with(s))
        }
    }
}
