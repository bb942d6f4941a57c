//! Documents of the corpus through the product's own code that stores them, with vectors
//! that are there already.

use std::time::Instant;

use deskhand::db::embeddings::Computed;
use deskhand::db::pool::Db;
use deskhand::db::versions::{self, NewChunk, NewVersion, Swapped};
use deskhand::db::{documents, models, sites};
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::domain::document::NewUpload;
use deskhand::domain::ids::SiteId;
use deskhand::domain::site::{Mode, Site};
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::chunk::ChunkLimits;

use crate::corpus::{Corpus, Document};
use crate::load::LANG;

pub async fn site(db: &Db, corpus: &Corpus, n: usize, model: i32) {
    let site = Site {
        id: SiteId(corpus.sites[n].id),
        slug: corpus.sites[n].slug.clone(),
        name: corpus.sites[n].slug.clone(),
        origins: Vec::new(),
        mode: Mode::Assist,
        locale: "en".to_owned(),
        rules: deskhand::domain::rules::Rules::default(),
        created_at: SystemClock.now(),
    };
    let mut tx = db.site(site.id).await.unwrap();
    sites::insert(&mut tx, &site).await.unwrap();
    models::choose(&mut tx, model).await.unwrap();
    tx.commit().await.unwrap();
}

/// Gives the seconds of the transaction that makes the document live.
pub async fn document(db: &Db, corpus: &Corpus, document: &Document, model: i32) -> f64 {
    let site = SiteId(corpus.sites[document.place.site].id);
    let hashes: Vec<String> = document.chunks.iter().map(|c| hex::encode(c.hash)).collect();
    let vectors: Vec<Vec<f32>> = document
        .chunks
        .iter()
        .map(|c| c.vector.iter().map(|x| x.to_f32()).collect())
        .collect();
    let mut tx = db.site(site).await.unwrap();
    let url = Some(format!("/kb/{}", document.external_id));
    let new = NewUpload {
        source: "file".to_owned(),
        external_id: document.external_id.clone(),
        name: document.external_id.clone(),
        bytes: document.external_id.clone().into_bytes(),
        url: url.clone(),
        title: Some(document.title.clone()),
    };
    let accepted = accept(&mut tx, new, ChunkLimits::default()).await.unwrap();
    tx.commit().await.unwrap();
    let computed = Computed {
        model,
        hashes: hashes.clone(),
        vectors,
    };
    let chunks = document.chunks.iter().zip(hashes).map(|(chunk, hash)| NewChunk {
        heading_path: vec![chunk.heading.clone()],
        anchor: None,
        page: None,
        text: chunk.text.clone(),
        index_text: document.index_text(chunk),
        hash,
        tokens: chunk.tokens,
    });
    let version = NewVersion {
        document: accepted.document,
        upload: accepted.upload.unwrap(),
        sha256: vec![0; 32],
        recipe: "bench".to_owned(),
        title: document.title.clone(),
        url,
        tags: document.tags.clone(),
        given_tags: Vec::new(),
        channels: None,
        lang: LANG.to_owned(),
        markdown: String::new(),
        chunks: chunks.collect(),
        models: vec![computed],
        fetched: None,
    };
    let began = Instant::now();
    let mut tx = db.site(site).await.unwrap();
    let swapped = versions::swap(&mut tx, SystemClock.now(), &version)
        .await
        .unwrap();
    assert!(matches!(swapped, Swapped::Live(_)), "{swapped:?}");
    tx.commit().await.unwrap();
    began.elapsed().as_secs_f64()
}

pub async fn delete(db: &Db, corpus: &Corpus, site: usize, name: &str) {
    let mut tx = db.site(SiteId(corpus.sites[site].id)).await.unwrap();
    let claimed = documents::claim(&mut tx, "file", name, "").await.unwrap();
    documents::delete(&mut tx, SystemClock.now(), claimed.id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
