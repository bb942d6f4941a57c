//! The functions of `db/` that serve connections, called under the wrong site: they find
//! nothing, and change nothing but the stranger's own.

use deskhand::db::connections::{self, NewConnection};
use deskhand::domain::clock::Clock;
use deskhand::domain::connection::{open, seal};
use serde_json::json;

use crate::support::app::{ORIGIN, TestApp, TestSite};

#[tokio::test]
async fn a_stranger_reaches_no_connection() {
    let app = TestApp::start().await;
    let now = app.clock.now();
    let config = json!({ "url": "https://shop.example" });
    let sealed = seal(&app.master, app.site.id, "woocommerce", "", "theirs").unwrap();
    let new = NewConnection {
        kind: "woocommerce",
        name: "",
        config: &config,
        secret_sealed: Some(&sealed),
        at: now,
    };
    let mut own = app.db.site(app.site.id).await.unwrap();
    connections::put(&mut own, &new).await.unwrap();
    own.commit().await.unwrap();
    let before = app.text("SELECT c::text FROM connections c").await;

    let stranger = TestSite::add(&app.db, &app.master, "stranger", &[ORIGIN], now).await;
    let mut transaction = app.db.site(stranger.id).await.unwrap();
    let tx = &mut transaction;
    assert_eq!(connections::list(tx).await.unwrap(), []);
    assert_eq!(connections::of_kind(tx, "woocommerce").await.unwrap(), []);
    assert!(!connections::remove(tx, "woocommerce", "").await.unwrap());
    // One of the same kind is the stranger's own, and what was sealed for another doesn't open.
    connections::put(tx, &new).await.unwrap();
    let [copied] = &connections::list(tx).await.unwrap()[..] else {
        panic!("one");
    };
    let stolen = copied.secret_sealed.as_ref().unwrap();
    assert!(open(&app.master, stranger.id, "woocommerce", "", stolen).is_err());
    transaction.commit().await.unwrap();
    let theirs = format!(
        "SELECT c::text FROM connections c WHERE site_id = '{}'",
        app.site.id
    );
    assert_eq!(app.text(&theirs).await, before);
    app.finish().await;
}
