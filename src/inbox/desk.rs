//! Staff at their desk: claim a thread, reply, give it back to the agent, resolve it. Each act
//! is one transaction with its events and its line in the audit.

use serde_json::json;

use super::{InboxError, LONGEST_NAME, LONGEST_REPLY};
use crate::db::desk::{self, Held};
use crate::db::events::{self, Voice};
use crate::db::pool::{Db, SiteTx};
use crate::db::{audit, drafts, tickets};
use crate::domain::clock::Clock;
use crate::domain::event::{StaffKind, ThreadEvent};
use crate::domain::ids::{SiteId, ThreadId};

/// Who acts, and where.
pub struct Desk<'a> {
    /// The database.
    pub db: &'a Db,
    /// Business time.
    pub clock: &'a dyn Clock,
    /// The site.
    pub site: SiteId,
    /// The name of staff, as visitors see it.
    pub staff: &'a str,
}

impl Desk<'_> {
    async fn open(&self, thread: ThreadId) -> Result<(SiteTx, Held), InboxError> {
        self.named()?;
        let mut tx = self.db.site(self.site).await?;
        let held = desk::lock(&mut tx, thread).await?.ok_or(InboxError::NoThread)?;
        Ok((tx, held))
    }

    pub(super) fn event(&self, kind: StaffKind, md: Option<&str>) -> ThreadEvent {
        ThreadEvent::Staff {
            kind,
            name: Some(self.staff.to_owned()),
            md: md.map(str::to_owned),
        }
    }

    async fn note(&self, tx: &mut SiteTx, thread: ThreadId, act: &str) -> Result<(), InboxError> {
        self.noted(tx, Some(thread), act, None, json!({})).await
    }

    /// Who did what, in the audit.
    pub(super) async fn noted(
        &self,
        tx: &mut SiteTx,
        thread: Option<ThreadId>,
        act: &str,
        subject: Option<&str>,
        detail: serde_json::Value,
    ) -> Result<(), InboxError> {
        let who = self.who();
        let entry = audit::Entry {
            who: &who,
            act,
            thread,
            subject,
            detail,
            at: self.clock.now(),
        };
        Ok(audit::append(tx, &entry).await?)
    }

    /// Their name in the audit and on notes.
    pub(super) fn who(&self) -> String {
        format!("staff:{}", self.staff)
    }

    /// Checks the name of whoever acts.
    pub(super) fn named(&self) -> Result<(), InboxError> {
        if self.staff.trim().is_empty() || self.staff.chars().count() > LONGEST_NAME {
            return Err(InboxError::BadText("a name has 1 to 200 characters"));
        }
        Ok(())
    }

    /// Notes that somebody has read a thread, and whether personal data stood in it.
    ///
    /// # Errors
    /// When the database does.
    pub async fn read(&self, tx: &mut SiteTx, thread: ThreadId, personal: bool) -> Result<(), InboxError> {
        let detail = json!({ "personal_data": personal });
        self.noted(tx, Some(thread), "read", None, detail).await
    }

    /// Takes a thread over: from this commit on the agent says nothing more there.
    ///
    /// # Errors
    /// [`InboxError::Claimed`] when somebody else has it, unless it is `taken` from them.
    pub async fn claim(&self, thread: ThreadId, taken: bool) -> Result<(), InboxError> {
        let (mut tx, held) = self.open(thread).await?;
        let from = self.taken_from(&held, taken)?;
        if held.staff_held && held.claimed_by.as_deref() == Some(self.staff) {
            return Ok(());
        }
        let now = self.clock.now();
        let open = desk::take(&mut tx, thread, now).await?;
        desk::claim(&mut tx, thread, self.staff, now).await?;
        let mut new = vec![self.event(StaffKind::Joined, None)];
        // A client that follows the turn that was broken off learns its end.
        new.extend(open.map(|turn_id| ThreadEvent::Done { turn_id }));
        events::append(&mut tx, thread, Voice::StaffHeld, &new, now).await?;
        self.noted(&mut tx, Some(thread), "claim", None, detail(from))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Writes to the visitor. Who hasn't claimed the thread does so by it.
    ///
    /// # Errors
    /// [`InboxError::Claimed`] when somebody else has it.
    pub async fn reply(&self, thread: ThreadId, text: &str) -> Result<(), InboxError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_REPLY || text.contains('\0') {
            return Err(InboxError::BadText("a reply has 1 to 8000 characters"));
        }
        self.claim(thread, false).await?;
        let (mut tx, held) = self.open(thread).await?;
        if !held.staff_held {
            return Err(InboxError::NotHeld);
        }
        let now = self.clock.now();
        let event = self.event(StaffKind::Message, Some(text));
        let seq = events::append(&mut tx, thread, Voice::StaffHeld, &[event], now).await?;
        desk::write(&mut tx, thread, held.visitor, "staff", text, now, seq).await?;
        tickets::answered(&mut tx, thread, now).await?;
        drafts::drop_of(&mut tx, thread, self.staff, now).await?;
        self.note(&mut tx, thread, "reply").await?;
        Ok(tx.commit().await?)
    }

    /// Gives a thread back to the agent.
    ///
    /// # Errors
    /// [`InboxError::NotHeld`] when the agent has it; [`InboxError::Claimed`] when somebody else
    /// has, unless it is `taken` from them.
    pub async fn give_back(&self, thread: ThreadId, taken: bool) -> Result<(), InboxError> {
        self.end(thread, "open", "give_back", taken).await
    }

    /// Is done with a thread: its handoff and its tickets are resolved. The visitor's next
    /// message is the agent's to answer.
    ///
    /// # Errors
    /// When there is no such thread; [`InboxError::Claimed`] when somebody else has it, unless it
    /// is `taken` from them.
    pub async fn resolve(&self, thread: ThreadId, taken: bool) -> Result<(), InboxError> {
        self.end(thread, "resolved", "resolve", taken).await
    }

    /// Whom a thread is taken from, if anybody else has it.
    fn taken_from(&self, held: &Held, taken: bool) -> Result<Option<String>, InboxError> {
        match &held.claimed_by {
            Some(other) if held.staff_held && other != self.staff && taken => Ok(Some(other.clone())),
            Some(other) if held.staff_held && other != self.staff => Err(InboxError::Claimed(other.clone())),
            _ => Ok(None),
        }
    }

    async fn end(&self, thread: ThreadId, status: &str, act: &str, taken: bool) -> Result<(), InboxError> {
        let (mut tx, held) = self.open(thread).await?;
        let from = self.taken_from(&held, taken)?;
        let now = self.clock.now();
        if held.staff_held {
            let event = self.event(StaffKind::Left, None);
            events::append(&mut tx, thread, Voice::StaffHeld, &[event], now).await?;
        } else if act == "give_back" {
            return Err(InboxError::NotHeld);
        }
        desk::release(&mut tx, thread, status, now).await?;
        if status == "resolved" {
            tickets::resolve_of(&mut tx, thread, now).await?;
            drafts::drop_of(&mut tx, thread, self.staff, now).await?;
        }
        self.noted(&mut tx, Some(thread), act, None, detail(from)).await?;
        Ok(tx.commit().await?)
    }
}

/// Whom it was taken from, for the audit.
fn detail(from: Option<String>) -> serde_json::Value {
    from.map_or_else(|| json!({}), |from| json!({ "taken_from": from }))
}
