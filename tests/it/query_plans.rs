//! Which indexes the product's own statements use, under row security and as the
//! application's login: the server counts the scans of each table and index. Also with
//! generic plans, which a statement gets when it has been used a while.

use deskhand::db::filtered;
use deskhand::db::models::{self, Model};
use deskhand::db::nearest::{self, Way};
use deskhand::db::pool::Db;
use deskhand::db::postings::{self, Filter, Words};
use deskhand::db::{packed, passages};
use deskhand::domain::ids::SiteId;
use rstest::rstest;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, Row};
use uuid::Uuid;

use crate::support::postgres::{self, Urls};

const DIMENSIONS: usize = 64;
/// Five chunks a document.
const LARGE: usize = 2600;
const SMALL: usize = 60;
/// From the sixth use on a statement may get a generic plan.
const TIMES: u32 = 8;

/// A large site and a small one, in bulk: texts of a hundred words, vectors anywhere, a
/// tag on one document in a hundred.
async fn fill(admin: &mut PgConnection, site: Uuid, documents: usize, model: i32) {
    let statement = format!(
        "INSERT INTO sites (id, slug, name) VALUES ('{site}', 's-{slug}', 'S');
         INSERT INTO documents (site_id, id, source, external_id, title, tags, lang, version)
             SELECT '{site}', gen_random_uuid(), 'file', 'd' || i, 'Title', CASE WHEN i % 100 = 0 THEN '{{rare}}'::text[] ELSE '{{}}' END,
                    'english', 1
             FROM generate_series(1, {documents}) AS i;
         INSERT INTO document_tags SELECT site_id, unnest(tags), id FROM documents WHERE site_id = '{site}';
         INSERT INTO versions (site_id, id, document_id, sha256, recipe, state, markdown, at)
             SELECT site_id, id, id, sha256('x'), 'test', 'live', '', now() FROM documents WHERE site_id = '{site}';
         INSERT INTO chunks (site_id, version_id, document_id, n, text, hash, lang, length, tokens, lexemes, bucket)
             SELECT d.site_id, d.id, d.id, t.n, t.text, sha256(t.text::bytea), 'english', 100, 100,
                    to_tsvector('english', t.text), (row_number() OVER () / 240)::int
             FROM documents d CROSS JOIN generate_series(1, 5) AS n CROSS JOIN LATERAL (
                 SELECT n, string_agg('w' || floor(random() * random() * 2000 + (i + n) * 0), ' ') AS text
                 FROM generate_series(1, 100) AS i WHERE d.id IS NOT NULL) AS t
             WHERE d.site_id = '{site}';
         INSERT INTO postings (site_id, lang, term, bucket, data)
             SELECT c.site_id, c.lang, l.lexeme, c.bucket,
                    string_agg(substring(int8send(c.id) FROM 4) || int2send(c.length::int2)
                               || substring(int2send(cardinality(l.positions)::int2) FROM 2), ''::bytea ORDER BY c.id)
             FROM chunks c, unnest(c.lexemes) l WHERE c.site_id = '{site}' GROUP BY c.site_id, c.lang, l.lexeme, c.bucket;
         INSERT INTO term_stats SELECT c.site_id, c.lang, l.lexeme, count(*) FROM chunks c, unnest(c.lexemes) l
             WHERE c.site_id = '{site}' GROUP BY 1, 2, 3;
         INSERT INTO corpus_stats SELECT site_id, lang, count(*), sum(length) FROM chunks WHERE site_id = '{site}' GROUP BY 1, 2;
         INSERT INTO knowledge_state (site_id, revision, model_id) VALUES ('{site}', 1, {model});
         INSERT INTO embeddings (site_id, document_id, chunk_id, model_id, embedding)
             SELECT c.site_id, c.document_id, c.id, {model}, l2_normalize((
                 SELECT array_agg(random() - 0.5 + (i + c.n) * 0) FROM generate_series(1, {DIMENSIONS}) AS i)::vector)::halfvec
             FROM chunks c WHERE c.site_id = '{site}'",
        slug = site.simple(),
    );
    run(admin, &statement).await;
}

async fn run(conn: &mut PgConnection, statement: &str) {
    conn.execute(AssertSqlSafe(statement))
        .await
        .unwrap_or_else(|e| panic!("{statement}: {e}"));
}

/// Two sites, the first with a graph.
struct Sites {
    urls: Urls,
    admin: PgConnection,
    large: SiteId,
    small: SiteId,
    model: i32,
}

/// How often tables were read from end to end, and indexes used.
#[derive(Debug, Clone, Copy)]
struct Scans {
    vectors_whole: i64,
    vectors_by_key: i64,
    vectors_by_graph: i64,
    postings_whole: i64,
    postings_by_key: i64,
    chunks_whole: i64,
}

impl Sites {
    async fn make(plans: &str) -> Self {
        let urls = postgres::database().await;
        let options: PgConnectOptions = urls.superuser.parse().unwrap();
        let mut admin = options.connect().await.unwrap();
        let db = Db::connect(&urls.app, 1).await.unwrap();
        let model = models::register(&db, "test", "local:test", DIMENSIONS)
            .await
            .unwrap();
        let [large, small] = [SiteId::new(), SiteId::new()];
        fill(&mut admin, large.0, LARGE, model).await;
        fill(&mut admin, small.0, SMALL, model).await;
        let mut tx = db.site(large).await.unwrap();
        models::build_graph(&mut tx, model).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        run(&mut admin, "VACUUM ANALYZE").await;
        let name = &urls.name;
        run(
            &mut admin,
            &format!("ALTER DATABASE {name} SET plan_cache_mode = {plans}"),
        )
        .await;
        Self {
            urls,
            admin,
            large,
            small,
            model,
        }
    }

    /// The server hears of a connection's scans when it ends.
    async fn scans(&mut self, db: Db) -> Scans {
        db.close().await;
        let there = "SELECT count(*) FROM pg_stat_activity
                     WHERE usename = 'deskhand_app' AND datname = current_database()";
        while sqlx::query_scalar::<_, i64>(there)
            .fetch_one(&mut self.admin)
            .await
            .unwrap()
            > 0
        {
            tokio::task::yield_now().await;
        }
        let sql = format!(
            "SELECT (SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'embeddings_{0}'),
                    (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'embeddings_{0}_pkey'),
                    (SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_indexes WHERE indexrelname = 'near_{0}_{1}'),
                    (SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'postings'),
                    (SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_indexes WHERE indexrelname = 'postings_pkey'),
                    (SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'chunks')",
            self.model,
            self.large.0.simple(),
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .fetch_one(&mut self.admin)
            .await
            .unwrap();
        Scans {
            vectors_whole: row.get(0),
            vectors_by_key: row.get(1),
            vectors_by_graph: row.get(2),
            postings_whole: row.get(3),
            postings_by_key: row.get(4),
            chunks_whole: row.get(5),
        }
    }

    async fn open(&self) -> Db {
        Db::connect(&self.urls.app, 1).await.unwrap()
    }
}

/// The nearest of a site's, several times over; gives the way of the last.
async fn walk(db: &Db, site: SiteId, tags: &[&str]) -> Way {
    let filter = Filter {
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        ..Filter::default()
    };
    let mut way = None;
    for i in 0..TIMES {
        let mut vector = vec![0.0; DIMENSIONS];
        vector[i as usize] = 1.0;
        let mut tx = db.snapshot(site).await.unwrap();
        let known = models::of_site(&mut tx).await.unwrap();
        let model: Model = known.live.clone().unwrap();
        let narrowed = filtered::narrow(&mut tx, filter.clone()).await.unwrap();
        let (near, by) = nearest::nearest(&mut tx, &known, &model, &vector, &narrowed, 20)
            .await
            .unwrap();
        assert_eq!(near.len(), 20);
        way = Some(by);
        tx.commit().await.unwrap();
    }
    way.unwrap()
}

#[rstest]
#[case::as_the_server_likes("auto")]
#[case::generic("force_generic_plan")]
#[tokio::test]
async fn searches_use_the_indexes_that_are_there_for_them(#[case] plans: &str) {
    let mut sites = Sites::make(plans).await;
    let db = sites.open().await;
    let start = sites.scans(db).await;

    let db = sites.open().await;
    assert_eq!(walk(&db, sites.large, &[]).await, Way::Graph);
    let walked = sites.scans(db).await;
    assert!(walked.vectors_by_graph - start.vectors_by_graph >= i64::from(TIMES));
    assert_eq!(
        walked.vectors_whole, start.vectors_whole,
        "a large site's vectors"
    );

    let db = sites.open().await;
    assert_eq!(walk(&db, sites.large, &["rare"]).await, Way::Exact);
    assert_eq!(walk(&db, sites.small, &[]).await, Way::Exact);
    let compared = sites.scans(db).await;
    assert!(compared.vectors_by_key - walked.vectors_by_key >= 2 * i64::from(TIMES));
    assert_eq!(compared.vectors_whole, walked.vectors_whole, "a few vectors");
    assert_eq!(compared.vectors_by_graph, walked.vectors_by_graph);

    let db = sites.open().await;
    for _ in 0..TIMES {
        let mut tx = db.snapshot(sites.large).await.unwrap();
        let words = Words {
            text: "w17 w1500 w900",
            weight: 1.0,
            lang: None,
        };
        let terms = postings::terms(&mut tx, &[words]).await.unwrap();
        let mut ranking = packed::rank(&mut tx, &terms).await.unwrap();
        let everywhere = filtered::narrow(&mut tx, Filter::default()).await.unwrap();
        let found = packed::passing(&mut tx, &mut ranking, &everywhere, 20)
            .await
            .unwrap();
        let ids: Vec<i64> = found.iter().map(|r| r.chunk_id).collect();
        assert_eq!(ids.len(), 20);
        let vector = vec![0.1; DIMENSIONS];
        passages::candidates(&mut tx, &ids, Some((sites.model, &vector)))
            .await
            .unwrap();
        passages::vectors(&mut tx, &ids, sites.model).await.unwrap();
        passages::read(&mut tx, &ids, &terms).await.unwrap();
        tx.commit().await.unwrap();
    }
    let ranked = sites.scans(db).await;
    assert!(ranked.postings_by_key > compared.postings_by_key);
    assert_eq!(ranked.postings_whole, compared.postings_whole, "postings");
    assert_eq!(ranked.chunks_whole, compared.chunks_whole, "chunks");
    assert_eq!(
        ranked.vectors_whole, compared.vectors_whole,
        "candidates' vectors"
    );
}
