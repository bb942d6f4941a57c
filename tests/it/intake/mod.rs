//! Intake: from a webhook to what a search finds, and back; over the wire, with a worker.

mod by_hand;
mod documents;
mod ended;
mod kept;
mod order;
mod review;
mod webhooks;

use deskhand::knowledge::search::{Mode, SearchQuery, search};

use crate::support::app::TestApp;
use crate::support::knowledge::settings;
use crate::support::wordpress::WordPress;

/// A site and its deskhand, which searches by words alone.
async fn shop() -> (WordPress, TestApp) {
    let wordpress = WordPress::start().await;
    let app = wordpress.app(settings(None, "http://127.0.0.1:9")).await;
    (wordpress, app)
}

/// The texts of the passages that a search finds.
async fn found(app: &TestApp, text: &str) -> Vec<String> {
    let query = SearchQuery {
        text: text.to_owned(),
        k: 50,
        mode: Mode::Words,
        ..SearchQuery::default()
    };
    let found = search(&app.knowledge, &app.db, app.site.id, query).await.unwrap();
    found.passages.iter().map(|p| p.text.clone()).collect()
}

/// Rows that belong to no document any more, over every table of the knowledge base.
pub const ORPHANS: &str = "
    SELECT (SELECT count(*) FROM chunks c WHERE NOT EXISTS (SELECT 1 FROM versions v WHERE v.id = c.version_id AND v.state = 'live'))
         + (SELECT count(*) FROM embeddings e WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.id = e.chunk_id))
         + (SELECT count(*) FROM uploads u JOIN documents d ON d.id = u.document_id WHERE d.deleted_at IS NOT NULL)
         + (SELECT count(*) FROM embedding_cache k LEFT JOIN documents d ON d.id = k.document_id WHERE d.id IS NULL OR d.deleted_at IS NOT NULL)
         + (SELECT count(*) FROM (SELECT lang, term, sum(octet_length(data) / 8) AS n FROM postings GROUP BY lang, term) p
            FULL JOIN term_stats s USING (lang, term) WHERE s.df IS DISTINCT FROM p.n)";
