//! What the agent drafted where staff send (AGT-15, shadow mode): sent as it is or edited, or
//! dropped. The visitor reads it as a message of staff's, by the name of whoever sends it.

use serde_json::json;

use super::desk::Desk;
use super::{InboxError, LONGEST_REPLY};
use crate::db::events::{self, Voice};
use crate::db::pool::SiteTx;
use crate::db::{desk, drafts, tickets};
use crate::domain::event::{Citation, StaffKind};
use crate::domain::ids::TurnId;

/// A draft as a person would send it: without the marks of citations, with the pages behind it.
fn plain(text: &str, citations: &serde_json::Value) -> String {
    let citations: Vec<Citation> = serde_json::from_value(citations.clone()).unwrap_or_default();
    let mut out = text.to_owned();
    let mut pages: Vec<String> = Vec::new();
    for c in &citations {
        let mark = format!("[{}]", c.n);
        out = out.replace(&format!(" {mark}"), "").replace(&mark, "");
        let url = c
            .url
            .as_deref()
            .filter(|u| u.starts_with("https://") || u.starts_with("http://"));
        if let Some(url) = url {
            let page = format!("[{}]({url})", c.title.replace(['[', ']'], ""));
            if !pages.contains(&page) {
                pages.push(page);
            }
        }
    }
    if pages.is_empty() {
        out
    } else {
        format!("{out}\n\n{}", pages.join(", "))
    }
}

impl Desk<'_> {
    async fn draft(&self, draft: TurnId) -> Result<(SiteTx, drafts::DraftRow), InboxError> {
        self.named()?;
        let mut tx = self.db.site(self.site).await?;
        let row = drafts::lock(&mut tx, draft).await?.ok_or(InboxError::NoDraft)?;
        if row.state != "waiting" {
            return Err(InboxError::Decided(row.state));
        }
        Ok((tx, row))
    }

    /// Sends a draft, as it is or with another text. The conversation stays the agent's.
    ///
    /// # Errors
    /// [`InboxError::Decided`] when it was sent or dropped before, [`InboxError::Claimed`] when
    /// somebody else has the conversation.
    pub async fn send_draft(&self, draft: TurnId, edited: Option<&str>) -> Result<(), InboxError> {
        let edited = edited.map(str::trim);
        if edited.is_some_and(|t| t.is_empty() || t.chars().count() > LONGEST_REPLY || t.contains('\0')) {
            return Err(InboxError::BadText("a reply has 1 to 8000 characters"));
        }
        let (mut tx, row) = self.draft(draft).await?;
        let held = desk::lock(&mut tx, row.thread)
            .await?
            .ok_or(InboxError::NoThread)?;
        if let Some(other) = held.claimed_by.filter(|c| held.staff_held && c != self.staff) {
            return Err(InboxError::Claimed(other));
        }
        let now = self.clock.now();
        let whole = plain(&row.text, &row.citations);
        let text = edited.unwrap_or(&whole);
        let state = if edited.is_none() || text == row.text {
            "sent"
        } else {
            "edited"
        };
        drafts::decide(&mut tx, draft, state, self.staff, now).await?;
        let event = self.event(StaffKind::Message, Some(text));
        let seq = events::append(&mut tx, row.thread, Voice::System, &[event], now).await?;
        desk::write(&mut tx, row.thread, row.visitor, "staff", text, now, seq).await?;
        tickets::answered(&mut tx, row.thread, now).await?;
        let subject = draft.to_string();
        let detail = json!({ "edited": state == "edited" });
        self.noted(&mut tx, Some(row.thread), "send_draft", Some(&subject), detail)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Drops a draft; the visitor hears nothing of it.
    ///
    /// # Errors
    /// As [`Desk::send_draft`].
    pub async fn drop_draft(&self, draft: TurnId) -> Result<(), InboxError> {
        let (mut tx, row) = self.draft(draft).await?;
        drafts::decide(&mut tx, draft, "dropped", self.staff, self.clock.now()).await?;
        let subject = draft.to_string();
        self.noted(&mut tx, Some(row.thread), "drop_draft", Some(&subject), json!({}))
            .await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_sent_without_marks_and_with_its_pages() {
        let citation = |n: u32, url: &str| json!({ "n": n, "chunk_id": 1, "title": "Returns", "url": url, "snippet": "…" });
        let cites = json!([
            citation(1, "https://shop.example/returns"),
            citation(2, "/kb/returns")
        ]);
        assert_eq!(
            plain("Within 30 days. [1] A label costs 4.90. [1][2]", &cites),
            "Within 30 days. A label costs 4.90.\n\n[Returns](https://shop.example/returns)"
        );
        assert_eq!(plain("Hello [3]", &json!([])), "Hello [3]");
    }
}
