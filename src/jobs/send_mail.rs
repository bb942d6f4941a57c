//! `send_mail`: hands a mail to the mail server. At least once: a crash between the server's word
//! and ours sends it again, under the same Message-ID.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::db::pool::DbError;
use crate::db::{mails, sites};
use crate::domain::clock::SharedClock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{MailId, SiteId};
use crate::domain::job::{JobError, Work};
use crate::domain::seal::MasterKey;
use crate::mail::outbox;
use crate::mail::smtp::Mailer;

/// The handler.
pub struct SendMail {
    /// The way out; none where no mail server is configured.
    pub mailer: Option<Arc<Mailer>>,
    /// Business time.
    pub clock: SharedClock,
    /// What opens letters.
    pub master: Arc<MasterKey>,
}

impl Handler for SendMail {
    fn kind(&self) -> &'static str {
        Work::SEND_MAIL
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::SendMail { mail }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent("bad_job", "this isn't a site's mail"));
            };
            self.send(&ctx, site, mail).await
        }
        .boxed()
    }
}

impl SendMail {
    async fn send(&self, ctx: &JobContext, site: SiteId, id: MailId) -> Result<(), JobError> {
        let mut tx = ctx.db.site(site).await.map_err(database)?;
        let Some(waiting) = mails::waiting(&mut tx, id).await.map_err(database)? else {
            return Ok(());
        };
        let site_row = sites::own(&mut tx).await.map_err(database)?;
        if site_row.is_some_and(|site| site.is_of_a_case()) {
            // A case's visitors read their mail there; their addresses are strangers'.
            return Ok(());
        }
        let now = self.clock.now();
        if waiting.not_after.is_some_and(|end| now > end) {
            mails::note(&mut tx, id, "expired", Some("too_late"), now)
                .await
                .map_err(database)?;
            return tx.commit().await.map_err(database);
        }
        // Nothing is held while the server is waited for.
        tx.commit().await.map_err(database)?;
        let addressed = outbox::open(&self.master, site, id, &waiting.letter)
            .map_err(|e| JobError::permanent("unreadable", e.to_string()))?;
        let sent = match &self.mailer {
            Some(mailer) => mailer.send(id, &addressed.to, &addressed.letter).await,
            None => {
                return Err(JobError::transient(
                    "no_mail_server",
                    "No mail server is configured: set mail.url and mail.from.",
                ));
            }
        };
        fail::point(FailPoint::MailSent);
        let (state, code, error) = match sent {
            Ok(()) => ("sent", None, None),
            Err(error) => {
                // The server's words may hold the address; codes don't.
                let failed = JobError {
                    permanent: error.permanent,
                    ..JobError::transient(error.code.clone(), "The mail server didn't take it.")
                };
                let state = if error.permanent || ctx.last_attempt {
                    "refused"
                } else {
                    "waiting"
                };
                (state, Some(error.code), Some(failed))
            }
        };
        let outcome = if state == "waiting" { "again" } else { state };
        metrics::counter!("deskhand_mails_total", "outcome" => outcome).increment(1);
        let mut tx = ctx.db.site(site).await.map_err(database)?;
        mails::note(&mut tx, id, state, code.as_deref(), now)
            .await
            .map_err(database)?;
        tx.commit().await.map_err(database)?;
        match error {
            // An address that isn't one any visitor can give: that is nobody's trouble here. What
            // staff wrote and nobody can get is.
            Some(error) if error.permanent && waiting.kind == "code" => {
                tracing::info!(code = %error.code, "a code was refused by its address");
                Ok(())
            }
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

fn database(error: DbError) -> JobError {
    tracing::warn!(%error, "a mail waits for the database");
    JobError::transient("database", "The database refused or was away.")
}
