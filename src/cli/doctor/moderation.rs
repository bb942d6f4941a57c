//! Asks the moderation endpoint about a harmless sentence, and says what is wrong with it.

use super::{Report, State};
use crate::config::Config;
use crate::models::openai::moderation::{ModerationError, Moderator};

const PART: &str = "moderation";
/// What no filter minds.
const HARMLESS: &str = "How long can I send a lamp back?";

pub(super) async fn check(config: &Config, report: &mut Report) {
    let moderator = match config.moderation_settings() {
        Ok(None) => return report.ok(PART, "no endpoint: the closed rules alone"),
        Ok(Some(settings)) => Moderator::open(settings),
        Err(e) => return report.add(PART, State::Broken, e.to_string(), None),
    };
    let moderator = match moderator {
        Ok(moderator) => moderator,
        Err(e) => {
            return report.add(
                PART,
                State::Broken,
                e,
                Some("set `moderation.url` or `moderation.api_key`"),
            );
        }
    };
    let settings = moderator.settings();
    let model = &settings.model;
    match moderator.flags(&[HARMLESS.to_owned()]).await {
        Ok(flags) => match flags.into_iter().next().flatten() {
            None => report.ok(PART, format!("`{model}` answers")),
            Some(categories) => report.add(
                PART,
                State::Warning,
                format!(
                    "`{model}` objects to a harmless question ({})",
                    categories.join(", ")
                ),
                Some("add those categories to `moderation.ignore`, or name another model"),
            ),
        },
        Err(error) => {
            let then = if config.moderation.closed {
                "every message goes to a person"
            } else {
                "the closed rules decide alone"
            };
            let (mut detail, mend) = match &error {
                ModerationError::Status {
                    status: 401 | 403, ..
                } => (
                    format!("doesn't accept the key: {error}"),
                    "set `moderation.api_key` to a valid key",
                ),
                ModerationError::Status {
                    status: 400 | 404, ..
                } => (
                    format!("knows no model `{model}` or no such path: {error}"),
                    "check `moderation.url` (up to and without `/moderations`) and `moderation.model`",
                ),
                ModerationError::Timeout(_) => {
                    (error.to_string(), "raise `moderation.ms`, or take a faster model")
                }
                ModerationError::Malformed(_) => (
                    format!("doesn't speak OpenAI's protocol: {error}"),
                    "check `moderation.url`",
                ),
                ModerationError::Status { .. } | ModerationError::Gone(_) => (
                    error.to_string(),
                    "check `moderation.url`, and whether the endpoint runs",
                ),
            };
            detail = format!("{detail}; until then {then}");
            report.add(PART, State::Broken, detail, Some(mend));
        }
    }
}
