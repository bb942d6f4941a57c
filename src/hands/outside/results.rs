//! What a tool from outside returned, before anybody reads it: small, shallow, with plain names
//! and without what doesn't show. Whose it is, the brain is told where it reads it.

use serde_json::{Map, Value, json};

use super::{schema, text};

/// Bytes of a result at most, as JSON.
pub const MOST_BYTES: usize = 16 << 10;
/// Characters that are kept of a text that nobody has described.
pub const MOST_TEXT: usize = 4_000;
/// Deepest nesting.
const DEPTH: usize = 16;

/// A result as it is used.
///
/// # Errors
/// In a sentence, when it is too large or too deep.
pub fn clean(value: &Value) -> Result<Value, String> {
    let cleaned = walk(value, 0)?;
    let size = cleaned.to_string().len();
    if size > MOST_BYTES {
        return Err(format!("its result has {size} bytes; {MOST_BYTES} are the most"));
    }
    Ok(cleaned)
}

/// A text that nobody has described, as a result.
#[must_use]
pub fn of_text(given: &str) -> Value {
    let shown: String = given.chars().filter(|c| !text::is_hidden(*c)).collect();
    if shown.chars().count() <= MOST_TEXT {
        return json!({ "text": shown });
    }
    let cut: String = shown.chars().take(MOST_TEXT).collect();
    json!({ "text": cut, "cut_off": true })
}

fn walk(value: &Value, depth: usize) -> Result<Value, String> {
    if depth > DEPTH {
        return Err("its result is nested too deep".to_owned());
    }
    Ok(match value {
        Value::String(s) => Value::String(s.chars().filter(|c| !text::is_hidden(*c)).collect()),
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|v| walk(v, depth + 1)).collect();
            Value::Array(items?)
        }
        Value::Object(fields) => {
            let mut out = Map::new();
            for (i, (key, v)) in fields.iter().enumerate() {
                // Only values are looked through for personal data: a name must not be any.
                let plain = schema::is_name(key)
                    && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && !key.contains('@');
                let key = if plain {
                    key.clone()
                } else {
                    format!("field_{}", i + 1)
                };
                out.insert(key, walk(v, depth + 1)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_sizes_bounded() {
        let given =
            json!({"anna@example.com": 1, "4366412345678": 2, "sku": "a\u{202e}b", "n": [true, null, 1.5]});
        assert_eq!(
            clean(&given).unwrap(),
            json!({"field_1": 2, "field_2": 1, "sku": "ab", "n": [true, null, 1.5]})
        );
        assert!(clean(&json!("x".repeat(20_000))).unwrap_err().contains("bytes"));
        let deep = (0..40).fold(json!(1), |v, _| json!([v]));
        assert!(clean(&deep).unwrap_err().contains("deep"));
        assert_eq!(of_text("a\u{200b}b\nc"), json!({"text": "ab\nc"}));
        assert_eq!(of_text(&"é".repeat(5_000))["cut_off"], true);
    }
}
