//! The file that describes an HTTP tool, read strictly: a mistake says where it is, before
//! anything is ever called.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::template;
use crate::hands::outside::tools::is_tool_name;

/// Stands for the connection's secret in a header.
pub const SECRET: &str = "{secret}";
/// Methods that a tool may use.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that the client sets, or that would change who is spoken to.
const KEPT: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "accept-encoding",
    "idempotency-key",
];
/// Headers of a tool.
const MOST_HEADERS: usize = 20;
/// Limits of a call, in milliseconds.
const TIMEOUT: std::ops::RangeInclusive<u64> = 100..=10_000;
/// Characters of a question and of a description.
const LONGEST: usize = 600;

/// What a call changes, as the file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Nothing: it may be repeated.
    Reads,
    /// Something: the visitor is asked first.
    Guarded,
}

/// A tool's description.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What the tool is called.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// One of [`METHODS`].
    pub method: String,
    /// With `{argument}`s in path and query.
    pub url: String,
    /// Fixed, but for [`SECRET`].
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON, with `{argument}`s in its texts.
    pub body: Option<Value>,
    /// The JSON Schema of the arguments.
    pub input: Value,
    /// The JSON Schema of results.
    pub output: Option<Value>,
    /// What a call changes.
    pub power: Power,
    /// The other side does the same thing once for the same `Idempotency-Key`.
    #[serde(default)]
    pub idempotent: bool,
    /// The visitor must have shown an address to be theirs.
    #[serde(default)]
    pub verified: bool,
    /// What the visitor is asked before it is called, with `{argument}`s.
    pub confirm: Option<String>,
    /// How long a call may take.
    pub timeout_ms: Option<u64>,
}

impl Description {
    /// Reads and checks one.
    ///
    /// # Errors
    /// In a sentence.
    pub fn read(value: &Value) -> Result<Self, String> {
        let read: Self = serde_path_to_error::deserialize(value.clone())
            .map_err(|e| format!("its description can't be read: {e}"))?;
        read.check()?;
        Ok(read)
    }

    /// Whom it calls, as a web origin.
    ///
    /// # Errors
    /// When the address is none.
    pub fn origin(&self) -> Result<String, String> {
        let bare = self.url.split(['{', '?', '#']).next().unwrap_or_default();
        let url = Url::parse(bare).map_err(|_| "its `url` is none".to_owned())?;
        Ok(url.origin().ascii_serialization())
    }

    fn check(&self) -> Result<(), String> {
        if !is_tool_name(&self.name) {
            return Err(format!(
                "`{}` is no name of a tool: small letters, digits, - and _, beginning with a letter",
                self.name.chars().take(60).collect::<String>()
            ));
        }
        if !METHODS.contains(&self.method.as_str()) {
            return Err(format!("its `method` must be one of {}", METHODS.join(", ")));
        }
        if self.power == Power::Reads && !matches!(self.method.as_str(), "GET" | "POST") {
            return Err(format!("a tool that reads can't use {}", self.method));
        }
        if self.body.is_some() && self.method == "GET" {
            return Err("GET sends no `body`".to_owned());
        }
        if self.timeout_ms.is_some_and(|ms| !TIMEOUT.contains(&ms)) {
            return Err(format!(
                "its `timeout_ms` must be {} to {}",
                TIMEOUT.start(),
                TIMEOUT.end()
            ));
        }
        for (what, text) in [
            ("description", Some(&self.description)),
            ("confirm", self.confirm.as_ref()),
        ] {
            if text.is_some_and(|t| t.trim().is_empty() || t.chars().count() > LONGEST) {
                return Err(format!("its `{what}` must have 1 to {LONGEST} characters"));
            }
        }
        if self.confirm.is_some() && self.power == Power::Reads {
            return Err("a tool that reads asks nobody: leave `confirm` out, or make it guarded".to_owned());
        }
        self.check_headers()?;
        template::check_url(&self.url)?;
        self.check_places()
    }

    fn check_headers(&self) -> Result<(), String> {
        if self.headers.len() > MOST_HEADERS {
            return Err(format!("it has more than {MOST_HEADERS} headers"));
        }
        for (name, value) in &self.headers {
            if KEPT.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(format!("the header `{name}` is deskhand's own to set"));
            }
            if value.replace(SECRET, "").contains(['{', '}']) {
                return Err(format!("its header `{name}` may hold {SECRET} and no argument"));
            }
        }
        Ok(())
    }

    /// Every place is an argument that the schema has, or what the hands fill in.
    fn check_places(&self) -> Result<(), String> {
        let known: BTreeSet<&str> = self.input["properties"]
            .as_object()
            .map(|p| p.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let confirm = self.confirm.as_deref().unwrap_or_default();
        let mut places = template::places(&self.url);
        if let Some(body) = &self.body {
            template::places_of(body, &mut places);
        }
        let asked = template::places(confirm);
        if body.contains(SECRET) || self.url.contains(SECRET) {
            return Err(format!("{SECRET} may stand in a header only"));
        }
        for place in &places {
            if *place == template::EMAIL {
                if !self.verified {
                    return Err(format!("{{{}}} needs \"verified\": true", template::EMAIL));
                }
            } else if !known.contains(place.as_str()) {
                return Err(format!("{{{place}}} is no property of its `input`"));
            }
        }
        if let Some(place) = asked.iter().find(|p| !known.contains(p.as_str())) {
            return Err(format!(
                "`confirm` asks for {{{place}}}, which is no property of its `input`"
            ));
        }
        if self.confirm.is_some() {
            // A yes is given to what is shown.
            if let Some(hidden) = places
                .iter()
                .find(|p| **p != template::EMAIL && !asked.contains(*p))
            {
                return Err(format!("`confirm` must show {{{hidden}}}, since it is sent"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "name": "stock", "description": "How many there are.", "method": "GET",
            "url": "https://erp.example/stock/{sku}?place={place}",
            "headers": {"X-Key": "Token {secret}"},
            "input": {"type": "object", "properties": {"sku": {}, "place": {}}},
            "power": "reads",
        })
    }

    fn with(key: &str, value: Value) -> Result<Description, String> {
        let mut changed = good();
        changed[key] = value;
        Description::read(&changed)
    }

    #[test]
    fn mistakes_are_named() {
        let read = Description::read(&good()).unwrap();
        assert_eq!(read.origin().unwrap(), "https://erp.example");
        for (key, value, says) in [
            ("name", json!("Issue Refund"), "no name"),
            ("method", json!("TRACE"), "one of GET"),
            ("method", json!("DELETE"), "can't use DELETE"),
            ("url", json!("https://{host}/x"), "path"),
            ("url", json!("https://erp.example/{nothing}"), "{nothing}"),
            ("url", json!("https://erp.example/{secret}"), "header only"),
            ("url", json!("ftp://erp.example/"), "http"),
            ("url", json!("https://u:p@erp.example/"), "user"),
            ("url", json!("https://erp.example/#{sku}"), "#"),
            ("headers", json!({"Host": "evil.example"}), "own to set"),
            ("headers", json!({"X-A": "{sku}"}), "no argument"),
            ("timeout_ms", json!(60_000), "100 to 10000"),
            ("body", json!({}), "GET sends"),
            ("power", json!("admin"), "power"),
            ("extra", json!(1), "extra"),
            ("confirm", json!("Really?"), "reads asks nobody"),
        ] {
            let error = with(key, value).unwrap_err();
            assert!(error.contains(says), "{error} for {key}, {says}");
        }
        let mut write = good();
        write["method"] = json!("POST");
        write["power"] = json!("guarded");
        write["body"] = json!({"to": "{verified_email}", "sku": "{sku}"});
        assert!(Description::read(&write).unwrap_err().contains("\"verified\""));
        write["verified"] = json!(true);
        write["confirm"] = json!("Reserve {sku}?");
        assert!(Description::read(&write).unwrap_err().contains("show {place}"));
        write["confirm"] = json!("Reserve {sku} at {place}?");
        assert!(Description::read(&write).is_ok());
    }
}
