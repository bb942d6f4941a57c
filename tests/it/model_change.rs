//! From one embedding model to another when things go wrong: another is named meanwhile, a
//! crash after the switch, a damaged default model, a provider that is busy or not there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deskhand::db::pool::Db;
use deskhand::db::{embeddings, jobs, models, trust};
use deskhand::domain::clock::SystemClock;
use deskhand::domain::ids::{DocumentId, SiteId, UploadId};
use deskhand::domain::job::{Job, Priority, Work};
use deskhand::jobs::handler::Handlers;
use deskhand::jobs::measure_trust::MeasureTrust;
use deskhand::jobs::runner::{Runner, Settings};
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::ingest::ingest;
use deskhand::knowledge::{embed, reindex};
use deskhand::models::embedder::{EmbedError, ModelSpec, Purpose};
use deskhand::models::local;
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::fake_embedder::{FakeEmbedder, Fault};
use crate::support::knowledge::{knowledge, settings, with_model};
use crate::support::model_folder::model_folder;
use crate::support::scratch::{hand_in, raw, test_db};

/// More than one batch.
const PAGES: usize = 70;

fn openai(name: &str) -> ModelSpec {
    ModelSpec::OpenAi(name.to_owned())
}

async fn know_pages(knowledge: &Knowledge, db: &Db, site: SiteId) {
    for i in 0..PAGES {
        let page = format!("# Page {i}\n\nLamps of kind number{i} and their shades.");
        let accepted = hand_in(db, site, &format!("{i}.md"), page.as_bytes()).await;
        let (clock, upload, told) = (SystemClock, accepted.upload.unwrap(), |_, _| {});
        ingest(db, &clock, knowledge, site, upload, accepted.document, &told)
            .await
            .unwrap();
    }
}

async fn vectors_of(db: &Db, site: SiteId, model: i32) -> i64 {
    let mut tx = db.site(site).await.unwrap();
    embeddings::count(&mut tx, model).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_not_wanted_any_more_is_given_up_at_the_next_batch() {
    let (db, site) = test_db().await;
    let local = with_model();
    know_pages(&local, &db, site).await;
    let provider = FakeEmbedder::start().await;
    let k = knowledge(settings(
        local.embedders.first_choice().cloned(),
        &provider.base_url,
    ));
    let first = embed::register(&db, &k.embedders, &openai("first"))
        .await
        .unwrap();
    let second = embed::register(&db, &k.embedders, &openai("second"))
        .await
        .unwrap();
    embed::change(&db, site, first.id).await.unwrap();
    let before = provider.texts();
    // After the first batch the operator names another.
    let told = |_: f32| {
        tokio::task::block_in_place(|| {
            let named = embed::change(&db, site, second.id);
            tokio::runtime::Handle::current().block_on(named).unwrap();
        });
    };
    reindex::reindex(&db, &k, site, first.id, &told).await.unwrap();
    assert_eq!(provider.texts() - before, 64, "one batch of {PAGES}");
    assert_eq!(
        vectors_of(&db, site, first.id).await,
        0,
        "what was built is deleted"
    );
    let mut tx = db.site(site).await.unwrap();
    let known = models::of_site(&mut tx).await.unwrap();
    assert_eq!(known.next.map(|m| m.id), Some(second.id));
    drop(tx);
    reindex::reindex(&db, &k, site, second.id, &|_| {}).await.unwrap();
    let live = known.live.unwrap().id;
    assert_eq!(vectors_of(&db, site, live).await, 0);
    assert_eq!(
        vectors_of(&db, site, second.id).await,
        i64::try_from(PAGES).unwrap()
    );
}

#[tokio::test]
async fn what_a_crash_after_the_switch_left_is_done_by_the_next_run() {
    let (db, site) = test_db().await;
    let local = with_model();
    know_pages(&local, &db, site).await;
    let provider = FakeEmbedder::start().await;
    let k = knowledge(settings(
        local.embedders.first_choice().cloned(),
        &provider.base_url,
    ));
    let model = embed::register(&db, &k.embedders, &openai("next")).await.unwrap();
    embed::change(&db, site, model.id).await.unwrap();
    // As the job does it, up to its switch.
    let mut tx = db.site(site).await.unwrap();
    let old = models::of_site(&mut tx).await.unwrap().live.unwrap().id;
    let pending = embeddings::pending(&mut tx, model.id, 0, 1000).await.unwrap();
    let texts = pending.iter().map(|p| p.text.clone()).collect();
    let vectors = model.embedder.embed(texts, Purpose::Passages).await.unwrap();
    let ids: Vec<i64> = pending.iter().map(|p| p.chunk_id).collect();
    embeddings::store(&mut tx, model.id, &ids, &vectors)
        .await
        .unwrap();
    assert!(models::switch(&mut tx, model.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(vectors_of(&db, site, old).await, i64::try_from(PAGES).unwrap());

    reindex::reindex(&db, &k, site, model.id, &|_| {}).await.unwrap();
    assert_eq!(vectors_of(&db, site, old).await, 0);
    let mut tx = db.site(site).await.unwrap();
    assert!(!trust::of_site(&mut tx, model.id).await.unwrap().is_empty());
}

/// A measurement costs as much as a hundred documents: during an import it would be out of date at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_is_measured_once_no_more_documents_come() {
    let (db, site) = test_db().await;
    let k = with_model();
    know_pages(&k, &db, site).await;
    let mut conn = raw(site).await;
    let coming = Job {
        work: Work::IngestDocument {
            upload: UploadId::new(),
            document: DocumentId::named(site, "file", "coming"),
        },
        key: "coming".to_owned(),
        priority: Priority::Batch,
    };
    let mut tx = db.site(site).await.unwrap();
    jobs::enqueue(&mut tx, &coming).await.unwrap();
    tx.commit().await.unwrap();
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let runner = Runner::new(
        db.clone(),
        Handlers::new().with(MeasureTrust { knowledge: k }),
        Vec::new(),
        Settings {
            poll: Duration::from_millis(50),
            ..Settings::default()
        },
        TaskTracker::new(),
        stop.clone(),
    );
    tasks.spawn(runner.run());
    let mut until = async |wanted: &'static str| {
        let sql = format!(
            "SELECT count(*) FROM jobs WHERE lane = '{site}' AND kind = 'measure_trust' AND {wanted}"
        );
        let found = async {
            while sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql.clone()))
                .fetch_one(&mut conn)
                .await
                .unwrap()
                == 0
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), found)
            .await
            .unwrap_or_else(|_| panic!("never {wanted}"));
    };
    // It was looked at, and waits.
    until("state = 'waiting' AND epoch > 0 AND run_at > now()").await;
    let measured = async || {
        let mut tx = db.site(site).await.unwrap();
        let live = models::named(&mut tx).await.unwrap().0.unwrap();
        trust::of_site(&mut tx, live).await.unwrap().len()
    };
    assert_eq!(measured().await, 0);
    // What has waited for long holds it up no more.
    let mut other = raw(site).await;
    for sql in [
        "UPDATE jobs SET run_at = now() - interval '11 minutes' WHERE lane = $1 AND key = 'coming'",
        "UPDATE jobs SET run_at = now() WHERE lane = $1 AND kind = 'measure_trust'",
    ] {
        sqlx::query(sql).bind(site.0).execute(&mut other).await.unwrap();
    }
    until("state = 'done'").await;
    assert_eq!(measured().await, 1);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

/// The default model's files, one of them changed.
fn damaged(into: &Path) -> PathBuf {
    let (from, to) = (model_folder(), into.join(local::DEFAULT));
    for entry in walkdir::WalkDir::new(&from).into_iter().map(Result::unwrap) {
        let target = to.join(entry.path().strip_prefix(&from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else if entry.file_name() == "tokenizer.json" {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            std::fs::write(target, text + "\n").unwrap();
        } else {
            std::os::unix::fs::symlink(entry.path(), target).unwrap();
        }
    }
    to
}

#[tokio::test]
async fn a_damaged_default_model_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    damaged(folder.path());
    let spec = ModelSpec::Local(local::DEFAULT.to_owned());
    let mut settings = settings(Some(spec.clone()), "http://127.0.0.1:9");
    settings.folder = folder.path().to_owned();
    let k = knowledge(settings.clone());
    let error = k.embedders.get(&spec, None).await.err().unwrap();
    let said = error.to_string();
    assert!(matches!(error, EmbedError::Unusable(_)), "{said}");
    assert!(
        said.contains("damaged") && said.contains("doctor --fix") && !said.contains("reindex"),
        "{said}"
    );
    // Under another name it is a model like any other.
    let own = ModelSpec::Local(folder.path().join(local::DEFAULT).to_string_lossy().into_owned());
    assert!(k.embedders.get(&own, None).await.is_ok());
    // The real one is the one that is known.
    settings.folder = model_folder().parent().unwrap().to_owned();
    if model_folder().ends_with(local::DEFAULT) {
        let real = knowledge(settings).embedders.get(&spec, None).await.unwrap();
        assert_eq!(real.name(), local::DEFAULT_ID);
    }
}

#[tokio::test]
async fn a_provider_that_is_busy_is_waited_for_when_its_model_is_opened() {
    let provider = FakeEmbedder::start().await;
    provider.then(Fault::Status(429, Some("0")));
    let k = knowledge(settings(Some(openai("m")), &provider.base_url));
    assert!(k.embedders.get(&openai("m"), None).await.is_ok());
    assert_eq!(provider.calls().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_with_what_to_check() {
    // Speaks no TLS.
    let plain = FakeEmbedder::start().await;
    let secure = plain.base_url.replace("http://", "https://");
    for (url, wants) in [
        ("http://127.0.0.1:9/v1", "nothing listens at 127.0.0.1:9"),
        ("http://no-such-host.invalid/v1", "can't be found (DNS)"),
        (secure.as_str(), "no secure connection to 127.0.0.1:"),
    ] {
        let k = knowledge(settings(Some(openai("m")), url));
        let error = k
            .embedders
            .get(&openai("m"), None)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains(wants) && error.contains("base_url"),
            "{url}: {error}"
        );
    }
}
