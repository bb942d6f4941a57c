//! A ticket by a signed webhook (Standard Webhooks): `webhook-id` names the change and stays the
//! same at each try, so that the other side knows a repeat.

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Leaving, MirrorError, TIME, allowed, judge};
use crate::db::connections::Connection;
use crate::db::mirrors::{Begun, Sent};
use crate::domain::signature;
use crate::knowledge::fetch::{Exchange, Fetcher};

/// What is kept of an answer.
const MOST: usize = 16 << 10;

/// Sends a ticket as it is now.
pub(super) async fn send(
    fetcher: &Fetcher,
    to: &Connection,
    secret: &SecretString,
    leaving: &Leaving,
    begun: &Begun,
    now: DateTime<Utc>,
) -> Result<Sent, MirrorError> {
    let t = &leaving.ticket;
    let kind = if begun.sent_rev == 0 {
        "ticket.created"
    } else {
        "ticket.updated"
    };
    let mut data = serde_json::to_value(t).map_err(|_| unsendable())?;
    data["rev"] = json!(t.rev);
    data["notes"] = serde_json::to_value(&leaving.notes).map_err(|_| unsendable())?;
    let event = json!({
        "type": kind,
        "timestamp": t.updated_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": data,
    });
    post(
        fetcher,
        to,
        secret,
        &format!("ticket_{}_{}", t.id, t.rev),
        &event,
        now,
    )
    .await?;
    Ok(Sent::default())
}

/// Sends a message that says nothing, to see whether the other side takes it.
///
/// # Errors
/// When it doesn't.
pub async fn ping(
    fetcher: &Fetcher,
    to: &Connection,
    secret: &SecretString,
    now: DateTime<Utc>,
) -> Result<(), MirrorError> {
    let event = json!({
        "type": "ping", "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true), "data": {},
    });
    post(
        fetcher,
        to,
        secret,
        &format!("ping_{}", uuid::Uuid::now_v7()),
        &event,
        now,
    )
    .await
}

fn unsendable() -> MirrorError {
    MirrorError::new("unsendable", "The ticket can't be written as JSON.", true)
}

async fn post(
    fetcher: &Fetcher,
    to: &Connection,
    secret: &SecretString,
    id: &str,
    event: &Value,
    now: DateTime<Utc>,
) -> Result<(), MirrorError> {
    let url = to.config["url"].as_str().unwrap_or_default();
    let body = serde_json::to_vec(event).map_err(|_| unsendable())?;
    let timestamp = now.timestamp().to_string();
    let signed = signature::standard(secret.expose_secret(), id, &timestamp, &body);
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| unsendable());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", value(id)?);
    headers.insert("webhook-timestamp", value(&timestamp)?);
    headers.insert("webhook-signature", value(&signed)?);
    let exchange = Exchange {
        method: Method::POST,
        url,
        headers,
        body,
        most: MOST,
        time: TIME,
    };
    let answer = fetcher.exchange(exchange, &allowed(url)?).await?;
    judge(&answer, "The other side")
}
