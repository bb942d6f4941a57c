//! The way of ended spans to the collector: a bounded queue that never makes anybody wait,
//! and one task that sends in batches. What finds no place, or no collector, is dropped and
//! counted; a stop waits a bounded time for what is left.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// Spans that may wait.
pub const QUEUE: usize = 4_096;
/// Spans of one request at most.
const BATCH: usize = 256;
/// How long the first span of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long one request may take.
pub const REQUEST: Duration = Duration::from_secs(5);

enum Item {
    Span(Box<SpanData>),
    Flush(oneshot::Sender<()>),
}

/// Where ended spans go.
#[derive(Clone)]
pub struct Queue(mpsc::Sender<Item>);

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Queue").field(&self.0.capacity()).finish()
    }
}

impl Queue {
    /// A queue and the task that empties it, which ends when the queue is dropped. A request
    /// that takes longer than `most` is given up.
    #[must_use]
    pub fn to(exporter: impl SpanExporter + 'static, most: Duration, tasks: &TaskTracker) -> Self {
        let (give, take) = mpsc::channel(QUEUE);
        tasks.spawn(send(exporter, most, take));
        Self(give)
    }

    /// Waits until all that has ended by now is sent or dropped, at most so long.
    pub async fn flush(&self, at_most: Duration) {
        let (done, all) = oneshot::channel();
        let flushed = async {
            if self.0.send(Item::Flush(done)).await.is_ok() {
                let _ = all.await;
            }
        };
        if tokio::time::timeout(at_most, flushed).await.is_err() {
            tracing::warn!("the last traces couldn't be sent in time");
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.0.try_send(Item::Span(Box::new(span))).is_err() {
            dropped("queue_full", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

async fn send(exporter: impl SpanExporter, most: Duration, mut items: mpsc::Receiver<Item>) {
    let mut away = false;
    while let Some(first) = items.recv().await {
        let (mut batch, mut flushed) = (Vec::new(), None);
        let until = tokio::time::Instant::now() + GATHER;
        let mut item = Some(first);
        while let Some(next) = item.take() {
            match next {
                Item::Span(span) => batch.push(*span),
                Item::Flush(done) => flushed = Some(done),
            }
            if flushed.is_none() && batch.len() < BATCH {
                item = tokio::time::timeout_at(until, items.recv()).await.ok().flatten();
            }
        }
        let spans = batch.len();
        if spans > 0 {
            let sent = tokio::time::timeout(most, exporter.export(batch)).await;
            let failed = !matches!(sent, Ok(Ok(())));
            if failed {
                dropped("collector", spans);
            }
            // Said once an outage; the counter tells how much was lost.
            if failed && !away {
                tracing::warn!("the collector of traces is away; traces are dropped until it is back");
            }
            away = failed;
        }
        if let Some(done) = flushed {
            let _ = done.send(());
        }
    }
}

fn dropped(reason: &'static str, spans: usize) {
    metrics::counter!("deskhand_spans_dropped_total", "reason" => reason).increment(spans as u64);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tokio::sync::Semaphore;

    use super::*;

    /// Takes batches when a permit is there.
    #[derive(Debug, Clone)]
    struct Slow {
        got: Arc<Mutex<Vec<usize>>>,
        permits: Arc<Semaphore>,
        works: bool,
    }

    impl SpanExporter for Slow {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.permits.acquire().await.unwrap().forget();
            self.got.lock().unwrap().push(batch.len());
            if self.works {
                Ok(())
            } else {
                Err(OTelSdkError::InternalFailure("away".into()))
            }
        }
    }

    fn rig(permits: usize, works: bool, most: Duration) -> (Queue, Slow, SdkTracerProvider, TaskTracker) {
        let exporter = Slow {
            got: Arc::default(),
            permits: Arc::new(Semaphore::new(permits)),
            works,
        };
        let tasks = TaskTracker::new();
        let queue = Queue::to(exporter.clone(), most, &tasks);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue.clone())
            .build();
        (queue, exporter, provider, tasks)
    }

    #[tokio::test]
    async fn a_flush_sends_what_waits_and_a_failure_keeps_nothing_back() {
        for works in [true, false] {
            let (queue, exporter, provider, _tasks) = rig(100, works, REQUEST);
            for _ in 0..BATCH + 10 {
                drop(provider.tracer("t").start("s"));
            }
            queue.flush(Duration::from_secs(60)).await;
            assert_eq!(*exporter.got.lock().unwrap(), [BATCH, 10], "works: {works}");
        }
    }

    #[tokio::test]
    async fn a_collector_that_hangs_costs_spans_and_nobodys_time() {
        let (queue, exporter, provider, tasks) = rig(0, true, Duration::from_millis(5));
        // Nobody waits here, however many spans end.
        for _ in 0..QUEUE + 1_000 {
            drop(provider.tracer("t").start("s"));
        }
        assert_eq!(queue.0.capacity(), 0, "the queue is full, the rest was dropped");
        // Each request is given up after its time; then the queue is empty again.
        queue.flush(Duration::from_secs(60)).await;
        assert!(exporter.got.lock().unwrap().is_empty());
        assert_eq!(queue.0.capacity(), QUEUE);
        drop((queue, provider));
        tasks.close();
        tasks.wait().await;
    }
}
