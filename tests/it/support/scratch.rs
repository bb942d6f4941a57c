//! A site of its own in a shared database, for the tests of the knowledge base.

use deskhand::db::pool::Db;
use deskhand::domain::clock::SystemClock;
use deskhand::domain::document::{Accepted, NewUpload};
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::ingest::{IngestError, Ingested, ingest};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use super::knowledge::words_alone;
use super::postgres;

/// The one database of these tests.
async fn url() -> &'static str {
    static URL: OnceCell<String> = OnceCell::const_new();
    URL.get_or_init(|| async { postgres::database().await.app }).await
}

/// A connection that sees one site.
pub async fn raw(site: SiteId) -> PgConnection {
    let mut conn = PgConnection::connect(url().await).await.unwrap();
    let set = format!("SET deskhand.site = '{site}'");
    sqlx::query(AssertSqlSafe(set)).execute(&mut conn).await.unwrap();
    conn
}

/// The database and a fresh site.
pub async fn test_db() -> (Db, SiteId) {
    let site = SiteId::new();
    let mut conn = raw(site).await;
    sqlx::query("INSERT INTO sites (id, slug, name) VALUES ($1, $2, 'Test')")
        .bind(site.0)
        .bind(format!("t-{}", site.0.simple()))
        .execute(&mut conn)
        .await
        .unwrap();
    (Db::connect(url().await, 8).await.unwrap(), site)
}

/// Hands a file in.
pub async fn hand_in(db: &Db, site: SiteId, name: &str, bytes: &[u8]) -> Accepted {
    let mut tx = db.site(site).await.unwrap();
    let new = NewUpload {
        source: "file".into(),
        external_id: name.into(),
        name: name.into(),
        bytes: bytes.to_vec(),
        url: None,
        title: None,
    };
    let accepted = accept(&mut tx, new, ChunkLimits::default()).await.unwrap();
    tx.commit().await.unwrap();
    accepted
}

/// Ingests what was handed in.
pub async fn take_in(db: &Db, site: SiteId, accepted: Accepted) -> Result<Ingested, IngestError> {
    let upload = accepted.upload.expect("something new");
    ingest(
        db,
        &SystemClock,
        &words_alone(),
        site,
        upload,
        accepted.document,
        &|_, _| {},
    )
    .await
}
