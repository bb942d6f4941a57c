//! What a model at an endpoint takes of a request, as far as endpoints differ. It begins
//! with a guess by the model's name and learns from refusals: a parameter that a 400 names
//! is left out the next time.

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The limit is called `max_completion_tokens`, not `max_tokens`.
    pub completion_limit: bool,
    /// `temperature`; reasoning models refuse it.
    pub temperature: bool,
    /// `stream_options`, for the usage at the end.
    pub stream_options: bool,
    /// `strict` schemas.
    pub strict: bool,
    /// `tool_choice` of `required`.
    pub required: bool,
    /// The limit's name was changed once already.
    renamed: bool,
}

impl Dialect {
    /// By the model's name.
    pub fn guess(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let family = |prefix: &str| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
        };
        let reasons = ["o1", "o3", "o4", "gpt-5"].into_iter().any(family);
        Self {
            completion_limit: reasons,
            // gpt-5-chat and its like don't reason, and take one.
            temperature: !reasons || name.contains("-chat"),
            stream_options: true,
            strict: true,
            required: true,
            renamed: false,
        }
    }

    /// What to try after a refusal in these words; none when they name nothing that could
    /// be left out.
    pub fn after(self, refusal: &str) -> Option<Self> {
        let refusal = refusal.to_ascii_lowercase();
        let names = |word: &str| names(&refusal, word);
        let limit = if self.completion_limit {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        let mut next = self;
        if !self.renamed && names(limit) {
            next.completion_limit = !self.completion_limit;
            next.renamed = true;
        } else if self.temperature && names("temperature") {
            next.temperature = false;
        } else if self.stream_options && (names("stream_options") || names("include_usage")) {
            next.stream_options = false;
        } else if self.strict
            && ["strict", "additionalproperties", "anyof", "$ref", "$defs"]
                .into_iter()
                .any(names)
        {
            next.strict = false;
        } else if self.required && names("tool_choice") {
            next.required = false;
        } else {
            return None;
        }
        Some(next)
    }
}

/// Whether a text has the word by itself, not as part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_known_by_name() {
        for name in [
            "o1",
            "o3-mini",
            "o4-mini-2025-04-16",
            "gpt-5",
            "gpt-5.2",
            "openai/gpt-5-mini",
        ] {
            let d = Dialect::guess(name);
            assert!(d.completion_limit && !d.temperature, "{name}");
        }
        for name in ["gpt-4o", "o200", "llama3.2:1b", "mistral-small-latest", "gpt-50"] {
            let d = Dialect::guess(name);
            assert!(!d.completion_limit && d.temperature, "{name}");
        }
        assert!(Dialect::guess("gpt-5-chat-latest").temperature);
    }

    #[test]
    fn what_a_refusal_names_is_left_out_and_nothing_else() {
        let first = Dialect::guess("m");
        let renamed = first
            .after("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
            .unwrap();
        assert!(renamed.completion_limit);
        assert_eq!(
            renamed.after("max_completion_tokens is too large"),
            None,
            "not back again"
        );
        let cool = first.after(r#"{"error":{"param":"temperature"}}"#).unwrap();
        assert!(!cool.temperature && cool.stream_options);
        assert_eq!(cool.after("temperature"), None);
        assert!(
            !first
                .after(r#"{"loc":["body","stream_options"]}"#)
                .unwrap()
                .stream_options
        );
        assert!(!first.after("tools.0.function.strict: extra").unwrap().strict);
        assert!(
            !first
                .after(r#"Unknown name "additionalProperties""#)
                .unwrap()
                .strict
        );
        assert!(
            !first
                .after("tool_choice: required is not supported")
                .unwrap()
                .required
        );
        for other in [
            "access is restricted",
            "context length exceeded",
            "my_temperature",
            "",
        ] {
            assert_eq!(first.after(other), None, "{other}");
        }
    }

    #[test]
    fn learning_ends() {
        let mut dialect = Dialect::guess("m");
        let all = "max_tokens max_completion_tokens temperature stream_options strict tool_choice";
        let mut steps = 0;
        while let Some(next) = dialect.after(all) {
            dialect = next;
            steps += 1;
        }
        assert_eq!(steps, 5);
    }
}
