//! The prompts: files in `prompts/` with a name and a version, built into the binary. What
//! was asked is told by name, version and hash with every call of a model.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A prompt.
pub struct Prompt {
    /// `NAME@VERSION:HASH`, the hash over the whole file, 12 hex digits.
    pub id: String,
    name: &'static str,
}

/// Which tool next.
pub static PLAN: LazyLock<Prompt> = LazyLock::new(|| Prompt::of("plan"));
/// The answer.
pub static DRAFT: LazyLock<Prompt> = LazyLock::new(|| Prompt::of("draft"));

/// A text for people who work on the site.
pub static INFER: LazyLock<Prompt> = LazyLock::new(|| Prompt::of("infer"));

/// The files, by name.
const FILES: [(&str, &str); 3] = [
    ("plan", include_str!("../../prompts/plan.md")),
    ("draft", include_str!("../../prompts/draft.md")),
    ("infer", include_str!("../../prompts/infer.md")),
];

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_trim_blocks(true);
    for (name, file) in FILES {
        let added = env.add_template(name, split(file).1);
        debug_assert!(
            added.is_ok(),
            "the prompts are part of the binary, and a test renders them"
        );
    }
    env
});

/// Front matter and text.
fn split(file: &'static str) -> (&'static str, &'static str) {
    file.strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .unwrap_or(("", file))
}

impl Prompt {
    fn of(name: &'static str) -> Self {
        let file = FILES
            .iter()
            .find(|(n, _)| *n == name)
            .map_or("", |(_, file)| *file);
        let version = split(file)
            .0
            .lines()
            .find_map(|l| l.strip_prefix("version:"))
            .map_or("0", str::trim);
        let hash = hex::encode(&Sha256::digest(file.as_bytes())[..6]);
        Self {
            id: format!("{name}@{version}:{hash}"),
            name,
        }
    }

    /// The text with these values.
    #[must_use]
    pub fn render(&self, values: impl Serialize) -> String {
        TEMPLATES
            .get_template(self.name)
            .and_then(|t| t.render(values))
            .unwrap_or_else(|error| {
                tracing::error!(%error, prompt = self.id, "a prompt can't be rendered");
                String::new()
            })
    }
}

/// The texts of all prompts, with their templates' marks.
pub fn texts() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(_, file)| split(file).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn prompts_have_a_version_and_render() {
        for prompt in [&*PLAN, &*DRAFT, &*INFER] {
            assert!(prompt.id.contains('@') && prompt.id.len() > 16, "{}", prompt.id);
        }
        let plan = PLAN.render(
            context! { site_name => "Lamps <&> more", calls_left => 0, customer => "[NAME_1]", correction => "no such tool", handled => true },
        );
        assert!(
            plan.contains("Lamps <&> more")
                && plan.contains("now.")
                && plan.contains("no such tool")
                && plan.contains("[NAME_1]"),
            "{plan}"
        );
        let refused = vec![context! { md => "It costs €9.", why => "mismatch" }];
        let draft = DRAFT.render(
            context! { site_name => "S", locale => "de", customer => None::<String>, refused => refused },
        );
        assert!(
            draft.contains("- (mismatch) It costs €9.\n") && !draft.contains("---"),
            "{draft}"
        );
        let first =
            DRAFT.render(context! { site_name => "S", locale => "de", customer => None::<String>, refused => Vec::<String>::new() });
        assert!(!first.contains("not sent. These"), "{first}");
    }
}
