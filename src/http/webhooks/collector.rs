//! Stores webhooks that come at the same moment in one transaction: those of a site that
//! arrive while a commit is under way share the next one. Each is answered only once it is
//! committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::db::documents;
use crate::db::inbound::{self, NewEvent, Stored};
use crate::db::pool::{Db, DbResult};
use crate::domain::ids::SiteId;
use crate::http::error::{Code, Problem};

/// Events and bytes a transaction at most.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 8 << 20;
/// Events and bytes that may wait in this process.
const WAITING: usize = 1_000;
const WAITING_BYTES: usize = 64 << 20;

/// See the module.
pub struct Collector {
    db: Db,
    tasks: TaskTracker,
    queues: Arc<Mutex<Queues>>,
}

/// What waits. A site that is here has a task that stores its events.
#[derive(Default)]
struct Queues {
    sites: HashMap<SiteId, Vec<Waiting>>,
    waiting: usize,
    bytes: usize,
}

struct Waiting {
    event: NewEvent,
    told: oneshot::Sender<Result<Stored, Problem>>,
}

impl Collector {
    /// One that holds nothing.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            tasks: TaskTracker::new(),
            queues: Arc::default(),
        }
    }

    /// Stores an event of a site; gives what it is answered once that is committed.
    ///
    /// # Errors
    /// When too many wait, or the database refuses or is away.
    pub async fn store(&self, site: SiteId, event: NewEvent) -> Result<Stored, Problem> {
        let (told, answer) = oneshot::channel();
        {
            let mut queues = lock(&self.queues);
            if queues.waiting >= WAITING || queues.bytes >= WAITING_BYTES {
                return Err(Problem::new(
                    Code::Overloaded,
                    "Too many webhooks at once. Please send it again in a moment.",
                ));
            }
            queues.waiting += 1;
            queues.bytes += event.raw.len();
            let (db, all) = (self.db.clone(), Arc::clone(&self.queues));
            let waiting = Waiting { event, told };
            if waiting.event.removes {
                // It waits for whatever is at its document; others shouldn't wait with it. And a
                // task of its own: a sender that waits no longer must not undo it.
                self.tasks.spawn(alone(db, all, site, waiting));
            } else if let Some(queue) = queues.sites.get_mut(&site) {
                queue.push(waiting);
            } else {
                queues.sites.insert(site, vec![waiting]);
                self.tasks.spawn(drain(db, all, site));
            }
        }
        heard(answer).await
    }
}

async fn heard(answer: oneshot::Receiver<Result<Stored, Problem>>) -> Result<Stored, Problem> {
    answer.await.unwrap_or_else(|_| {
        Err(Problem::new(
            Code::NotReady,
            "The webhook couldn't be stored. Please send it again in a moment.",
        ))
    })
}

fn lock(queues: &Mutex<Queues>) -> MutexGuard<'_, Queues> {
    // Nothing panics in between.
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores one event by itself.
async fn alone(db: Db, queues: Arc<Mutex<Queues>>, site: SiteId, waiting: Waiting) {
    let Waiting { event, told } = waiting;
    let stored = store_end(&db, site, &event).await;
    {
        let mut queues = lock(&queues);
        queues.waiting -= 1;
        queues.bytes -= event.raw.len();
    }
    let _ = told.send(stored.map_err(Problem::from));
}

/// Stores a site's events until none waits.
async fn drain(db: Db, queues: Arc<Mutex<Queues>>, site: SiteId) {
    loop {
        let batch = next(&queues, site);
        if batch.is_empty() {
            return;
        }
        let (events, told): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.event, w.told)).unzip();
        match inbound::store_alone(&db, site, &events).await {
            Ok(stored) => {
                for (stored, told) in stored.into_iter().zip(told) {
                    let _ = told.send(Ok(stored));
                }
            }
            // The one that is refused must not take the others with it; nor one that another process
            // stores as well, by its body.
            Err(error) if !error.is_away() && events.len() > 1 => {
                for (event, told) in events.iter().zip(told) {
                    let one = inbound::store_alone(&db, site, std::slice::from_ref(event)).await;
                    let _ = told.send(one.map(|s| s[0]).map_err(Problem::from));
                }
            }
            Err(error) => {
                let problem = Problem::from(error);
                for told in told {
                    let _ = told.send(Err(problem.clone()));
                }
            }
        }
    }
}

/// Takes the next events; when there are none, the site has no task any more.
fn next(queues: &Mutex<Queues>, site: SiteId) -> Vec<Waiting> {
    let mut queues = lock(queues);
    let Some(queue) = queues.sites.get_mut(&site) else {
        return Vec::new();
    };
    let mut bytes = 0;
    let mut taken = 0;
    for waiting in queue.iter().take(BATCH) {
        bytes += waiting.event.raw.len();
        if taken > 0 && bytes > BATCH_BYTES {
            break;
        }
        taken += 1;
    }
    let mut batch: Vec<Waiting> = queue.drain(..taken).collect();
    // In one order in all processes: two that store the same events at once wait for each other else.
    batch.sort_by(|a, b| a.event.external_id.cmp(&b.event.external_id));
    if batch.is_empty() {
        queues.sites.remove(&site);
    }
    queues.waiting -= batch.len();
    queues.bytes -= batch.iter().map(|w| w.event.raw.len()).sum::<usize>();
    batch
}

/// Stores the end of a document; from then on nothing is answered from it.
async fn store_end(db: &Db, site: SiteId, event: &NewEvent) -> DbResult<Stored> {
    let mut tx = db.site(site).await?;
    let stored = inbound::store(&mut tx, std::slice::from_ref(event)).await?;
    if stored[0].new {
        documents::hide(&mut tx, event.document, event.event_at).await?;
    }
    tx.commit().await?;
    Ok(stored[0])
}
