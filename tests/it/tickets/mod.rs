//! Tickets, handoffs, opening hours and drafts for staff, by the real server and database.

mod api;
mod fence;
mod github_server;
mod mirrors;
mod people;
mod shadow;
mod tools;

use deskhand::agent::brain::{Brain, Plan, Sentence, ToolCall, TurnView};
use deskhand::agent::machine::input::LinkFailure;
use deskhand::agent::meter::Meter;
use deskhand::db::sites;
use deskhand::db::tickets::{self as rows, Filter};
use deskhand::inbox::desk::Desk;
use deskhand::inbox::tickets::{Ticket, opened};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::support::app::TestApp;

/// A brain that calls one tool with these arguments, and then says one sentence.
pub struct Calls(pub &'static str, pub Value);

impl Brain for Calls {
    fn name(&self) -> &str {
        "calls"
    }

    fn plan<'a>(&'a self, view: &'a TurnView, _: &'a Meter) -> BoxFuture<'a, Result<Plan, LinkFailure>> {
        async move {
            Ok(if view.outcomes.is_empty() {
                Plan::Calls(vec![ToolCall {
                    tool: self.0.to_owned(),
                    args: self.1.clone(),
                }])
            } else {
                Plan::Draft
            })
        }
        .boxed()
    }

    fn draft<'a>(
        &'a self,
        view: &'a TurnView,
        _: &'a Meter,
        out: mpsc::Sender<Sentence>,
    ) -> BoxFuture<'a, Result<(), LinkFailure>> {
        async move {
            let md = match view.outcomes.last().map(|o| &o.result) {
                Some(Err(code)) => format!("It gave {code}."),
                _ => "All right.".to_owned(),
            };
            let sentence = Sentence {
                fixed: true,
                gap: None,
                md,
                cites: Vec::new(),
            };
            out.send(sentence).await.map_err(|_| LinkFailure::Cut)
        }
        .boxed()
    }
}

pub fn desk<'a>(app: &'a TestApp, staff: &'a str) -> Desk<'a> {
    Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site: app.site.id,
        staff,
    }
}

/// All tickets, opened.
pub async fn all(app: &TestApp) -> Vec<Ticket> {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    let filter = Filter {
        states: deskhand::domain::ticket::TicketState::ALL.to_vec(),
        most: 100,
        ..Filter::default()
    };
    let rows = rows::list(&mut tx, &filter).await.unwrap();
    rows.into_iter()
        .map(|row| opened(&app.master, app.site.id, row).unwrap())
        .collect()
}

pub async fn set(app: &TestApp, settings: &Value) {
    let mut tx = app.db.site(app.site.id).await.unwrap();
    sites::merge_settings(&mut tx, settings).await.unwrap();
    tx.commit().await.unwrap();
}

pub fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap()
}
