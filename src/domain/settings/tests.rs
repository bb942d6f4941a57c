use serde_json::json;

use super::*;

#[test]
fn settings_are_read_and_mistakes_named() {
    assert_eq!(parse("require_review=true"), Ok((REQUIRE_REVIEW, json!(true))));
    assert_eq!(parse("require_review="), Ok((REQUIRE_REVIEW, Value::Null)));
    for (given, says) in [
        ("require_review", "key=value"),
        ("review=true", "require_review"),
        ("require_review=yes", "true or false"),
        ("max_age_hours=-1", "0 to 87600"),
        ("fetch_origins=docs.example", "https://"),
        ("refund_window_days=0", "1 to 3650"),
        ("refund_soft_limit=1,50", "50.00"),
        ("tools_off=Issue Refund", "small letters"),
        ("confidence=101", "0 to 100"),
        ("confidence=1.5", "0 to 100"),
        ("confidence=high", "0 to 100"),
        ("staff_emails=mia", "e-mail addresses"),
        ("reply_to=a@b.example,c@d.example", "an e-mail address, or none"),
        ("notices_off=everything", "dead_jobs"),
        ("hours=Mon-Fri 9-17", "Europe/Vienna"),
        ("sla=lead=soon", "billing=240"),
        ("away=\u{7}", "300 characters"),
    ] {
        assert!(parse(given).unwrap_err().to_string().contains(says), "{given}");
    }
}

#[test]
fn every_default_is_a_value_and_what_holds() {
    let none = SiteSettings::default();
    for setting in SETTINGS {
        assert!(setting.kind.read(setting.default).is_some(), "{}", setting.key);
        assert_eq!(none.shown(setting), (setting.default.to_owned(), false));
    }
    assert!(!none.require_review());
    assert_eq!((none.fetch_origins(), none.max_age_hours()), (vec![], None));
    let origins = parse("fetch_origins=https://Docs.example/, http://a:8080").unwrap();
    let set = SiteSettings::new(json!({ origins.0: origins.1, MAX_AGE_HOURS: 48 }));
    assert_eq!(set.fetch_origins(), ["https://docs.example", "http://a:8080"]);
    assert_eq!(set.max_age_hours(), Some(48));
    let staff = parse("staff_emails=mia@shop.example, tom@shop.example").unwrap();
    let reply = parse("reply_to=help@shop.example").unwrap();
    let set = SiteSettings::new(json!({ staff.0: staff.1, reply.0: reply.1 }));
    assert_eq!(set.staff_emails(), ["mia@shop.example", "tom@shop.example"]);
    assert_eq!(set.reply_to().as_deref(), Some("help@shop.example"));
    assert!(SiteSettings::new(json!({ "require_review": true })).require_review());
    let shares = [
        ("35", 35),
        ("35 %", 35),
        ("0.35", 35),
        ("1.0", 100),
        ("1", 1),
        ("0", 0),
    ];
    for (given, percent) in shares {
        let read = parse(&format!("confidence={given}"));
        assert_eq!(read, Ok((CONFIDENCE, json!(percent))));
    }
    let kept = [KEEP_TRANSCRIPTS, KEEP_EVENTS, KEEP_TICKETS, KEEP_AUDIT].map(|key| none.days(key));
    assert_eq!(kept, [90, 30, 180, 180]);
    assert_eq!(SiteSettings::new(json!({ KEEP_EVENTS: 7 })).days(KEEP_EVENTS), 7);
}
