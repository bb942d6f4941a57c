use proptest::prelude::*;
use serde_json::json;

use super::*;

fn euro(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::EUR,
    }
}

/// An order as the documentation has it, with what is read of it.
fn whole() -> Value {
    json!({
        "id": 727, "number": "727", "status": "processing", "currency": "EUR", "total": "29.35", "customer_id": 26,
        "date_created_gmt": "2026-03-22T19:28:02", "date_modified_gmt": "2026-03-23T08:00:00",
        "date_completed_gmt": null,
        "billing": { "email": "John.Doe@example.com" },
        "shipping": {
            "first_name": "John", "last_name": "Doe", "company": "", "address_1": "969 Market", "address_2": "",
            "city": "San Francisco", "state": "CA", "postcode": "94103", "country": "US"
        },
        "line_items": [
            { "product_id": 93, "name": "Woo &amp; <b>Single</b> #1", "quantity": 2, "total": "6.00", "total_tax": "0.45" },
            { "product_id": 22, "name": "Ship Your Idea", "quantity": 1, "total": "12.00", "total_tax": "0.90" }
        ],
        "refunds": [{ "id": 726, "reason": "", "total": "-10.00" }, { "id": 724, "reason": "", "total": "-9.00" }],
        "meta_data": [{ "id": 1, "key": "_wc_shipment_tracking_items", "value": [
            { "tracking_provider": "dhl", "tracking_number": "JJD 0005" }, { "tracking_number": "JJD0006" }
        ] }]
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut raw = whole();
    raw[key] = value;
    raw
}

#[test]
fn an_order_is_read_as_it_is_documented() {
    let Found { id, order, .. } = found(&whole()).unwrap();
    assert_eq!((id, order.number.as_str()), (727, "727"));
    assert_eq!(order.email, "John.Doe@example.com");
    assert_eq!((order.total, order.refunded), (euro(2_935), euro(1_900)));
    assert_eq!(order.items[0].name, "Woo & Single #1");
    assert_eq!(order.items[0].total, euro(645), "with its tax");
    assert_eq!(order.items[0].product.as_deref(), Some("93"));
    assert_eq!(order.items[0].categories, None);
    assert_eq!(order.tracking.as_deref(), Some("JJD 0005, JJD0006"));
    assert_eq!(order.placed_at.to_rfc3339(), "2026-03-22T19:28:02+00:00");
    assert_eq!((order.delivered_at, order.completed_at), (None, None));
    assert_eq!(order.customer.as_deref(), Some("26"));
    assert_eq!(
        order.shipping.unwrap().one_line(),
        "John Doe, 969 Market, 94103 San Francisco, US"
    );
}

#[test]
fn odd_data_is_read_or_left_out() {
    for (key, value) in [
        ("id", json!("727")),
        ("number", json!(727)),
        ("number", json!("#727")),
        ("number", Value::Null),
        ("total", json!(29.35)),
        ("total", json!("29.3500")),
        ("customer_id", Value::Null),
        ("billing", Value::Null),
        ("billing", json!([])),
        ("shipping", json!("")),
        ("shipping", json!([])),
        ("line_items", Value::Null),
        (
            "line_items",
            json!([{ "name": null, "quantity": "1.5", "total": 6, "total_tax": null, "product_id": 0 }]),
        ),
        (
            "line_items",
            json!([{ "name": "Discount", "quantity": -1, "total": "-3.00", "total_tax": "" }]),
        ),
        ("refunds", Value::Null),
        ("meta_data", json!({ "0": "x" })),
        (
            "meta_data",
            json!([null, 3, { "key": "_tracking_number", "value": null }]),
        ),
        ("date_created_gmt", Value::Null),
        ("date_modified_gmt", json!("soon")),
        ("status", Value::Null),
    ] {
        let order = found(&with(key, value.clone())).unwrap_or_else(|e| panic!("{key}: {value}: {e}"));
        assert_eq!(order.order.number, "727", "{key}: {value}");
    }
    let lines = json!([{ "name": "x", "quantity": "2.5", "total": "1.005", "total_tax": "0.0001", "product_id": null }]);
    let order = found(&with("line_items", lines)).unwrap().order;
    assert_eq!(
        (order.items[0].quantity, order.items[0].total),
        (3, euro(102)),
        "rounded up"
    );
    assert_eq!(order.items[0].product, None);
    assert_eq!(found(&with("billing", Value::Null)).unwrap().order.email, "");
}

#[test]
fn what_is_needed_and_cant_be_read_is_an_error() {
    for (key, value) in [
        ("id", json!(0)),
        ("id", json!(-1)),
        ("number", json!("../1")),
        ("currency", json!("€")),
        ("currency", Value::Null),
        ("total", json!("29,35")),
        ("total", json!("29.355")),
        ("total", json!("-1.00")),
        ("total", Value::Null),
        ("refunds", json!([{ "id": 1 }])),
        ("line_items", json!([{ "name": "x", "total": "many" }])),
    ] {
        assert!(found(&with(key, value.clone())).is_err(), "{key}: {value}");
    }
    let mut raw = with("date_created_gmt", Value::Null);
    raw["date_modified_gmt"] = Value::Null;
    assert!(found(&raw).is_err(), "an order without any date");
    for nothing in [json!(null), json!([]), json!("x"), json!({})] {
        assert!(found(&nothing).is_err(), "{nothing}");
    }
}

#[test]
fn currencies_have_their_own_minor_units() {
    for (currency, total, minor) in [
        ("JPY", "500", 500),
        ("JPY", "500.00", 500),
        ("KWD", "1.5", 1_500),
        ("usd", "1", 100),
    ] {
        let mut raw = with("currency", json!(currency));
        raw["total"] = json!(total);
        raw["line_items"] = json!([{ "name": "x", "quantity": 1, "total": total, "total_tax": "0" }]);
        raw["refunds"] = json!([]);
        let order = found(&raw).unwrap().order;
        assert_eq!(
            (order.total.minor, order.items[0].total.minor),
            (minor, minor),
            "{total} {currency}"
        );
    }
    let mut yen = with("currency", json!("JPY"));
    yen["total"] = json!("500.5");
    assert!(found(&yen).is_err());
}

#[test]
fn states_of_plugins_keep_their_names() {
    for (given, read) in [
        ("completed", "completed"),
        ("wc-shipped", "shipped"),
        ("In-Transit", "shipped"),
        ("delivered", "delivered"),
        ("awaiting-pickup", "awaiting-pickup"),
    ] {
        assert_eq!(
            found(&with("status", json!(given)))
                .unwrap()
                .order
                .status
                .as_str(),
            read
        );
    }
    let own = found(&with("status", json!("awaiting-pickup"))).unwrap().order;
    assert!(
        !own.status.is_before_shipping(),
        "of what isn't known nothing is assumed"
    );
    assert!(is_draft(&with("status", json!("checkout-draft"))) && !is_draft(&whole()));
}

#[test]
fn ten_thousand_lines_are_fifty_and_the_rest() {
    let line =
        |n: u32| json!({ "name": format!("Bolt {n}"), "quantity": 1, "total": "0.10", "product_id": n });
    let raw = with("line_items", (1..=10_000).map(line).collect());
    let order = found(&raw).unwrap().order;
    assert_eq!(order.items.len(), 51);
    let rest = order.items.last().unwrap();
    assert_eq!(
        (rest.name.as_str(), rest.total),
        ("9950 more items", euro(99_500))
    );
    assert_eq!(rest.categories, None, "never paid back by rule");
}

#[test]
fn parcels_are_found_where_plugins_keep_them() {
    for (key, value, read) in [
        (
            "_tracking_number",
            json!("1Z999AA10123456784"),
            Some("1Z999AA10123456784"),
        ),
        ("_tracking_number", json!("A123, B456"), Some("A123, B456")),
        ("_aftership_tracking_number", json!(123_456), Some("123456")),
        ("_wc_shipment_tracking_items", json!(["X123"]), Some("X123")),
        ("_tracking_number", json!(""), None),
        ("_tracking_number", json!("<script>"), None),
        ("_tracking_number", json!("x".repeat(500)), None),
        ("_wc_shipment_tracking_items", json!("a:1:{i:0;s:1:\"x\"}"), None),
        ("_billing_note", json!("X123"), None),
    ] {
        let raw = with("meta_data", json!([{ "key": key, "value": value }]));
        assert_eq!(
            found(&raw).unwrap().order.tracking.as_deref(),
            read,
            "{key}: {value}"
        );
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}|-?[0-9]{0,20}(\\.[0-9]{0,9})?".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let keys = "email|name|total|total_tax|quantity|product_id|key|value|tracking_number|country|address_1|first_name";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a shop's plugins write into any part of an order: it is read or refused.
    #[test]
    fn nothing_panics(values in prop::collection::btree_map(
        "id|number|status|currency|total|billing|shipping|customer_id|line_items|refunds|date_created_gmt|meta_data",
        any_json(), 0..6,
    )) {
        let mut raw = whole();
        for (key, value) in values {
            raw[key] = value;
        }
        let _ = (has_number(&raw, "727"), email(&raw), is_draft(&raw));
        if let Ok(Found { order, .. }) = found(&raw) {
            prop_assert!(order.items.len() <= MOST_LINES + 1);
            prop_assert!(is_number(&order.number));
            prop_assert!(order.tracking.is_none_or(|t| t.len() <= 200));
        }
    }
}
