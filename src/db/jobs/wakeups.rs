//! What idle workers sleep on. A hint only: announcements that are made while the
//! connection is away are lost, so workers poll as well.

use std::time::Duration;

use sqlx::postgres::PgListener;

use crate::db::pool::Db;

/// How long to leave the database alone after it has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Hears that jobs were enqueued. Holds one connection of the pool.
pub struct Wakeups {
    db: Db,
    listener: Option<PgListener>,
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
            let Some(listener) = &mut self.listener else {
                match self.listen().await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%error, "can't listen for jobs; polling meanwhile"),
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            match listener.try_recv().await {
                Ok(Some(_)) => return,
                // Dropped rather than mended: after some errors it would go on with the dead connection.
                Ok(None) | Err(_) => self.listener = None,
            }
        }
    }

    async fn listen(&mut self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(self.db.pool()).await?;
        listener.listen("deskhand_jobs").await?;
        self.listener = Some(listener);
        Ok(())
    }
}
