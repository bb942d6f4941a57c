//! GRD-6: what fits too badly for the site's threshold, and questions of policy that no
//! document answers, go to a person, whichever brain is asked.

use std::sync::Arc;

use deskhand::agent::brain::extractive::Extractive;
use deskhand::db::sites;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::settings;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp, message};
use crate::support::fake_provider::FakeProvider;
use crate::support::model_brain::{brain, honest};
use crate::support::sse::first;

const DOCUMENTS: [(&str, &str); 2] = [
    (
        "birch.md",
        "# Birch lamps\n\nThe Birch M lamp is 31 cm high and takes a G9 bulb. Its shade fits a ring of 40 mm.",
    ),
    (
        "oak.md",
        "# Oak desk\n\nTwo people put the Oak desk together in 35 minutes.",
    ),
];
const FITS: &str = "How high is the Birch M lamp?";
const HARDLY: &str = "Which bulb do you recommend for reading in a cold garage at night?";

async fn set(app: &TestApp, given: &str) {
    let (key, value) = settings::parse(given).unwrap();
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::set_setting(&mut tx, key, &value).await.unwrap();
    tx.commit().await.unwrap();
}

async fn ask(app: &TestApp, question: &str) -> Value {
    app.ask(&app.token(VisitorId::new()), question, None).await
}

#[tokio::test]
async fn below_the_sites_threshold_a_person_answers() {
    for by_model in [false, true] {
        let fake = FakeProvider::start().await;
        fake.always(honest("The Birch M lamp takes a G9 bulb. [1]"));
        let brains = || -> Vec<_> {
            let model = by_model.then(|| brain("a", &fake));
            model.into_iter().chain([Arc::new(Extractive) as _]).collect()
        };
        let setup = || Setup {
            brains: brains(),
            ..Setup::default()
        };
        let app = TestApp::with(setup()).await;
        app.know(&DOCUMENTS).await;
        assert_eq!(
            ask(&app, HARDLY).await["outcome"],
            "answered",
            "{by_model}: off by default"
        );
        set(&app, "confidence=30%").await;
        // A process believes for a moment that all is as it was.
        let app = (app.replica(setup()).await, app);
        let answer = ask(&app.0, HARDLY).await;
        assert_eq!(
            answer["handoff"]["reason"], "low_confidence",
            "{by_model}: {answer:#}"
        );
        let answer = ask(&app.0, FITS).await;
        assert_eq!(answer["outcome"], "answered", "{by_model}: {answer:#}");

        let query = async |question: &str| -> Value {
            let body = json!({ "site_id": app.0.site.id, "question": question });
            let sent = app.0.post("/rag/query", &app.0.site.api_key()).json(&body).send();
            sent.await.unwrap().json().await.unwrap()
        };
        let hardly = query(HARDLY).await;
        assert_eq!(hardly["answer"], "", "{by_model}: {hardly:#}");
        assert!(!hardly["hits"].as_array().unwrap().is_empty(), "{hardly:#}");
        assert_ne!(query(FITS).await["answer"], "");
        app.0.stop().await;
        app.1.finish().await;
        fake.finish().await;
    }
}

#[rstest]
#[case::refund("What is your refund policy?")]
#[case::german("Gibt es bei euch ein Widerrufsrecht?")]
#[tokio::test]
async fn a_question_of_policy_without_a_document_goes_to_a_person(#[case] question: &str) {
    for by_model in [false, true] {
        let fake = FakeProvider::start().await;
        fake.always(honest("I couldn't find that in our help pages."));
        let model = by_model.then(|| brain("a", &fake));
        let brains = model.into_iter().chain([Arc::new(Extractive) as _]).collect();
        let app = TestApp::with(Setup {
            brains,
            ..Setup::default()
        })
        .await;
        app.know(&DOCUMENTS).await;
        let events = app
            .stream(&app.token(VisitorId::new()), &message(question, None))
            .await;
        let reason = first(&events, "handoff")["reason"].clone();
        assert!(
            reason == "policy" || (by_model && reason == "low_confidence"),
            "{by_model}: {events:#?}"
        );
        assert!(
            !first(&events, "final")["text"]
                .as_str()
                .unwrap()
                .contains("couldn't find")
        );
        // What is no policy is said to be unknown, as before.
        let other = ask(&app, "Do you sell lamps from Norway to the moon?").await;
        assert_ne!(other["handoff"]["reason"], "policy", "{other:#}");
        app.finish().await;
        fake.finish().await;
    }
}

/// What a process remembers of a site ends with the notice of its change. By age alone it would
/// outlive all of these questions.
#[tokio::test]
async fn a_changed_setting_reaches_a_process_that_knows_the_site() {
    let app = TestApp::start().await;
    app.know(&DOCUMENTS).await;
    assert_eq!(ask(&app, HARDLY).await["outcome"], "answered");
    set(&app, "confidence=30%").await;
    let mut heard = false;
    for _ in 0..50 {
        if ask(&app, HARDLY).await["handoff"]["reason"] == "low_confidence" {
            heard = true;
            break;
        }
    }
    assert!(heard, "it still believes what it knew before");
    app.finish().await;
}
