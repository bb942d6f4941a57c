//! The brain with a language model, on a provider of the test's own.

use std::sync::Arc;
use std::time::Duration;

use deskhand::agent::brain::Brain;
use deskhand::agent::brain::extractive::Extractive;
use deskhand::agent::brain::model::{Budget, ModelBrain};
use deskhand::domain::clock::SystemClock;
use deskhand::hands::kb_search::KbSearch;
use deskhand::hands::registry::Registry;
use deskhand::models::openai::chat::OpenAiChat;
use deskhand::models::price::{Micros, Price};
use deskhand::models::provider::{Provider, ProviderKind, ProviderSettings, Times};
use secrecy::SecretString;
use serde_json::json;

use super::fake_provider::{FakeProvider, Reply, Request};
use super::knowledge::words_alone;

/// 1.00 a million tokens to read, 4.00 to write.
pub const PRICE: Price = Price {
    input: Micros(1_000_000),
    output: Micros(4_000_000),
};

pub fn provider(name: &str, base_url: &str, price: Price) -> Provider {
    let settings = ProviderSettings {
        name: name.to_owned(),
        kind: ProviderKind::OpenAi,
        base_url: base_url.to_owned(),
        api_version: None,
        api_key: Some(SecretString::from("test-key")),
        plan_model: "planner".to_owned(),
        draft_model: "writer".to_owned(),
        plan_temperature: 0.2,
        draft_temperature: 0.5,
        price,
        context_tokens: 32_000,
        times: Times {
            connect: Duration::from_secs(2),
            first: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            call: Duration::from_secs(20),
        },
    };
    let chat = OpenAiChat::open(&settings).unwrap();
    Provider::new(settings, Arc::new(chat))
}

pub fn brain_on(provider: Provider) -> Arc<dyn Brain> {
    let mut registry = Registry::default();
    registry.add(KbSearch(words_alone())).unwrap();
    let budget = Budget {
        answer_tokens: 800,
        history_messages: 10,
        history_tokens: 6_000,
        silence: Duration::from_secs(2),
    };
    Arc::new(ModelBrain::new(
        Arc::new(provider),
        registry.specs(),
        budget,
        Arc::new(SystemClock),
    ))
}

/// A link of this name at this provider.
pub fn brain(name: &str, fake: &FakeProvider) -> Arc<dyn Brain> {
    brain_on(provider(name, &fake.base_url, PRICE))
}

/// The chain of a site with two providers.
pub fn chain(a: &FakeProvider, b: &FakeProvider) -> Vec<Arc<dyn Brain>> {
    vec![brain("a", a), brain("b", b), Arc::new(Extractive)]
}

/// Whether a request asks for a plan and nothing has been looked up yet.
pub fn wants_search(request: &Request) -> bool {
    request.has_tools() && !request.body["messages"].to_string().contains("\"role\":\"tool\"")
}

/// What a well-behaved model does: searches for the question, then answers with this.
pub fn honest(answer: &'static str) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| {
        if wants_search(request) {
            Reply::call("kb_search", json!({ "query": request.last_text() })).usage(300, 20)
        } else if request.has_tools() {
            Reply::call("write_answer", json!({})).usage(700, 10)
        } else {
            Reply::text(answer).usage(800, 40)
        }
    }
}
