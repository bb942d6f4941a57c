//! Tools that a site's operator connects (TOOL-12): an MCP server's, or HTTP calls that a file
//! describes. They go through the registry like all others. What their servers say, of
//! themselves and in results, is a stranger's word: it is cut, checked, fenced, and never makes
//! anything happen that the visitor hasn't said yes to.

mod act;
mod build;
mod offer;
pub mod remote;
pub mod results;
pub mod schema;
pub mod text;
pub mod tools;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;
use serde_json::Value;
use tokio_util::task::TaskTracker;

use self::build::Build;
use self::remote::Fault;
use self::tools::SiteTools;
use super::adapters::http_tool;
use super::adapters::mcp::{self, Mcp};
use super::{ToolContext, ToolError};
use crate::db::connections::{self, Connection};
use crate::db::pool::{Db, DbResult};
use crate::db::tool_catalogues::{self, CatalogueRow};
use crate::domain::clock::SharedClock;
use crate::domain::ids::{ProposalId, SiteId};
use crate::domain::seal::MasterKey;
use crate::domain::tool::ToolCode;
use crate::knowledge::fetch::Fetcher;

/// Sites whose tools are remembered, and how long nobody may have asked for them.
const MOST_SITES: u64 = 10_000;
const IDLE: Duration = Duration::from_secs(600);
/// How long what is remembered counts without a look into the database.
const KNOWN: Duration = Duration::from_secs(10);
/// How old a server's list may get before it is asked again, and the pause between tries.
const FRESH: TimeDelta = TimeDelta::minutes(5);
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// What a site's tools were built of: another one of these, and they are built anew.
type Stamp = Vec<(
    &'static str,
    String,
    DateTime<Utc>,
    Option<DateTime<Utc>>,
    Option<String>,
)>;

#[derive(Clone)]
struct Known {
    looked: Instant,
    stamp: Arc<Stamp>,
    tools: Arc<SiteTools>,
}

/// What all sites' operators have connected.
pub struct Outside {
    db: Db,
    clock: SharedClock,
    master: Arc<MasterKey>,
    fetcher: Fetcher,
    /// Names that are taken.
    taken: BTreeSet<String>,
    known: Cache<SiteId, Known>,
    sessions: mcp::Sessions,
    tasks: TaskTracker,
}

struct Rows {
    mcp: Vec<Connection>,
    http: Vec<Connection>,
    catalogues: Vec<CatalogueRow>,
}

impl Rows {
    fn catalogue(&self, name: &str) -> Option<&CatalogueRow> {
        self.catalogues
            .iter()
            .find(|c| c.kind == mcp::KIND && c.name == name)
    }

    fn stamp(&self) -> Stamp {
        let mcp = self.mcp.iter().map(|c| {
            let told = self.catalogue(&c.name);
            let (at, failure) = told.map_or((None, None), |t| (t.at, t.failure.clone()));
            (mcp::KIND, c.name.clone(), c.at, at, failure)
        });
        let http = self
            .http
            .iter()
            .map(|c| (http_tool::KIND, c.name.clone(), c.at, None, None));
        mcp.chain(http).collect()
    }
}

impl Outside {
    /// Sets it up; nothing is asked of anybody yet.
    #[must_use]
    pub fn new(db: Db, clock: SharedClock, master: Arc<MasterKey>, fetcher: Fetcher) -> Self {
        Self {
            db,
            clock,
            master,
            fetcher,
            taken: BTreeSet::new(),
            known: Cache::builder()
                .max_capacity(MOST_SITES)
                .time_to_idle(IDLE)
                .build(),
            sessions: mcp::sessions(),
            tasks: TaskTracker::new(),
        }
    }

    /// The same; no tool may have one of these names.
    pub(super) fn beside(self, taken: BTreeSet<String>) -> Self {
        Self { taken, ..self }
    }

    /// A site's tools as they were told last; a server whose list has grown old is asked again
    /// in the background. None when the database can't tell.
    pub async fn of(self: &Arc<Self>, site: SiteId) -> Arc<SiteTools> {
        let known = self.known.get(&site);
        if let Some(known) = known.as_ref().filter(|k| k.looked.elapsed() < KNOWN) {
            return Arc::clone(&known.tools);
        }
        let rows = match self.rows(site).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "a site's connected tools can't be read");
                return known.map(|k| k.tools).unwrap_or_default();
            }
        };
        let stamp = rows.stamp();
        let tools = match known.filter(|k| *k.stamp == stamp) {
            Some(known) => known.tools,
            None => Arc::new(self.build(site, &rows)),
        };
        self.known.insert(
            site,
            Known {
                looked: Instant::now(),
                stamp: Arc::new(stamp),
                tools: Arc::clone(&tools),
            },
        );
        let now = self.clock.now();
        for connection in &rows.mcp {
            if is_stale(connection, rows.catalogue(&connection.name), now) {
                self.ask_later(site, connection.clone());
            }
        }
        tools
    }

    async fn rows(&self, site: SiteId) -> DbResult<Rows> {
        let mut tx = self.db.site(site).await?;
        let mcp = connections::of_kind(&mut tx, mcp::KIND).await?;
        let http = connections::of_kind(&mut tx, http_tool::KIND).await?;
        let catalogues = if mcp.is_empty() {
            Vec::new()
        } else {
            tool_catalogues::all(&mut tx).await?
        };
        tx.commit().await?;
        Ok(Rows {
            mcp,
            http,
            catalogues,
        })
    }

    fn build(&self, site: SiteId, rows: &Rows) -> SiteTools {
        let mut build = Build::new(&self.taken);
        for connection in &rows.http {
            match http_tool::offered(&self.fetcher, &self.master, site, connection) {
                Ok(offered) => build.add(offered),
                Err(why) => build.problem(http_tool::KIND, &connection.name, None, why),
            }
        }
        for connection in &rows.mcp {
            let server = match self.server(site, connection) {
                Ok(server) => server,
                Err(why) => {
                    build.problem(mcp::KIND, &connection.name, None, why);
                    continue;
                }
            };
            let Some(told) = rows.catalogue(&connection.name) else {
                let why = "it hasn't told its tools yet".to_owned();
                build.problem(mcp::KIND, &connection.name, None, why);
                continue;
            };
            if let Some(failure) = &told.failure {
                build.problem(mcp::KIND, &connection.name, None, failure.clone());
            }
            let (offered, problems) = mcp::offered(&server, &told.tools);
            for (tool, why) in problems {
                build.problem(mcp::KIND, &connection.name, Some(tool), why);
            }
            offered.into_iter().for_each(|o| build.add(o));
        }
        build.done()
    }

    fn server(&self, site: SiteId, connection: &Connection) -> Result<Arc<Mcp>, String> {
        let sessions = self.sessions.clone();
        Mcp::new(self.fetcher.clone(), &self.master, sessions, site, connection).map(Arc::new)
    }

    /// Asks a server for its tools, and keeps and gives what it tells.
    ///
    /// # Errors
    /// In a sentence for the operator.
    pub async fn discover(&self, site: SiteId, connection: &Connection) -> Result<Vec<Value>, String> {
        let away = |e: crate::db::pool::DbError| e.to_string();
        let now = self.clock.now();
        let told = match self.server(site, connection) {
            Ok(server) => server.tools().await.map_err(|e: Fault| e.to_string()),
            Err(why) => Err(why),
        };
        let mut tx = self.db.site(site).await.map_err(away)?;
        let name = &connection.name;
        tool_catalogues::claim(&mut tx, mcp::KIND, name, now, now)
            .await
            .map_err(away)?;
        match &told {
            Ok(tools) => {
                let stored = Value::Array(tools.clone());
                tool_catalogues::told(&mut tx, mcp::KIND, name, &stored, now).await
            }
            Err(why) => tool_catalogues::failed(&mut tx, mcp::KIND, name, why).await,
        }
        .map_err(away)?;
        tx.commit().await.map_err(away)?;
        self.forget(site);
        told
    }

    /// Asks the servers that have something to tell for it, and waits: for a person who looks.
    ///
    /// # Errors
    /// When the database is away. What a server answers is kept with its list.
    pub async fn ask_now(&self, site: SiteId) -> DbResult<()> {
        let rows = self.rows(site).await?;
        let now = self.clock.now();
        for connection in &rows.mcp {
            let told = rows.catalogue(&connection.name);
            let old = told.is_none_or(|t| t.failure.is_some() || t.at.is_none_or(|at| at < connection.at));
            if old || is_stale(connection, told, now) {
                // The sentence is stored, and shown from there.
                let _ = self.discover(site, connection).await;
            }
        }
        self.forget(site);
        Ok(())
    }

    /// The site's tools are read anew when they are next asked for.
    pub fn forget(&self, site: SiteId) {
        self.known.invalidate(&site);
    }

    /// One process asks at a time.
    fn ask_later(self: &Arc<Self>, site: SiteId, connection: Connection) {
        let own = Arc::clone(self);
        self.tasks.spawn(async move {
            let now = own.clock.now();
            let claimed = async {
                let mut tx = own.db.site(site).await?;
                let mine =
                    tool_catalogues::claim(&mut tx, mcp::KIND, &connection.name, now - PAUSE, now).await?;
                tx.commit().await?;
                DbResult::Ok(mine)
            };
            match claimed.await {
                Ok(true) => {
                    if let Err(error) = own.discover(site, &connection).await {
                        tracing::warn!(
                            error,
                            connection = connection.name,
                            "an MCP server's tools aren't known"
                        );
                    }
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "an MCP server can't be asked for its tools"),
            }
        });
    }

    /// Runs what the visitor has said yes to.
    ///
    /// # Errors
    /// [`ToolCode::Disabled`] when there is no such tool any more; else as [`act::run`] says.
    pub async fn act(
        self: &Arc<Self>,
        ctx: &ToolContext,
        tool: &str,
        proposal: ProposalId,
    ) -> Result<Value, ToolError> {
        let tools = self.of(ctx.site).await;
        let found = tools
            .get(tool)
            .ok_or_else(|| ToolError::new(ToolCode::Disabled, "it is no longer connected"))?;
        act::run(ctx, &found, proposal).await
    }

    /// Waits for what is under way in the background.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

/// Whether a server is to be asked for its tools.
fn is_stale(connection: &Connection, told: Option<&CatalogueRow>, now: DateTime<Utc>) -> bool {
    let Some(told) = told else { return true };
    let old = told.at.is_none_or(|at| at < connection.at || at + FRESH <= now);
    (old || told.failure.is_some()) && told.tried_at + PAUSE <= now
}
