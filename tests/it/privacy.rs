//! A person's data: erased over every table that has any, with a receipt; exported without
//! showing anybody else's; and conversations of others left as they are.

mod asking;

use std::process::Command;
use std::sync::Arc;

use deskhand::domain::ai_job::Request;
use deskhand::domain::clock::Clock as _;
use deskhand::domain::ids::{MessageId, VisitorId};
use deskhand::domain::job::Priority;
use deskhand::gateway::accept::{Asked, accept};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{ORIGIN, Setup, TestApp, TestSite, message};
use crate::support::brains::Scripted;
use crate::support::postgres;

const ADDRESS: &str = "anna.huber@example.com";
/// A name that no rule finds.
const NAME: &str = "Marlenka";

/// Tenant tables without a person in them, each with the reason.
const NOT_PERSONAL: &[&str] = &[
    // The site and its keys; spent ids of tokens, as digests.
    "sites",
    "site_keys",
    "nonces",
    // What the site's owner reaches other systems with.
    "connections",
    // What the site publishes, and what searches make of it.
    "documents",
    "document_tags",
    "uploads",
    "versions",
    "chunks",
    "postings",
    "term_stats",
    "corpus_stats",
    "knowledge_state",
    "embeddings",
    "embedding_cache",
    "model_trust",
    "knowledge_checks",
    "crawl_pages",
    "crawls",
    "inbound_events",
    // Addresses of machines that sent what wasn't signed.
    "refused_webhooks",
    // The shop's own records: its orders, and what was done to them.
    "demo_orders",
    "demo_acts",
    // Order numbers and amounts; hashes of what was guessed; ids and codes of who did what.
    "effects",
    "ticket_numbers",
    "guesses",
    "audit",
    // Which tools failed lately, and what connected servers say that they can do.
    "tool_breakers",
    "tool_catalogues",
    // Sums.
    "spend_daily",
];
/// What is left of a person: nothing that names them.
const KEPT: &[&str] = &["deletion_receipts", "erased_threads", "usage_erased"];

async fn privacy(app: &TestApp, act: &str, body: &Value) -> (u16, Value) {
    let sent = app
        .post(&format!("/api/privacy/{act}"), &app.site.api_key())
        .json(body)
        .send()
        .await
        .unwrap();
    (sent.status().as_u16(), sent.json().await.unwrap())
}

async fn tables(app: &TestApp) -> Vec<String> {
    let all = app
        .text(
            "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
               AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'site_id')
               AND relname <> 'jobs'",
        )
        .await;
    all.split(' ').map(str::to_owned).collect()
}

async fn rows(app: &TestApp, table: &str) -> i64 {
    app.count(&format!(
        "SELECT count(*) FROM {table} WHERE site_id = '{}'",
        app.site.id
    ))
    .await
}

/// Everything in the database as text, in small letters.
fn dump(app: &TestApp) -> String {
    let done = Command::new(postgres::pg_dir().join("bin/pg_dump"))
        .args(["--data-only", "--dbname"])
        .arg(&app.urls.superuser)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).to_lowercase()
}

fn assert_nowhere(dump: &str, words: &[&str]) {
    for word in words {
        let word = word.to_lowercase();
        assert!(!dump.contains(&word), "`{word}` is still in the database");
        // A bytea is printed as hex.
        assert!(
            !dump.contains(&hex::encode(word.as_bytes())),
            "`{word}` is still in the database, in a bytea"
        );
    }
}

/// A conversation of one visitor that leaves something in every table that it can.
async fn live(app: &TestApp, visitor: VisitorId) -> (String, String) {
    let token = app.token(visitor);
    let first = app
        .ask(
            &token,
            &format!("Hello, I am {NAME}, {ADDRESS}. How long can I send goods back?"),
            None,
        )
        .await;
    let thread = first["thread_id"].as_str().unwrap().to_owned();
    // Finds nothing, and is kept as a gap.
    app.ask(
        &token,
        &format!("Does {NAME} get gluten free zeppelins?"),
        Some(&thread),
    )
    .await;
    let mut address = message("", Some(&thread));
    address["contact"] = json!({ "email": "Anna.Huber@Example.com" });
    let left = app
        .post("/api/agent/messages", &token)
        .json(&address)
        .send()
        .await;
    assert_eq!(left.unwrap().status(), 200);
    let turn = first["turn_id"].as_str().unwrap().to_owned();
    let opinion = json!({
        "turn_id": turn, "value": "down", "comment": format!("Call {NAME} at {ADDRESS}"),
        "tags": ["unclear", ADDRESS],
    });
    let kept = app
        .post("/api/agent/feedback", &token)
        .json(&opinion)
        .send()
        .await;
    assert_eq!(kept.unwrap().status(), 204);
    let asked = Asked {
        visitor: Some(visitor),
        jti: visitor.hashed(),
        kid: app.site.kid.clone(),
        request: Request::Chat {
            message_id: MessageId::new(),
            thread_id: None,
            user_msg: format!("{NAME} again."),
            locale: None,
            page: None,
            confirm: None,
            email: None,
            login: None,
        },
        callback_url: format!("{ORIGIN}/callback"),
        priority: Priority::Standard,
    };
    assert!(accept(&app.gateway, app.site.id, &asked).await.unwrap().new);
    let site = app.site.id;
    for table in ["handoffs", "tickets"] {
        app.bend(&format!(
            "INSERT INTO {table} (site_id, id, thread_id, turn_id, reason, at)
             VALUES ('{site}', gen_random_uuid(), '{thread}', '{turn}', 'test', now()) ON CONFLICT DO NOTHING"
        ))
        .await;
    }
    tell_form(app).await;
    for statement in [
        format!(
            "INSERT INTO identity_proofs (site_id, id, visitor_id, method, email_sealed, email_hash, at, verified_at, expires_at)
             VALUES ('{site}', gen_random_uuid(), '{visitor}', 'session', 'x', sha256('x'), now(), now(), now())"
        ),
        format!(
            "WITH p AS (
                 INSERT INTO proposals (site_id, id, thread_id, turn_id, tool, order_number, args_sealed, args_hash, policy,
                                        summary, needs_approval, at, expires_at)
                 VALUES ('{site}', gen_random_uuid(), '{thread}', '{turn}', 'update_shipping_address', '1', 'x', sha256('x'), '',
                         'To {NAME}', false, now(), now()) RETURNING id)
             INSERT INTO approvals (site_id, proposal_id, staff, granted, at, expires_at)
             SELECT '{site}', id, 'Mia', false, now(), now() FROM p"
        ),
        format!(
            "INSERT INTO ticket_notes (site_id, id, ticket_id, author, text_sealed, at)
             SELECT '{site}', gen_random_uuid(), id, 'customer', 'x', now() FROM tickets WHERE thread_id = '{thread}'"
        ),
        format!(
            "INSERT INTO ticket_mirrors (site_id, ticket_id, kind, name, remote_ref, at)
             SELECT '{site}', id, 'github', '', '7', now() FROM tickets WHERE thread_id = '{thread}'"
        ),
        format!(
            "INSERT INTO drafts (site_id, turn_id, thread_id, text, at)
             VALUES ('{site}', '{turn}', '{thread}', '{NAME} may send it back.', now())"
        ),
        format!(
            "INSERT INTO model_calls (site_id, id, turn_id, at, phase, provider, model, prompt, tokens_in, tokens_out,
                                      cost_micro, ms, outcome)
             VALUES ('{site}', gen_random_uuid(), '{turn}', now(), 'draft', 'p', 'm', 'draft@1:0', 70, 7, 777, 1, 'ok')"
        ),
        format!(
            "INSERT INTO mails (site_id, id, kind, visitor_id, letter, at)
             VALUES ('{site}', gen_random_uuid(), 'code', '{visitor}', 'sealed', now())"
        ),
        format!(
            "INSERT INTO notices (site_id, id, kind, key, channel, thread_id, reason, at)
             VALUES ('{site}', gen_random_uuid(), 'handoff', 'handoff/1', 'email', '{thread}', 'test', now())"
        ),
        format!(
            "INSERT INTO staff_replies (site_id, thread_id, seq, at) VALUES ('{site}', '{thread}', 1, now())"
        ),
        format!(
            "INSERT INTO held_sentences (site_id, turn_id, round, i, text, cites, reason, at)
             VALUES ('{site}', '{turn}', 1, 0, '{NAME} is right.', '{{}}', 'uncited', now())"
        ),
        format!(
            "INSERT INTO ai_job_callbacks (site_id, job_id, n, at, ms)
             SELECT '{site}', id, 1, now(), 5 FROM ai_jobs WHERE visitor_id = '{visitor}'"
        ),
    ] {
        app.bend(&statement).await;
    }
    (thread, turn)
}

/// A form that names the address, as the site's bridge tells it.
async fn tell_form(app: &TestApp) {
    let raw = json!({
        "event_type": "form.submitted", "object_ref": "form:1", "idempotency_key": Uuid::now_v7(),
        "occurred_at": app.clock.now(), "data": { "message": format!("{NAME} writes."), "email": ADDRESS },
    });
    let jti = Uuid::now_v7().to_string();
    let bytes = raw.to_string();
    let event = serde_json::from_value(raw).unwrap();
    let told = deskhand::events::accept::Told {
        kid: &app.site.kid,
        jti: &jti,
        expires_at: app.clock.now(),
        raw: bytes.as_bytes(),
        event: &event,
    };
    let now = app.clock.now();
    let taken = deskhand::events::accept::accept(&app.db, &app.master, app.site.id, &told, now).await;
    assert!(taken.unwrap().new);
}

async fn shop() -> TestApp {
    let app = TestApp::start().await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days. Questions: hello@lumen-oak.example.",
    )])
    .await;
    app
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_in_any_table() {
    let app = shop().await;
    let visitor = VisitorId::new();
    live(&app, visitor).await;
    let personal: Vec<String> = tables(&app)
        .await
        .into_iter()
        .filter(|t| !NOT_PERSONAL.contains(&t.as_str()) && !KEPT.contains(&t.as_str()))
        .collect();
    for table in &personal {
        assert!(
            rows(&app, table).await > 0,
            "{table} is neither filled here nor among those without a person in them: \
             fill it, and see that an erasure reaches it"
        );
    }
    assert!(
        dump(&app).contains(&NAME.to_lowercase()),
        "the test shows nothing"
    );
    let spent = app.count("SELECT sum(cost_micro)::bigint FROM model_calls").await;

    let (status, receipt) = privacy(&app, "erase", &json!({ "email": " ANNA.huber@example.com " })).await;
    assert_eq!(status, 200, "{receipt:#}");
    for table in &personal {
        assert_eq!(rows(&app, table).await, 0, "{table}");
    }
    for table in KEPT {
        assert!(
            rows(&app, table).await > 0,
            "{table} should tell that something was"
        );
    }
    assert_nowhere(&dump(&app), &[ADDRESS, "huber", NAME, &visitor.to_string()]);
    assert_eq!(
        app.count("SELECT count(*) FROM jobs").await,
        0,
        "its job still waits"
    );
    let counts = &receipt["counts"];
    for (what, n) in [
        ("visitors", 1),
        ("threads", 1),
        ("turns", 3),
        ("feedback", 1),
        ("gaps", 2),
        ("model_calls", 1),
        ("held_sentences", 1),
        ("ai_jobs", 1),
        ("callbacks", 1),
        ("bridge_events", 1),
    ] {
        assert_eq!(counts[what], n, "{what}: {receipt:#}");
    }
    for what in [
        "messages",
        "events",
        "steps",
        "tool_calls",
        "tickets",
        "ticket_notes",
        "drafts",
        "handoffs",
        "vault",
    ] {
        assert!(counts[what].as_i64().unwrap() > 0, "{what}: {receipt:#}");
    }
    // What it cost stays in the books.
    let sums = "SELECT sum(cost_micro)::bigint FROM usage_erased";
    assert_eq!(app.count(sums).await, spent);
    assert_eq!(
        app.count("SELECT sum(turns)::bigint FROM usage_erased").await,
        3,
        "and so do the turns"
    );

    let (status, again) = privacy(&app, "erase", &json!({ "email": ADDRESS })).await;
    assert_eq!(status, 200);
    assert!(
        again["counts"].as_object().unwrap().values().all(|n| n == 0),
        "{again:#}"
    );
    assert_ne!(again["receipt_id"], receipt["receipt_id"]);
    app.finish().await;
}

#[tokio::test]
async fn others_keep_what_is_theirs() {
    let app = shop().await;
    let anna = VisitorId::new();
    live(&app, anna).await;
    // Somebody else, with an address of his own, who once wrote hers.
    let ben = VisitorId::new();
    let token = app.token(ben);
    let own = app
        .ask(&token, "I am ben@example.com. Can I send goods back?", None)
        .await;
    let named = app
        .ask(
            &token,
            "My colleague is Anna.Huber@example.com, write to her.",
            None,
        )
        .await;
    // The shop's address stands in the passages of this conversation, not in what was asked.
    let third = app.ask(&token, "How long can I send goods back?", None).await;
    let opinion = json!({ "turn_id": third["turn_id"], "value": "up", "comment": "anna.huber@EXAMPLE.com agrees", "tags": ["anna.huber@example.com"] });
    app.post("/api/agent/feedback", &token)
        .json(&opinion)
        .send()
        .await
        .unwrap();

    // Nobody's comment stands in the database as it was written.
    assert_nowhere(&dump(&app), &[ADDRESS]);
    let (status, export) = privacy(&app, "export", &json!({ "email": ADDRESS })).await;
    assert_eq!(status, 200, "{export:#}");
    assert_eq!(export["threads"].as_array().unwrap().len(), 1);
    let said = export["threads"][0]["messages"][0]["text"].as_str().unwrap();
    assert!(said.contains(ADDRESS) && said.contains(NAME), "{said}");
    assert_eq!(export["visitors"][0]["email"], "Anna.Huber@Example.com");
    assert_eq!(
        export["feedback"][0]["detail"],
        format!("Call {NAME} at {ADDRESS}")
    );
    assert_eq!(export["feedback"][0]["tags"], json!(["unclear", ADDRESS]));
    assert_eq!(
        export["ai_jobs"][0]["request"]["user_msg"],
        format!("{NAME} again.")
    );
    let mentions = export["mentions"].to_string();
    assert!(
        mentions.contains("My colleague") && !mentions.contains("ben@"),
        "{mentions}"
    );
    assert!(
        !export.to_string().contains("ben@example.com"),
        "another's data: {export:#}"
    );

    let (_, receipt) = privacy(&app, "erase", &json!({ "email": ADDRESS })).await;
    assert_eq!(
        receipt["counts"]["threads"], 2,
        "hers, and the one that names her"
    );
    assert_eq!(receipt["counts"]["visitors"], 1);
    assert_eq!(receipt["counts"]["comments"], 1);
    let at = |id: &Value| format!("/api/agent/thread/{}", id.as_str().unwrap());
    let status = async |id: &Value| app.get(&at(id), &token).send().await.unwrap().status().as_u16();
    assert_eq!(status(&own["thread_id"]).await, 200);
    assert_eq!(status(&third["thread_id"]).await, 200);
    assert_eq!(status(&named["thread_id"]).await, 410);
    assert_nowhere(&dump(&app), &[ADDRESS, NAME]);

    // The shop's own address is in everybody's passages, and nobody's.
    let (_, receipt) = privacy(&app, "erase", &json!({ "email": "hello@lumen-oak.example" })).await;
    assert!(
        receipt["counts"].as_object().unwrap().values().all(|n| n == 0),
        "{receipt:#}"
    );
    // Whoever only ever wrote one address is who it belongs to, in all conversations.
    let carla = app.token(VisitorId::new());
    app.ask(&carla, "My address is carla@example.com.", None).await;
    app.ask(&carla, "How long can I send goods back?", None).await;
    let (_, export) = privacy(&app, "export", &json!({ "email": "carla@example.com" })).await;
    assert_eq!(export["threads"].as_array().unwrap().len(), 1, "{export:#}");
    let (_, receipt) = privacy(&app, "erase", &json!({ "email": "carla@example.com" })).await;
    assert_eq!(receipt["counts"]["threads"], 2, "{receipt:#}");
    // By the visitor's id alone.
    let (_, receipt) = privacy(&app, "erase", &json!({ "visitor_ids": [ben] })).await;
    assert_eq!(receipt["counts"]["visitors"], 1);
    assert_eq!(status(&own["thread_id"]).await, 410);
    app.finish().await;
}
