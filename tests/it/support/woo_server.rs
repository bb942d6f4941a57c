//! A contract server for WooCommerce's REST API, version 3, built from its documentation and
//! the published behaviour of its controllers: authentication, paging, search, errors, refunds
//! and their order of events. It is not WooCommerce. It misbehaves as it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::web_server::{Asked, Page, WebServer};

const ROOT: &str = "/wp-json/wc/v3/";

/// How it misbehaves, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status with WordPress's form of an error, before anything is done.
    Error(u16, &'static str),
    /// A page for people, before anything is done.
    Html(u16),
    /// Too many requests; it asks to be left alone for so many seconds.
    RateLimit(u16),
    /// Takes the request, does nothing and says nothing.
    Silence,
    /// Does it and says nothing.
    SilentAfterActing,
    /// Does it, and its answer breaks off.
    CutAfterActing,
    /// Does it, and something fails behind it.
    FailAfterActing,
    /// A refund is booked and never paid: the payment service doesn't answer it.
    BookedOnly,
    /// Dies between the payment and what is stored after it: the refund has no meta data.
    LosesMeta,
    /// The payment service refuses: the refund is taken out again.
    GatewayRefuses,
}

#[derive(Default)]
struct State {
    orders: BTreeMap<u64, Value>,
    refunds: BTreeMap<u64, Vec<Value>>,
    products: BTreeMap<u64, Value>,
    next: u64,
    /// For the next write, or read.
    faults: VecDeque<(&'static str, Fault)>,
    read_only: bool,
}

/// The shop.
#[derive(Clone)]
pub struct WooServer {
    pub web: Arc<WebServer>,
    /// `ck_…:cs_…`
    pub secret: String,
    state: Arc<Mutex<State>>,
}

impl WooServer {
    pub async fn start() -> Self {
        let secret = format!("ck_{}:cs_{}", "1a".repeat(20), "2b".repeat(20));
        let state = Arc::new(Mutex::new(State {
            next: 9_000,
            ..State::default()
        }));
        let (shared, key) = (Arc::clone(&state), secret.clone());
        let web = WebServer::start(move |asked| shared.lock().unwrap().answer(&key, asked)).await;
        Self {
            web: Arc::new(web),
            secret,
            state,
        }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.web.port)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The next request of this method goes wrong; several go wrong one after the other.
    pub fn fault(&self, method: &'static str, fault: Fault) -> &Self {
        self.state.lock().unwrap().faults.push_back((method, fault));
        self
    }

    /// The key may read only from now on.
    pub fn read_only(&self) {
        self.state.lock().unwrap().read_only = true;
    }

    /// Puts an order there, under its id.
    pub fn put(&self, order: Value) {
        let id = order["id"].as_u64().unwrap();
        self.state.lock().unwrap().orders.insert(id, order);
    }

    pub fn put_product(&self, id: u64, slugs: &[&str]) {
        let categories: Vec<Value> = slugs
            .iter()
            .map(|slug| json!({ "id": 1, "name": slug, "slug": slug }))
            .collect();
        let product = json!({ "id": id, "name": format!("Product {id}"), "categories": categories });
        self.state.lock().unwrap().products.insert(id, product);
    }

    pub fn order(&self, id: u64) -> Value {
        self.state.lock().unwrap().orders[&id].clone()
    }

    /// The refunds that were paid by the payment service, in cents each.
    pub fn paid(&self, id: u64) -> Vec<i64> {
        let state = self.state.lock().unwrap();
        let refunds = state.refunds.get(&id).map(Vec::as_slice).unwrap_or_default();
        let paid = refunds.iter().filter(|r| r["refunded_payment"] == true);
        paid.map(|r| cents(&r["amount"])).collect()
    }

    pub fn refunds(&self, id: u64) -> Vec<Value> {
        self.state
            .lock()
            .unwrap()
            .refunds
            .get(&id)
            .cloned()
            .unwrap_or_default()
    }

    /// What was asked for since the last time: method and path, without the query.
    pub fn take_asked(&self) -> Vec<String> {
        let asked = self.web.take_asked();
        let short = |a: &Asked| {
            let path = a.path.split('?').next().unwrap_or_default();
            format!("{} {}", a.method, path.trim_start_matches(ROOT))
        };
        asked.iter().map(short).collect()
    }
}

/// An order as WooCommerce gives it, with what tests don't look at left out.
pub fn order(id: u64, email: &str, status: &str, total: &str) -> Value {
    json!({
        "id": id, "parent_id": 0, "number": id.to_string(), "status": status, "currency": "EUR",
        "date_created_gmt": "2026-11-17T10:00:00", "date_modified_gmt": "2026-11-24T10:00:00",
        "date_completed_gmt": null, "total": total, "total_tax": "0.00", "customer_id": 0,
        "billing": { "first_name": "Anna", "last_name": "Huber", "email": email, "phone": "" },
        "shipping": {
            "first_name": "Anna", "last_name": "Huber", "company": "Huber KG", "address_1": "Seegasse 4",
            "address_2": "", "city": "Gmunden", "state": "", "postcode": "4810", "country": "AT"
        },
        "payment_method": "stripe", "refunds": [],
        "line_items": [{
            "id": id * 10, "name": "Birch", "product_id": 51, "variation_id": 0, "quantity": 1,
            "total": total, "total_tax": "0.00", "meta_data": []
        }],
        "meta_data": [{ "id": 1, "key": "_wc_order_attribution_source_type", "value": "typein" }],
    })
}

fn cents(value: &Value) -> i64 {
    let text = value.as_str().unwrap().trim_start_matches('-');
    let (whole, part) = text.split_once('.').unwrap_or((text, "00"));
    format!("{whole}{part:0<2}").parse().unwrap()
}

fn error(status: u16, code: &str) -> Page {
    let body = json!({
        "code": code, "message": "Something that may name John.Doe@example.com.", "data": { "status": status }
    });
    of(status, &body)
}

fn of(status: u16, body: &Value) -> Page {
    Page::new(status, body.to_string()).with("content-type", "application/json; charset=UTF-8")
}

/// Only the fields that were asked for.
fn narrowed(object: &Value, fields: Option<&String>) -> Value {
    let Some(fields) = fields else {
        return object.clone();
    };
    let wanted: Vec<&str> = fields.split(',').collect();
    let map = object.as_object().unwrap();
    let kept = map.iter().filter(|(k, _)| wanted.contains(&k.as_str()));
    Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect())
}

impl State {
    fn answer(&mut self, key: &str, asked: &Asked) -> Page {
        let url = reqwest::Url::parse(&format!("http://shop{}", asked.path)).unwrap();
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert!(!query.contains_key("consumer_key") && !query.contains_key("consumer_secret"));
        let fault = match self.faults.front() {
            Some((method, fault)) if *method == asked.method => Some(*fault),
            _ => None,
        };
        if fault.is_some() {
            self.faults.pop_front();
        }
        match fault {
            Some(Fault::Error(status, code)) => return error(status, code),
            Some(Fault::Html(status)) => {
                return Page::new(status, "<html><title>Checking your browser</title></html>")
                    .with("content-type", "text/html");
            }
            Some(Fault::RateLimit(seconds)) => {
                return error(429, "rest_too_many_requests").with("retry-after", &seconds.to_string());
            }
            Some(Fault::Silence) => return Page::silence(),
            _ => {}
        }
        if let Some(refusal) = self.denied(key, asked) {
            return refusal;
        }
        let Some(path) = url.path().strip_prefix(ROOT) else {
            return error(404, "rest_no_route");
        };
        let page = self.route(path, &query, asked, fault);
        match fault {
            Some(Fault::SilentAfterActing | Fault::BookedOnly) => Page::silence(),
            Some(Fault::CutAfterActing | Fault::LosesMeta) => page.claiming(1_000_000),
            Some(Fault::FailAfterActing) => Page::new(500, "<p>There has been a critical error.</p>"),
            _ => page,
        }
    }

    /// As the documentation and the authentication class say it.
    fn denied(&self, key: &str, asked: &Asked) -> Option<Page> {
        let given = asked.headers.get("authorization").map_or("", String::as_str);
        let plain = given.strip_prefix("Basic ").and_then(|e| STANDARD.decode(e).ok());
        let plain = plain.and_then(|p| String::from_utf8(p).ok()).unwrap_or_default();
        let known = plain.split(':').next() == key.split(':').next();
        if !known {
            // Nobody is logged in.
            return Some(error(401, "woocommerce_rest_cannot_view"));
        }
        let writes = asked.method != "GET";
        (plain != key || (writes && self.read_only))
            .then(|| error(401, "woocommerce_rest_authentication_error"))
    }

    fn route(
        &mut self,
        path: &str,
        query: &BTreeMap<String, String>,
        asked: &Asked,
        fault: Option<Fault>,
    ) -> Page {
        let parts: Vec<&str> = path.split('/').collect();
        let body = || serde_json::from_slice::<Value>(&asked.body).unwrap();
        let fields = query.get("_fields");
        match (asked.method.as_str(), &parts[..]) {
            ("GET", ["orders"]) => {
                let words = query.get("search").map(|s| s.to_lowercase());
                // Orders of an account; guests' have the number 0.
                let customer = query.get("customer").map(|id| json!(id.parse::<u64>().unwrap()));
                let hit = |o: &&Value| {
                    words
                        .as_ref()
                        .is_none_or(|w| o.to_string().to_lowercase().contains(w))
                        && customer.as_ref().is_none_or(|id| o["customer_id"] == *id)
                };
                let found: Vec<Value> = self.orders.values().rev().filter(hit).cloned().collect();
                listed(&found, query, asked)
            }
            ("GET", ["orders", id]) => match self.orders.get(&id.parse().unwrap_or(0)) {
                Some(order) => of(200, &narrowed(order, fields)),
                None => error(404, "woocommerce_rest_shop_order_invalid_id"),
            },
            ("PUT", ["orders", id]) => match self.orders.get_mut(&id.parse().unwrap_or(0)) {
                Some(order) => {
                    update(order, &body());
                    of(200, order)
                }
                None => error(400, "woocommerce_rest_shop_order_invalid_id"),
            },
            ("GET", ["orders", id, "refunds"]) => {
                let id: u64 = id.parse().unwrap_or(0);
                if !self.orders.contains_key(&id) {
                    return error(404, "woocommerce_rest_order_invalid_id");
                }
                let mut refunds = self.refunds.get(&id).cloned().unwrap_or_default();
                refunds.reverse();
                listed(&refunds, query, asked)
            }
            ("POST", ["orders", id, "refunds"]) => self.refund(id.parse().unwrap_or(0), &body(), fault),
            ("GET", ["products"]) => {
                let ids: Vec<u64> = query["include"]
                    .split(',')
                    .map(|id| id.parse().unwrap())
                    .collect();
                let found: Vec<Value> = ids
                    .iter()
                    .filter_map(|id| self.products.get(id).cloned())
                    .collect();
                listed(&found, query, asked)
            }
            _ => error(404, "rest_no_route"),
        }
    }

    /// Books it, asks the payment service, marks it as paid, stores its meta data: in this order.
    fn refund(&mut self, id: u64, body: &Value, fault: Option<Fault>) -> Page {
        let Some(order) = self.orders.get_mut(&id) else {
            return error(404, "woocommerce_rest_invalid_order_id");
        };
        let amount = cents(&body["amount"]);
        let back: i64 = order["refunds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| cents(&r["total"]))
            .sum();
        let left = cents(&order["total"]) - back;
        let by_service = body["api_refund"] != false;
        let refuses =
            by_service && (order["payment_method"] == "bacs" || fault == Some(Fault::GatewayRefuses));
        if amount > left || refuses {
            return error(500, "woocommerce_rest_cannot_create_order_refund");
        }
        self.next += 1;
        let paid = by_service && fault != Some(Fault::BookedOnly);
        let meta = if matches!(fault, Some(Fault::BookedOnly | Fault::LosesMeta)) {
            json!([])
        } else {
            body["meta_data"].clone()
        };
        let refund = json!({
            "id": self.next, "amount": body["amount"], "reason": body["reason"], "refunded_by": 1,
            "refunded_payment": paid, "meta_data": meta, "line_items": [],
        });
        let total = format!("-{}", body["amount"].as_str().unwrap());
        order["refunds"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "id": self.next, "reason": body["reason"], "total": total }));
        if amount == left {
            order["status"] = json!("refunded");
        }
        self.refunds.entry(id).or_default().push(refund.clone());
        of(201, &refund)
    }
}

fn listed(all: &[Value], query: &BTreeMap<String, String>, asked: &Asked) -> Page {
    let number = |key: &str, default: usize| query.get(key).map_or(default, |v| v.parse().unwrap());
    let (page, size) = (number("page", 1), number("per_page", 10));
    if !(1..=100).contains(&size) {
        return error(400, "rest_invalid_param");
    }
    let pages = all.len().div_ceil(size);
    let part = all.iter().skip((page - 1) * size).take(size);
    let body: Vec<Value> = part.map(|o| narrowed(o, query.get("_fields"))).collect();
    let mut answer = of(200, &Value::from(body))
        .with("x-wp-total", &all.len().to_string())
        .with("x-wp-totalpages", &pages.to_string())
        .with("link", "<http://shop/wp-json/>; rel=\"https://api.w.org/\"");
    if page < pages {
        let next = format!("<http://shop{}&page={}>; rel=\"next\"", asked.path, page + 1);
        answer = answer.with("link", &next);
    }
    answer
}

fn update(order: &mut Value, body: &Value) {
    for (key, value) in body["shipping"].as_object().into_iter().flatten() {
        order["shipping"][key] = value.clone();
    }
    for meta in body["meta_data"].as_array().into_iter().flatten() {
        let all = order["meta_data"].as_array_mut().unwrap();
        all.retain(|m| m["key"] != meta["key"]);
        all.push(json!({ "id": all.len() + 2, "key": meta["key"], "value": meta["value"] }));
    }
}
