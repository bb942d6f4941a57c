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
    let mut place = String::new();
    if is_plain(body, &mut place) {
        Ok(())
    } else {
        Err(Problem::field(place, REFUSED))
    }
}

/// Whether all texts are; if not, the place is that of the first which isn't.
fn is_plain(value: &Value, place: &mut String) -> bool {
    let within = place.len();
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => items.iter().enumerate().all(|(n, item)| {
            place.truncate(within);
            place.push_str(&format!("/{n}"));
            is_plain(item, place)
        }),
        Value::Object(fields) => fields.iter().all(|(name, field)| {
            place.truncate(within);
            // What can't be named is told by what it stands in.
            !name.contains('\0') && {
                place.push('/');
                place.push_str(&name.replace('~', "~0").replace('/', "~1"));
                is_plain(field, place)
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
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
            let mut place = String::new();
            let found = (!is_plain(&body, &mut place)).then_some(place);
            assert_eq!(found.as_deref(), wanted, "{body}");
        }
    }
}
