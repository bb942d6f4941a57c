//! Works on jobs until those of one command have ended, whoever does them, and shows how
//! far they are.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::session::Session;
use super::worker;
use crate::db::jobs::{self, Outcome};
use crate::domain::ids::JobId;
use crate::domain::job::JobState;
use crate::jobs::runner::{Runner, Settings};

/// How often to look where the jobs stand.
const LOOK: Duration = Duration::from_millis(200);
/// How long jobs under way may go on when the command is interrupted.
const DRAIN: Duration = Duration::from_secs(5);

/// What became of the jobs.
#[derive(Debug, Default)]
pub struct Ended {
    /// Those that ended, and how: none if they are done, else why not.
    pub ended: HashMap<JobId, Option<String>>,
    /// Those that are still in the queue, since the command was told to stop.
    pub queued: usize,
}

/// Where the jobs stand.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// How many have ended.
    pub ended: usize,
    /// How many wait for another try.
    pub again: u64,
    /// How far those under way are together, in jobs.
    pub under_way: f32,
}

/// Works on jobs of these kinds until `all` have ended or `stop` is cancelled; `show` is
/// told now and then where they stand.
///
/// # Errors
/// When the database is away for longer than a moment.
pub async fn work(
    session: &Session,
    all: &[JobId],
    kinds: &[&'static str],
    stop: &CancellationToken,
    show: &mut (dyn FnMut(Seen) + Send),
) -> anyhow::Result<Ended> {
    let working = stop.child_token();
    let settings = worker::settings(&session.config);
    let runner = Runner::new(
        session.db.clone(),
        worker::handlers(session)?.only(kinds),
        Vec::new(),
        Settings {
            drain: settings.drain.min(DRAIN),
            ..settings
        },
        TaskTracker::new(),
        working.clone(),
    );
    let tasks = TaskTracker::new();
    let running = tasks.spawn(runner.run());
    let watched = watch(session, all, stop, show).await;
    // Other commands' jobs that it has taken may end too.
    working.cancel();
    running.await?;
    let mut ended = watched?;
    if ended.queued > 0 {
        // Some may have ended while it drained.
        ended = Ended::default();
        let mut open: HashSet<JobId> = all.iter().copied().collect();
        look(session, &mut open, &mut ended).await?;
        ended.queued = open.len();
    }
    Ok(ended)
}

async fn watch(
    session: &Session,
    all: &[JobId],
    stop: &CancellationToken,
    show: &mut (dyn FnMut(Seen) + Send),
) -> anyhow::Result<Ended> {
    let mut open: HashSet<JobId> = all.iter().copied().collect();
    let mut ended = Ended::default();
    let mut ticks = interval(LOOK);
    while !open.is_empty() {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let (again, under_way) = look(session, &mut open, &mut ended).await?;
        show(Seen {
            ended: all.len() - open.len(),
            again,
            under_way,
        });
    }
    ended.queued = open.len();
    Ok(ended)
}

/// Looks where the open ones stand; gives how many wait for another try, and how far those
/// under way are together.
async fn look(session: &Session, open: &mut HashSet<JobId>, ended: &mut Ended) -> anyhow::Result<(u64, f32)> {
    let ids: Vec<JobId> = open.iter().copied().collect();
    let found = jobs::outcomes(&session.db, &ids).await?;
    let mut gone = open.clone();
    let (mut again, mut under_way) = (0, 0.0);
    for Outcome {
        id,
        state,
        attempts,
        progress,
        error,
    } in found
    {
        gone.remove(&id);
        let end = match state {
            JobState::Done => None,
            JobState::Dead => Some(error.unwrap_or_default()),
            JobState::Waiting | JobState::Running => {
                again += u64::from(state == JobState::Waiting && attempts > 0);
                under_way += progress.map_or(0.0, |p| p.share);
                continue;
            }
        };
        open.remove(&id);
        ended.ended.insert(id, end);
    }
    for id in gone {
        open.remove(&id);
        ended.ended.insert(id, Some("Its job was dropped.".to_owned()));
    }
    Ok((again, under_way))
}
