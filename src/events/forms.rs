//! A form that was filled in becomes a ticket. What people wrote is sealed with it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::tickets::{self, NewTicket};
use crate::domain::bridge::{Canonical, Form};
use crate::domain::ids::{EventId, TicketId};
use crate::domain::seal::MasterKey;
use crate::domain::ticket::{
    Content, LONGEST_SUBJECT, LONGEST_TEXT, Priority, SUPPORT, called, contact_owner,
};
use crate::privacy::subject::email_hash;

/// The longest value of a field that stands beside the text, in characters.
const LONGEST_FIELD: usize = 1_000;

/// Opens the ticket of a form, once for its event.
///
/// # Errors
/// When the database does, or the form can't be read.
pub async fn open_ticket(
    tx: &mut SiteTx,
    master: &MasterKey,
    event: EventId,
    told: Canonical,
    now: DateTime<Utc>,
) -> DbResult<Value> {
    let unreadable = |e: String| DbError::Unreadable(format!("a form: {e}"));
    let form: Form =
        serde_json::from_value(Value::Object(told.data)).map_err(|e| unreadable(e.to_string()))?;
    let (site, id) = (tx.site(), TicketId::new());
    let contact = match form.address() {
        Some(email) => {
            let sealed = master
                .seal(&contact_owner(site, id), email.as_bytes())
                .map_err(|e| unreadable(e.to_string()))?;
            Some((sealed, email_hash(master, site, email)))
        }
        None => None,
    };
    let url = form
        .page
        .clone()
        .filter(|page| page.starts_with("https://") || page.starts_with("http://"));
    let sealed = content(form)
        .seal(master, site, id)
        .map_err(|e| unreadable(e.to_string()))?;
    let key = format!("event/{event}");
    let new = NewTicket {
        id,
        thread: None,
        turn: None,
        key: Some(&key),
        reason: "form",
        source: "form",
        category: SUPPORT,
        priority: Priority::Normal,
        contact: contact
            .as_ref()
            .map(|(sealed, hash)| (sealed.as_slice(), hash.as_slice())),
        content: Some(&sealed),
        url: url.as_deref(),
        confidence: None,
        now,
    };
    let opened = tickets::open(tx, &new).await?;
    Ok(json!({ "ticket_id": opened.id, "ticket": called(opened.number) }))
}

/// What stands in the ticket: the message, or all that was filled in.
fn content(form: Form) -> Content {
    let filled = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let body = filled(form.message).unwrap_or_else(|| {
        let lines = form.fields.iter().filter(|f| !f.value.trim().is_empty());
        let lines: Vec<String> = lines.map(|f| format!("{}: {}", f.name, f.value.trim())).collect();
        lines.join("\n")
    });
    let subject = filled(form.subject)
        .or(filled(form.form_title.clone()))
        .unwrap_or_else(|| body.lines().next().unwrap_or_default().to_owned());
    let mut fields = Map::new();
    for (name, value) in [("form", form.form_title), ("plugin", form.plugin)] {
        if let Some(value) = filled(value) {
            fields.insert(name.to_owned(), json!(value));
        }
    }
    for field in form.fields {
        fields.insert(field.name, json!(cut(field.value.trim(), LONGEST_FIELD)));
    }
    Content {
        subject: cut(&subject, LONGEST_SUBJECT),
        body: cut(&body, LONGEST_TEXT),
        customer: filled(form.name),
        company: filled(form.company),
        fields,
        ..Content::default()
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_like_a_letter() {
        let form: Form = serde_json::from_value(json!({
            "form_title": "Contact", "plugin": "contact-form-7", "name": " Anna ", "message": " The lamp flickers. ",
            "fields": [{"name": "your-message", "value": "The lamp flickers."}, {"name": "order", "value": "1001"}],
        }))
        .unwrap();
        let written = content(form);
        assert_eq!(
            (written.subject.as_str(), written.body.as_str()),
            ("Contact", "The lamp flickers.")
        );
        assert_eq!(written.customer.as_deref(), Some("Anna"));
        assert_eq!(
            (&written.fields["order"], &written.fields["form"]),
            (&json!("1001"), &json!("Contact"))
        );
        // Without a message, all that was filled in.
        let form: Form = serde_json::from_value(json!({
            "fields": [{"name": "Size", "value": "M"}, {"name": "Colour", "value": " "}, {"name": "Why", "value": "a\nb"}],
        }))
        .unwrap();
        let written = content(form);
        assert_eq!(
            (written.subject.as_str(), written.body.as_str()),
            ("Size: M", "Size: M\nWhy: a\nb")
        );
        let long: Form = serde_json::from_value(json!({"message": "é".repeat(20_000)})).unwrap();
        let written = content(long);
        assert_eq!(written.body.chars().count(), LONGEST_TEXT);
        assert_eq!(written.subject.chars().count(), LONGEST_SUBJECT);
    }
}
