//! What comes of AI jobs: texts of a model, turns, and honest failures; and what is counted.

use std::sync::Arc;

use deskhand::domain::ids::VisitorId;
use serde_json::{Value, json};

use super::{Shop, anybody};
use crate::support::app::Setup;
use crate::support::fake_provider::{FakeProvider, Reply};
use crate::support::model_brain::{PRICE, provider};

fn with_provider(fake: &FakeProvider) -> Setup {
    Setup {
        providers: vec![Arc::new(provider("a", &fake.base_url, PRICE))],
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_is_answered_and_brought_to_the_site() {
    let fake = FakeProvider::start().await;
    fake.always(|r| {
        // A model that repeats the address it was shown.
        let named = r.last_text().split_whitespace().last().unwrap_or("").to_owned();
        Reply::text(Box::leak(format!("Write to {named}").into_boxed_str())).usage(120, 30)
    });
    let shop = Shop::open(with_provider(&fake)).await;
    let mut body = shop.infer("Summarise: write to anna@example.com");
    body["max_tokens"] = json!(200);
    body["temperature"] = json!(0.7);
    let token = shop.token("site", "job-1");
    let (status, taken) = shop.post(&token, &body).await;
    assert_eq!(status, 202, "{taken:#}");
    assert_eq!(taken["status"], "pending");
    assert_eq!(
        taken["status_url"],
        format!("/jobs/{}", taken["job_id"].as_str().unwrap())
    );
    // The same one again.
    let (status, again) = shop.post(&token, &body).await;
    assert_eq!((status, &again["job_id"]), (200, &taken["job_id"]));

    let sent = &shop.site.wait(1).await[0];
    assert_eq!(sent.path, "/wp-json/deskhand/v1/webhook");
    assert!(sent.is_signed(&shop.app.site.root, shop.app.site.id));
    assert_eq!(sent.headers["content-type"], "application/json");
    assert_eq!(sent.headers["x-key-id"], shop.app.site.kid);
    assert_eq!(sent.headers["idempotency-key"], taken["job_id"].as_str().unwrap());
    let told = sent.json();
    assert_eq!(told["job_id"], taken["job_id"]);
    assert_eq!(told["idempotency_key"], "job-1");
    assert_eq!(told["status"], "succeeded");
    assert_eq!(told["result_json"]["text"], "Write to anna@example.com");
    assert_eq!(told["result_json"]["model"], "writer");
    let usage = &told["usage"];
    assert_eq!(
        (&usage["tokens_in"], &usage["tokens_out"]),
        (&json!(120), &json!(30))
    );
    // 120 in at 1.00 a million, 30 out at 4.00.
    assert_eq!(usage["cost_micro"], 240);
    assert_eq!(
        (&usage["currency"], &usage["provider"]),
        (&json!("EUR"), &json!("a"))
    );
    assert!(usage["ms"].as_i64().unwrap() >= 0);

    // The provider saw neither the address nor anything but what was asked for.
    let requests = fake.requests();
    assert_eq!(requests.len(), 1, "asked once for the two posts");
    let seen = &requests[0].body;
    assert!(!seen.to_string().contains("anna@"), "{seen:#}");
    assert_eq!(seen["max_tokens"], 200);
    assert!((seen["temperature"].as_f64().unwrap() - 0.7).abs() < 1e-6);

    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    let (status, job) = shop.look(&taken["job_id"], &shop.app.site.api_key()).await;
    assert_eq!(status, 200);
    assert_eq!(job["status"], "succeeded");
    assert_eq!(job["result_json"], told["result_json"]);
    assert_eq!(job["usage"], told["usage"]);
    assert_eq!(job["callback"], "delivered");
    // Nothing of it lies open in the database.
    let rows = shop
        .app
        .text("SELECT string_agg(j::text, ' ') FROM ai_jobs j")
        .await;
    assert!(
        !rows.contains("anna") && !rows.contains(&hex::encode("anna")),
        "{rows}"
    );
    // The reservation is settled.
    let spent = "SELECT spent_micro FROM spend_daily";
    assert_eq!(shop.app.count(spent).await, 240);
    assert_eq!(
        shop.app
            .count("SELECT count(*) FROM model_calls WHERE phase = 'infer' AND turn_id IS NULL")
            .await,
        1
    );
    let usage: Value = shop
        .app
        .get("/api/usage", &shop.app.site.api_key())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let days = usage["days"].as_array().unwrap();
    let today = days.last().unwrap();
    assert_eq!(days.len(), 30);
    assert_eq!(
        (&today["cost_micro"], &today["provider"], &today["turns"]),
        (&json!(240), &json!("a"), &json!(0))
    );
    // The same as a table, by either way of asking.
    let key = shop.app.site.api_key();
    let by_name = shop.app.get("/api/usage?format=csv", &key).send().await.unwrap();
    assert_eq!(by_name.headers()["content-type"], "text/csv; charset=utf-8");
    assert!(
        by_name.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .contains("usage-shop-")
    );
    let table = by_name.text().await.unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].starts_with("date,site,provider,model,turns,"), "{table}");
    assert!(
        lines[1].contains(",shop,a,") && lines[1].ends_with(",0.000240,EUR"),
        "{table}"
    );
    let accepting = shop.app.get("/api/usage", &key).header("accept", "text/csv");
    assert_eq!(accepting.send().await.unwrap().text().await.unwrap(), table);
    let wrong = shop.app.get("/api/usage?format=xml", &key).send().await.unwrap();
    assert_eq!(wrong.status(), 422);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitors_message_is_the_same_turn_as_by_the_widget() {
    let shop = Shop::open(Setup::default()).await;
    shop.app
        .know(&[(
            "returns.md",
            "# Returns\n\nYou can send goods back within 30 days.",
        )])
        .await;
    let visitor = VisitorId::new();
    let body = shop.chat("How long can I send goods back?");
    let (status, taken) = shop
        .post(&shop.token(&visitor.to_string(), "chat-1"), &body)
        .await;
    assert_eq!(status, 202, "{taken:#}");
    let told = shop.site.wait(1).await[0].json();
    let result = &told["result_json"];
    assert_eq!(told["status"], "succeeded", "{told:#}");
    assert_eq!(result["outcome"], "answered");
    assert!(result["text"].as_str().unwrap().contains("30 days"), "{told:#}");
    assert_eq!(result["citations"][0]["title"], "Returns");
    assert_eq!(told["usage"]["provider"], "extractive");
    // In the widget the conversation is there, and the same message is known.
    let token = shop.app.token(visitor);
    let mut again = body.clone();
    let fields = again.as_object_mut().unwrap();
    fields.remove("route");
    fields.remove("callback_url");
    let by_widget: Value = shop
        .app
        .post("/api/agent/messages", &token)
        .json(&again)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(by_widget["turn_id"], result["turn_id"], "{by_widget:#}");
    // A second message in it.
    let mut second = shop.chat("And what about the time?");
    second["thread_id"] = result["thread_id"].clone();
    let (_, next) = shop
        .post(&shop.token(&visitor.to_string(), "chat-2"), &second)
        .await;
    let told = shop.site.wait(2).await[1].json();
    assert_eq!(told["job_id"], next["job_id"]);
    assert_eq!(told["result_json"]["thread_id"], result["thread_id"]);
    // Another visitor can neither go on with it nor look at it.
    second["message_id"] = json!(VisitorId::new());
    let (_, stolen) = shop.post(&shop.token(&anybody(), "chat-3"), &second).await;
    let told = shop.site.wait(3).await[2].json();
    assert_eq!(told["job_id"], stolen["job_id"]);
    assert_eq!(
        (&told["status"], &told["error"]["code"], &told["result_json"]),
        (&json!("failed"), &json!("thread_not_found"), &Value::Null)
    );
    let look = async |sub: &str| shop.look(&taken["job_id"], &shop.token(sub, "look")).await.0;
    assert_eq!(look(&visitor.to_string()).await, 200);
    assert_eq!(look("site").await, 200);
    assert_eq!(look(&anybody()).await, 404);
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 3)
        .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cant_be_answered_is_said_to_have_failed() {
    // No model at all.
    let shop = Shop::open(Setup::default()).await;
    shop.post(&shop.token("site", "none"), &shop.infer("Write a poem."))
        .await;
    let told = shop.site.wait(1).await[0].json();
    assert_eq!(told["status"], "failed");
    assert_eq!(told["error"]["code"], "no_model");
    assert!(
        told["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("No language model"),
        "{told:#}"
    );
    assert_eq!(told["usage"]["cost_micro"], 0);
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.close().await;

    // The day's money is spent: the provider isn't asked.
    let fake = FakeProvider::start().await;
    fake.always(|_| Reply::text("Never.").usage(1, 1));
    let setup = Setup {
        day_cap_micro: 10,
        ..with_provider(&fake)
    };
    let shop = Shop::open(setup).await;
    shop.post(&shop.token("site", "spent"), &shop.infer("Write a poem."))
        .await;
    let told = shop.site.wait(1).await[0].json();
    assert_eq!(told["error"]["code"], "budget_exceeded", "{told:#}");
    assert_eq!(fake.requests().len(), 0);
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.close().await;

    // One provider fails, the next one answers.
    let (bad, good) = (FakeProvider::start().await, FakeProvider::start().await);
    bad.always(|_| Reply::status(500));
    good.always(|_| Reply::text("Roses are red.").usage(10, 5));
    let setup = Setup {
        providers: vec![
            Arc::new(provider("bad", &bad.base_url, PRICE)),
            Arc::new(provider("good", &good.base_url, PRICE)),
        ],
        ..Setup::default()
    };
    let shop = Shop::open(setup).await;
    shop.post(&shop.token("site", "next"), &shop.infer("Write a poem."))
        .await;
    let told = shop.site.wait(1).await[0].json();
    assert_eq!(told["result_json"]["text"], "Roses are red.", "{told:#}");
    assert_eq!(told["usage"]["provider"], "good");
    shop.until("SELECT count(*) FROM ai_jobs WHERE callback = 'delivered'", 1)
        .await;
    shop.close().await;
}
