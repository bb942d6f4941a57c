//! `POST /webhooks/order_updated`: a shop tells that something about an order has changed, so
//! that the customer's profile is asked for anew (WP-7). A hint and no record: told twice it does
//! the same, and nothing of it is kept.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::body;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use super::webhooks;
use crate::domain::bridge::{Actor, OrderChange};
use crate::domain::ids::SiteId;
use crate::domain::signature::WORDPRESS;
use crate::domain::webhook::{Instant, TOLERANCE};
use crate::events::orders;

/// What a shop tells.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct OrderUpdated {
    /// The same as in `X-Site-ID`.
    #[schema(value_type = uuid::Uuid)]
    site_id: SiteId,
    /// The site's time: seconds since 1970, or RFC 3339.
    #[schema(value_type = serde_json::Value)]
    timestamp: Instant,
    #[serde(flatten)]
    order: OrderChange,
}

/// An order, or a subscription, has changed: its customer is asked about anew.
#[utoipa::path(
    post, path = "/webhooks/order_updated", tag = "intake", request_body = OrderUpdated,
    params(
        ("X-Site-ID" = uuid::Uuid, Header, description = "the site"),
        ("X-WP-Signature" = String, Header, description = "hex, with or without `sha256=` before it"),
        ("X-Key-Id" = Option<String>, Header, description = "the secret's id, while it is being rotated"),
    ),
    responses(
        (status = 204, description = "Heard"),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "bad_signature, stale_timestamp", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
        (status = 503, description = "not_ready", body = ProblemBody),
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    raw: Bytes,
) -> Result<StatusCode, Problem> {
    let heard = hear(&app, &headers, &raw).await.map(|()| StatusCode::NO_CONTENT);
    webhooks::count("orders", heard.as_ref().copied());
    heard
}

async fn hear(app: &Arc<App>, headers: &HeaderMap, raw: &[u8]) -> Result<(), Problem> {
    let (site, _) = webhooks::signer(app, &WORDPRESS, headers, raw, "").await?;
    let told: OrderUpdated = body::parse(raw)?;
    if told.site_id != site {
        return Err(Problem::field("/site_id", "The same as in X-Site-ID."));
    }
    let now = app.clock.now();
    let Instant(sent) = told.timestamp;
    if (now - sent).abs() > TOLERANCE {
        let detail = format!(
            "`timestamp` is more than {} seconds from now; sign it anew.",
            TOLERANCE.num_seconds()
        );
        return Err(Problem::new(Code::StaleTimestamp, detail).at(now));
    }
    told.order.check().map_err(|bad| {
        // The fields stand in the body itself here.
        Problem::field(bad.pointer.trim_start_matches("/data"), bad.detail)
    })?;
    let customer = Actor {
        id: told
            .order
            .wp_user_id
            .filter(|id| *id > 0)
            .map(|id| id.to_string()),
        email: told.order.email,
    };
    let mut tx = app.db.site(site).await?;
    let profiles = orders::refresh(&mut tx, &app.master, &customer).await?;
    tx.commit().await?;
    tracing::debug!(profiles, site = site.hashed(), "an order has changed");
    Ok(())
}
