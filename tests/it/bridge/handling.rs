//! What is done with an event once it was taken.

use super::*;

#[tokio::test]
async fn an_order_that_changes_has_its_customer_asked_for_anew() {
    let app = TestApp::start().await;
    let (anna, ben) = (VisitorId::new(), VisitorId::new());
    let now = app.clock.now();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let hash = email_hash(&app.master, app.site.id, "ben@example.com");
    persons::set_profile(&mut tx, anna, 7, Some((b"x", None)), now)
        .await
        .unwrap();
    persons::set_profile(&mut tx, ben, 8, Some((b"x", Some(&hash))), now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let fresh = "SELECT count(*) FROM visitors WHERE profile_at > '2000-01-01'";

    let paid = json!({ "order_id": 1001, "wp_user_id": 7, "total": "89.00" });
    tell(&app, &event(&app, "order.paid", "paid", paid)).await;
    assert_eq!(app.count(fresh).await, 2);
    work(&app).await;
    assert_eq!(app.count(fresh).await, 1);
    let told = results(&app, "").await;
    assert_eq!(told["results"][0]["result"], json!({ "profiles_refreshed": 1 }));

    // And by the webhook that shops send at each change.
    let mut changed = json!({
        "site_id": app.site.id, "timestamp": app.clock.now().timestamp(), "order_id": "S-9", "email": "Ben@Example.com",
    });
    let post = |body: &Value, path: &'static str| {
        let raw = serde_json::to_vec(body).unwrap();
        app.client
            .post(format!("{}{path}", app.base))
            .header("x-site-id", app.site.id.to_string())
            .header("x-wp-signature", webhook(&app.site.root, app.site.id, &raw))
            .body(raw)
            .send()
    };
    let path = "/webhooks/order_updated";
    assert_eq!(post(&changed, path).await.unwrap().status(), 204);
    assert_eq!(app.count(fresh).await, 0);
    assert_eq!(post(&changed, path).await.unwrap().status(), 204, "told twice");
    changed["order_id"] = json!("");
    let problem: Value = post(&changed, path).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&problem["code"], &problem["pointer"]),
        (&json!("invalid_field"), &json!("/order_id"))
    );
    changed["order_id"] = json!(1);
    changed["timestamp"] = json!((app.clock.now() - TimeDelta::seconds(301)).timestamp());
    let problem: Value = post(&changed, path).await.unwrap().json().await.unwrap();
    assert_eq!(problem["code"], "stale_timestamp");
    let unsigned = app
        .client
        .post(format!("{}{path}", app.base))
        .header("x-site-id", app.site.id.to_string())
        .json(&changed)
        .send()
        .await
        .unwrap();
    assert_eq!(unsigned.status(), 401);
    app.finish().await;
}

#[tokio::test]
async fn an_event_that_was_handled_is_left_alone_and_one_that_cant_be_read_is_said_to_have_failed() {
    let app = TestApp::start().await;
    tell(&app, &event(&app, "a.b", "good", json!({}))).await;
    tell(&app, &event(&app, "a.b", "bad", json!({}))).await;
    app.bend("UPDATE bridge_events SET body = 'x' WHERE idempotency_key = 'bad'")
        .await;
    work(&app).await;
    let told = results(&app, "").await;
    let of = |key: &str| {
        let all = told["results"].as_array().unwrap();
        all.iter().find(|r| r["idempotency_key"] == key).unwrap().clone()
    };
    assert_eq!(of("good")["status"], "processed");
    assert_eq!(
        (&of("bad")["status"], &of("bad")["error"]),
        (&json!("failed"), &json!("unreadable"))
    );
    app.bend("UPDATE bridge_events SET body = 'x'").await;
    let id: Uuid = of("good")["request_id"].as_str().unwrap().parse().unwrap();
    handle::handle(&app.db, &app.master, app.site.id, id.into(), app.clock.now())
        .await
        .unwrap();
    assert_eq!(of("good")["status"], "processed");
    assert_eq!(
        app.count("SELECT count(*) FROM bridge_events WHERE state = 'processed'")
            .await,
        1
    );
    app.finish().await;
}

#[tokio::test]
async fn a_form_becomes_a_ticket_once_and_goes_with_its_person() {
    let app = TestApp::start().await;
    let (_, taken) = tell(&app, &form(&app, "k")).await;
    work(&app).await;
    // Handled again, as after a crash before its end was noted, it is the same ticket.
    app.bend("UPDATE bridge_events SET state = 'queued', result = NULL, finished_at = NULL")
        .await;
    work(&app).await;
    let told = results(&app, "").await;
    assert_eq!(told["results"][0]["request_id"], taken["request_id"]);
    assert_eq!(told["results"][0]["result"]["ticket"], "T-1", "{told:#}");
    let path = format!(
        "/api/tickets/{}",
        told["results"][0]["result"]["ticket_id"].as_str().unwrap()
    );
    let ticket = async || {
        let sent = app.get(&path, &app.site.api_key()).send().await.unwrap();
        (sent.status().as_u16(), sent.json::<Value>().await.unwrap())
    };
    let (status, shown) = ticket().await;
    assert_eq!(status, 200, "{shown:#}");
    assert_eq!(
        (&shown["source"], &shown["state"]),
        (&json!("form"), &json!("new")),
        "{shown:#}"
    );
    let text = shown.to_string();
    for part in [
        "Contact",
        "The lamp flickers.",
        "anna@example.com",
        "Anna",
        "https://shop.example/contact",
    ] {
        assert!(text.contains(part), "{part}: {shown:#}");
    }
    assert_eq!(app.count("SELECT count(*) FROM tickets").await, 1);
    let rows = app.text("SELECT string_agg(t::text, ' ') FROM tickets t").await;
    assert!(
        !rows.contains("flickers") && !rows.contains(&hex::encode("anna@")),
        "{rows}"
    );

    let receipt: Value = app
        .post("/api/privacy/erase", &app.site.api_key())
        .json(&json!({ "email": "anna@example.com" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&receipt["counts"]["bridge_events"], &receipt["counts"]["tickets"]),
        (&json!(1), &json!(1)),
        "{receipt:#}"
    );
    assert_eq!(ticket().await.0, 404);
    app.finish().await;
}
