//! Events that a site tells by the bridge (EVT-4): the envelope, what must be in it for each
//! type, and the one shape that handlers work on (EVT-2).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::address;
use crate::domain::ids::{EventId, SiteId};
use crate::domain::text::is_odd;

/// A form of the site was filled in.
pub const FORM_SUBMITTED: &str = "form.submitted";
/// What the types begin with that tell of an order.
const ORDER: &str = "order.";

/// The longest type, and the longest reference and key, in characters.
const TYPE: usize = 64;
const NAME: usize = 200;
/// Fields of a form, and the longest text in one, in characters.
const FIELDS: usize = 100;
const TEXT: usize = 20_000;

/// An event as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// For example `form.submitted` or `order.paid`: words with dots between, in small letters.
    pub event_type: String,
    /// What it is about, in the site's words: `order:1001`.
    pub object_ref: String,
    /// The same as in X-Idempotency-Key.
    pub idempotency_key: String,
    /// When it happened; may be long ago, if the sender had to wait.
    #[serde(deserialize_with = "crate::domain::time::written")]
    pub occurred_at: DateTime<Utc>,
    /// An object; what must be in it depends on the type.
    pub data: Map<String, Value>,
}

/// A field that isn't as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct BadField {
    /// A JSON pointer.
    pub pointer: &'static str,
    /// What may be given.
    pub detail: String,
}

fn bad(pointer: &'static str, detail: impl Into<String>) -> BadField {
    BadField {
        pointer,
        detail: detail.into(),
    }
}

impl Envelope {
    /// Checks what is the same for all types.
    ///
    /// # Errors
    /// When a field isn't as it must be.
    pub fn check(&self) -> Result<(), BadField> {
        if !is_type(&self.event_type) {
            return Err(bad(
                "/event_type",
                "Two to four words in small letters with dots between, such as form.submitted; at most 64 characters.",
            ));
        }
        for (pointer, text) in [
            ("/object_ref", &self.object_ref),
            ("/idempotency_key", &self.idempotency_key),
        ] {
            if !(1..=NAME).contains(&text.chars().count()) || text.chars().any(is_odd) {
                return Err(bad(pointer, "1 to 200 characters, without control characters."));
            }
        }
        Ok(())
    }

    /// Whether it tells of an order.
    #[must_use]
    pub fn is_order(&self) -> bool {
        self.event_type.starts_with(ORDER)
    }
}

/// Checks texts that may be left out, each with its place and its most characters.
fn bounded(texts: &[(&'static str, &Option<String>, usize)]) -> Result<(), BadField> {
    let odd = |(_, text, most): &&(_, &Option<String>, usize)| {
        text.as_ref()
            .is_some_and(|t| t.chars().count() > *most || t.contains('\0'))
    };
    texts.iter().find(odd).map_or(Ok(()), |(pointer, _, most)| {
        let detail = format!("At most {most} characters, without U+0000.");
        Err(bad(pointer, detail))
    })
}

fn is_type(text: &str) -> bool {
    let words: Vec<&str> = text.split('.').collect();
    text.len() <= TYPE
        && (2..=4).contains(&words.len())
        && words.iter().all(|w| {
            w.starts_with(|c: char| c.is_ascii_lowercase())
                && w.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
}

/// The data of `form.submitted`: `message`, or at least one field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Form {
    /// The form's title; heads the ticket where there is no subject.
    #[serde(default)]
    pub form_title: Option<String>,
    /// The plugin that the form is of.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The address to reply to.
    #[serde(default)]
    pub email: Option<String>,
    /// Who wrote.
    #[serde(default)]
    pub name: Option<String>,
    /// For whom.
    #[serde(default)]
    pub company: Option<String>,
    /// About what.
    #[serde(default)]
    pub subject: Option<String>,
    /// The text.
    #[serde(default)]
    pub message: Option<String>,
    /// The page that the form is on.
    #[serde(default)]
    pub page: Option<String>,
    /// All that was filled in, in the form's order.
    #[serde(default)]
    pub fields: Vec<FormField>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FormField {
    /// What the form calls it.
    pub name: String,
    /// What was filled in.
    pub value: String,
}

impl Form {
    /// Checks it.
    ///
    /// # Errors
    /// When a field isn't as it must be.
    pub fn check(&self) -> Result<(), BadField> {
        bounded(&[
            ("/data/form_title", &self.form_title, NAME),
            ("/data/plugin", &self.plugin, NAME),
            ("/data/email", &self.email, 254),
            ("/data/name", &self.name, NAME),
            ("/data/company", &self.company, NAME),
            ("/data/subject", &self.subject, 500),
            ("/data/message", &self.message, TEXT),
            ("/data/page", &self.page, 2_000),
        ])?;
        if self.fields.len() > FIELDS {
            return Err(bad("/data/fields", "At most 100 fields."));
        }
        if self.fields.iter().any(|f| {
            f.name.chars().count() > NAME
                || f.value.chars().count() > TEXT
                || f.name.contains('\0')
                || f.value.contains('\0')
        }) {
            return Err(bad(
                "/data/fields",
                "Names of at most 200 and values of at most 20000 characters, without U+0000.",
            ));
        }
        let blank = |text: &Option<String>| text.as_deref().is_none_or(|t| t.trim().is_empty());
        if blank(&self.message) && self.fields.iter().all(|f| f.value.trim().is_empty()) {
            return Err(bad(
                "/data",
                "`message`, or at least one field that was filled in.",
            ));
        }
        Ok(())
    }

    /// The address to reply to, if it is one.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.email
            .as_deref()
            .map(str::trim)
            .filter(|email| address::is_email(email))
    }
}

/// The data of what tells of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderChange {
    /// The order's number at the shop, or its id.
    pub order_id: OrderRef,
    /// Its state now.
    #[serde(default)]
    pub status: Option<String>,
    /// Its total, as a decimal.
    #[serde(default)]
    pub total: Option<String>,
    /// Of the total, ISO 4217.
    #[serde(default)]
    pub currency: Option<String>,
    /// The billing address.
    #[serde(default)]
    pub email: Option<String>,
    /// The customer's account.
    #[serde(default)]
    pub wp_user_id: Option<i64>,
}

/// A number or a text; WordPress has both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum OrderRef {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

impl OrderChange {
    /// Checks it.
    ///
    /// # Errors
    /// When a field isn't as it must be.
    pub fn check(&self) -> Result<(), BadField> {
        if let OrderRef::Text(text) = &self.order_id
            && (!(1..=64).contains(&text.chars().count()) || text.chars().any(is_odd))
        {
            return Err(bad("/data/order_id", "A number, or 1 to 64 characters."));
        }
        bounded(&[
            ("/data/status", &self.status, 64),
            ("/data/total", &self.total, 64),
            ("/data/currency", &self.currency, 3),
            ("/data/email", &self.email, 254),
        ])?;
        if self.wp_user_id.is_some_and(|id| id < 0) {
            return Err(bad("/data/wp_user_id", "A user's number; 0 or none for a guest."));
        }
        Ok(())
    }
}

/// The one shape of events, wherever they come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Canonical {
    /// Who did it, as far as is known.
    pub actor: Actor,
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub action: Action,
    /// The rest, as it came.
    pub data: Map<String, Value>,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The site.
    pub tenant_id: SiteId,
}

/// Who did something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// Their id at the source.
    pub id: Option<String>,
    /// Their address.
    pub email: Option<String>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Its id at the source.
    pub id: String,
    /// What it is: `form`, `order`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// In a word: `submitted`, `paid`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Why, where the source says so.
    pub reason: Option<String>,
}

impl Envelope {
    /// The same in the one shape.
    #[must_use]
    pub fn canonical(self, site: SiteId) -> Canonical {
        let (kind, action) = self.event_type.split_once('.').unwrap_or((&self.event_type, ""));
        let text = |key: &str| self.data.get(key).and_then(Value::as_str).map(str::to_owned);
        let id = match self.data.get("wp_user_id").and_then(Value::as_i64) {
            Some(id) if id > 0 => Some(id.to_string()),
            _ => None,
        };
        // `order:1001` names the order 1001; other references are as the site likes them.
        let prefix = format!("{kind}:");
        let subject = self.object_ref.strip_prefix(&prefix).unwrap_or(&self.object_ref);
        Canonical {
            actor: Actor {
                id,
                email: text("email").filter(|e| address::is_email(e.trim())),
            },
            subject: Subject {
                id: subject.to_owned(),
                kind: kind.to_owned(),
            },
            action: Action {
                kind: action.to_owned(),
                reason: text("reason"),
            },
            occurred_at: self.occurred_at,
            tenant_id: site,
            data: self.data,
        }
    }
}

/// What an event's body is sealed for.
#[must_use]
pub fn sealed_for(site: SiteId, event: EventId) -> String {
    format!("site/{site}/bridge_event/{event}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(event_type: &str, object_ref: &str, data: Value) -> Envelope {
        serde_json::from_value(json!({
            "event_type": event_type, "object_ref": object_ref, "idempotency_key": "k",
            "occurred_at": "2026-11-27T10:00:00Z", "data": data,
        }))
        .unwrap()
    }

    #[test]
    fn types_are_words_with_dots() {
        for good in ["form.submitted", "order.paid", "my_plugin.thing.v2"] {
            assert_eq!(envelope(good, "x", json!({})).check(), Ok(()), "{good}");
        }
        let long = format!("a.{}", "b".repeat(63));
        for wrong in [
            "",
            "form",
            "Form.submitted",
            "form..x",
            "form.",
            ".x",
            "a.1",
            "a b.c",
            "a.b.c.d.e",
            &long,
        ] {
            assert_eq!(
                envelope(wrong, "x", json!({})).check().map_err(|b| b.pointer),
                Err("/event_type"),
                "{wrong}"
            );
        }
        assert!(envelope("a.b", "", json!({})).check().is_err());
        assert!(envelope("a.b", "x\u{7}", json!({})).check().is_err());
    }

    #[test]
    fn a_form_has_something_in_it() {
        let read = |data: Value| serde_json::from_value::<Form>(data).unwrap();
        assert!(read(json!({})).check().is_err());
        assert!(
            read(json!({"message": " ", "fields": [{"name": "a", "value": ""}]}))
                .check()
                .is_err()
        );
        let form =
            read(json!({"email": " anna@example.com ", "fields": [{"name": "a", "value": "b"}], "later": 1}));
        assert_eq!((form.check(), form.address()), (Ok(()), Some("anna@example.com")));
        assert_eq!(read(json!({"email": "anna", "message": "x"})).address(), None);
        assert!(read(json!({"message": "x".repeat(20_001)})).check().is_err());
        let many: Vec<Value> = (0..101).map(|_| json!({"name": "a", "value": "b"})).collect();
        assert_eq!(
            read(json!({ "fields": many })).check().unwrap_err().pointer,
            "/data/fields"
        );
    }

    #[test]
    fn an_order_is_named_by_number_or_text() {
        let read = |data: Value| serde_json::from_value::<OrderChange>(data);
        assert_eq!(
            read(json!({"order_id": 12, "wp_user_id": 7})).unwrap().check(),
            Ok(())
        );
        assert_eq!(read(json!({"order_id": "A-12"})).unwrap().check(), Ok(()));
        assert!(read(json!({"order_id": ""})).unwrap().check().is_err());
        assert!(
            read(json!({"order_id": 1, "wp_user_id": -1}))
                .unwrap()
                .check()
                .is_err()
        );
        assert!(read(json!({"order_id": {}})).is_err() && read(json!({})).is_err());
    }

    #[test]
    fn every_event_has_the_one_shape() {
        let site = SiteId::new();
        let paid = envelope(
            "order.paid",
            "order:1001",
            json!({"order_id": 1001, "email": "a@b.example", "wp_user_id": 7}),
        );
        let paid = paid.canonical(site);
        assert_eq!(
            (paid.subject.id.as_str(), paid.subject.kind.as_str()),
            ("1001", "order")
        );
        assert_eq!((paid.action.kind.as_str(), paid.action.reason), ("paid", None));
        assert_eq!(
            (paid.actor.id.as_deref(), paid.actor.email.as_deref()),
            (Some("7"), Some("a@b.example"))
        );
        let own = envelope(
            "booking.moved.twice",
            "B7",
            json!({"reason": "rain", "email": "nobody"}),
        )
        .canonical(site);
        assert_eq!(
            (own.subject.id.as_str(), own.subject.kind.as_str()),
            ("B7", "booking")
        );
        assert_eq!(
            (own.action.kind.as_str(), own.action.reason.as_deref()),
            ("moved.twice", Some("rain"))
        );
        assert_eq!(own.actor, Actor::default());
        assert_eq!(own.tenant_id, site);
    }
}
