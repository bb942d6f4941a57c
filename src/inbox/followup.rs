//! What staff wrote to a visitor who has gone, by mail (INB-6): once, several replies together,
//! with the way back. Whether they have gone isn't guessed: what their client has shown to have
//! isn't mailed.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::replies::{self, Recipient};
use crate::db::sites;
use crate::domain::customer::Customer;
use crate::domain::ids::{SiteId, ThreadId};
use crate::domain::seal::MasterKey;
use crate::domain::site::Site;
use crate::guardrails::vault;
use crate::mail::outbox::{self, Kind, Posting};
use crate::mail::words::Sender;
use crate::privacy::subject::{self, email_owner, profile_owner};

/// A client's token lives five minutes at most; with the next one it shows what it has. One that
/// hasn't by then was cut off.
const SHOWS_WITHIN: Duration = Duration::from_mins(6);
/// Who has just written may write more.
const QUIET: Duration = Duration::from_mins(1);
/// After that it isn't waited for more.
const LONGEST: Duration = Duration::from_mins(15);
/// The most characters of replies in one mail.
const MOST: usize = 30_000;

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It was read, mailed with another one, or is gone.
    Settled,
    /// It can't be told yet; look again after that time.
    Wait(Duration),
    /// It is on its way by mail, with so many others.
    Mailed(usize),
    /// No address of the visitor is known.
    NoAddress,
}

/// What a reply is followed up with.
pub struct FollowUp<'a> {
    /// The database.
    pub db: &'a Db,
    /// What opens addresses.
    pub master: &'a MasterKey,
    /// How long a visitor has to read it.
    pub wait: Duration,
}

impl FollowUp<'_> {
    /// Looks whether a reply was read, and mails what wasn't.
    ///
    /// # Errors
    /// When the database does.
    pub async fn look(
        &self,
        site: SiteId,
        thread: ThreadId,
        seq: i64,
        now: DateTime<Utc>,
    ) -> DbResult<Followed> {
        let mut tx = self.db.site(site).await?;
        let unread = replies::unread(&mut tx, thread).await?;
        let Some(own) = unread.iter().find(|r| r.seq == seq) else {
            return Ok(Followed::Settled);
        };
        let since = |at: DateTime<Utc>| (now - at).to_std().unwrap_or_default();
        let waited = since(own.at);
        if waited < self.wait {
            return Ok(Followed::Wait(self.wait.saturating_sub(waited)));
        }
        // A stream has it; whether anybody is there still, the client's next token tells.
        if own.told && waited < self.wait + SHOWS_WITHIN {
            return Ok(Followed::Wait(QUIET));
        }
        let quiet = unread.last().map_or(QUIET, |last| since(last.at));
        if quiet < QUIET && waited < LONGEST {
            return Ok(Followed::Wait(QUIET.saturating_sub(quiet)));
        }
        let (Some(own_site), Some(to)) = (
            sites::own(&mut tx).await?,
            replies::recipient(&mut tx, thread).await?,
        ) else {
            return Ok(Followed::Settled);
        };
        let Some(email) = self.address(site, &to)? else {
            return Ok(Followed::NoAddress);
        };
        let known = vault::open(&mut tx, self.master, thread).await?;
        let mut room = MOST;
        let texts: Vec<(String, String)> = unread
            .iter()
            .map(|r| {
                let text: String = known.reveal(&r.text).chars().take(room).collect();
                room -= text.chars().count();
                (r.name.clone().unwrap_or_else(|| own_site.name.clone()), text)
            })
            .filter(|(_, text)| !text.is_empty())
            .collect();
        self.post(&mut tx, &own_site, thread, &to, &email, &texts, now)
            .await?;
        replies::mailed(&mut tx, thread, unread.last().map_or(seq, |r| r.seq), now).await?;
        tx.commit().await?;
        Ok(Followed::Mailed(unread.len()))
    }

    #[expect(clippy::too_many_arguments, reason = "called once; the parts of one letter")]
    async fn post(
        &self,
        tx: &mut SiteTx,
        site: &Site,
        thread: ThreadId,
        to: &Recipient,
        email: &str,
        texts: &[(String, String)],
        now: DateTime<Utc>,
    ) -> DbResult<()> {
        let settings = sites::settings(tx).await?;
        let reply_to = settings.reply_to();
        let sender = Sender {
            site: &site.name,
            reply_to: reply_to.as_deref(),
            lang: &to.lang,
        };
        let back = to
            .page
            .as_deref()
            .filter(|page| is_own(site, page))
            .or(site.origins.first().map(String::as_str));
        let posting = Posting {
            kind: Kind::Reply,
            to: email,
            visitor: Some(to.visitor),
            thread: Some(thread),
            at: now,
            not_after: None,
        };
        outbox::post(tx, self.master, &posting, sender.reply(texts, back)).await?;
        Ok(())
    }

    /// The address that the visitor left, else the one that their site knows them by.
    fn address(&self, site: SiteId, to: &Recipient) -> DbResult<Option<String>> {
        if let Some(sealed) = &to.email_sealed {
            let owner = email_owner(site, to.visitor);
            return subject::open(self.master, &owner, sealed).map(Some);
        }
        let Some(sealed) = &to.profile_sealed else {
            return Ok(None);
        };
        let text = subject::open(self.master, &profile_owner(site, to.visitor), sealed)?;
        Ok(Customer::read(text.as_bytes()).and_then(|c| c.email))
    }
}

/// Whether a page is one of the site's own.
#[must_use]
pub fn is_own(site: &Site, page: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(page) else {
        return false;
    };
    let origin = url.origin().ascii_serialization();
    matches!(url.scheme(), "http" | "https") && site.origins.contains(&origin)
}
