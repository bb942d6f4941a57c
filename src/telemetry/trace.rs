//! Traces: which spans are exported, where they go, and how a trace comes in with a request
//! and goes out to a provider (W3C `traceparent`). A span is exported only if it is made
//! with [`TARGET`], so that no library's span or log line ends up in a trace.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanExporter};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::task::TaskTracker;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::export::{self, Queue};

/// The target of spans that are exported; log lines don't show them.
pub const TARGET: &str = "deskhand::trace";
/// How long a stop waits for what is left.
const LAST: Duration = Duration::from_secs(3);

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The collector's OTLP/HTTP address, for example `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Sent with each request.
    pub headers: Vec<(String, SecretString)>,
    /// What the service is called there.
    pub service: String,
    /// The share of traces that is exported, 0 to 1. The trace's id decides, so that all
    /// services with the same share keep the same traces.
    pub ratio: f64,
}

/// An address or header that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("traces can't be exported: {0}")]
pub struct TraceError(String);

/// The exporter.
pub struct Traces {
    provider: SdkTracerProvider,
    queue: Queue,
}

impl Traces {
    /// Exports to a collector; needs a runtime, and sends nothing yet.
    ///
    /// # Errors
    /// When the address or a header can't be used.
    pub fn start(settings: &TraceSettings) -> Result<Self, TraceError> {
        let unusable = |e: &dyn std::fmt::Display| TraceError(e.to_string());
        let http = reqwest::Client::builder()
            .timeout(export::REQUEST)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| unusable(&e))?;
        let base = settings.endpoint.trim_end_matches('/');
        let path = if base.ends_with("/v1/traces") {
            ""
        } else {
            "/v1/traces"
        };
        let headers: HashMap<String, String> = settings
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(http)
            .with_endpoint(format!("{base}{path}"))
            .with_headers(headers)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(export::REQUEST)
            .build()
            .map_err(|e| unusable(&e))?;
        Ok(Self::with(exporter, &settings.service, settings.ratio))
    }

    /// Exports to whatever takes spans.
    #[must_use]
    pub fn with(mut exporter: impl SpanExporter + 'static, service: &str, ratio: f64) -> Self {
        let resource = Resource::builder_empty()
            .with_service_name(service.to_owned())
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        exporter.set_resource(&resource);
        let queue = Queue::to(exporter, export::REQUEST, &TaskTracker::new());
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::TraceIdRatioBased(ratio))
            .with_resource(resource)
            .with_span_processor(queue.clone())
            .build();
        Self { provider, queue }
    }

    /// What makes traces of spans.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("deskhand"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        super::exported(layer)
    }

    /// Sends what is left, for a bounded time.
    pub async fn stop(&self) {
        self.queue.flush(LAST).await;
    }
}

/// Makes a span part of the caller's trace, if what it sent is a `traceparent`.
pub fn follow(span: &Span, traceparent: &str) {
    if let Some(parent) = read(traceparent) {
        // Nothing to do where traces are off.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// `traceparent` of the span that is current now, for a request to somebody else.
#[must_use]
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        let sampled = u8::from(span.is_sampled());
        format!("00-{}-{}-{sampled:02x}", span.trace_id(), span.span_id())
    })
}

/// Version 00 of the header; later versions begin the same way.
fn read(header: &str) -> Option<SpanContext> {
    let mut parts = header.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let well_formed = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    if !well_formed || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1),
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_traceparent_is_one() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = read(good).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id().to_string(), "b7ad6b7169203331");
        assert!(context.is_sampled() && context.is_remote());
        assert!(read("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").is_some());
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-zaf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
