//! What idle workers sleep on. A hint only: announcements that are made while the
//! connection is away are lost, so workers poll as well.

use std::time::Duration;

use crate::db::listen::Listener;
use crate::db::pool::Db;

/// Told by `enqueue` and others when a job is due and nobody may know.
const CHANNEL: &str = "deskhand_jobs";
/// How long to leave the database alone after it has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Hears that jobs were enqueued. Holds one connection of the pool.
pub struct Wakeups {
    db: Db,
    listener: Option<Listener>,
}

impl Wakeups {
    /// Doesn't connect yet.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            listener: None,
        }
    }

    /// Waits for the next announcement. Returns also when it has begun to listen, at first or
    /// again: what was announced before then went unheard. Doesn't end while the database is away.
    pub async fn next(&mut self) {
        loop {
            match &mut self.listener {
                Some(listener) => match listener.next().await {
                    Ok(_) => return,
                    // Some errors leave it with a dead connection: another one then.
                    Err(_) => self.listener = None,
                },
                None => match Listener::open(&self.db, &[CHANNEL]).await {
                    Ok(listener) => {
                        self.listener = Some(listener);
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "can't listen for jobs; polling meanwhile");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }
}
