//! `mail_reply`: looks whether a visitor has read what staff wrote, and mails it if not.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::handler::{Handler, JobContext};
use crate::domain::clock::SharedClock;
use crate::domain::job::{JobError, Work};
use crate::domain::seal::MasterKey;
use crate::inbox::followup::{FollowUp, Followed};

/// The handler.
pub struct MailReply {
    /// How long a visitor has to read it; none where no mail can be sent.
    pub wait: Option<Duration>,
    /// Business time.
    pub clock: SharedClock,
    /// What opens addresses.
    pub master: Arc<MasterKey>,
}

impl Handler for MailReply {
    fn kind(&self) -> &'static str {
        Work::MAIL_REPLY
    }

    fn run<'a>(&'a self, ctx: JobContext, work: Work) -> BoxFuture<'a, Result<(), JobError>> {
        async move {
            let (Work::MailReply { thread, seq }, Some(site)) = (work, ctx.site) else {
                return Err(JobError::permanent("bad_job", "this isn't a site's reply"));
            };
            let Some(wait) = self.wait else {
                return Ok(());
            };
            let follow = FollowUp {
                db: &ctx.db,
                master: &self.master,
                wait,
            };
            match follow.look(site, thread, seq, self.clock.now()).await {
                Ok(Followed::Wait(after)) => Err(JobError::again(after)),
                Ok(_) => Ok(()),
                Err(error) if error.is_transient() => Err(JobError::transient(
                    "database",
                    "The database refused or was away.",
                )),
                Err(error) => {
                    tracing::warn!(%error, "a reply can't be followed up");
                    Err(JobError::permanent(
                        "reply",
                        "The reply or its address can't be read.",
                    ))
                }
            }
        }
        .boxed()
    }
}
