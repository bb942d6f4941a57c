//! What is made of the table of keys: the reference as Markdown, the key that a variable
//! sets, and errors in our words.

use std::fmt::Write as _;

use super::keys;
use super::provider_keys::{self, PROVIDER_KEYS};

/// What an environment variable sets.
pub(super) struct Variable {
    /// In the file.
    pub path: String,
    /// See [`Key::text`].
    pub text: bool,
    /// Whether there is a value without it.
    pub has_default: bool,
}

/// The key that a variable sets.
pub(super) fn by_variable(name: &str) -> Option<Variable> {
    let key = keys::all().find(|k| k.env.contains(&name)).map(|k| Variable {
        path: k.path.to_owned(),
        text: k.text,
        has_default: k.default.is_some(),
    });
    key.or_else(|| {
        let key = PROVIDER_KEYS.iter().find(|k| k.env == Some(name))?;
        Some(Variable {
            path: format!("provider.{}", key.name),
            text: key.text,
            has_default: false,
        })
    })
}

/// The reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         One TOML file (`--config FILE` or `DESKHAND_CONFIG`, else `deskhand.toml` in the working folder) and\n\
         environment variables, which win. A dot in a key is a section in the file: `server.listen` is `listen`\n\
         under `[server]`. A wrong key or value stops the start with its name and what is allowed.\n\n\
         | key | environment | default | allowed | what it does |\n|---|---|---|---|---|\n",
    );
    // Writing into a String can't fail.
    for k in keys::all() {
        let env = k
            .env
            .iter()
            .map(|e| format!("`{e}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let default = k.default.map_or_else(String::new, |d| format!("`{d}`"));
        let _ = writeln!(
            out,
            "| `{}` | {env} | {default} | {} | {} |",
            k.path, k.allowed, k.doc
        );
    }
    out.push_str(provider_keys::INTRODUCTION);
    for k in PROVIDER_KEYS {
        let env = k.env.map_or_else(String::new, |e| format!("`{e}`"));
        let default = Some(k.default).filter(|d| !d.is_empty());
        let default = default.map_or_else(String::new, |d| format!("`{d}`"));
        let _ = writeln!(
            out,
            "| `{}` | {env} | {default} | {} | {} |",
            k.name, k.allowed, k.doc
        );
    }
    out
}

/// `; did you mean X?` for a variable that is close to one of ours.
pub(super) fn did_you_mean(name: &str) -> String {
    let shared = |other: &str| {
        name.chars()
            .zip(other.chars())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let ours = keys::all().flat_map(|k| k.env.iter().copied());
    ours.chain(PROVIDER_KEYS.iter().filter_map(|k| k.env))
        .max_by_key(|e| shared(e))
        .filter(|e| shared(e) > "DESKHAND_".len() + 2)
        .map_or_else(String::new, |e| format!("; did you mean {e}?"))
}

/// What the key at a path may be, if there is one.
fn allowed_at(path: &str) -> Option<&'static str> {
    if let Some(key) = keys::all().find(|k| k.path == path) {
        return Some(key.allowed);
    }
    let name = path
        .strip_prefix("provider")
        .and_then(|rest| rest.rsplit('.').next())?;
    PROVIDER_KEYS.iter().find(|k| k.name == name).map(|k| k.allowed)
}

/// figment's error in our words: the key, what was found, what is allowed.
pub(super) fn explain(error: &figment::Error) -> String {
    let mut lines = Vec::new();
    for e in error.clone() {
        let path = e.path.join(".");
        let from = e
            .metadata
            .as_ref()
            .and_then(|m| m.source.as_ref())
            .map_or_else(String::new, |s| format!(" (in {s})"));
        let line = match (allowed_at(&path), &e.kind) {
            (_, figment::error::Kind::UnknownField(field, _)) => {
                let full = if path.is_empty() {
                    field.clone()
                } else if path.ends_with(field.as_str()) {
                    path.clone()
                } else {
                    format!("{path}.{field}")
                };
                format!("`{full}` is not a key that deskhand knows{from}; `deskhand help config` lists them")
            }
            (Some(allowed), kind) => format!("`{path}` is wrong{from}: {kind}; allowed: {allowed}"),
            (None, kind) => format!("`{path}`{from}: {kind}"),
        };
        lines.push(line);
    }
    lines.join("\n")
}
