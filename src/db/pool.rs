//! The connection pool, and the transaction that belongs to one site. Row security
//! reads the site from the transaction's setting, so a query without one finds nothing.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, Transaction};

use crate::domain::ids::SiteId;

/// How long a connection that was used isn't asked whether it is still there.
const TRUSTED: Duration = Duration::from_secs(1);

/// What can go wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// It can't be reached, or has no free connection in time.
    #[error("the database can't be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The agent may not write to this thread any more: staff took over, or another
    /// driver runs the turn.
    #[error("the thread is no longer this turn's to write to")]
    Fenced,
    /// A row says something that the code doesn't understand.
    #[error("the database holds a value that this version can't read: {0}")]
    Unreadable(String),
    /// Anything else; a defect or a broken database.
    #[error("the database refused: {0}")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::Unavailable(error)
            }
            // Class 08: connection exceptions; 53: out of disk, memory or connections; 57P0x: the
            // server is being stopped or starts; 55000 and 3D000: the database takes no connections.
            E::Database(e)
                if e.code().is_some_and(|c| {
                    c.starts_with("08")
                        || c.starts_with("57P0")
                        || c.starts_with("53")
                        || c == "55000"
                        || c == "3D000"
                }) =>
            {
                Self::Unavailable(error)
            }
            // Raised by the functions of db/turn_writes.rs.
            E::Database(e) if e.code().as_deref() == Some("DH001") => Self::Fenced,
            _ => Self::Refused(error),
        }
    }
}

impl DbError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            // Serialisation failures and deadlocks.
            Self::Refused(sqlx::Error::Database(e)) => matches!(e.code().as_deref(), Some("40001" | "40P01")),
            _ => false,
        }
    }

    /// Whether the database can't be reached, or takes nothing at the moment.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether a text or a time is one that the database has no place for: a character that isn't
    /// any (22021, 22P05), or a time out of range (22008).
    #[must_use]
    pub fn is_unstorable(&self) -> bool {
        matches!(self, Self::Refused(sqlx::Error::Database(e))
                 if matches!(e.code().as_deref(), Some("22021" | "22P05" | "22008")))
    }

    /// Whether a unique index or key refused the row.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Refused(sqlx::Error::Database(e)) if e.is_unique_violation())
    }
}

/// Whether the connection that said so is of no use any more.
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        // The server ended the session: it was stopped, or broke down.
        sqlx::Error::Database(e) => e.code().is_some_and(|c| c.starts_with("57P0")),
        _ => false,
    }
}

/// The result of a query.
pub type DbResult<T> = Result<T, DbError>;

/// The database.
#[derive(Debug, Clone)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// Opens a pool of at most `connections`, logged in as the application's role.
    ///
    /// # Errors
    /// When the URL can't be read or the first connection fails within ten seconds.
    pub async fn connect(url: &str, connections: u32) -> DbResult<Self> {
        let options: PgConnectOptions = url.parse().map_err(DbError::Refused)?;
        let options = options
            .application_name("deskhand")
            // A runaway query must not hold a connection for ever.
            .options([
                ("statement_timeout", "30s"),
                ("idle_in_transaction_session_timeout", "60s"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            // A round trip that only asks whether the server is there is made where it may have
            // gone meanwhile.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// Begins a transaction for a site; the only way to tenant tables.
    ///
    /// # Errors
    /// When no connection is free in time or the database is away.
    pub async fn site(&self, site: SiteId) -> DbResult<SiteTx> {
        // One round trip. The id is a UUID, printed by us: nothing to inject.
        self.begin(site, format!("BEGIN; SET LOCAL deskhand.site = '{site}'"))
            .await
    }

    /// Begins a transaction that reads a site as it is at its first query, whatever others
    /// commit meanwhile: the halves of a search see the same passages. With it come the
    /// settings that vector searches are planned and walked by.
    ///
    /// # Errors
    /// When no connection is free in time or the database is away.
    pub async fn snapshot(&self, site: SiteId) -> DbResult<SiteTx> {
        // Without the cost of random reads the planner compares all vectors instead of using
        // the graph; an OR over few thousand rows is never worth compiling.
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL deskhand.site = '{site}'; \
             SET LOCAL hnsw.iterative_scan = relaxed_order; \
             SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off"
        );
        self.begin(site, begin).await
    }

    async fn begin(&self, site: SiteId, begin: String) -> DbResult<SiteTx> {
        let pool = self.pool.clone();
        // A caller that is dropped here (a client leaves) must not leave a connection behind
        // that is in a transaction and doesn't know it: in a task of its own the beginning
        // always ends, and a transaction that nobody takes is rolled back.
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends by itself within the acquire timeout"
        )]
        let begun = tokio::spawn(async move {
            // One that fails is thrown away, so that the next one is another.
            let mut others = pool.size();
            loop {
                match pool.begin_with(AssertSqlSafe(begin.clone())).await {
                    Err(error) if others > 0 && is_dead(&error) => others -= 1,
                    begun => break begun,
                }
            }
        })
        .await;
        match begun {
            Ok(tx) => Ok(SiteTx { tx: tx?, site }),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_) => Err(DbError::Unavailable(sqlx::Error::PoolClosed)),
        }
    }

    /// How often a statement that is a transaction of its own may be tried.
    pub(in crate::db) fn tries(&self) -> Tries {
        Tries(self.pool.size())
    }

    /// For tables that belong to no site, and for the definer functions.
    pub(in crate::db) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it doesn't.
    pub async fn ping(&self) -> DbResult<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes the pool; waits for transactions under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Tries of a statement that does no harm when it is run twice: a connection that turns out
/// to be dead is thrown away, so that the next one is another.
pub(in crate::db) struct Tries(u32);

impl Tries {
    /// Whether to try once more after this error.
    pub(in crate::db) fn again(&mut self, error: &sqlx::Error) -> bool {
        let again = self.0 > 0 && is_dead(error);
        self.0 = self.0.saturating_sub(1);
        again
    }
}

/// A transaction that sees one site. Dropped without [`SiteTx::commit`], it is undone.
pub struct SiteTx {
    tx: Transaction<'static, Postgres>,
    site: SiteId,
}

impl SiteTx {
    /// The site.
    #[must_use]
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// For the queries of this room.
    pub(in crate::db) fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Makes it true.
    ///
    /// # Errors
    /// When the database refuses or is away; then nothing of it is true.
    pub async fn commit(self) -> DbResult<()> {
        self.tx.commit().await?;
        Ok(())
    }
}
