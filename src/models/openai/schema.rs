//! A tool's schema as providers want it for strict arguments: every property required, what
//! was optional may be null instead, and nothing beside the properties. A schema that can't
//! be said that way (free maps, conditions) is sent as it is, without `strict`.

use serde_json::{Map, Value, json};

/// Says nothing to a model, and some endpoints refuse it.
const DROPPED: [&str; 9] = [
    "$schema",
    "$id",
    "title",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$comment",
];
/// Can't be said strictly.
const REFUSED: [&str; 14] = [
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "unevaluatedItems",
    "prefixItems",
    "contains",
    "minProperties",
];
/// Formats of strings that are understood everywhere; others, and those of numbers, are dropped.
const FORMATS: [&str; 8] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "uuid",
];

/// The strict form, if there is one.
pub fn strict(schema: &Value) -> Option<Value> {
    let mut root = schema.as_object()?.clone();
    // A tool without arguments.
    root.entry("properties").or_insert_with(|| json!({}));
    root.entry("type").or_insert_with(|| json!("object"));
    if root.get("type") != Some(&json!("object")) {
        return None;
    }
    convert(&Value::Object(root))
}

/// The schema for an endpoint that doesn't know strict ones.
pub fn plain(schema: &Value) -> Value {
    let mut root = schema.as_object().cloned().unwrap_or_default();
    for key in DROPPED.iter().chain(&["additionalProperties"]) {
        root.remove(*key);
    }
    root.entry("type").or_insert_with(|| json!("object"));
    root.entry("properties").or_insert_with(|| json!({}));
    Value::Object(root)
}

/// Takes out the nulls that the strict form made a model write for what is optional.
pub fn without_nulls(args: String, schema: &Value) -> String {
    if !args.contains("null") {
        return args;
    }
    let Ok(Value::Object(mut given)) = serde_json::from_str(&args) else {
        return args;
    };
    let required = schema.get("required").and_then(Value::as_array);
    let needed = |name: &str| required.is_some_and(|r| r.iter().any(|n| n == name));
    given.retain(|name, value| !value.is_null() || needed(name));
    Value::Object(given).to_string()
}

fn convert(schema: &Value) -> Option<Value> {
    let Some(from) = schema.as_object() else {
        // `true`: anything at all.
        return None;
    };
    if let Some(target) = from.get("$ref") {
        // Nothing may stand beside it, but the root's definitions go along.
        let mut out = Map::new();
        out.insert("$ref".to_owned(), target.clone());
        return Some(Value::Object(out));
    }
    if REFUSED.iter().any(|k| from.contains_key(*k)) {
        return None;
    }
    let mut out = Map::new();
    for (key, value) in from {
        let converted = match key.as_str() {
            k if DROPPED.contains(&k) => continue,
            "format" if !value.as_str().is_some_and(|f| FORMATS.contains(&f)) => continue,
            "additionalProperties" | "required" => continue,
            "properties" => continue,
            "oneOf" | "anyOf" => {
                let all: Option<Vec<Value>> = value.as_array()?.iter().map(convert).collect();
                out.insert("anyOf".to_owned(), Value::Array(all?));
                continue;
            }
            "items" => convert(value)?,
            "$defs" | "definitions" => {
                let all: Option<Map<_, _>> = value
                    .as_object()?
                    .iter()
                    .map(|(name, def)| Some((name.clone(), convert(def)?)))
                    .collect();
                Value::Object(all?)
            }
            _ => value.clone(),
        };
        out.insert(key.clone(), converted);
    }
    let is_object = match from.get("type") {
        Some(Value::String(t)) => t == "object",
        Some(Value::Array(types)) => types.iter().any(|t| t == "object"),
        _ => from.contains_key("properties"),
    };
    if is_object {
        // Any other value than false is a map of free keys.
        if from
            .get("additionalProperties")
            .is_some_and(|a| *a != json!(false))
        {
            return None;
        }
        let properties = from.get("properties")?.as_object()?;
        let required = from.get("required").and_then(Value::as_array);
        let mut all = Map::new();
        for (name, property) in properties {
            let property = convert(property)?;
            let needed = required.is_some_and(|r| r.iter().any(|n| n == name));
            all.insert(name.clone(), if needed { property } else { nullable(property) });
        }
        let names: Vec<Value> = all.keys().map(|k| json!(k)).collect();
        out.insert("properties".to_owned(), Value::Object(all));
        out.insert("required".to_owned(), Value::Array(names));
        out.insert("additionalProperties".to_owned(), json!(false));
    }
    Some(Value::Object(out))
}

fn nullable(mut schema: Value) -> Value {
    let null = json!({ "type": "null" });
    let Some(map) = schema.as_object_mut() else {
        return schema;
    };
    if map.contains_key("const") {
        return json!({ "anyOf": [schema, null] });
    }
    if let Some(Value::Array(variants)) = map.get_mut("anyOf") {
        if !variants.contains(&null) {
            variants.push(null);
        }
        return schema;
    }
    let kinds = match map.get("type") {
        Some(Value::String(kind)) if kind == "null" => return schema,
        Some(Value::String(kind)) => vec![json!(kind), json!("null")],
        Some(Value::Array(kinds)) if kinds.contains(&json!("null")) => return schema,
        Some(Value::Array(kinds)) => [kinds.as_slice(), &[json!("null")]].concat(),
        _ => return json!({ "anyOf": [schema, null] }),
    };
    map.insert("type".to_owned(), Value::Array(kinds));
    if let Some(Value::Array(values)) = map.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    schema
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Args {
        /// What to look for.
        query: String,
        limit: Option<u32>,
        #[serde(default)]
        exact: bool,
        order: Option<Order>,
        items: Vec<Item>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Order {
        Newest,
        Best,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Item {
        id: String,
        note: Option<String>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Free {
        map: std::collections::HashMap<String, String>,
    }

    /// Every object closed, with all its properties required.
    fn check(schema: &Value) {
        match schema {
            Value::Object(map) => {
                if let Some(properties) = map.get("properties").filter(|_| map.contains_key("required")) {
                    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
                    let required = map["required"].as_array().unwrap();
                    assert_eq!(
                        names,
                        required.iter().map(|r| r.as_str().unwrap()).collect::<Vec<_>>()
                    );
                    assert_eq!(map["additionalProperties"], json!(false));
                } else {
                    assert_ne!(map.get("type"), Some(&json!("object")), "{schema}");
                }
                assert!(map.get("$ref").is_none() || map.len() == 1, "{schema}");
                map.values().for_each(check);
            }
            Value::Array(all) => all.iter().for_each(check),
            _ => {}
        }
    }

    #[test]
    fn what_is_optional_is_required_and_may_be_null() {
        let schema = schemars::schema_for!(Args).to_value();
        assert!(
            !schema["required"].as_array().unwrap().contains(&json!("limit")),
            "schemars leaves it out: {schema}"
        );
        let strict = strict(&schema).unwrap();
        check(&strict);
        assert_eq!(strict["properties"]["limit"]["type"], json!(["integer", "null"]));
        assert_eq!(strict["properties"]["exact"]["type"], json!(["boolean", "null"]));
        assert_eq!(strict["properties"]["query"]["type"], json!("string"));
        assert_eq!(strict["properties"]["query"]["description"], "What to look for.");
        let order = strict["properties"]["order"]["anyOf"].as_array().unwrap();
        assert!(order.contains(&json!({ "type": "null" })), "{strict}");
        assert_eq!(
            strict["$defs"]["Item"]["properties"]["note"]["type"],
            json!(["string", "null"])
        );
        for dropped in ["$schema", "title", "default", "uint32"] {
            assert!(!strict.to_string().contains(dropped), "{dropped} in {strict}");
        }
        // A valid call by the strict form is one by the original once its nulls are out.
        let call = json!({ "query": "x", "limit": null, "exact": null, "order": null,
                           "items": [{ "id": "1", "note": null }] });
        assert!(jsonschema::is_valid(&strict, &call));
        let original = without_nulls(call.to_string(), &schema);
        let original: Value = serde_json::from_str(&original).unwrap();
        assert!(jsonschema::is_valid(&schema, &original), "{original}");
        assert!(original.get("exact").is_none());
    }

    #[test]
    fn what_has_no_strict_form_is_known() {
        assert_eq!(strict(&schemars::schema_for!(Free).to_value()), None);
        assert_eq!(
            strict(&json!({ "type": "object", "properties": { "any": true } })),
            None
        );
        assert_eq!(strict(&json!({ "type": "string" })), None);
        assert_eq!(strict(&json!(true)), None);
        let none = strict(&json!({ "type": "object" })).unwrap();
        check(&none);
        let plain = plain(&json!({ "$schema": "x", "properties": {}, "additionalProperties": false }));
        assert_eq!(plain, json!({ "type": "object", "properties": {} }));
    }

    #[test]
    fn nulls_of_required_arguments_and_broken_ones_stay() {
        let schema = json!({ "required": ["a"] });
        assert_eq!(
            without_nulls(r#"{"a":null,"b":null}"#.to_owned(), &schema),
            r#"{"a":null}"#
        );
        assert_eq!(without_nulls("{null".to_owned(), &schema), "{null");
        assert_eq!(
            without_nulls(r#"{ "a": 1 }"#.to_owned(), &schema),
            r#"{ "a": 1 }"#
        );
    }
}
