//! A site's tickets, for its own server: listed, shown with their notes, changed. Whoever holds
//! the site's key is the site: personal data stands in its place.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::auth::ApiKey;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::page;
use super::state::App;
use crate::db::tickets as rows;
use crate::domain::ids::SiteId;
use crate::domain::ticket::{Priority, TicketState};
use crate::inbox::InboxError;
use crate::inbox::desk::Desk;
use crate::inbox::tickets::{self, Edit, Note, Ticket, Which};

/// Tickets on a page, and at most.
/// Who acts where the request names nobody.
const NOBODY: &str = "API";

/// Which tickets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    state: Option<String>,
    assignee: Option<String>,
    category: Option<String>,
    overdue: Option<bool>,
    after: Option<i32>,
    limit: Option<i64>,
}

/// Tickets by number.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page {
    tickets: Vec<Ticket>,
    /// Give it as `after` to get the next ones; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i32>,
}

/// A ticket with what was noted on it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Whole {
    #[serde(flatten)]
    ticket: Ticket,
    /// Oldest first.
    notes: Vec<Note>,
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "This site has no such ticket.")
}

fn problem(error: InboxError) -> Problem {
    match error {
        InboxError::NoTicket => not_found(),
        InboxError::Field(bad) => Problem::field(format!("/{}", bad.field), format!("{}.", bad.allowed)),
        InboxError::BadText(why) => Problem::field("/note", format!("{why}.")),
        InboxError::Db(error) => error.into(),
        other => {
            tracing::error!(error = %other, "a ticket can't be read or changed");
            Problem::internal()
        }
    }
}

type Named = Result<Path<String>, PathRejection>;

fn which(path: Named) -> Result<Which, Problem> {
    let Path(text) = path.map_err(|_| not_found())?;
    Which::read(&text).ok_or_else(not_found)
}

fn desk<'a>(app: &'a App, site: SiteId, staff: &'a str) -> Desk<'a> {
    Desk {
        db: &app.db,
        clock: app.clock.as_ref(),
        site,
        staff,
    }
}

/// The site's tickets; those that aren't resolved, unless states are named.
#[utoipa::path(
    get, path = "/api/tickets", tag = "tickets", security(("api_key" = [])),
    params(
        ("state" = Option<String>, Query, description = "new, open, pending, resolved; several with commas between"),
        ("assignee" = Option<String>, Query), ("category" = Option<String>, Query),
        ("overdue" = Option<bool>, Query, description = "only those that nobody has answered in time"),
        ("after" = Option<i32>, Query, description = "the `next` of the answer before"),
        ("limit" = Option<i64>, Query, description = "1 to 200, 50 otherwise"),
    ),
    responses(
        (status = 200, body = Page),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn list(
    State(app): State<Arc<App>>,
    key: ApiKey,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<axum::Json<Page>, Problem> {
    let Query(wanted) = query.map_err(|_| {
        Problem::field(
            "/",
            "Only state, assignee, category, overdue, after and limit, each of its kind.",
        )
    })?;
    let given = wanted.state.as_deref().unwrap_or_default();
    let states = given.split(',').map(str::trim).filter(|s| !s.is_empty());
    let states = states
        .map(|s| {
            TicketState::parse(s).ok_or_else(|| Problem::field("/state", "new, open, pending or resolved."))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let most = page::limit(wanted.limit)?;
    let filter = rows::Filter {
        states,
        assignee: wanted.assignee.as_deref(),
        category: wanted.category.as_deref(),
        overdue: wanted.overdue.unwrap_or(false),
        after: wanted.after,
        most,
        ..rows::Filter::default()
    };
    let mut tx = app.db.site(key.site).await?;
    let found = rows::list(&mut tx, &filter).await?;
    tx.commit().await?;
    let full = i64::try_from(found.len()).is_ok_and(|n| n == most);
    let next = found.last().filter(|_| full).map(|t| t.number);
    let tickets = found
        .into_iter()
        .map(|row| tickets::opened(&app.master, key.site, row))
        .collect::<Result<Vec<_>, _>>()
        .map_err(problem)?;
    Ok(axum::Json(Page { tickets, next }))
}

async fn whole(app: &App, site: SiteId, which: Which) -> Result<Whole, InboxError> {
    let mut tx = app.db.site(site).await?;
    let row = tickets::find(&mut tx, which).await?;
    let ticket = tickets::opened(&app.master, site, row)?;
    let notes = tickets::notes(&mut tx, &app.master, ticket.id).await?;
    desk(app, site, NOBODY).read_ticket(&mut tx, &ticket).await?;
    tx.commit().await?;
    Ok(Whole { ticket, notes })
}

/// One ticket with its notes.
#[utoipa::path(
    get, path = "/api/tickets/{ticket}", tag = "tickets", security(("api_key" = [])),
    params(("ticket" = String, Path, description = "its id, or what people call it: T-12")),
    responses(
        (status = 200, body = Whole),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Named,
) -> Result<axum::Json<Whole>, Problem> {
    let which = which(path)?;
    whole(&app, key.site, which)
        .await
        .map(axum::Json)
        .map_err(problem)
}

/// What is to be changed; what isn't named stays. An empty text takes a value away.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Who acts, for the audit; `API` otherwise.
    by: Option<String>,
    /// How it stands.
    state: Option<TicketState>,
    /// How urgent.
    priority: Option<Priority>,
    /// A short word of small letters, digits, - and _.
    category: Option<String>,
    /// Who works on it.
    assignee: Option<String>,
    /// The address for the answer.
    customer_email: Option<String>,
    /// The customer's name.
    customer: Option<String>,
    /// The customer's company.
    company: Option<String>,
    /// In a few words.
    subject: Option<String>,
    /// In a sentence or two.
    summary: Option<String>,
    /// What could be replied.
    reply_draft: Option<String>,
    /// Where it is about.
    url: Option<String>,
    /// From 0 to 1.
    confidence: Option<f32>,
    /// Each is set; null takes one away.
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
    /// An internal note to add.
    note: Option<String>,
}

/// Changes a ticket.
#[utoipa::path(
    patch, path = "/api/tickets/{ticket}", tag = "tickets", request_body = Changes, security(("api_key" = [])),
    params(("ticket" = String, Path, description = "its id, or what people call it: T-12")),
    responses(
        (status = 200, body = Whole),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "not_found", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn patch(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Named,
    Json(changes): Json<Changes>,
) -> Result<axum::Json<Whole>, Problem> {
    let which = which(path)?;
    let staff = changes.by.unwrap_or_else(|| NOBODY.to_owned());
    if staff.trim().is_empty() || staff.chars().count() > crate::inbox::LONGEST_NAME || staff.contains('\0') {
        return Err(Problem::field("/by", "A name of 1 to 200 characters."));
    }
    let desk = desk(&app, key.site, &staff);
    let edit = Edit {
        state: changes.state,
        priority: changes.priority,
        category: changes.category,
        assignee: changes.assignee,
        customer_email: changes.customer_email,
        customer: changes.customer,
        company: changes.company,
        subject: changes.subject,
        summary: changes.summary,
        reply_draft: changes.reply_draft,
        url: changes.url,
        confidence: changes.confidence,
        fields: changes.fields,
    };
    edit.check().map_err(|bad| problem(bad.into()))?;
    if let Some(note) = &changes.note {
        desk.note_ticket(&app.master, which, note)
            .await
            .map_err(problem)?;
    }
    if !edit.is_empty() {
        desk.edit_ticket(&app.master, which, &edit)
            .await
            .map_err(problem)?;
    }
    whole(&app, key.site, which)
        .await
        .map(axum::Json)
        .map_err(problem)
}
