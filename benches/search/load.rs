//! Fills a database in bulk, and leaves it as the product's ingestion would: `check`
//! compares the two. Rows are made here and copied in PostgreSQL's binary form; foreign
//! keys are not checked meanwhile, and the postings' key is made at the end. Only a
//! version's Markdown is left empty, which no search reads.

use std::collections::HashMap;
use std::io::Write;

use rayon::prelude::*;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use uuid::Uuid;

use crate::corpus::{Corpus, DIMENSIONS, Document};

pub const LANG: &str = "english";
/// As many chunks share a row of postings (`db::postings`).
const BUCKET: usize = 240;
/// Documents a batch.
const BATCH: usize = 2000;
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What is known of a site while it is filled.
#[derive(Default)]
struct Filling {
    bucket: i32,
    filled: usize,
    /// Word, chunk, length, tf.
    postings: Vec<(u16, i64, u16, u8)>,
    df: HashMap<u16, i64>,
    chunks: i64,
    total_length: i64,
    documents: i64,
}

pub async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    let mut conn = options.connect().await.unwrap();
    run(&mut conn, "SET session_replication_role = replica").await;
    run(&mut conn, "SET synchronous_commit = off").await;
    conn
}

pub async fn run(conn: &mut PgConnection, statement: &str) {
    use sqlx::Executor;
    conn.execute(sqlx::AssertSqlSafe(statement))
        .await
        .unwrap_or_else(|e| panic!("{statement}: {e}"));
}

async fn copy(conn: &mut PgConnection, to: &str, rows: Rows) {
    let mut into = conn
        .copy_in_raw(&format!("COPY {to} FROM STDIN (FORMAT binary)"))
        .await
        .unwrap();
    let bytes = rows.end();
    for piece in bytes.chunks(4 << 20) {
        into.send(piece).await.unwrap();
    }
    into.finish().await.unwrap_or_else(|e| panic!("{to}: {e}"));
}

/// Rows in COPY's binary form.
struct Rows(Vec<u8>);

impl Rows {
    fn new() -> Self {
        Self(HEAD.to_vec())
    }

    fn row(&mut self, fields: i16) {
        self.0.extend(fields.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend((bytes.len() as i32).to_be_bytes());
        self.0.extend(bytes);
    }

    fn uuid(&mut self, id: Uuid) {
        self.bytes(id.as_bytes());
    }

    fn int(&mut self, n: i32) {
        self.bytes(&n.to_be_bytes());
    }

    fn long(&mut self, n: i64) {
        self.bytes(&n.to_be_bytes());
    }

    fn texts(&mut self, texts: &[&str]) {
        let mut out = Vec::new();
        out.extend(i32::from(!texts.is_empty()).to_be_bytes());
        // No nulls; 25 is the type text.
        out.extend([0, 0, 0, 0, 0, 0, 0, 25]);
        if !texts.is_empty() {
            out.extend((texts.len() as i32).to_be_bytes());
            out.extend(1_i32.to_be_bytes());
        }
        for text in texts {
            out.extend((text.len() as i32).to_be_bytes());
            out.extend(text.as_bytes());
        }
        self.bytes(&out);
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend((-1_i16).to_be_bytes());
        self.0
    }
}

/// Loads everything but the graphs.
pub async fn load(superuser: &str, corpus: &Corpus, model: i32, told: impl Fn(usize)) {
    let [mut a, mut b, mut c] = [
        connect(superuser).await,
        connect(superuser).await,
        connect(superuser).await,
    ];
    run(&mut c, "ALTER TABLE postings DROP CONSTRAINT postings_pkey").await;
    let mut sites: Vec<Filling> = corpus.sites.iter().map(|_| Filling::default()).collect();
    for site in &corpus.sites {
        run(
            &mut a,
            &format!(
                "INSERT INTO sites (id, slug, name) VALUES ('{0}', '{1}', '{1}')",
                site.id, site.slug
            ),
        )
        .await;
    }
    let mut done = 0;
    let numbers: Vec<usize> = (0..corpus.places.len()).collect();
    for batch in numbers.chunks(BATCH) {
        let documents: Vec<Document> = batch.par_iter().map(|n| corpus.document(*n)).collect();
        let mut postings = Rows::new();
        let mut buckets = Vec::with_capacity(documents.len());
        for document in &documents {
            buckets.push(fill(
                corpus,
                &mut sites[document.place.site],
                document,
                &mut postings,
            ));
        }
        let (rows, (chunks, vectors)) = rayon::join(
            || documents_of(corpus, &documents),
            || {
                rayon::join(
                    || chunks_of(corpus, &documents, &buckets),
                    || vectors_of(corpus, &documents, model),
                )
            },
        );
        let partition = format!("embeddings_{model} (site_id, document_id, chunk_id, model_id, embedding)");
        tokio::join!(
            async {
                let [documents, versions, tags] = rows;
                copy(&mut a, "documents (site_id, id, source, external_id, title, url, visibility, channels, tags, lang, version)", documents).await;
                copy(&mut a, "versions (site_id, id, document_id, sha256, recipe, state, chunks, tokens, markdown, at)", versions).await;
                copy(&mut a, "document_tags (site_id, tag, document_id)", tags).await;
                copy(&mut a, "chunks (site_id, id, version_id, document_id, n, heading_path, text, hash, lang, length, tokens, lexemes, bucket)", chunks).await;
            },
            copy(&mut b, &partition, vectors),
            copy(&mut c, "postings (site_id, lang, term, bucket, data)", postings),
        );
        done += documents.iter().map(|d| d.chunks.len()).sum::<usize>();
        told(done);
    }
    let mut postings = Rows::new();
    let (mut terms, mut stats, mut states) = (Rows::new(), Rows::new(), Rows::new());
    for (site, filling) in sites.iter_mut().enumerate() {
        flush(corpus, site, filling, &mut postings);
        let id = corpus.sites[site].id;
        for (word, df) in &filling.df {
            terms.row(4);
            terms.uuid(id);
            terms.bytes(LANG.as_bytes());
            terms.bytes(corpus.words[usize::from(*word)].as_bytes());
            terms.long(*df);
        }
        stats.row(4);
        stats.uuid(id);
        stats.bytes(LANG.as_bytes());
        stats.long(filling.chunks);
        stats.long(filling.total_length);
        states.row(5);
        states.uuid(id);
        states.long(filling.documents);
        states.int(filling.bucket);
        states.int(filling.filled as i32);
        states.int(model);
    }
    copy(&mut c, "postings (site_id, lang, term, bucket, data)", postings).await;
    copy(&mut a, "term_stats (site_id, lang, term, df)", terms).await;
    copy(
        &mut a,
        "corpus_stats (site_id, lang, chunks, total_length)",
        stats,
    )
    .await;
    copy(
        &mut a,
        "knowledge_state (site_id, revision, bucket, filled, model_id)",
        states,
    )
    .await;
    run(&mut c, "SET maintenance_work_mem = '1GB'").await;
    run(
        &mut c,
        "ALTER TABLE postings ADD PRIMARY KEY (site_id, lang, term, bucket)",
    )
    .await;
    run(
        &mut a,
        "SELECT setval(pg_get_serial_sequence('chunks', 'id'), (SELECT max(id) FROM chunks))",
    )
    .await;
    // What autovacuum does within minutes.
    for table in [
        "documents",
        "document_tags",
        "chunks",
        "postings",
        "term_stats",
        "corpus_stats",
        "knowledge_state",
        "embeddings",
    ] {
        run(&mut a, &format!("VACUUM (ANALYZE, PARALLEL 0) {table}")).await;
    }
    run(&mut a, "CHECKPOINT").await;
}

/// Counts a document in; gives the bucket that its chunks go into.
fn fill(corpus: &Corpus, site: &mut Filling, document: &Document, rows: &mut Rows) -> i32 {
    let n = document.chunks.len();
    if site.filled > 0 && site.filled + n > BUCKET {
        flush(corpus, document.place.site, site, rows);
        site.bucket += 1;
        site.filled = 0;
    }
    site.filled += n;
    site.documents += 1;
    for (chunk, id) in document.chunks.iter().zip(document.place.first_chunk..) {
        site.chunks += 1;
        site.total_length += i64::from(chunk.length);
        for (word, positions) in &chunk.lexemes {
            *site.df.entry(*word).or_insert(0) += 1;
            let length = chunk.length.min(32_767) as u16;
            site.postings
                .push((*word, id, length, positions.len().min(255) as u8));
        }
    }
    site.bucket
}

/// Writes the postings of the site's bucket.
fn flush(corpus: &Corpus, site: usize, filling: &mut Filling, rows: &mut Rows) {
    filling.postings.sort_unstable();
    let id = corpus.sites[site].id;
    for of_word in filling.postings.chunk_by(|a, b| a.0 == b.0) {
        rows.row(5);
        rows.uuid(id);
        rows.bytes(LANG.as_bytes());
        rows.bytes(corpus.words[usize::from(of_word[0].0)].as_bytes());
        rows.int(filling.bucket);
        let mut data = Vec::with_capacity(8 * of_word.len());
        for (_, chunk, length, tf) in of_word {
            data.extend(&chunk.to_be_bytes()[3..]);
            data.extend(length.to_be_bytes());
            data.push(*tf);
        }
        rows.bytes(&data);
    }
    filling.postings.clear();
}

fn documents_of(corpus: &Corpus, documents: &[Document]) -> [Rows; 3] {
    let [mut rows, mut versions, mut tags] = [Rows::new(), Rows::new(), Rows::new()];
    for d in documents {
        let site = corpus.sites[d.place.site].id;
        let of_document: Vec<&str> = d.tags.iter().map(String::as_str).collect();
        rows.row(11);
        rows.uuid(site);
        rows.uuid(d.id);
        rows.bytes(b"file");
        rows.bytes(d.external_id.as_bytes());
        rows.bytes(d.title.as_bytes());
        rows.bytes(format!("/kb/{}", d.external_id).as_bytes());
        rows.bytes(if d.private { b"private" } else { b"public" });
        rows.texts(if d.email_only { &["email"] } else { &[] });
        rows.texts(&of_document);
        rows.bytes(LANG.as_bytes());
        rows.int(1);
        versions.row(10);
        versions.uuid(site);
        versions.uuid(d.version);
        versions.uuid(d.id);
        versions.bytes(&[0; 32]);
        versions.bytes(b"bench");
        versions.bytes(b"live");
        versions.int(d.chunks.len() as i32);
        versions.int(d.chunks.iter().map(|c| c.tokens).sum());
        versions.bytes(b"");
        // Microseconds since 2000.
        versions.long(800_000_000_000_000);
        for tag in of_document {
            tags.row(3);
            tags.uuid(site);
            tags.bytes(tag.as_bytes());
            tags.uuid(d.id);
        }
    }
    [rows, versions, tags]
}

fn chunks_of(corpus: &Corpus, documents: &[Document], buckets: &[i32]) -> Rows {
    let mut rows = Rows::new();
    let mut lexemes = Vec::new();
    for (d, bucket) in documents.iter().zip(buckets) {
        for ((n, chunk), id) in d.chunks.iter().enumerate().zip(d.place.first_chunk..) {
            rows.row(13);
            rows.uuid(corpus.sites[d.place.site].id);
            rows.long(id);
            rows.uuid(d.version);
            rows.uuid(d.id);
            rows.int(n as i32);
            rows.texts(&[&chunk.heading]);
            rows.bytes(chunk.text.as_bytes());
            rows.bytes(&chunk.hash);
            rows.bytes(LANG.as_bytes());
            rows.int(chunk.length);
            rows.int(chunk.tokens);
            lexemes.clear();
            lexemes.extend((chunk.lexemes.len() as i32).to_be_bytes());
            for (word, positions) in &chunk.lexemes {
                let _ = lexemes.write_all(corpus.words[usize::from(*word)].as_bytes());
                lexemes.push(0);
                lexemes.extend((positions.len() as u16).to_be_bytes());
                positions.iter().for_each(|p| lexemes.extend(p.to_be_bytes()));
            }
            rows.bytes(&lexemes);
            rows.int(*bucket);
        }
    }
    rows
}

fn vectors_of(corpus: &Corpus, documents: &[Document], model: i32) -> Rows {
    let mut rows = Rows::new();
    for d in documents {
        for (chunk, id) in d.chunks.iter().zip(d.place.first_chunk..) {
            rows.row(5);
            rows.uuid(corpus.sites[d.place.site].id);
            rows.uuid(d.id);
            rows.long(id);
            rows.int(model);
            let mut vector = Vec::with_capacity(4 + 2 * DIMENSIONS);
            vector.extend((DIMENSIONS as i16).to_be_bytes());
            vector.extend([0, 0]);
            chunk
                .vector
                .iter()
                .for_each(|x| vector.extend(x.to_bits().to_be_bytes()));
            rows.bytes(&vector);
        }
    }
    rows
}
