//! The functions of `db/` that search and keep vectors, called under the wrong site with
//! another's real ids: they find nothing and change nothing.

use chrono::TimeDelta;
use deskhand::db::embeddings::{self, Computed};
use deskhand::db::filtered;
use deskhand::db::gaps::Gap;
use deskhand::db::postings::{Filter, Words};
use deskhand::db::trust::Measured;
use deskhand::db::{copies, documents, gaps, jobs, models, nearest, packed, passages, postings, trust};
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::{DocumentId, VersionId};

use crate::support::app::{ORIGIN, Setup, TestApp, TestSite};
use crate::support::knowledge::with_model;

/// What a stranger must not change.
async fn everything(app: &TestApp) -> Vec<i64> {
    let site = app.site.id;
    let mut sums = Vec::new();
    for table in [
        "documents",
        "document_tags",
        "chunks",
        "postings",
        "embeddings",
        "embedding_cache",
        "model_trust",
        "gaps",
        "knowledge_state",
    ] {
        let sum = format!(
            "SELECT coalesce(sum(hashtext(x::text)), 0)::bigint FROM {table} x WHERE site_id = '{site}'"
        );
        sums.push(app.count(&sum).await);
    }
    sums
}

#[tokio::test]
async fn vectors_and_postings_are_their_sites_own() {
    let setup = Setup {
        knowledge: with_model(),
        ..Setup::default()
    };
    let app = TestApp::with(setup).await;
    app.know(&[(
        "returns.md",
        "---\ntags: [goods]\n---\n# Returns\n\nYou can send goods back within 30 days of delivery.",
    )])
    .await;
    let s = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], app.clock.now()).await;
    let words = [Words {
        text: "returns goods days",
        weight: 1.0,
        lang: None,
    }];
    let mut own = app.db.snapshot(app.site.id).await.unwrap();
    let terms = postings::terms(&mut own, &words).await.unwrap();
    let mut ranking = packed::rank(&mut own, &terms).await.unwrap();
    let chunk = ranking.best(1)[0].chunk_id;
    let tagged = Filter {
        tags: vec!["goods".to_owned()],
        ..Filter::default()
    };
    let of_own = filtered::narrow(&mut own, tagged.clone()).await.unwrap();
    let found = packed::passing(&mut own, &mut ranking, &of_own, 5).await.unwrap();
    assert_eq!(found[0].chunk_id, chunk);
    let known = models::of_site(&mut own).await.unwrap();
    let model = known.live.clone().expect("a model");
    let vector = passages::vectors(&mut own, &[chunk], model.id).await.unwrap()[&chunk].clone();
    let rows = passages::read(&mut own, &[chunk], &terms).await.unwrap();
    let document: DocumentId = rows[0].document_id;
    own.commit().await.unwrap();
    let hash = app
        .text(&format!(
            "SELECT encode(hash, 'hex') FROM chunks WHERE id = {chunk}"
        ))
        .await;
    let version = VersionId(
        app.text(&format!("SELECT version_id::text FROM chunks WHERE id = {chunk}"))
            .await
            .parse()
            .unwrap(),
    );
    let before = everything(&app).await;

    let mut transaction = app.db.site(s.id).await.unwrap();
    let tx = &mut transaction;
    let everywhere = filtered::narrow(tx, Filter::default()).await.unwrap();
    let tagged = filtered::narrow(tx, tagged).await.unwrap();
    assert_eq!(packed::passing(tx, &mut ranking, &tagged, 5).await.unwrap(), []);
    assert!(packed::rank(tx, &terms).await.unwrap().is_empty());
    assert_eq!(
        packed::passing(tx, &mut ranking, &everywhere, 5).await.unwrap(),
        []
    );
    assert_eq!(
        nearest::nearest(tx, &known, &model, &vector, &everywhere, 5)
            .await
            .unwrap()
            .0,
        []
    );
    let mut graphed = known.clone();
    graphed.graphs = vec![model.id];
    graphed.chunks = 1_000_000;
    assert_eq!(
        nearest::nearest(tx, &graphed, &model, &vector, &everywhere, 5)
            .await
            .unwrap()
            .0,
        []
    );
    assert_eq!(
        passages::candidates(tx, &[chunk], Some((model.id, &vector)))
            .await
            .unwrap(),
        []
    );
    assert!(
        passages::vectors(tx, &[chunk], model.id)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(passages::read(tx, &[chunk], &terms).await.unwrap(), []);
    assert_eq!(copies::documents(tx, None).await.unwrap(), []);
    assert!(
        copies::searched(tx, Some(model.id), &[document.0])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        passages::current(&app.db, app.site.id, &[chunk])
            .await
            .unwrap()
            .1
            .len(),
        1
    );
    assert_eq!(
        passages::current(&app.db, s.id, &[chunk]).await.unwrap(),
        (0, Vec::new())
    );
    assert_eq!(
        postings::lexemes(tx, "english", "goods").await.unwrap().len(),
        1,
        "needs no site"
    );
    assert_eq!(documents::names(tx, "file").await.unwrap(), []);
    assert_eq!(documents::of_source(tx, "file").await.unwrap(), []);
    let goods = ["goods".to_owned()];
    let labels = filtered::labels(tx, &goods).await.unwrap();
    assert!(labels.sources.is_empty() && labels.channels.is_empty() && labels.unknown_tags == goods);
    assert!(!documents::has_live(tx, document).await.unwrap());
    documents::tag(tx, document, &[]).await.unwrap();
    assert_eq!(models::of_site(tx).await.unwrap().live, None);
    assert_eq!(models::named(tx).await.unwrap(), (None, None));
    assert_eq!(embeddings::given_up(tx).await.unwrap(), Vec::<i32>::new());
    let missing = embeddings::missing(tx, model.id, std::slice::from_ref(&hash)).await;
    assert_eq!(missing.unwrap().first(), Some(&hash));
    assert_eq!(embeddings::pending(tx, model.id, 0, 9).await.unwrap(), []);
    assert_eq!(embeddings::count(tx, model.id).await.unwrap(), (0, 0));
    let computed = Computed {
        model: model.id,
        hashes: vec![hash],
        vectors: vec![vector.clone()],
    };
    assert_eq!(embeddings::attach(tx, &computed, version).await.unwrap(), 0);
    embeddings::store(tx, model.id, &[chunk], std::slice::from_ref(&vector))
        .await
        .unwrap();
    embeddings::keep(tx, document, &computed).await.unwrap();
    assert_eq!(embeddings::forget(tx, model.id, 10).await.unwrap(), 0);
    assert!(trust::of_site(tx, model.id).await.unwrap().is_empty());
    assert_eq!(trust::stale(tx, model.id, 0).await.unwrap(), []);
    assert!(!trust::due(tx, model.id, 0).await.unwrap());
    assert!(!jobs::documents_come(tx).await.unwrap());
    assert_eq!(trust::sample(tx, "english", 10).await.unwrap(), []);
    let measured = Measured {
        lang: "english".to_owned(),
        trust: 0.5,
        chunks: 1,
    };
    trust::store(tx, model.id, &measured).await.unwrap();
    let gap = Gap {
        question: "?".to_owned(),
        locale: "en".to_owned(),
        at: app.clock.now(),
    };
    gaps::insert(tx, &gap).await.unwrap();
    assert_eq!(
        gaps::list(tx, app.clock.now() - TimeDelta::days(1), 10)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(models::lock(tx).await.unwrap(), (None, None));
    assert!(models::choose(tx, model.id).await.unwrap(), "it has no chunks");
    assert!(models::switch(tx, model.id).await.unwrap());
    models::build_graph(tx, model.id).await.unwrap();
    models::drop_graph(tx, model.id).await.unwrap();
    transaction.commit().await.unwrap();

    assert_eq!(before, everything(&app).await, "a stranger changed something");
    app.finish().await;
}
