//! Places for arguments in addresses and bodies. An argument can become a part of a path, the
//! value of a parameter or a value of JSON, and never anything else: not another host, not
//! another path, not another field.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::{Map, Value};

/// Filled in by the hands with the address that the visitor has shown to be theirs.
pub const EMAIL: &str = "verified_email";
/// Characters of an address with its arguments.
const LONGEST_URL: usize = 2_000;

/// What places are filled with.
pub struct Values<'a> {
    args: Option<&'a Map<String, Value>>,
    email: Option<Value>,
}

impl<'a> Values<'a> {
    pub fn new(args: &'a Value, emails: &[String]) -> Self {
        Self {
            args: args.as_object(),
            email: emails.first().map(|e| Value::from(e.as_str())),
        }
    }

    /// None where the argument wasn't given.
    fn get(&self, name: &str) -> Option<&Value> {
        if name == EMAIL {
            return self.email.as_ref();
        }
        self.args?.get(name).filter(|v| !v.is_null())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|v| match v {
            Value::String(s) => s.clone(),
            other => other.to_string(),
        })
    }
}

/// Pieces of a template: text, or the name of a place.
enum Piece<'t> {
    Text(&'t str),
    Place(&'t str),
}

fn is_place(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|c| open + c) else {
            break;
        };
        let name = &rest[open + 1..close];
        if is_place(name) {
            out.push(Piece::Text(&rest[..open]));
            out.push(Piece::Place(name));
            rest = &rest[close + 1..];
        } else {
            out.push(Piece::Text(&rest[..=open]));
            rest = &rest[open + 1..];
        }
    }
    out.push(Piece::Text(rest));
    out
}

/// The names of a text's places.
pub fn places(template: &str) -> BTreeSet<String> {
    pieces(template)
        .into_iter()
        .filter_map(|p| match p {
            Piece::Place(name) => Some(name.to_owned()),
            Piece::Text(_) => None,
        })
        .collect()
}

/// The names of a body's places.
pub fn places_of(body: &Value, out: &mut BTreeSet<String>) {
    match body {
        Value::String(text) => out.extend(places(text)),
        Value::Array(items) => items.iter().for_each(|v| places_of(v, out)),
        Value::Object(fields) => fields.values().for_each(|v| places_of(v, out)),
        _ => {}
    }
}

/// Host, port and scheme, and what follows them.
fn halves(template: &str) -> Option<(&str, &str)> {
    let after = template.find("://")? + 3;
    let at = template[after..]
        .find(['/', '?', '#'])
        .map_or(template.len(), |i| i + after);
    Some(template.split_at(at))
}

/// Whether an address can be filled in safely whatever the arguments are.
pub fn check_url(template: &str) -> Result<(), String> {
    let (base, rest) = halves(template).ok_or("its `url` is none")?;
    if base.contains(['{', '}']) {
        return Err("arguments may stand in the path and the query of its `url` only".to_owned());
    }
    if rest.contains('#') {
        return Err("its `url` can't have a # part".to_owned());
    }
    let url = Url::parse(base).map_err(|_| "its `url` is none".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its `url` must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its `url` can't have a user or a password; use a header with {secret}".to_owned());
    }
    let query = rest.split_once('?').map(|(_, q)| q).unwrap_or_default();
    let names_fixed = query
        .split('&')
        .all(|pair| places(pair.split('=').next().unwrap_or_default()).is_empty());
    if !names_fixed {
        return Err("the names of parameters in its `url` are fixed; arguments are their values".to_owned());
    }
    Ok(())
}

/// Everything but what no server takes for a mark.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The address with its arguments. A parameter whose argument wasn't given is left out.
pub fn url(template: &str, values: &Values<'_>) -> Result<String, String> {
    let (base, rest) = halves(template).ok_or("its `url` is none")?;
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    let mut out = base.to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    for (i, segment) in segments.iter().enumerate() {
        let filled =
            fill(segment, |name| values.text(name)).ok_or("an argument that its path needs wasn't given")?;
        // Servers and proxies take these for the way up.
        if !places(segment).is_empty() && (filled.is_empty() || filled.chars().all(|c| c == '.')) {
            return Err("an argument can't be a part of a path".to_owned());
        }
        if i > 0 {
            out.push('/');
        }
        out.push_str(&filled);
    }
    let pairs: Vec<String> = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| fill(pair, |name| values.text(name)))
        .collect();
    if !pairs.is_empty() {
        out.push('?');
        out.push_str(&pairs.join("&"));
    }
    if out.len() > LONGEST_URL {
        return Err("its arguments make the address too long".to_owned());
    }
    Ok(out)
}

/// None where a place has nothing to be filled with.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Place(name) => out.push_str(&encoded(&value(name)?)),
        }
    }
    Some(out)
}

/// The body with its arguments: a text that is a place alone becomes the argument as it is; a
/// field whose argument wasn't given is left out.
pub fn body(template: &Value, values: &Values<'_>) -> Value {
    filled(template, values).unwrap_or(Value::Null)
}

fn filled(template: &Value, values: &Values<'_>) -> Option<Value> {
    Some(match template {
        Value::String(text) => {
            let all = pieces(text);
            if let [Piece::Text(""), Piece::Place(name), Piece::Text("")] = all.as_slice() {
                return values.get(name).cloned();
            }
            let mut out = String::new();
            for piece in all {
                match piece {
                    Piece::Text(text) => out.push_str(text),
                    Piece::Place(name) => out.push_str(&values.text(name)?),
                }
            }
            Value::String(out)
        }
        Value::Array(items) => items.iter().filter_map(|v| filled(v, values)).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(key, v)| Some((key.clone(), filled(v, values)?)))
            .collect(),
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TEMPLATE: &str = "https://erp.example:8443/v1/stock/{sku}/x-{place}?q={q}&fixed=1";

    fn made(args: &Value) -> Result<String, String> {
        url(TEMPLATE, &Values::new(args, &[]))
    }

    #[test]
    fn arguments_stay_where_they_belong() {
        assert_eq!(
            made(&json!({"sku": "a/b c", "place": 7, "q": "x&y=z#"})).unwrap(),
            "https://erp.example:8443/v1/stock/a%2Fb%20c/x-7?q=x%26y%3Dz%23&fixed=1"
        );
        assert_eq!(
            made(&json!({"sku": "a", "place": "b"})).unwrap(),
            "https://erp.example:8443/v1/stock/a/x-b?fixed=1"
        );
        for bad in [
            json!({"sku": "..", "place": 1}),
            json!({"sku": "", "place": 1}),
            json!({"place": 1}),
        ] {
            assert!(made(&bad).is_err(), "{bad}");
        }
        for bad in [
            "https://a.example/x?{n}=1",
            "https://a.{tld}/",
            "https://a.example:{p}/",
            "mailto:a@b",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bodies_keep_the_kinds_of_values() {
        let template = json!({"id": "{id}", "note": "For {name}!", "all": ["{id}", "{none}"], "left": "{none}", "n": 1,
            "to": "{verified_email}"});
        let args = json!({"id": 7, "name": "A \"B\"", "none": null});
        let emails = ["anna@example.com".to_owned()];
        assert_eq!(
            body(&template, &Values::new(&args, &emails)),
            json!({"id": 7, "note": "For A \"B\"!", "all": [7], "n": 1, "to": "anna@example.com"})
        );
    }

    proptest! {
        /// Whatever the arguments are: the same host, as many parts of the path, the same
        /// parameters.
        #[test]
        fn no_argument_changes_whom_or_what_is_called(sku in any::<String>(), place in any::<String>(), q in any::<String>()) {
            let Ok(made) = made(&json!({"sku": sku, "place": place, "q": q})) else { return Ok(()) };
            let url = Url::parse(&made).unwrap();
            prop_assert_eq!(url.origin().ascii_serialization(), "https://erp.example:8443");
            let parts: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(parts.len(), 4);
            prop_assert_eq!(&parts[..2], &["v1", "stock"][..]);
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("q".to_owned(), q), ("fixed".to_owned(), "1".to_owned())]);
            prop_assert!(url.fragment().is_none());
        }
    }
}
