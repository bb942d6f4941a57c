//! What no text that comes in may hold, wherever it enters: U+0000, which the database has no
//! place for. Paths and queries are looked at here for all routes, JSON bodies when they are read.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::error::{Code, Problem};

/// What is said of it.
const REFUSED: &str = "A text must not contain the character U+0000.";

/// The layer that looks at a request's path and query.
pub async fn layer(request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or("", |p| p.as_str());
    if address.contains("%00") {
        return Problem::new(Code::InvalidField, REFUSED).into_response();
    }
    next.run(request).await
}

/// Looks at all texts of a body.
///
/// # Errors
/// When one isn't plain; its place as a JSON pointer.
pub(super) fn check(body: &Value) -> Result<(), Problem> {
    match odd(body) {
        Some(place) => Err(Problem::field(place, REFUSED)),
        None => Ok(()),
    }
}

/// The place of the first text that isn't plain; none when all are. A name that isn't can't be
/// told: it is told by what it stands in.
fn odd(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(n, item)| odd(item).map(|within| format!("/{n}{within}"))),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            if name.contains('\0') {
                return Some(String::new());
            }
            let name = || name.replace('~', "~0").replace('/', "~1");
            odd(field).map(|within| format!("/{}{within}", name()))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_text_that_is_not_plain_is_named() {
        for (body, wanted) in [
            (json!({ "a": ["x", { "b/c": "y\u{0}" }] }), Some("/a/1/b~1c")),
            (json!({ "a": { "b": "ok" }, "c": ["\u{0}"] }), Some("/c/0")),
            (json!({ "a": { "k\u{0}": 1 } }), Some("/a")),
            (json!("\u{0}"), Some("")),
            (json!({ "a": ["\u{1}", null, 1, true, { "b": "ä\n" }] }), None),
        ] {
            assert_eq!(odd(&body).as_deref(), wanted, "{body}");
        }
    }
}
