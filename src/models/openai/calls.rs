//! Tool calls put together from their parts: whole in one piece or in fragments, with and
//! without an index, with empty ids, with arguments as text or as an object, and several
//! calls under one index, which some endpoints write.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::models::chat::{ChatError, Failure, ToolCall};

/// Calls of one answer.
const MOST_CALLS: usize = 32;
/// The longest arguments, in bytes.
const MOST_ARGS: usize = 64 << 10;

/// A part of a call, or a whole one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fragment {
    index: Option<Value>,
    id: Option<Value>,
    function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<Value>,
    arguments: Option<Value>,
}

#[derive(Debug, Default)]
struct Part {
    index: Option<u64>,
    id: String,
    name: String,
    args: String,
}

/// The calls so far.
#[derive(Debug, Default)]
pub struct Calls {
    open: Vec<Part>,
    given: HashSet<String>,
}

impl Calls {
    /// Takes a part in.
    pub fn take(&mut self, fragment: Fragment) -> Result<(), ChatError> {
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let index = fragment.index.as_ref().and_then(Value::as_u64);
        let id = text(fragment.id);
        let function = fragment.function.unwrap_or_default();
        let name = text(function.name);
        let args = match function.arguments {
            Some(Value::String(args)) => args,
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let at = match index {
            Some(_) => self.open.iter().rposition(|p| p.index == index),
            None => self.by_id(&id),
        };
        let at = at.filter(|at| !begins_another(&self.open[*at], &id, &name, &args));
        let part = match at {
            Some(at) => &mut self.open[at],
            None => {
                if self.open.len() + self.given.len() >= MOST_CALLS {
                    return Err(malformed("too many calls in one answer"));
                }
                self.open.push(Part {
                    index,
                    ..Part::default()
                });
                let last = self.open.len() - 1;
                &mut self.open[last]
            }
        };
        if part.id.is_empty() {
            part.id = id;
        }
        if part.name.is_empty() {
            part.name = name;
        }
        part.args.push_str(&args);
        if part.args.len() > MOST_ARGS {
            return Err(malformed("arguments of a call are too long"));
        }
        Ok(())
    }

    /// Without an index the id tells; without that too it is the last one.
    fn by_id(&self, id: &str) -> Option<usize> {
        let same = self.open.iter().rposition(|p| !id.is_empty() && p.id == id);
        same.or_else(|| self.open.len().checked_sub(1))
    }

    /// The calls that were not given yet, now that no more parts of them come.
    pub fn whole(&mut self) -> Result<Vec<ToolCall>, ChatError> {
        let mut out = Vec::with_capacity(self.open.len());
        for part in std::mem::take(&mut self.open) {
            if part.name.is_empty() {
                return Err(malformed("a call without a tool's name"));
            }
            let mut id = part.id;
            if id.is_empty() || self.given.contains(&id) {
                id = format!("call_{}", Uuid::new_v4().simple());
            }
            self.given.insert(id.clone());
            let args = if part.args.trim().is_empty() {
                "{}".to_owned()
            } else {
                part.args
            };
            out.push(ToolCall {
                id,
                name: part.name,
                args,
            });
        }
        Ok(out)
    }

    /// Whether there is or was any.
    pub fn any(&self) -> bool {
        !self.open.is_empty() || !self.given.is_empty()
    }
}

/// Whether a fragment that seems to belong to a call is another one's beginning.
fn begins_another(part: &Part, id: &str, name: &str, args: &str) -> bool {
    let is_whole = || serde_json::from_str::<serde::de::IgnoredAny>(&part.args).is_ok();
    let other_id = !id.is_empty() && !part.id.is_empty() && id != part.id;
    if other_id {
        return true;
    }
    let same_id = !id.is_empty() && id == part.id;
    // Nothing can follow whole arguments, so what looks like new ones is of another call.
    let again = !args.trim().is_empty() && !part.args.trim().is_empty() && is_whole();
    (!name.is_empty() && !part.name.is_empty() && !same_id && (again || part.index.is_none()))
        || (again && args.trim_start().starts_with('{'))
}

fn malformed(why: &str) -> ChatError {
    ChatError::new(Failure::Malformed, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn put_together(fragments: &[Value]) -> Vec<(String, String)> {
        let mut calls = Calls::default();
        for fragment in fragments {
            calls
                .take(serde_json::from_value(fragment.clone()).unwrap())
                .unwrap();
        }
        let whole = calls.whole().unwrap();
        let ids: HashSet<&String> = whole.iter().map(|c| &c.id).collect();
        assert_eq!(ids.len(), whole.len(), "ids must be unique: {whole:?}");
        assert!(!ids.contains(&String::new()));
        whole.into_iter().map(|c| (c.name, c.args)).collect()
    }

    fn f(name: Value, arguments: Value) -> Value {
        json!({ "name": name, "arguments": arguments })
    }

    #[test]
    fn calls_are_whole_however_they_come() {
        let two = [("a", r#"{"q":1}"#), ("b", r#"{"q":2}"#)];
        let streams: Vec<(&str, Vec<Value>)> = vec![
            (
                "interleaved by index",
                vec![
                    json!({ "index": 0, "id": "x", "type": "function", "function": f(json!("a"), json!("")) }),
                    json!({ "index": 1, "id": "y", "function": f(json!("b"), json!("")) }),
                    json!({ "index": 0, "function": { "arguments": "{\"q\"" } }),
                    json!({ "index": 1, "function": { "arguments": "{\"q\":2" } }),
                    json!({ "index": 0, "function": { "arguments": ":1}" } }),
                    json!({ "index": 1, "function": { "arguments": "}" } }),
                ],
            ),
            (
                "whole, without index",
                vec![
                    json!({ "id": "x", "function": f(json!("a"), json!("{\"q\":1}")) }),
                    json!({ "id": "y", "function": f(json!("b"), json!("{\"q\":2}")) }),
                ],
            ),
            (
                "whole, without index and id",
                vec![
                    json!({ "id": "", "function": f(json!("a"), json!("{\"q\":1}")) }),
                    json!({ "function": f(json!("b"), json!({ "q": 2 })) }),
                ],
            ),
            (
                "all under index 0",
                vec![
                    json!({ "index": 0, "id": "x", "function": f(json!("a"), json!("{\"q\":1}")) }),
                    json!({ "index": 0, "id": "y", "function": f(json!("b"), json!("{\"q\":2}")) }),
                ],
            ),
            (
                "all under index 0 without ids",
                vec![
                    json!({ "index": 0, "id": "", "function": f(json!("a"), json!({ "q": 1 })) }),
                    json!({ "index": 0, "id": "", "function": f(json!("b"), json!({ "q": 2 })) }),
                ],
            ),
            (
                "fragments without index",
                vec![
                    json!({ "id": "x", "function": f(json!("a"), json!("{\"q\"")) }),
                    json!({ "function": { "arguments": ":1}" } }),
                    json!({ "id": "y", "function": f(json!("b"), json!("")) }),
                    json!({ "id": "y", "function": { "arguments": "{\"q\":2}" } }),
                ],
            ),
            (
                "name and id empty in what follows",
                vec![
                    json!({ "index": 0, "id": "x", "function": f(json!("a"), json!("{\"q\":")) }),
                    json!({ "index": 0, "id": "", "function": f(json!(""), json!("1}")) }),
                    json!({ "index": 1, "id": "y", "function": f(json!("b"), json!(null)) }),
                    json!({ "index": 1, "id": null, "function": f(json!(null), json!("{\"q\":2}")) }),
                ],
            ),
            (
                "name and id repeated",
                vec![
                    json!({ "index": 0, "id": "x", "function": f(json!("a"), json!("{\"q\":")) }),
                    json!({ "index": 0, "id": "x", "function": f(json!("a"), json!("1}")) }),
                    json!({ "index": 0, "id": "x", "function": f(json!("a"), json!("")) }),
                    json!({ "index": 1, "id": "y", "function": f(json!("b"), json!("{\"q\":2}")) }),
                ],
            ),
            (
                "one id for both",
                vec![
                    json!({ "index": 0, "id": "x", "function": f(json!("a"), json!("{\"q\":1}")) }),
                    json!({ "index": 1, "id": "x", "function": f(json!("b"), json!("{\"q\":2}")) }),
                ],
            ),
        ];
        for (how, stream) in streams {
            let wants: Vec<_> = two
                .iter()
                .map(|(n, a)| ((*n).to_owned(), (*a).to_owned()))
                .collect();
            assert_eq!(put_together(&stream), wants, "{how}");
        }
    }

    #[test]
    fn calls_without_arguments_have_an_empty_object() {
        for arguments in [json!(""), json!(null), json!({})] {
            let fragment = json!({ "index": 0, "id": "x", "function": f(json!("a"), arguments) });
            assert_eq!(put_together(&[fragment]), [("a".to_owned(), "{}".to_owned())]);
        }
    }

    #[test]
    fn calls_have_bounds_and_names() {
        let take = |calls: &mut Calls, v: Value| calls.take(serde_json::from_value(v).unwrap());
        let mut calls = Calls::default();
        take(&mut calls, json!({ "index": 0, "id": "x" })).unwrap();
        assert_eq!(calls.whole().unwrap_err().kind, Failure::Malformed);
        let mut calls = Calls::default();
        let many = (0..100).map(|i| json!({ "index": i, "function": f(json!("a"), json!("{}")) }));
        assert_eq!(
            many.map(|v| take(&mut calls, v)).filter(Result::is_ok).count(),
            MOST_CALLS
        );
        let mut calls = Calls::default();
        let long = json!({ "index": 0, "function": f(json!("a"), json!("x".repeat(MOST_ARGS + 1))) });
        assert!(take(&mut calls, long).is_err());
    }

    proptest! {
        /// Any cutting of arguments, with any text in them.
        #[test]
        fn fragments_join_to_what_was_cut(text in "\\PC{0,40}", cuts in prop::collection::vec(0..60_usize, 0..8), indexed: bool) {
            let args = json!({ "query": text, "n": [1, { "x": null }] }).to_string();
            let mut stream = vec![json!({ "id": "x", "function": f(json!("a"), json!("")) })];
            let mut places: Vec<usize> = cuts.iter().map(|c| args.floor_char_boundary((*c).min(args.len()))).collect();
            places.extend([0, args.len()]);
            places.sort_unstable();
            for pair in places.windows(2) {
                stream.push(json!({ "function": { "arguments": args[pair[0]..pair[1]] } }));
            }
            if indexed {
                stream.iter_mut().for_each(|part| part["index"] = json!(0));
            }
            prop_assert_eq!(put_together(&stream), [("a".to_owned(), args)]);
        }
    }
}
