//! The embedding models that the database has vectors of, and which of them a site is
//! searched by. Switching from one to another is one update, under the lock that every
//! change of the site's knowledge takes.

use crate::db::pool::{Db, DbError, DbResult, SiteTx};

/// How often making a model known is tried.
const TRIES: u32 = 4;

/// A model that the database knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    /// Its number here.
    pub id: i32,
    /// Its name and exact weights, as the embedder gives it.
    pub name: String,
    /// How to open it again.
    pub spec: String,
    /// How long its vectors are.
    pub dimensions: i32,
}

/// What a site is searched by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteModels {
    /// The model whose vectors are searched; none: words alone.
    pub live: Option<Model>,
    /// The one whose vectors are being built.
    pub next: Option<Model>,
    /// Rises with every change of the site's knowledge, and with a switch.
    pub revision: i64,
    /// How many chunks the site has.
    pub chunks: i64,
    /// The models that it has a graph of.
    pub graphs: Vec<i32>,
    /// Whether the operator has given answers of their own.
    pub pins: bool,
}

impl SiteModels {
    /// Those that a new passage needs a vector of: a search may use the first at once.
    pub fn all(&self) -> impl Iterator<Item = &Model> {
        self.live.iter().chain(&self.next)
    }
}

/// Makes a model known; gives its number.
///
/// # Errors
/// When the database refuses (other dimensions under the same name) or is away.
pub async fn register(db: &Db, name: &str, spec: &str, dimensions: usize) -> DbResult<i32> {
    let dimensions = i32::try_from(dimensions).unwrap_or(i32::MAX);
    let mut tries = 1;
    loop {
        let id = sqlx::query_scalar!(
            r#"SELECT deskhand_embedding_model($1, $2, $3) AS "id!""#,
            name,
            spec,
            dimensions
        )
        .fetch_one(db.pool())
        .await
        .map_err(DbError::from);
        match id {
            // A new model locks tables that others work on; one of two in a knot is cut off.
            Err(error) if error.is_transient() && tries < TRIES => tries += 1,
            id => return id,
        }
    }
}

/// What the site is searched by.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_site(tx: &mut SiteTx) -> DbResult<SiteModels> {
    let row = sqlx::query!(
        r#"SELECT s.revision, s.graphs, (SELECT coalesce(sum(c.chunks), 0)::bigint FROM corpus_stats c) AS "chunks!",
                  EXISTS (SELECT 1 FROM documents d WHERE d.source = 'pin' AND d.deleted_at IS NULL) AS "pins!",
                  l.id AS "live_id?", l.name AS "live_name?", l.spec AS "live_spec?", l.dimensions AS "live_dimensions?",
                  n.id AS "next_id?", n.name AS "next_name?", n.spec AS "next_spec?", n.dimensions AS "next_dimensions?"
           FROM knowledge_state s
           LEFT JOIN embedding_models l ON l.id = s.model_id
           LEFT JOIN embedding_models n ON n.id = s.next_model_id"#
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(r) = row else {
        return Ok(SiteModels::default());
    };
    let model = |id: Option<i32>, name: Option<String>, spec: Option<String>, dimensions: Option<i32>| {
        Some(Model {
            id: id?,
            name: name?,
            spec: spec?,
            dimensions: dimensions?,
        })
    };
    Ok(SiteModels {
        live: model(r.live_id, r.live_name, r.live_spec, r.live_dimensions),
        next: model(r.next_id, r.next_name, r.next_spec, r.next_dimensions),
        revision: r.revision,
        chunks: r.chunks,
        graphs: r.graphs,
        pins: r.pins,
    })
}

/// Locks what the site is searched by until the transaction ends; gives the live and the
/// next model's numbers.
///
/// # Errors
/// When the database refuses or is away.
pub async fn lock(tx: &mut SiteTx) -> DbResult<(Option<i32>, Option<i32>)> {
    let site = tx.site().0;
    let row = sqlx::query!(
        "INSERT INTO knowledge_state (site_id, revision) VALUES ($1, 0)
         ON CONFLICT (site_id) DO UPDATE SET revision = knowledge_state.revision
         RETURNING model_id, next_model_id",
        site,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.model_id, row.next_model_id))
}

/// The live and the next model's numbers.
///
/// # Errors
/// When the database refuses or is away.
pub async fn named(tx: &mut SiteTx) -> DbResult<(Option<i32>, Option<i32>)> {
    let row = sqlx::query!("SELECT model_id, next_model_id FROM knowledge_state")
        .fetch_optional(tx.conn())
        .await?;
    Ok(row.map_or((None, None), |r| (r.model_id, r.next_model_id)))
}

/// Names the model to build. Where the site has no passages yet there is nothing to build,
/// and it is the live one at once; gives whether that is so.
///
/// # Errors
/// When the database refuses or is away.
pub async fn choose(tx: &mut SiteTx, model: i32) -> DbResult<bool> {
    lock(tx).await?;
    let live = sqlx::query_scalar!(
        r#"UPDATE knowledge_state
           SET model_id = CASE WHEN NOT EXISTS (SELECT 1 FROM chunks) THEN $1 ELSE model_id END,
               next_model_id = CASE WHEN NOT EXISTS (SELECT 1 FROM chunks) THEN NULL ELSE $1::int END,
               revision = revision + 1
           RETURNING next_model_id IS NULL AS "live!""#,
        model,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(live)
}

/// Makes the next model the live one if it is this and no passage lacks its vector; false
/// when something is missing yet. Gives up nothing: the other's vectors stay until
/// [`crate::db::embeddings::forget`].
///
/// # Errors
/// When the database refuses or is away.
pub async fn switch(tx: &mut SiteTx, model: i32) -> DbResult<bool> {
    let (_, next) = lock(tx).await?;
    if next != Some(model) {
        return Ok(true);
    }
    let switched = sqlx::query!(
        "UPDATE knowledge_state SET model_id = next_model_id, next_model_id = NULL, revision = revision + 1
         WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE NOT EXISTS (
             SELECT 1 FROM embeddings e
             WHERE (e.document_id, e.chunk_id) = (c.document_id, c.id) AND e.model_id = $1))",
        model,
    )
    .execute(tx.conn())
    .await?;
    Ok(switched.rows_affected() > 0)
}

/// Gives the site a graph of its vectors of a model, so that not all are compared any more.
/// Waits for other writers, and they for it, while it is built.
///
/// # Errors
/// When the database refuses or is away.
pub async fn build_graph(tx: &mut SiteTx, model: i32) -> DbResult<()> {
    sqlx::query!("SELECT deskhand_vector_graph($1)", model)
        .fetch_one(tx.conn())
        .await?;
    Ok(())
}

/// Takes it away again.
///
/// # Errors
/// When the database refuses or is away.
pub async fn drop_graph(tx: &mut SiteTx, model: i32) -> DbResult<()> {
    sqlx::query!("SELECT deskhand_vector_graph_drop($1)", model)
        .fetch_one(tx.conn())
        .await?;
    Ok(())
}

/// The models that the database knows.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(db: &Db) -> DbResult<Vec<Model>> {
    let rows = sqlx::query_as!(
        Model,
        "SELECT id, name, spec, dimensions FROM embedding_models ORDER BY id"
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows)
}
