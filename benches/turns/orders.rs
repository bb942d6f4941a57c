//! Conversations in which an order is looked up, many at once, beside as many in which the pages are
//! searched: each a visitor of its own who asks one question. Any error ends the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::client::{Visitor, http};
use crate::measure::{self, Cost};
use crate::product::Running;
use crate::site;

/// The demo's orders with their billing e-mails, and what they cost.
const ORDERS: [(&str, &str, &str); 8] = [
    ("1001", "anna.huber@example.com", "89.00"),
    ("1002", "ben.okafor@example.com", "429.00"),
    ("1003", "clara.meier@example.com", "118.00"),
    ("1004", "anna.huber@example.com", "38.70"),
    ("1005", "dev.patel@example.com", "199.00"),
    ("1006", "elif.kaya@example.com", "64.00"),
    ("1007", "finn.larsen@example.com", "149.00"),
    ("1008", "greta.rossi@example.com", "100.00"),
];

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Orders,
    Pages,
}

/// The question of a conversation, and what its answer must have.
fn question(about: About, n: usize) -> (String, &'static str) {
    match about {
        About::Orders => {
            let (number, email, total) = ORDERS[n % ORDERS.len()];
            (
                format!("What does my order {number} cost? My e-mail is {email}"),
                total,
            )
        }
        About::Pages => (site::question(n % site::QUESTIONS), "[1]"),
    }
}

/// What a conversation took, and how long the answers were waited for.
pub struct Measured {
    pub cost: Cost,
    pub waited_ms: Vec<f64>,
    pub errors: Vec<String>,
}

/// Holds so many conversations, so many at once.
pub async fn conversations(
    running: &Running,
    database: &mut PgConnection,
    about: About,
    turns: usize,
    at_once: usize,
) -> Measured {
    let http = http();
    let mut visitors = Vec::with_capacity(turns);
    for _ in 0..turns {
        visitors.push(Visitor::new(&http, &running.base, None).await);
    }
    let (visitors, next) = (Arc::new(visitors), Arc::new(AtomicUsize::new(0)));
    measure::forget(database).await;
    let before = measure::now(running, database).await;
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..at_once {
        let (visitors, next) = (Arc::clone(&visitors), Arc::clone(&next));
        clients.spawn(async move {
            let (mut waited, mut errors) = (Vec::new(), Vec::new());
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(visitor) = visitors.get(n) else {
                    return (waited, errors);
                };
                let (text, wanted) = question(about, n);
                let asked = Instant::now();
                match visitor.ask(&text).await {
                    Ok(a) if a.outcome == "answered" && a.text.contains(wanted) => {
                        waited.push(1e3 * asked.elapsed().as_secs_f64());
                    }
                    other => errors.push(format!("{text}: {other:?}")),
                }
            }
        });
    }
    let mut all = Measured {
        cost: Cost::default(),
        waited_ms: Vec::new(),
        errors: Vec::new(),
    };
    for (waited, errors) in clients.join_all().await {
        all.waited_ms.extend(waited);
        all.errors.extend(errors);
    }
    let wall = begun.elapsed().as_secs_f64();
    let after = measure::now(running, database).await;
    all.cost = measure::between(before, after, turns, wall);
    all.waited_ms.sort_by(f64::total_cmp);
    all
}
