//! Calls each provider's models with a few tokens, and says what is wrong with it.

use secrecy::ExposeSecret;

use super::{Report, State};
use crate::config::Config;
use crate::models::chat::{ChatError, Failure};
use crate::models::openai::chat::OpenAiChat;
use crate::models::provider::ProviderSettings;

/// All of them, one after the other.
pub(super) async fn check(config: &Config, report: &mut Report) {
    let all = match config.provider_settings() {
        Ok(all) => all,
        Err(e) => {
            let mend = Some("`deskhand help config` says what each key takes");
            return report.add("providers", State::Broken, e.to_string(), mend);
        }
    };
    if all.is_empty() {
        return report.ok(
            "providers",
            "none: answers are put together from the documents' own sentences",
        );
    }
    for settings in &all {
        one(settings, report).await;
    }
}

async fn one(settings: &ProviderSettings, report: &mut Report) {
    let part = format!("provider {}", settings.name);
    let chat = match OpenAiChat::open(settings) {
        Ok(chat) => chat,
        Err(e) => return report.add(&part, State::Broken, e, Some("set its `base_url` or `api_key`")),
    };
    let mut models = vec![(&settings.plan_model, true)];
    if settings.draft_model != settings.plan_model {
        models.push((&settings.draft_model, false));
    }
    for (model, plans) in models {
        match chat.try_out(model, plans).await {
            Err(error) => {
                let (state, detail, mend) = explain(&error, settings, model);
                report.add(&part, state, detail, Some(&mend));
                // The next model would only say the same.
                if matches!(error.status, Some(401 | 403)) || error.status.is_none() {
                    return;
                }
            }
            Ok(trial) if plans && !trial.called => report.add(
                &part,
                State::Broken,
                format!("`{model}` answers, but calls no tool: it can't plan"),
                Some("set `plan_model` to a model that calls tools; a server of your own may have to be started with them"),
            ),
            Ok(trial) if !trial.streamed => report.add(
                &part,
                State::Warning,
                format!("`{model}` answers, but doesn't stream: visitors wait for whole answers"),
                Some("use an endpoint that streams; a proxy in between may hold answers back"),
            ),
            Ok(trial) => {
                let tools = if trial.called { ", calls tools" } else { "" };
                report.ok(&part, format!("`{model}` answers, streams{tools}"));
            }
        }
    }
}

/// What an error means, and what helps.
fn explain(error: &ChatError, settings: &ProviderSettings, model: &str) -> (State, String, String) {
    let words = error
        .words
        .as_deref()
        .map(|w| masked(w, settings))
        .unwrap_or_default();
    let words = if words.is_empty() {
        words
    } else {
        format!(": {words}")
    };
    let url = &settings.base_url;
    let broken = |what: String, mend: &str| (State::Broken, what, mend.to_owned());
    match (error.kind, error.status) {
        (Failure::Refused, Some(401 | 403)) if settings.api_key.is_none() => broken(
            format!("it wants a key{words}"),
            "set its `api_key`, `api_key_file` or `api_key_env`",
        ),
        (Failure::Refused, Some(status @ (401 | 403))) => broken(
            format!("it doesn't accept the key ({status}){words}"),
            "set a valid key, and see that it may use this model",
        ),
        (Failure::Refused, Some(404)) => broken(
            format!("it knows no model `{model}`, or no such path (404){words}"),
            "check the model's name, and that `base_url` is the address before `/chat/completions` (it often ends in `/v1`)",
        ),
        (Failure::Refused, Some(status @ 300..=399)) => broken(
            format!("it sends the request elsewhere ({status}), which isn't followed"),
            "set `base_url` to the address where it really is",
        ),
        (Failure::Refused, _) => broken(
            format!("it refuses the request for `{model}` ({error}){words}"),
            "check the model's name and what the provider says",
        ),
        (Failure::RateLimit { .. }, _) => (
            State::Warning,
            format!("it lets no more requests through (429){words}"),
            "wait, or raise the account's limits or credit".to_owned(),
        ),
        (Failure::ServerError | Failure::LateError, _) => (
            State::Warning,
            format!("it fails ({error}){words}"),
            "try again later; the next provider answers meanwhile".to_owned(),
        ),
        (Failure::Timeout | Failure::Cut, None) => broken(
            format!("it can't be reached at {url} ({error})"),
            "check `base_url`, and that this machine may connect to it",
        ),
        (Failure::Malformed | Failure::Empty, _) => broken(
            format!("what answers at {url} doesn't speak OpenAI's protocol ({error})"),
            "check `base_url`: it is the address before `/chat/completions` (it often ends in `/v1`)",
        ),
        _ => broken(
            format!("{error}{words}"),
            "check `base_url` and the network between",
        ),
    }
}

/// The provider's words without the key, which some repeat.
fn masked(words: &str, settings: &ProviderSettings) -> String {
    let key = settings.api_key.as_ref().map_or("", |k| k.expose_secret());
    if key.is_empty() {
        words.to_owned()
    } else {
        words.replace(key, "…")
    }
}
