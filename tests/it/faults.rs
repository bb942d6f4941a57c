//! Every fault of a provider at every moment of a turn, with what the visitor gets: the
//! table in docs/faults.md is written by these tests, and they fail when it isn't true any
//! more (`DESKHAND_UPDATE_DOCS=1` writes it).

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deskhand::agent::machine::ctx::Limits;
use deskhand::domain::ids::VisitorId;
use futures::StreamExt;
use serde_json::Value;

use crate::support::app::{Setup, TestApp, message, patient};
use crate::support::fake_provider::{FakeProvider, Reply, Request};
use crate::support::model_brain::{brain, brain_on, honest, provider, wants_search};
use crate::support::sse::{Event, first};

const RETURNS: (&str, &str) = (
    "returns.md",
    "# Returns\n\nYou can send goods back within 30 days of delivery.\n\n## Label\n\nA return label costs €4.90.",
);
const QUESTION: &str = "How long can I send goods back?";
const ANSWER: &str = "You can send goods back within 30 days. [1] A return label costs €4.90. [1]";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Never,
    RateLimit,
    ServerError,
    Unauthorized,
    Cut,
    Unexplained,
    Stall,
    Garbage,
    Empty,
    LateError,
    Length,
    OverBudget,
}

const FAULTS: [(Fault, &str); 12] = [
    (Fault::Never, "no answer at all"),
    (Fault::RateLimit, "429"),
    (Fault::ServerError, "503"),
    (Fault::Unauthorized, "401, a wrong key"),
    (Fault::Cut, "the connection is cut"),
    (
        Fault::Unexplained,
        "the stream is closed, but the model gave no reason for its end",
    ),
    (Fault::Stall, "it falls silent"),
    (Fault::Garbage, "HTML instead of JSON"),
    (Fault::Empty, "200 and nothing"),
    (Fault::LateError, "an error inside a 200 stream"),
    (Fault::Length, "it stops at its limit of tokens"),
    (Fault::OverBudget, "the day's money is spent"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    FirstPlan,
    SecondPlan,
    DraftBegins,
    AfterASentence,
}

const MOMENTS: [(Moment, &str); 4] = [
    (Moment::FirstPlan, "first plan"),
    (Moment::SecondPlan, "plan after a search"),
    (Moment::DraftBegins, "draft, nothing released"),
    (Moment::AfterASentence, "draft, a sentence is out"),
];

/// Tokens of the answer until its first sentence has been released.
const FIRST_SENTENCE: usize = 14;

impl Fault {
    fn reply(self, moment: Moment) -> Reply {
        let n = if moment == Moment::AfterASentence {
            FIRST_SENTENCE
        } else {
            1
        };
        match self {
            Self::Never => Reply::never(),
            Self::RateLimit => Reply::status(429).retry_after(1),
            Self::ServerError => Reply::status(503),
            Self::Unauthorized => Reply::status(401),
            Self::Cut => Reply::cut_after(n).saying(ANSWER),
            Self::Unexplained => Reply::cut_after(n).saying(ANSWER).then_done(),
            Self::Stall => Reply::stall_after(n).saying(ANSWER),
            Self::Garbage => Reply::garbage(),
            Self::Empty => Reply::empty(),
            Self::LateError => Reply::late_error(n).saying(ANSWER),
            Self::Length if moment == Moment::AfterASentence => {
                Reply::text("You can send goods back within 30 days. [1] A return label").finish("length")
            }
            Self::Length => Reply::text("You can send").finish("length"),
            Self::OverBudget => Reply::text(ANSWER),
        }
    }

    /// Whether it can happen then: what comes instead of an answer can't come after a part
    /// of one.
    fn fits(self, moment: Moment) -> bool {
        let within = matches!(
            self,
            Self::Cut | Self::Unexplained | Self::Stall | Self::LateError | Self::Length
        );
        match moment {
            Moment::AfterASentence => within,
            // A plan is a call, not a text that can be too long.
            Moment::FirstPlan | Moment::SecondPlan => self != Self::Length,
            Moment::DraftBegins => true,
        }
    }
}

fn moment_of(request: &Request) -> Moment {
    if wants_search(request) {
        Moment::FirstPlan
    } else if request.has_tools() {
        Moment::SecondPlan
    } else {
        Moment::DraftBegins
    }
}

/// What the visitor got, in one line.
fn told(events: &[Event], brain: &str) -> String {
    let last = first(events, "final");
    let text = last["text"].as_str().unwrap();
    let incomplete = last["incomplete"] == true;
    let whole = text.contains("30 days");
    let errors = events.iter().filter(|e| e.name == "error").count();
    assert_eq!(errors, 0, "{events:#?}");
    assert_eq!(events.iter().filter(|e| e.name == "done").count(), 1);
    match last["outcome"].as_str().unwrap() {
        "answered" => {
            assert!(whole && !incomplete, "{events:#?}");
            let replaced = events.iter().any(|e| e.name == "replace");
            assert!(!replaced, "taken over silently: {events:#?}");
            brain.to_owned()
        }
        "degraded" => {
            assert!(incomplete && whole && text.contains("breaks off"), "{events:#?}");
            "what is out stays, “This answer breaks off here”, a ticket".to_owned()
        }
        "handoff" => {
            assert_eq!(first(events, "handoff")["reason"], "no_brain");
            "a person".to_owned()
        }
        other => panic!("{other}: {events:#?}"),
    }
}

fn limits() -> Limits {
    Limits {
        plan_ms: 500,
        stall_ms: 700,
        ..patient()
    }
}

/// Which links a chain has beside the one that fails.
#[derive(Debug, Clone, Copy)]
enum Behind {
    Another,
    Extractive,
    Nobody,
}

async fn run(fault: Fault, moment: Moment, behind: Behind) -> String {
    let (a, b) = (FakeProvider::start().await, FakeProvider::start().await);
    let failed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&failed);
    let good = honest(ANSWER);
    a.always(move |request| {
        let now = moment_of(request);
        let here = now == moment || (moment == Moment::AfterASentence && now == Moment::DraftBegins);
        if here {
            seen.store(true, Ordering::SeqCst);
            fault.reply(moment)
        } else {
            let reply = good(request);
            // What the call before the moment costs leaves too little for the next.
            let spends = fault == Fault::OverBudget && before(moment) == Some(now);
            if spends { reply.usage(7_000, 10) } else { reply }
        }
    });
    b.always(honest(ANSWER));
    let first = if fault == Fault::OverBudget {
        brain("a", &a)
    } else {
        brain_on(provider(
            "a",
            &a.base_url,
            deskhand::models::price::Price::default(),
        ))
    };
    let mut brains = vec![first];
    match behind {
        Behind::Another => brains.push(brain_on(provider(
            "b",
            &b.base_url,
            deskhand::models::price::Price::default(),
        ))),
        Behind::Extractive => brains.push(Arc::new(deskhand::agent::brain::extractive::Extractive)),
        Behind::Nobody => {}
    }
    let app = TestApp::with(Setup {
        brains,
        limits: limits(),
        // Plans set about 3000 aside here and a draft 4000; see `before`.
        day_cap_micro: if fault == Fault::OverBudget {
            if moment == Moment::FirstPlan { 100 } else { 4_500 }
        } else {
            1_000_000
        },
        ..Setup::default()
    })
    .await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    let events = app.stream(&token, &message(QUESTION, None)).await;
    let by = first_brain(&events);
    assert!(
        fault == Fault::OverBudget || failed.load(Ordering::SeqCst),
        "{fault:?} {moment:?} never happened"
    );
    let calls = app
        .text(
            "SELECT coalesce(string_agg(outcome, ' ' ORDER BY at), '') FROM model_calls WHERE provider = 'a'",
        )
        .await;
    if fault != Fault::OverBudget {
        assert!(
            calls.split(' ').any(|o| o != "ok"),
            "{fault:?} {moment:?}: {calls}"
        );
    }
    let tickets = app
        .count("SELECT count(*) FROM tickets WHERE reason <> 'budget_spent'")
        .await;
    let cell = told(&events, &by);
    assert_eq!(tickets == 1, cell.contains("ticket"), "{fault:?} {moment:?}");
    app.finish().await;
    a.finish().await;
    b.finish().await;
    cell
}

fn first_brain(events: &[Event]) -> String {
    match first(events, "final")["brain"].as_str().unwrap() {
        "b" => "next provider".to_owned(),
        "extractive" => "extractive brain".to_owned(),
        other => other.to_owned(),
    }
}

/// The call before this moment's.
fn before(moment: Moment) -> Option<Moment> {
    match moment {
        Moment::FirstPlan => None,
        Moment::SecondPlan => Some(Moment::FirstPlan),
        Moment::DraftBegins | Moment::AfterASentence => Some(Moment::SecondPlan),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "a switch of the test's own")]
async fn every_fault_at_every_moment_ends_as_the_table_says() {
    let cases: Vec<_> = FAULTS
        .iter()
        .flat_map(|(fault, _)| MOMENTS.iter().map(|(moment, _)| (*fault, *moment)))
        .filter(|(fault, moment)| fault.fits(*moment))
        .collect();
    let one = |(fault, moment): (Fault, Moment)| async move {
        let mut cells = Vec::new();
        for behind in [Behind::Another, Behind::Extractive, Behind::Nobody] {
            // The cap is the site's: no provider of money is left when it is spent.
            if fault == Fault::OverBudget && matches!(behind, Behind::Another) {
                continue;
            }
            cells.push(run(fault, moment, behind).await);
        }
        let all_same = cells.windows(2).all(|w| w[0] == w[1]);
        cells.truncate(if all_same { 1 } else { cells.len() });
        (fault, moment, cells.join(" · "))
    };
    let cells: Vec<_> = futures::stream::iter(cases).map(one).buffered(4).collect().await;
    let mut table = String::from(
        "# What a visitor gets when a provider fails\n\n\
         Written by `tests/it/faults.rs`, which runs each of these as a whole turn against a provider that fails so.\n\
         A cell says who answers when another provider stands behind the failing one, when the extractive brain does, and\n\
         when nobody does (the day's money is every provider's: there, the first of these is left out). Where the answer\n\
         goes on with another, the visitor notices nothing but time. No cell ends without one `final` and one `done`.\n\n\
         | fault |",
    );
    for (_, name) in MOMENTS {
        let _ = write!(table, " {name} |");
    }
    table.push_str("\n|---|---|---|---|---|\n");
    for (fault, name) in FAULTS {
        let _ = write!(table, "| {name} |");
        for (moment, _) in MOMENTS {
            let cell = cells.iter().find(|(f, m, _)| *f == fault && *m == moment);
            let _ = write!(
                table,
                " {} |",
                cell.map_or("can't happen", |(_, _, c)| c.as_str())
            );
        }
        table.push('\n');
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md");
    if std::env::var("DESKHAND_UPDATE_DOCS").is_ok() {
        std::fs::write(path, &table).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, table, "docs/faults.md says something else");
}

/// Five failures within a minute open the breaker: the provider isn't even asked then.
#[tokio::test]
async fn a_provider_that_keeps_failing_is_left_alone() {
    let a = FakeProvider::start().await;
    a.always(|_| Reply::status(500));
    let app = TestApp::with(Setup {
        brains: vec![
            brain("a", &a),
            Arc::new(deskhand::agent::brain::extractive::Extractive),
        ],
        ..Setup::default()
    })
    .await;
    app.know(&[RETURNS]).await;
    let token = app.token(VisitorId::new());
    for _ in 0..7 {
        let answer: Value = app.ask(&token, QUESTION, None).await;
        assert_eq!(answer["outcome"], "answered", "{answer:#}");
    }
    assert_eq!(a.requests().len(), 5, "after five failures it is left alone");
    // And that is what is told of the turns that didn't ask it.
    let open = r#"SELECT count(DISTINCT turn_id) FROM steps WHERE input ->> 'cause' = 'breaker_open'
                  OR earlier @> '[{"input": {"cause": "breaker_open"}}]'"#;
    assert_eq!(app.count(open).await, 2);
    app.finish().await;
    a.finish().await;
}
