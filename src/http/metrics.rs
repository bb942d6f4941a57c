//! `GET /metrics`: what Prometheus reads. By default only for callers on this machine that
//! came through no proxy: a proxy's own address is this machine's too.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::{Code, Problem};
use super::state::App;
use crate::db::jobs;
use crate::telemetry;

/// How old the queue's numbers may be.
const FRESH: Duration = Duration::from_secs(5);
/// How long the database may take for them.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a proxy adds.
const PROXIED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// Who gets metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Callers on this machine.
    #[default]
    Loopback,
    /// Everybody who reaches the port.
    All,
    /// Nobody; nothing is recorded.
    Off,
}

impl Access {
    fn lets(self, peer: IpAddr, headers: &HeaderMap) -> bool {
        match self {
            Self::All => true,
            Self::Off => false,
            Self::Loopback => {
                peer.to_canonical().is_loopback() && !PROXIED.iter().any(|name| headers.contains_key(*name))
            }
        }
    }
}

/// When the queue was last looked at.
#[derive(Debug, Default)]
pub struct Looked(Mutex<Option<Instant>>);

/// `GET /metrics`
pub async fn get(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let none = || Problem::new(Code::NotFound, "No such path.");
    if !app.settings.metrics.lets(peer.ip(), &headers) {
        return Err(none());
    }
    queue(&app).await;
    #[expect(clippy::cast_precision_loss, reason = "numbers of open things are small")]
    {
        let open = app.settings.streams_at_once - app.streams.available_permits();
        metrics::gauge!("deskhand_streams_open").set(open as f64);
        metrics::gauge!("deskhand_turns_running").set(app.agent.running() as f64);
    }
    let text = telemetry::metrics::text().ok_or_else(none)?;
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response())
}

/// Reads how the queue stands, unless that was done a moment ago. When the database is away
/// the last numbers stay.
async fn queue(app: &App) {
    let mut last = app.looked.0.lock().await;
    if last.is_some_and(|at| at.elapsed() < FRESH) {
        return;
    }
    match tokio::time::timeout(PATIENCE, jobs::due(&app.db)).await {
        Ok(Ok(kinds)) => {
            for k in kinds {
                #[expect(clippy::cast_precision_loss, reason = "no queue is that long")]
                metrics::gauge!("deskhand_jobs_waiting", "kind" => k.kind).set(k.waiting as f64);
                metrics::gauge!("deskhand_jobs_oldest_seconds", "kind" => k.kind).set(k.oldest_seconds);
            }
        }
        Ok(Err(error)) => tracing::warn!(%error, "the queue can't be measured"),
        Err(_) => tracing::warn!("the queue can't be measured in time"),
    }
    *last = Some(Instant::now());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_for_this_machine_unless_it_is_a_proxy() {
        let none = HeaderMap::new();
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let away: IpAddr = "192.0.2.7".parse().unwrap();
        assert!(Access::Loopback.lets(here, &none) && Access::Loopback.lets(mapped, &none));
        assert!(!Access::Loopback.lets(away, &none));
        for name in PROXIED {
            let mut headers = HeaderMap::new();
            headers.insert(name, axum::http::HeaderValue::from_static("192.0.2.7"));
            assert!(!Access::Loopback.lets(here, &headers), "{name}");
            assert!(Access::All.lets(here, &headers));
        }
        assert!(Access::All.lets(away, &none));
        assert!(!Access::Off.lets(here, &none));
    }
}
