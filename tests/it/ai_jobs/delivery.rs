//! Callbacks: repeated until the site has taken them, each try in the ledger; then with the
//! dead letters, from where they can be sent again.

use deskhand::db::{ai_jobs, jobs, sites};
use deskhand::domain::ids::{AiJobId, JobId};
use deskhand::domain::keys::{RootSecret, owner_of};
use serde_json::Value;

use super::Shop;
use crate::support::app::Setup;

/// Has what waits for its next try be due now.
async fn hurry(shop: &Shop) {
    shop.app
        .bend("UPDATE jobs SET run_at = now() WHERE state = 'waiting'")
        .await;
}

async fn ledger(shop: &Shop, id: &Value) -> Vec<ai_jobs::Attempt> {
    let id: AiJobId = id.as_str().unwrap().parse().unwrap();
    let mut tx = shop.app.db.site(shop.app.site.id).await.unwrap();
    ai_jobs::attempts(&mut tx, id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_is_away_gets_it_later() {
    let shop = Shop::open(Setup::default()).await;
    shop.site
        .answer(500, "")
        .answer(503, "")
        .answer(429, "")
        .answer(408, "");
    let (_, taken) = shop
        .post(&shop.token("site", "later"), &shop.infer("Write."))
        .await;
    for n in 1..5 {
        shop.site.wait(n).await;
        shop.until("SELECT count(*) FROM ai_job_callbacks", i64::try_from(n).unwrap())
            .await;
        shop.until(
            "SELECT count(*) FROM jobs WHERE kind = 'ai_callback' AND state = 'waiting'",
            1,
        )
        .await;
        hurry(&shop).await;
    }
    let all = shop.site.wait(5).await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    assert!(
        all.iter().all(|r| r.raw == all[0].raw),
        "each try brings the same bytes"
    );
    assert!(
        all.iter()
            .all(|r| r.is_signed(&shop.app.site.root, shop.app.site.id))
    );
    let ledger = ledger(&shop, &taken["job_id"]).await;
    let statuses: Vec<_> = ledger.iter().map(|a| a.status.unwrap()).collect();
    assert_eq!(statuses, [500, 503, 429, 408, 204]);
    assert_eq!(ledger[4].code, None);
    assert_eq!(ledger[4].n, 5);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_refuses_leaves_a_dead_letter() {
    let shop = Shop::open(Setup::default()).await;
    shop.site.answer(403, "");
    let (_, taken) = shop
        .post(&shop.token("site", "dead"), &shop.infer("Write."))
        .await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'dead'", 1)
        .await;
    shop.until(
        "SELECT count(*) FROM jobs WHERE kind = 'ai_callback' AND state = 'dead'",
        1,
    )
    .await;
    let (_, job) = shop.look(&taken["job_id"], &shop.app.site.api_key()).await;
    assert_eq!(job["callback"], "dead");
    assert_eq!(
        ledger(&shop, &taken["job_id"]).await[0].code.as_deref(),
        Some("site_refused")
    );
    let dead: JobId = shop
        .app
        .text("SELECT id::text FROM jobs WHERE state = 'dead'")
        .await
        .parse()
        .unwrap();
    let why = shop
        .app
        .text("SELECT error_detail FROM jobs WHERE state = 'dead'")
        .await;
    assert!(why.contains("403"), "{why}");
    // The owner has mended it.
    jobs::retry(&shop.app.db, dead).await.unwrap();
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    assert_eq!(shop.site.received().len(), 2);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_was_taken_away_is_not_called() {
    let shop = Shop::open(Setup::default()).await;
    shop.site.answer(500, "");
    shop.post(&shop.token("site", "moved"), &shop.infer("Write."))
        .await;
    shop.site.wait(1).await;
    shop.until("SELECT count(*) FROM ai_job_callbacks", 1).await;
    shop.app
        .bend("UPDATE sites SET origins = '{https://shop.example}'")
        .await;
    shop.until(
        "SELECT count(*) FROM jobs WHERE kind = 'ai_callback' AND state = 'waiting'",
        1,
    )
    .await;
    hurry(&shop).await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'dead'", 1)
        .await;
    assert_eq!(shop.site.received().len(), 1);
    assert_eq!(
        shop.app
            .text("SELECT code FROM ai_job_callbacks ORDER BY n DESC LIMIT 1")
            .await,
        "origin_not_allowed"
    );
    shop.close().await;
}

/// A job whose worker died again and again is said to have failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_job_fails_in_the_open() {
    let shop = Shop::open(Setup::default()).await;
    shop.post(&shop.token("site", "lost"), &shop.infer("Write."))
        .await;
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.app
        .bend(
            "UPDATE ai_jobs SET state = 'running', finished_at = NULL, error_code = NULL, error_detail = NULL,
                                callback = 'waiting'",
        )
        .await;
    assert_eq!(deskhand::gateway::close_abandoned(&shop.app.db).await.unwrap(), 1);
    let told = shop.site.wait(2).await[1].json();
    assert_eq!(told["error"]["code"], "abandoned");
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    assert_eq!(deskhand::gateway::close_abandoned(&shop.app.db).await.unwrap(), 0);
    shop.close().await;
}

/// While secrets rotate, a site that doesn't know the new one yet can check what it gets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_is_signed_with_the_secret_that_the_site_used() {
    let shop = Shop::open(Setup::default()).await;
    shop.site.answer(503, "");
    shop.post(&shop.token("site", "rotating"), &shop.infer("Write."))
        .await;
    shop.until("SELECT count(*) FROM ai_job_callbacks", 1).await;
    let (site, new) = (shop.app.site.id, RootSecret::new([5; 32]));
    let sealed = shop
        .app
        .master
        .seal(&owner_of(site, "dk_newer_key"), new.expose())
        .unwrap();
    let mut tx = shop.app.db.site(site).await.unwrap();
    sites::add_root_key(&mut tx, "dk_newer_key", &sealed)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let waiting = "SELECT count(*) FROM jobs WHERE kind = 'ai_callback' AND state = 'waiting'";
    shop.until(waiting, 1).await;
    shop.site.answer(503, "");
    hurry(&shop).await;
    let second = &shop.site.wait(2).await[1];
    assert_eq!(second.headers["x-key-id"], shop.app.site.kid);
    assert!(second.is_signed(&shop.app.site.root, site));
    // Once the old one has ended, only the new one is left.
    shop.until("SELECT count(*) FROM ai_job_callbacks", 2).await;
    shop.app
        .bend(&format!(
            "UPDATE site_keys SET not_after = now() WHERE kid = '{}'",
            shop.app.site.kid
        ))
        .await;
    shop.until(waiting, 1).await;
    hurry(&shop).await;
    let third = &shop.site.wait(3).await[2];
    assert_eq!(third.headers["x-key-id"], "dk_newer_key");
    assert!(third.is_signed(&new, site));
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.close().await;
}
