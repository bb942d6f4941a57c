//! What is wrong with a body's shape, in words for those who send it: which field, and what is
//! expected there. The reader's own words name types of the program.

use serde_path_to_error::{Path, Segment};

/// Puts a mistake into words: the place of the field as a JSON pointer below `at`, and what is
/// expected there.
pub(super) fn told(at: &str, path: &Path, words: &str) -> (String, String) {
    let mut pointer = at.to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    // Where it stands in one line of JSON says nothing to a person.
    let words = words.split(" at line ").next().unwrap_or(words);
    if let Some(name) = words.strip_prefix("missing field ") {
        push(&mut pointer, name.trim_matches('`'));
        return (pointer, "This field is needed.".to_owned());
    }
    if words.starts_with("unknown field ")
        && let Some(name) = names(words).first()
    {
        // Some readers see it only once they are through with all that they know.
        let mut named = at.to_owned();
        push(&mut named, name);
        if !pointer.ends_with(&named[at.len()..]) {
            push(&mut pointer, name);
        }
    }
    (pointer, said(words))
}

fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

fn said(words: &str) -> String {
    // The last one: what was given is quoted before it.
    let (what, expected) = words.rsplit_once(", expected ").unwrap_or((words, ""));
    if words.starts_with("unknown field ") {
        return match names(expected).as_slice() {
            [] => "There is no such field; none is expected here.".to_owned(),
            known => format!("There is no such field. There are: {}.", known.join(", ")),
        };
    }
    if words.starts_with("unknown variant ") {
        return format!("One of {}.", names(expected).join(", "));
    }
    if words.starts_with("UUID parsing failed") {
        return "A UUID is expected here, such as 01942f00-0000-7000-8000-000000000000.".to_owned();
    }
    if words.starts_with("duplicate field ") {
        return "This field may stand here only once.".to_owned();
    }
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(given) = what.strip_prefix(kind) {
            if let Some(most) = too_large(given, expected) {
                return format!("Expected is a whole number of at most {most}.");
            }
            let wanted = wanted(expected);
            return match given_kind(given) {
                Some(given) if kind == "invalid type: " && given != wanted => {
                    format!("Expected is {wanted}, not {given}.")
                }
                _ => format!("Expected is {wanted}."),
            };
        }
    }
    if words.starts_with("data did not match any variant") {
        return "This isn't of any of the forms that may stand here.".to_owned();
    }
    // What our own rules say is in plain words already.
    words.to_owned()
}

/// The largest number that may be given, where a larger one was.
fn too_large(given: &str, expected: &str) -> Option<u64> {
    let most = match expected {
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        "i8" => i8::MAX as u64,
        "i16" => i16::MAX as u64,
        "i32" => i32::MAX as u64,
        // More than these hold can't be read as a whole number at all.
        "i64" => i64::MAX as u64,
        _ => return None,
    };
    let given: u64 = given.strip_prefix("integer `")?.strip_suffix('`')?.parse().ok()?;
    (given > most).then_some(most)
}

/// The names between backticks.
fn names(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the program expects, for people.
fn wanted(expected: &str) -> &str {
    match expected {
        "a string" | "a borrowed string" | "a character" | "string" | "str" => "a text",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "u128" => "a whole number that isn't negative",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        uuid if uuid.contains("UUID") => "a UUID",
        object
            if [
                "struct ",
                "tuple struct ",
                "enum ",
                "internally tagged enum ",
                "adjacently tagged enum ",
            ]
            .iter()
            .any(|p| object.starts_with(p)) =>
        {
            if object.starts_with("enum ") {
                "one of the names that may stand here"
            } else {
                "an object"
            }
        }
        own => own,
    }
}

/// What was given, for people.
fn given_kind(given: &str) -> Option<&'static str> {
    let word = given.split([' ', ',']).next().unwrap_or_default();
    Some(match word {
        "string" | "character" => "a text",
        "integer" | "floating" => "a number",
        "boolean" => "true or false",
        "null" | "unit" | "Option" => "null",
        "sequence" => "a list",
        "map" => "an object",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde::Deserialize;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        Blue,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what can't be read is of interest")]
    struct Lamp {
        id: Uuid,
        title: String,
        watts: Option<u32>,
        warmth: Option<f32>,
        dims: Option<bool>,
        tags: Option<Vec<String>>,
        colour: Option<Colour>,
        #[serde(default, deserialize_with = "crate::domain::time::written_if_any")]
        sold_at: Option<DateTime<Utc>>,
    }

    fn mistake(body: Value) -> (String, String) {
        let error = serde_path_to_error::deserialize::<_, Lamp>(body).unwrap_err();
        told("", error.path(), &error.inner().to_string())
    }

    #[test]
    fn mistakes_are_told_in_plain_words() {
        let id = json!("01942f00-0000-7000-8000-000000000000");
        let with = |field: &str, value: Value| {
            let mut body = json!({ "id": id, "title": "Lamp" });
            body[field] = value;
            body
        };
        for (body, pointer, detail) in [
            (json!({ "id": id }), "/title", "This field is needed."),
            (
                with("title", json!(3)),
                "/title",
                "Expected is a text, not a number.",
            ),
            (
                with("watts", json!("x")),
                "/watts",
                "Expected is a whole number that isn't negative, not a text.",
            ),
            (
                with("watts", json!(-1)),
                "/watts",
                "Expected is a whole number that isn't negative.",
            ),
            (
                with("watts", json!(4_294_967_296_u64)),
                "/watts",
                "Expected is a whole number of at most 4294967295.",
            ),
            (
                with("warmth", json!(true)),
                "/warmth",
                "Expected is a number, not true or false.",
            ),
            (
                with("dims", json!("yes")),
                "/dims",
                "Expected is true or false, not a text.",
            ),
            (
                with("tags", json!({})),
                "/tags",
                "Expected is a list, not an object.",
            ),
            (
                with("tags", json!(["a", null])),
                "/tags/1",
                "Expected is a text, not null.",
            ),
            (with("colour", json!("green")), "/colour", "One of red, blue."),
            (
                with("sold_at", json!("-9999-01-01T00:00:00Z")),
                "/sold_at",
                "Expected is a time as RFC 3339 writes it, such as 2026-11-27T17:00:00Z.",
            ),
            (json!([]), "", "Expected is an object."),
            (json!("x"), "", "Expected is an object, not a text."),
        ] {
            let (at, said) = mistake(body.clone());
            assert_eq!((at.as_str(), said.as_str()), (pointer, detail), "{body}");
        }
        let (at, said) = mistake(with("size", json!(1)));
        assert!(
            at == "/size" && said.starts_with("There is no such field. There are: id, title, watts"),
            "{at} {said}"
        );
        let (at, said) = mistake(json!({ "id": "7", "title": "x" }));
        assert!(at == "/id" && said.starts_with("A UUID"), "{at} {said}");
    }
}
