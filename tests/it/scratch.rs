//! A site of its own in a shared database, for the tests of the knowledge base.
// TestApp

use deskhand::db::pool::Db;
use deskhand::domain::clock::SystemClock;
use deskhand::domain::document::{Accepted, NewUpload};
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::ingest::{IngestError, Ingested, ingest};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

#[expect(clippy::disallowed_methods, reason = "a test names its database")]
fn url() -> String {
    std::env::var("DESKHAND_TEST_DATABASE_URL").expect("DESKHAND_TEST_DATABASE_URL names a migrated database")
}

/// A connection that sees one site.
pub async fn raw(site: SiteId) -> PgConnection {
    let mut conn = PgConnection::connect(&url()).await.unwrap();
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
    (Db::connect(&url(), 8).await.unwrap(), site)
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
    let accepted = accept(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    accepted
}

/// Ingests what was handed in.
pub async fn take_in(db: &Db, site: SiteId, accepted: Accepted) -> Result<Ingested, IngestError> {
    let upload = accepted.upload.expect("something new");
    ingest(db, &SystemClock, site, upload, accepted.document, &|_, _| {}).await
}
