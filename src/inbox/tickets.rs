//! Tickets at the desk: shown with what is sealed in them, changed field by field, noted on. Each
//! act is one transaction with its line in the audit, which holds no word of anybody's.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::desk::Desk;
use super::{InboxError, LONGEST_NAME};
use crate::db::hours;
use crate::db::pool::SiteTx;
use crate::db::tickets::{self, Change, Filter, NoteRow, TicketRow};
use crate::domain::address::is_email;
use crate::domain::customer::Customer;
use crate::domain::ids::{SiteId, ThreadId, TicketId};
use crate::domain::seal::{MasterKey, hash_of_email, owner_of_email};
use crate::domain::ticket::{
    Content, LONGEST_SUBJECT, LONGEST_TEXT, Priority, TicketState, called, contact_owner, is_category, owner,
};
use crate::privacy::subject::profile_owner;

/// Fields of a ticket's own that it may have, and their length as JSON.
const MOST_FIELDS: usize = 50;
const LONGEST_FIELDS: usize = 16_000;

/// A note on a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Note {
    /// `customer`, `system` or `staff:NAME`.
    pub author: String,
    /// What was noted.
    pub text: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A ticket as staff see it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Ticket {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: TicketId,
    /// What people call it: `T-12`.
    pub ticket: String,
    /// How it stands.
    pub state: TicketState,
    /// How urgent.
    pub priority: Priority,
    /// A short word: support, billing, …
    pub category: String,
    /// Where it came from: chat, form, email, api or system.
    pub source: String,
    /// Why it was opened, a code.
    pub reason: String,
    /// Who works on it.
    pub assignee: Option<String>,
    /// The address for the answer.
    pub customer_email: Option<String>,
    /// The customer's name.
    pub customer: Option<String>,
    /// The customer's company.
    pub company: Option<String>,
    /// In a few words.
    pub subject: String,
    /// All of it.
    pub body: String,
    /// In a sentence or two.
    pub summary: Option<String>,
    /// How sure whoever sorted it was, from 0 to 1.
    pub confidence: Option<f32>,
    /// What else belongs to it.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// What could be replied.
    pub reply_draft: Option<String>,
    /// Where it is about, or where it is elsewhere.
    pub url: Option<String>,
    /// Its conversation.
    #[schema(value_type = Option<Uuid>)]
    pub thread_id: Option<ThreadId>,
    /// The conversation's language.
    pub lang: Option<String>,
    /// By when a person must have answered.
    pub due_at: Option<DateTime<Utc>>,
    /// When one has.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it was noticed that none had in time.
    pub breached_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
    /// How often it has changed, from 1.
    #[serde(skip)]
    pub rev: i32,
}

/// Opens what is sealed in a ticket.
///
/// # Errors
/// When it was sealed with another key.
pub fn opened(master: &MasterKey, site: SiteId, row: TicketRow) -> Result<Ticket, InboxError> {
    let content = match &row.content {
        Some(sealed) => Content::open(master, site, row.id, sealed)?,
        None => Content::default(),
    };
    let text = |owner: String, sealed: &[u8]| -> Result<String, InboxError> {
        Ok(String::from_utf8_lossy(&master.open(&owner, sealed)?).into_owned())
    };
    let mut customer_email = match (&row.contact, &row.visitor_email, row.thread) {
        (Some(sealed), ..) => Some(text(contact_owner(site, row.id), sealed)?),
        (None, Some(sealed), Some((_, visitor))) => Some(text(owner_of_email(site, visitor), sealed)?),
        _ => None,
    };
    let mut customer = content.customer;
    if let (Some(sealed), Some((_, visitor))) = (&row.visitor_profile, row.thread) {
        // Who is logged in is known by what their site says.
        let profile = text(profile_owner(site, visitor), sealed)?;
        if let Ok(known) = serde_json::from_str::<Customer>(&profile) {
            customer_email = customer_email.or(known.email);
            customer = customer.or(Some(known.name).filter(|n| !n.is_empty()));
        }
    }
    Ok(Ticket {
        id: row.id,
        ticket: called(row.number),
        state: row.state,
        priority: row.priority,
        category: row.category,
        source: row.source,
        reason: row.reason,
        assignee: row.assignee,
        customer_email,
        customer,
        company: content.company,
        subject: content.subject,
        body: content.body,
        summary: content.summary,
        confidence: row.confidence,
        fields: content.fields,
        reply_draft: content.reply_draft,
        url: row.url,
        thread_id: row.thread.map(|(t, _)| t),
        lang: row.lang,
        due_at: row.due_at,
        answered_at: row.answered_at,
        breached_at: row.breached_at,
        created_at: row.at,
        updated_at: row.updated_at,
        resolved_at: row.resolved_at,
        rev: row.rev,
    })
}

/// A ticket's notes, opened.
///
/// # Errors
/// When the database does, or one was sealed with another key.
pub async fn notes(tx: &mut SiteTx, master: &MasterKey, ticket: TicketId) -> Result<Vec<Note>, InboxError> {
    let site = tx.site();
    let rows = tickets::notes(tx, ticket).await?;
    rows.into_iter()
        .map(|row| {
            let plain = master.open(&owner(site, ticket, &format!("note/{}", row.id)), &row.text)?;
            Ok(Note {
                author: row.author,
                text: String::from_utf8_lossy(&plain).into_owned(),
                at: row.at,
            })
        })
        .collect()
}

/// The field that a change names doesn't take its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {allowed}")]
pub struct BadField {
    /// The field.
    pub field: &'static str,
    /// What may be given.
    pub allowed: &'static str,
}

/// What is to be changed; what isn't named stays. An empty text takes a field away.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// How it stands.
    pub state: Option<TicketState>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// A short word.
    pub category: Option<String>,
    /// Who works on it; empty: nobody.
    pub assignee: Option<String>,
    /// The address for the answer.
    pub customer_email: Option<String>,
    /// The customer's name.
    pub customer: Option<String>,
    /// The customer's company.
    pub company: Option<String>,
    /// In a few words.
    pub subject: Option<String>,
    /// In a sentence or two.
    pub summary: Option<String>,
    /// What could be replied.
    pub reply_draft: Option<String>,
    /// Where it is about.
    pub url: Option<String>,
    /// How sure whoever sorted it was.
    pub confidence: Option<f32>,
    /// Fields of its own: each is set, null takes one away.
    pub fields: Map<String, Value>,
}

impl Edit {
    /// Checks the values.
    ///
    /// # Errors
    /// With the first field that doesn't take its value.
    pub fn check(&self) -> Result<(), BadField> {
        let bad = |field, allowed| Err(BadField { field, allowed });
        let long = |text: &Option<String>, most: usize| {
            text.as_ref()
                .is_some_and(|t| t.chars().count() > most || t.contains('\0'))
        };
        if self.category.as_ref().is_some_and(|c| !is_category(c)) {
            return bad("category", "a short word of small letters, digits, - and _");
        }
        if long(&self.assignee, LONGEST_NAME) {
            return bad("assignee", "a name of at most 200 characters");
        }
        if self.customer_email.as_ref().is_some_and(|e| !is_email(e.trim())) {
            return bad("customer_email", "an e-mail address such as name@example.com");
        }
        for (field, text) in [
            ("customer", &self.customer),
            ("company", &self.company),
            ("subject", &self.subject),
        ] {
            if long(text, LONGEST_SUBJECT) {
                return bad(field, "at most 200 characters");
            }
        }
        for (field, text) in [("summary", &self.summary), ("reply_draft", &self.reply_draft)] {
            if long(text, LONGEST_TEXT) {
                return bad(field, "at most 8000 characters");
            }
        }
        let web =
            |url: &str| url.len() <= 2_000 && (url.starts_with("https://") || url.starts_with("http://"));
        if self
            .url
            .as_ref()
            .is_some_and(|u| !u.is_empty() && (!web(u) || u.contains(char::is_whitespace)))
        {
            return bad("url", "an http or https address of at most 2000 characters");
        }
        if self.confidence.is_some_and(|c| !(0.0..=1.0).contains(&c)) {
            return bad("confidence", "a number from 0 to 1");
        }
        let size = serde_json::to_string(&self.fields).map_or(usize::MAX, |t| t.len());
        if self.fields.len() > MOST_FIELDS || size > LONGEST_FIELDS {
            return bad("fields", "at most 50 of 16000 characters together");
        }
        Ok(())
    }

    /// The names of what it changes, for the audit.
    fn names(&self) -> Vec<&'static str> {
        let all = [
            ("state", self.state.is_some()),
            ("priority", self.priority.is_some()),
            ("category", self.category.is_some()),
            ("assignee", self.assignee.is_some()),
            ("customer_email", self.customer_email.is_some()),
            ("customer", self.customer.is_some()),
            ("company", self.company.is_some()),
            ("subject", self.subject.is_some()),
            ("summary", self.summary.is_some()),
            ("reply_draft", self.reply_draft.is_some()),
            ("url", self.url.is_some()),
            ("confidence", self.confidence.is_some()),
            ("fields", !self.fields.is_empty()),
        ];
        all.into_iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| name)
            .collect()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    fn content(&self, was: Content) -> Content {
        let text = |new: &Option<String>, was: Option<String>| match new {
            Some(new) => Some(new.trim().to_owned()).filter(|t| !t.is_empty()),
            None => was,
        };
        let mut fields = was.fields;
        for (name, value) in &self.fields {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        Content {
            subject: text(&self.subject, Some(was.subject)).unwrap_or_default(),
            body: was.body,
            summary: text(&self.summary, was.summary),
            customer: text(&self.customer, was.customer),
            company: text(&self.company, was.company),
            reply_draft: text(&self.reply_draft, was.reply_draft),
            fields,
        }
    }
}

/// Which ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// By its id.
    Id(TicketId),
    /// By what people call it, as a number.
    Number(i32),
}

impl Which {
    /// Reads an id, or `T-12`, `#12`, `12`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        crate::domain::ticket::number(text)
            .map(Self::Number)
            .or_else(|| text.parse().ok().map(Self::Id))
    }

    fn filter(self) -> Filter<'static> {
        let filter = Filter {
            most: 1,
            ..Filter::default()
        };
        match self {
            Self::Id(id) => Filter {
                id: Some(id),
                ..filter
            },
            Self::Number(number) => Filter {
                number: Some(number),
                ..filter
            },
        }
    }
}

/// A ticket by its name.
///
/// # Errors
/// [`InboxError::NoTicket`] when this site has none such.
pub async fn find(tx: &mut SiteTx, which: Which) -> Result<TicketRow, InboxError> {
    let found = tickets::list(tx, &which.filter()).await?.pop();
    found.ok_or(InboxError::NoTicket)
}

impl Desk<'_> {
    async fn ticket(&self, which: Which) -> Result<(SiteTx, TicketRow), InboxError> {
        self.named()?;
        let mut tx = self.db.site(self.site).await?;
        let id = find(&mut tx, which).await?.id;
        tickets::lock(&mut tx, id).await?;
        let row = find(&mut tx, Which::Id(id)).await?;
        Ok((tx, row))
    }

    /// Notes that somebody has read a ticket.
    ///
    /// # Errors
    /// When the database does.
    pub async fn read_ticket(&self, tx: &mut SiteTx, ticket: &Ticket) -> Result<(), InboxError> {
        let detail = json!({ "personal_data": ticket.customer_email.is_some() });
        self.noted(tx, ticket.thread_id, "read_ticket", Some(&ticket.ticket), detail)
            .await
    }

    /// Changes a ticket; gives it as it is then. Another priority or category sets its time to
    /// answer anew, counted from when it was opened.
    ///
    /// # Errors
    /// When there is no such ticket, or a field doesn't take its value.
    pub async fn edit_ticket(
        &self,
        master: &MasterKey,
        which: Which,
        edit: &Edit,
    ) -> Result<Ticket, InboxError> {
        edit.check()?;
        let (mut tx, row) = self.ticket(which).await?;
        let now = self.clock.now();
        let was = match &row.content {
            Some(sealed) => Content::open(master, self.site, row.id, sealed)?,
            None => Content::default(),
        };
        let content = edit.content(was);
        let sealed = (content != Content::default())
            .then(|| content.seal(master, self.site, row.id))
            .transpose()?;
        let contact = match edit.customer_email.as_deref().map(str::trim) {
            Some(email) => Some((
                master.seal(&contact_owner(self.site, row.id), email.as_bytes())?,
                hash_of_email(master, self.site, email),
            )),
            None => None,
        };
        let priority = edit.priority.unwrap_or(row.priority);
        let category = edit.category.as_deref().unwrap_or(&row.category);
        let moved = priority != row.priority || category != row.category;
        let due_at = if moved && row.answered_at.is_none() {
            hours::due(&mut tx, category, priority, row.at).await?
        } else {
            row.due_at
        };
        let kept = |new: &Option<String>, was: &Option<String>| match new {
            Some(new) => Some(new.trim().to_owned()).filter(|t| !t.is_empty()),
            None => was.clone(),
        };
        let (assignee, url) = (kept(&edit.assignee, &row.assignee), kept(&edit.url, &row.url));
        // Who is given a new ticket has it open.
        let opens = row.state == TicketState::New && edit.assignee.as_ref().is_some_and(|a| !a.is_empty());
        let state = edit
            .state
            .unwrap_or(if opens { TicketState::Open } else { row.state });
        let change = Change {
            state,
            priority,
            category,
            assignee: assignee.as_deref(),
            contact: contact.as_ref().map(|(s, h)| (s.as_slice(), h.as_slice())),
            content: sealed.as_deref(),
            confidence: edit.confidence.or(row.confidence),
            url: url.as_deref(),
            due_at,
        };
        tickets::change(&mut tx, row.id, &change, now).await?;
        let subject = called(row.number);
        let detail = json!({ "fields": edit.names(), "state": state, "priority": priority });
        let thread = row.thread.map(|(t, _)| t);
        self.noted(&mut tx, thread, "edit_ticket", Some(&subject), detail)
            .await?;
        let row = find(&mut tx, Which::Id(row.id)).await?;
        tx.commit().await?;
        opened(master, self.site, row)
    }

    /// Adds an internal note.
    ///
    /// # Errors
    /// When there is no such ticket, or the text is none.
    pub async fn note_ticket(&self, master: &MasterKey, which: Which, text: &str) -> Result<(), InboxError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_TEXT || text.contains('\0') {
            return Err(InboxError::BadText("a note has 1 to 8000 characters"));
        }
        let (mut tx, row) = self.ticket(which).await?;
        let id = Uuid::now_v7();
        let sealed = master.seal(&owner(self.site, row.id, &format!("note/{id}")), text.as_bytes())?;
        let note = NoteRow {
            id,
            author: self.who(),
            text: sealed,
            at: self.clock.now(),
        };
        tickets::note(&mut tx, row.id, None, &note).await?;
        let subject = called(row.number);
        let thread = row.thread.map(|(t, _)| t);
        self.noted(&mut tx, thread, "note_ticket", Some(&subject), json!({}))
            .await?;
        Ok(tx.commit().await?)
    }
}
