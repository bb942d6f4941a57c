//! What a visitor is asked for goes by an AI job as by the widget: a refund's card and its yes, an
//! address, a person; and a page that comes back finds its card again.

use deskhand::domain::ids::VisitorId;
use deskhand::inbox::desk::Desk;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Shop;
use crate::hands::shop::{ANNA, paid_back, stock};
use crate::support::app::Setup;

/// Sends a chat as WordPress does, and gives what it is told.
async fn say(shop: &Shop, visitor: VisitorId, n: usize, more: &Value) -> Value {
    let mut body = json!({
        "route": "chat", "message_id": Uuid::now_v7(), "user_msg": "", "callback_url": shop.site.url(),
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let token = shop.token(&visitor.to_string(), &format!("say-{n}"));
    let (status, taken) = shop.post(&token, &body).await;
    assert_eq!(status, 202, "{taken:#}");
    shop.site.wait(n).await[n - 1].json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_is_asked_for_and_confirmed_by_jobs() {
    let shop = Shop::open(Setup::default()).await;
    stock(&shop.app).await;
    let visitor = VisitorId::new();
    let wish = json!({ "user_msg": format!("I want a refund for order 1004, {ANNA}") });
    let told = say(&shop, visitor, 1, &wish).await;
    let result = &told["result_json"];
    assert_eq!(result["outcome"], "asked", "{told:#}");
    let ask = &result["ask"];
    assert_eq!(
        (&ask["kind"], &ask["amount_minor"], &ask["currency"]),
        (&json!("confirm"), &json!(3_870), &json!("EUR"))
    );
    assert!(result["last_seq"].as_i64().unwrap() > 1 && result["handoff"].is_null());
    // A page that comes back is shown the same card.
    let path = format!("/api/agent/thread/{}", result["thread_id"].as_str().unwrap());
    let thread = async || -> Value {
        let sent = shop
            .app
            .get(&path, &shop.app.token(visitor))
            .send()
            .await
            .unwrap();
        sent.json().await.unwrap()
    };
    assert_eq!(&thread().await["ask"], ask);
    assert_eq!(thread().await["last_seq"], result["last_seq"]);

    let yes = json!({
        "thread_id": result["thread_id"], "confirm": { "proposal_id": ask["proposal_id"], "accept": true },
    });
    let done = say(&shop, visitor, 2, &yes).await;
    assert_eq!(done["result_json"]["outcome"], "answered", "{done:#}");
    assert!(done["result_json"]["ask"].is_null());
    assert_eq!(paid_back(&shop.app, "1004").await, 3_870);
    assert_eq!(thread().await.get("ask"), None, "it was answered");
    // Another yes is too late, and says so.
    let late = say(&shop, visitor, 3, &yes).await;
    assert_eq!(
        (&late["status"], &late["error"]["code"]),
        (&json!("failed"), &json!("proposal_expired"))
    );
    assert_eq!(paid_back(&shop.app, "1004").await, 3_870);
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 3)
        .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_wanted_an_address_left_and_staff_take_over_by_jobs() {
    let shop = Shop::open(Setup::default()).await;
    let visitor = VisitorId::new();
    let told = say(
        &shop,
        visitor,
        1,
        &json!({ "user_msg": "I want to talk to a person." }),
    )
    .await;
    let result = &told["result_json"];
    assert_eq!(result["outcome"], "handoff", "{told:#}");
    assert_eq!(result["handoff"]["needs_contact"], true, "{told:#}");
    let thread = result["thread_id"].clone();
    let sent = shop
        .app
        .get(
            &format!("/api/agent/thread/{}", thread.as_str().unwrap()),
            &shop.app.token(visitor),
        )
        .send()
        .await
        .unwrap();
    let shown: Value = sent.json().await.unwrap();
    assert_eq!(shown["handoff"], result["handoff"]);

    let address = json!({ "thread_id": thread, "contact": { "email": "anna@example.com" } });
    let left = say(&shop, visitor, 2, &address).await;
    assert_eq!(left["status"], "succeeded", "{left:#}");
    // Sealed, and found by its address.
    let rows = shop
        .app
        .text("SELECT string_agg(v::text, ' ') FROM visitors v")
        .await;
    assert!(!rows.contains(&hex::encode("anna@")), "{rows}");
    let export: Value = shop
        .app
        .post("/api/privacy/export", &shop.app.site.api_key())
        .json(&json!({ "email": "anna@example.com" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(export["visitors"][0]["email"], "anna@example.com", "{export:#}");

    let desk = Desk {
        db: &shop.app.db,
        clock: shop.app.clock.as_ref(),
        site: shop.app.site.id,
        staff: "Mia",
    };
    desk.claim(thread.as_str().unwrap().parse().unwrap(), false)
        .await
        .unwrap();
    let held = say(
        &shop,
        visitor,
        3,
        &json!({ "thread_id": thread, "user_msg": "Are you there?" }),
    )
    .await;
    assert_eq!(
        (&held["result_json"]["by"], &held["status"]),
        (&json!("staff"), &json!("succeeded"))
    );
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 3)
        .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_widget_may_not_say_a_job_may_not_either() {
    let shop = Shop::open(Setup::default()).await;
    let visitor = VisitorId::new().to_string();
    let id = Uuid::now_v7();
    for (n, (more, status, pointer)) in [
        (json!({}), 422, json!("/user_msg")),
        (
            json!({ "contact": { "email": "nobody" } }),
            422,
            json!("/contact/email"),
        ),
        (
            json!({ "confirm": { "proposal_id": id, "accept": true } }),
            409,
            Value::Null,
        ),
        (
            json!({ "confirm": { "proposal_id": id } }),
            422,
            json!("/confirm/accept"),
        ),
        (json!({ "user_msg": "x\u{0}" }), 422, json!("/user_msg")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = shop.chat("");
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (got, problem) = shop.post(&shop.token(&visitor, &format!("bad-{n}")), &body).await;
        assert_eq!(
            (got, &problem["pointer"]),
            (status, &pointer),
            "{more}: {problem:#}"
        );
    }
    let mut prompt = shop.infer("Write.");
    prompt["confirm"] = json!({ "proposal_id": id, "accept": true });
    let (status, problem) = shop.post(&shop.token("site", "infer"), &prompt).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/confirm")));
    assert_eq!(shop.app.count("SELECT count(*) FROM ai_jobs").await, 0);
    shop.close().await;
}
