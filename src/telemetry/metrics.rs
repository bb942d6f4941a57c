//! Metrics for Prometheus: the recorder behind the `metrics` macros, and its text. Without
//! [`install`] the macros cost next to nothing and record nothing.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use super::catalogue::{Kind, METRICS};

/// Upper bounds of the histograms' buckets, in seconds: from a cached search to a whole turn.
const BUCKETS: [f64; 16] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.5, 6.0, 10.0, 30.0, 60.0,
];
/// How often samples are added up when nobody looks.
const UPKEEP: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record. A second call changes nothing.
pub fn install() {
    let Ok(builder) = PrometheusBuilder::new().set_buckets(&BUCKETS) else {
        return;
    };
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        for m in METRICS {
            match m.kind {
                Kind::Counter => metrics::describe_counter!(m.name, m.meaning),
                Kind::Gauge => metrics::describe_gauge!(m.name, m.meaning),
                Kind::Histogram => metrics::describe_histogram!(m.name, m.meaning),
            }
        }
        let _ = HANDLE.set(handle);
    }
}

/// Prometheus' text; None while nothing is recorded.
#[must_use]
pub fn text() -> Option<String> {
    HANDLE.get().map(PrometheusHandle::render)
}

/// Adds samples up until `stop`: histograms keep each one until then.
pub async fn upkeep(stop: CancellationToken) {
    let Some(handle) = HANDLE.get() else { return };
    while stop
        .run_until_cancelled(tokio::time::sleep(UPKEEP))
        .await
        .is_some()
    {
        handle.run_upkeep();
    }
}
