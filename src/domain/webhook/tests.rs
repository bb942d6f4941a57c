use serde_json::{Value, json};

use super::*;

fn read(body: Value) -> Result<Event, BadField> {
    Event::read(serde_json::from_value(body).unwrap())
}

fn media() -> Value {
    json!({ "site_id": Uuid::nil(), "timestamp": 1_700_000_000, "attachment_id": 7, "title": " A  price list ",
            "file_url": "https://shop.example/wp-content/uploads/prices.pdf?v=2" })
}

fn post() -> Value {
    json!({ "site_id": Uuid::nil(), "timestamp": "2026-03-01T10:00:00Z", "event": "post.updated", "post_id": 9,
            "post_type": "page", "status": "publish", "password_protected": false, "members_only": false,
            "title": "Returns", "url": "https://shop.example/returns/", "modified_at": "2026-03-01T11:00:00+01:00",
            "content": "<p>Thirty days.</p>" })
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[test]
fn a_media_file_is_fetched_and_named() {
    let event = read(media()).unwrap();
    assert_eq!(
        (event.kind, event.source, event.external_id.as_str()),
        ("media.added", WP_MEDIA, "7")
    );
    assert_eq!(
        event.at.timestamp(),
        1_700_000_000,
        "without modified_at, when it was sent"
    );
    let Change::Put(put) = event.change else {
        panic!("{event:?}")
    };
    assert_eq!(
        (put.name.as_str(), put.title.as_deref()),
        ("prices.pdf", Some("A price list"))
    );
    assert_eq!(put.url.as_deref(), media()["file_url"].as_str());
    assert!(matches!(put.content, Content::Url(_)));
    let picture = read(with(media(), "mime_type", json!("image/jpeg"))).unwrap();
    assert!(matches!(picture.change, Change::Put(p) if matches!(p.content, Content::Picture(_))));
    let film = read(with(media(), "mime_type", json!("video/mp4"))).unwrap();
    assert!(matches!(film.change, Change::Put(p) if p.content == Content::NoText));
}

#[test]
fn a_post_brings_its_content_or_is_fetched() {
    let event = read(post()).unwrap();
    assert_eq!(event.at.to_rfc3339(), "2026-03-01T10:00:00+00:00");
    assert!(matches!(event.change, Change::Put(p) if matches!(p.content, Content::Html(_))));
    let event = read(with(post(), "content", json!("  "))).unwrap();
    let Change::Put(put) = event.change else {
        panic!("{event:?}")
    };
    assert_eq!(
        put.content,
        Content::Url("https://shop.example/returns/".to_owned())
    );
}

#[test]
fn what_is_not_public_is_an_end() {
    for (key, value, why) in [
        ("status", json!("private"), "not_public"),
        ("status", json!("draft"), "not_public"),
        ("status", json!("future"), "not_public"),
        ("password_protected", json!(true), "not_public"),
        ("members_only", json!(true), "not_public"),
        ("excluded", json!(true), "excluded"),
        ("event", json!("post.trashed"), "deleted"),
        ("event", json!("post.deleted"), "deleted"),
    ] {
        let event = read(with(post(), key, value.clone())).unwrap();
        assert_eq!(event.change, Change::Remove(why), "{key} {value}");
    }
    assert!(
        read(with(media(), "event", json!("media.deleted")))
            .unwrap()
            .removes()
    );
    assert!(read(with(media(), "excluded", json!(true))).unwrap().removes());
    // A deletion needs no more than a name.
    let bare = json!({ "site_id": Uuid::nil(), "timestamp": 1, "event": "post.deleted", "post_id": 3 });
    assert!(read(bare).unwrap().removes());
}

#[test]
fn what_is_left_out_never_makes_public() {
    for key in ["status", "password_protected"] {
        let mut body = post();
        body.as_object_mut().unwrap().remove(key);
        assert_eq!(read(body).unwrap_err().pointer, format!("/{key}"));
    }
}

#[test]
fn wrong_fields_are_named() {
    for (body, key, value) in [
        (media(), "event", json!("media.eaten")),
        (media(), "attachment_id", json!(0)),
        (media(), "file_url", json!("ftp://shop.example/a.pdf")),
        (media(), "file_url", json!("file:///etc/passwd")),
        (media(), "file_url", json!("https://shop.example/a b")),
        (media(), "file_url", Value::Null),
        (media(), "url", json!("javascript:alert(1)")),
        (media(), "tags", json!(vec!["x"; 33])),
        (media(), "tags", json!([""])),
        (media(), "channels", json!(["\u{7}"])),
        (media(), "lang", json!("!")),
        (media(), "modified_at", json!("2030-01-01T00:00:00Z")),
        (post(), "post_id", Value::Null),
        (post(), "post_type", json!("shop_order")),
        (post(), "url", Value::Null),
    ] {
        let error = read(with(body, key, value.clone())).unwrap_err();
        assert_eq!(error.pointer, format!("/{key}"), "{value}: {error}");
    }
    // No time can be so late.
    let late = with(media(), "timestamp", json!(i64::MAX));
    assert!(serde_json::from_value::<Body>(late).is_err());
}

#[test]
fn what_is_never_taken_in_may_still_go() {
    let order = with(post(), "post_type", json!("shop_order_placehold"));
    assert_eq!(read(order.clone()).unwrap_err().pointer, "/post_type");
    for (key, value) in [
        ("event", json!("post.trashed")),
        ("status", json!("wc-processing")),
    ] {
        assert!(read(with(order.clone(), key, value)).unwrap().removes());
    }
}

#[test]
fn a_repeat_that_was_signed_anew_tells_the_same() {
    let raw = |body: &Value| serde_json::to_vec(body).unwrap();
    let later = with(post(), "timestamp", json!(1_800_000_000));
    assert!(is_same(&raw(&post()), &raw(&later)));
    assert!(!is_same(
        &raw(&post()),
        &raw(&with(post(), "content", json!("<p>Sixty.</p>")))
    ));
    assert!(!is_same(b"no", &raw(&post())));
}
