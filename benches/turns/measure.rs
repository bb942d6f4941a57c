//! The measurements: whole turns by their CPU, sentences by their delay, idle streams by
//! their memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::client::{Visitor, http};
use crate::product::{Cpu, Home, Running};
use crate::provider::{Pace, Provider};
use crate::site;

/// How turns are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Json,
    Stream,
}

/// A round of turns.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    pub way: Way,
    pub at_once: usize,
    pub turns: usize,
    /// The number of its first question.
    pub from: usize,
}

/// What a turn took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Milliseconds of CPU.
    pub server: f64,
    pub database: f64,
    pub a_second: f64,
    pub transactions: f64,
}

/// Asks the questions of a round, each up to three times until it is answered with a source:
/// on a busy machine a question's vector may take longer than a tool may.
pub async fn warm(running: &Running, round: Round) {
    ask(running, round, 3).await;
}

/// Asks the questions of a round; each has to be answered with a source.
pub async fn turns(running: &Running, round: Round) {
    ask(running, round, 1).await;
}

async fn ask(running: &Running, round: Round, tries: usize) {
    let (http, next) = (http(), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..round.at_once {
        let visitor = Visitor::new(&http, &running.base, None).await;
        let next = Arc::clone(&next);
        clients.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= round.turns {
                    return;
                }
                let question = site::question(round.from + n);
                let mut good = false;
                let mut said = String::new();
                for _ in 0..tries {
                    let answer = match round.way {
                        Way::Json => visitor.ask(&question).await,
                        Way::Stream => visitor.listen(&question).await,
                    };
                    let answer = answer.unwrap_or_else(|e| panic!("{question}: {e}"));
                    good = answer.outcome == "answered" && answer.text.contains("[1]");
                    said = format!("{answer:?}");
                    if good {
                        break;
                    }
                }
                assert!(good, "{question}: {said}");
            }
        });
    }
    clients.join_all().await;
}

/// Measures a round.
pub async fn cost(running: &Running, database: &mut PgConnection, round: Round) -> Cost {
    let before = now(running, database).await;
    let begun = Instant::now();
    turns(running, round).await;
    let wall = begun.elapsed().as_secs_f64();
    between(before, now(running, database).await, round.turns, wall)
}

/// What both have taken so far.
pub type Taken = (Cpu, i64);

/// What server and database have taken so far.
pub async fn now(running: &Running, database: &mut PgConnection) -> Taken {
    (running.cpu(), transactions(database).await)
}

/// What a turn took between two moments.
pub fn between(before: Taken, after: Taken, turns: usize, wall: f64) -> Cost {
    let turns = turns as f64;
    Cost {
        server: 1e3 * (after.0.server - before.0.server) / turns,
        database: 1e3 * (after.0.database - before.0.database) / turns,
        a_second: turns / wall,
        transactions: (after.1 - before.1) as f64 / turns,
    }
}

/// Transactions so far. Sessions report theirs within a second of becoming idle.
async fn transactions(database: &mut PgConnection) -> i64 {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let sum = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(sum).fetch_one(database).await.unwrap()
}

/// Makes the product forget what it found: its knowledge is another now. The questions'
/// vectors are kept.
pub async fn forget(database: &mut PgConnection) {
    let newer = "UPDATE knowledge_state SET revision = revision + 1";
    sqlx::query(newer).execute(database).await.unwrap();
}

/// Waits until no background work is left.
pub async fn settle(database: &mut PgConnection) {
    loop {
        let left = "SELECT count(*) FROM jobs WHERE state = 'running' OR state = 'waiting' AND run_at < now() + interval '5 s'";
        let left: i64 = sqlx::query_scalar(left).fetch_one(&mut *database).await.unwrap();
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Delays of first sentences, in milliseconds, sorted.
#[derive(Debug, Default)]
pub struct Delays {
    /// From the token that made its end certain.
    pub certain: Vec<f64>,
    /// From the last token of its mark.
    pub mark: Vec<f64>,
    pub failed: usize,
}

/// So many streams at once, each again and again for some rounds.
pub async fn delays(
    running: &Running,
    provider: &Arc<Provider>,
    at_once: usize,
    rounds: usize,
    pace: Pace,
) -> Delays {
    provider.set_pace(pace);
    let http = http();
    let mut clients = JoinSet::new();
    for client in 0..at_once {
        let visitor = Visitor::new(&http, &running.base, None).await;
        let provider = Arc::clone(provider);
        clients.spawn(async move {
            let mut delays = Delays::default();
            // Spread over one answer's time, as visitors are.
            tokio::time::sleep(Duration::from_millis(client as u64 * 17 % 1_000)).await;
            for round in 0..rounds {
                let question = site::question((round * at_once + client) % site::QUESTIONS);
                let answer = visitor.listen(&question).await;
                let written = provider.written(&question);
                let good = answer.ok().filter(|a| a.outcome == "answered");
                match (good.and_then(|a| a.first), written) {
                    (Some(first), Some(written)) => {
                        let since = |at: Instant| 1e3 * first.saturating_duration_since(at).as_secs_f64();
                        delays.certain.push(since(written.certain));
                        delays.mark.push(since(written.mark));
                    }
                    _ => delays.failed += 1,
                }
            }
            delays
        });
    }
    let mut all = Delays::default();
    for one in clients.join_all().await {
        all.certain.extend(one.certain);
        all.mark.extend(one.mark);
        all.failed += one.failed;
    }
    provider.set_pace(Pace::default());
    all.certain.sort_by(f64::total_cmp);
    all.mark.sort_by(f64::total_cmp);
    all
}

/// The share of sorted values.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted
        .get((last * share).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// Bytes that an idle stream takes, from `few` to `many` of them, on a server just started:
/// memory that turns have left free would be used again.
pub async fn idle(home: &Home, few: usize, many: usize) -> f64 {
    let running = home.serve();
    let visitor = Visitor::new(&http(), &running.base, None).await;
    let mut threads = Vec::with_capacity(many);
    let mut asking = JoinSet::new();
    for n in 0..many {
        if asking.len() == 16 {
            threads.extend(asking.join_next().await.map(Result::unwrap));
        }
        let visitor = visitor.clone();
        asking.spawn(async move { visitor.ask(&site::question(n % 50)).await.unwrap().thread });
    }
    threads.extend(asking.join_all().await);
    running.stop();
    let running = home.serve();
    let visitor = Visitor::new(&http(), &running.base, Some(&visitor.cookie)).await;
    let mut open = Vec::with_capacity(many);
    for thread in &threads[..few] {
        open.push(visitor.idle(thread).await);
    }
    let first = quiet(&running).await;
    for thread in &threads[few..] {
        open.push(visitor.idle(thread).await);
    }
    let second = quiet(&running).await;
    running.stop();
    (second as f64 - first as f64) / (many - few) as f64
}

/// The memory once it stays the same.
async fn quiet(running: &Running) -> u64 {
    let mut last = running.memory();
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = running.memory();
        if now.abs_diff(last) < 64 << 10 {
            return now;
        }
        last = now;
    }
}
