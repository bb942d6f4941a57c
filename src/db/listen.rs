//! PostgreSQL's notices (LISTEN/NOTIFY). They carry references only, since they ignore
//! row security, and they may get lost with a connection: a hint to look, never the news.

use std::time::Duration;

use sqlx::postgres::PgListener;
use uuid::Uuid;

use super::pool::{Db, DbResult};

/// `thread:seq` whenever events were appended.
pub const THREAD_EVENTS: &str = "deskhand_thread";
/// The number of no event: the thread was erased.
pub const THREAD_ERASED: i64 = -1;
/// `turn` whenever a visitor asked to stop it.
pub const TURN_CANCEL: &str = "deskhand_cancel";
/// The id of a site whose row has changed; its trigger says so.
pub const SITE_CHANGED: &str = "deskhand_site";

/// How often a process says that it listens.
pub const BEAT: Duration = Duration::from_secs(2);

/// Notes that a process listens, and gives whether another one does.
///
/// # Errors
/// When the database does.
pub async fn beat(db: &Db, id: Uuid) -> DbResult<bool> {
    let others = sqlx::query_scalar!(
        r#"WITH own AS (
               INSERT INTO listeners (id, seen_at) VALUES ($1, clock_timestamp())
               ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()
           ), gone AS (
               DELETE FROM listeners WHERE id <> $1 AND seen_at < clock_timestamp() - interval '1 minute'
           )
           SELECT EXISTS (
               SELECT 1 FROM listeners WHERE id <> $1 AND seen_at > clock_timestamp() - interval '10 seconds'
           ) AS "others!""#,
        id
    )
    .fetch_one(db.pool())
    .await?;
    Ok(others)
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A notice on a channel.
    Heard {
        /// The channel.
        channel: String,
        /// The text.
        payload: String,
    },
    /// The connection was lost and is there again; something may have been missed.
    Reconnected,
}

/// Hears notices on a connection of its own.
pub struct Listener(PgListener);

impl Listener {
    /// Listens on `channels`.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn open(db: &Db, channels: &[&str]) -> DbResult<Self> {
        let mut inner = PgListener::connect_with(db.pool()).await?;
        inner.listen_all(channels.iter().copied()).await?;
        Ok(Self(inner))
    }

    /// Waits for the next one.
    ///
    /// # Errors
    /// When the connection is lost and can't be made again; call again after a while.
    pub async fn next(&mut self) -> DbResult<Notice> {
        Ok(match self.0.try_recv().await? {
            Some(n) => Notice::Heard {
                channel: n.channel().to_owned(),
                payload: n.payload().to_owned(),
            },
            None => Notice::Reconnected,
        })
    }
}
