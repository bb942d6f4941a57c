//! Another service measured beside the product in the same run: whatever answers a POST,
//! by the CPU that the kernel counts for its processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;

use crate::client::http;
use crate::measure::Cost;
use crate::product::family_cpu;
use crate::site;

/// The service.
#[derive(Debug, Clone)]
pub struct Peer {
    pub url: String,
    /// What is posted; `{}` is the question.
    pub body: String,
    /// The service's processes, each with its children.
    pub services: Vec<i32>,
    /// Those of its databases.
    pub databases: Vec<i32>,
}

impl Peer {
    /// Calls it so often, so many at once.
    pub async fn cost(&self, at_once: usize, calls: usize) -> Cost {
        let cpu = |pids: &[i32]| pids.iter().map(|pid| family_cpu(*pid)).sum::<f64>();
        let before = (cpu(&self.services), cpu(&self.databases));
        let begun = Instant::now();
        self.calls(at_once, calls).await;
        let wall = begun.elapsed().as_secs_f64();
        let after = (cpu(&self.services), cpu(&self.databases));
        let n = calls as f64;
        Cost {
            server: 1e3 * (after.0 - before.0) / n,
            database: 1e3 * (after.1 - before.1) / n,
            a_second: n / wall,
            transactions: f64::NAN,
        }
    }

    async fn calls(&self, at_once: usize, calls: usize) {
        let (http, next) = (http(), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..at_once {
            let (http, next, peer) = (http.clone(), Arc::clone(&next), self.clone());
            clients.spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= calls {
                        return;
                    }
                    let body = peer.body.replace("{}", &site::question(n));
                    let request = http.post(&peer.url).header("content-type", "application/json");
                    let response = request.body(body).send().await.unwrap();
                    let status = response.status();
                    let said = response.bytes().await.unwrap();
                    assert!(status.is_success(), "{}: {status} {said:?}", peer.url);
                }
            });
        }
        clients.join_all().await;
    }
}
