//! Proves that the bulk load leaves what the product's own storing leaves: both fill a
//! database with the same small sites, then every table that a search reads is compared.

use deskhand::knowledge::embed;
use sqlx::Row;

use crate::corpus::Corpus;
use crate::server::Server;
use crate::{ingest, load};

/// By site and name, not by the documents' ids, which are drawn.
const TABLES: [(&str, &str); 8] = [
    (
        "documents",
        "SELECT site_id, source, external_id, title, url, tags, review, lang, version, deleted_at FROM documents",
    ),
    (
        "chunks",
        "SELECT c.site_id, c.id, d.external_id, c.n, c.heading_path, c.anchor, c.page, c.text, c.hash, c.lang,
                c.length, c.tokens, c.lexemes, c.bucket
         FROM chunks c JOIN documents d ON (d.site_id, d.id) = (c.site_id, c.document_id)",
    ),
    ("postings", "SELECT site_id, lang, term, bucket, data FROM postings"),
    ("term_stats", "SELECT site_id, lang, term, df FROM term_stats"),
    (
        "corpus_stats",
        "SELECT site_id, lang, chunks, total_length FROM corpus_stats",
    ),
    (
        "knowledge_state",
        "SELECT site_id, bucket, filled, model_id, next_model_id, graphs FROM knowledge_state",
    ),
    (
        "embeddings",
        "SELECT e.site_id, d.external_id, e.chunk_id, e.model_id, e.embedding::text
         FROM embeddings e JOIN documents d ON (d.site_id, d.id) = (e.site_id, e.document_id)",
    ),
    (
        "document_tags",
        "SELECT t.site_id, t.tag, d.external_id
         FROM document_tags t JOIN documents d ON (d.site_id, d.id) = (t.site_id, t.document_id)",
    ),
];

pub async fn check(server: &Server, seed: u64) {
    let corpus = Corpus::of(&[2300, 400], seed);
    let bulk = server.database("bench_bulk").await;
    let model = bulk.model().await;
    load::load(&bulk.superuser, &corpus, model, |_| ()).await;
    let ours = server.database("bench_ingested").await;
    let same_model = ours.model().await;
    assert_eq!(model, same_model);
    for n in 0..corpus.sites.len() {
        ingest::site(&ours.db, &corpus, n, model).await;
    }
    for n in 0..corpus.places.len() {
        let document = corpus.document(n);
        for chunk in &document.chunks {
            let headings = std::slice::from_ref(&chunk.heading);
            let text = embed::text_of("file", &document.title, headings, &chunk.text);
            assert_eq!(embed::hash_of(&text), hex::encode(chunk.hash));
        }
        ingest::document(&ours.db, &corpus, &document, model).await;
    }
    for (table, select) in TABLES {
        let lines = |url: &str| {
            let url = url.to_owned();
            let sql = format!("SELECT q::text FROM ({select}) AS q ORDER BY 1");
            async move {
                let mut conn = load::connect(&url).await;
                let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                    .fetch_all(&mut conn)
                    .await
                    .unwrap();
                rows.iter().map(|r| r.get(0)).collect::<Vec<String>>()
            }
        };
        let (a, b) = (lines(&bulk.superuser).await, lines(&ours.superuser).await);
        let differing = a.iter().zip(&b).find(|(a, b)| a != b);
        assert_eq!(differing, None, "{table}");
        assert_eq!(a.len(), b.len(), "{table}");
        println!("{table}: {} rows, the same", a.len());
    }
}
