//! Who a logged-in visitor is: asked of the site at the beginning of a session, kept sealed for
//! fifteen minutes. A site that doesn't answer in time keeps nobody waiting.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::Gateway;
use super::accept::is_on;
use super::outgoing::OutgoingError;
use crate::db::persons::{self, StoredProfile};
use crate::db::pool::DbResult;
use crate::db::sites;
use crate::domain::customer::Customer;
use crate::domain::ids::{SiteId, VisitorId};
use crate::privacy::subject::{self, email_hash, profile_owner};

/// How long an answer is good for.
const FRESH: TimeDelta = TimeDelta::minutes(15);
/// How long a turn waits for it; what comes later serves the next one.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long the site has.
const TIME: Duration = Duration::from_secs(3);
/// Where the plugin answers, unless the token names the address.
const PATH: &str = "/wp-json/deskhand/v1/profile";

/// What a visitor's token says.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The user of WordPress.
    pub wp_user: i64,
    /// The secret that the token is signed with.
    pub kid: &'a str,
    /// The page's origin; without one the site's first is asked.
    pub origin: Option<&'a str>,
    /// Where the site answers, as its plugin says: WordPress may stand in a folder, or be without
    /// permalinks. Only an address on one of the site's origins is asked.
    pub profile: Option<&'a str>,
}

impl Gateway {
    /// The customer that a visitor is, as far as it is known within a moment.
    pub async fn customer(
        self: &std::sync::Arc<Self>,
        site: SiteId,
        visitor: VisitorId,
        login: &Login<'_>,
    ) -> Option<Customer> {
        let known = match self.known(site, visitor).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "a customer's profile can't be read");
                return None;
            }
        };
        if let Some((customer, true)) = known {
            return customer;
        }
        let old = known.and_then(|(customer, _)| customer);
        // One question at a time for each visitor; who failed isn't asked again at once.
        let asked = self.asked.entry((site, visitor)).or_insert(()).await;
        if !asked.is_fresh() {
            return old;
        }
        let own = std::sync::Arc::clone(self);
        let (wp_user, kid) = (login.wp_user, login.kid.to_owned());
        let (origin, profile) = (login.origin.map(str::to_owned), login.profile.map(str::to_owned));
        let task = self.tasks.spawn(async move {
            let login = Login {
                wp_user,
                kid: &kid,
                origin: origin.as_deref(),
                profile: profile.as_deref(),
            };
            let fetched = own.ask_for(site, visitor, &login).await;
            if fetched.is_ok() {
                own.asked.invalidate(&(site, visitor)).await;
            }
            fetched
        });
        match tokio::time::timeout(PATIENCE, task).await {
            Ok(Ok(Ok(customer))) => customer,
            Ok(Ok(Err(error))) => {
                tracing::info!(%error, site = site.hashed(), "a customer's profile wasn't to be had");
                old
            }
            // It goes on by itself.
            Ok(Err(_)) | Err(_) => old,
        }
    }

    /// What was said last, and whether that is still good.
    async fn known(&self, site: SiteId, visitor: VisitorId) -> DbResult<Option<(Option<Customer>, bool)>> {
        let mut tx = self.db().site(site).await?;
        let stored = persons::profile(&mut tx, visitor).await?;
        tx.commit().await?;
        let Some(StoredProfile { sealed, at }) = stored else {
            return Ok(None);
        };
        let customer = match sealed {
            Some(sealed) => {
                let text = subject::open(self.master(), &profile_owner(site, visitor), &sealed)?;
                Customer::read(text.as_bytes())
            }
            None => None,
        };
        Ok(Some((customer, self.now() < at + FRESH)))
    }

    /// The name that is known of a visitor, without asking anybody.
    pub(super) async fn known_name(&self, site: SiteId, visitor: VisitorId) -> DbResult<Option<String>> {
        let known = self.known(site, visitor).await?;
        Ok(known.and_then(|(customer, _)| customer).map(|c| c.name))
    }

    async fn ask_for(
        &self,
        site: SiteId,
        visitor: VisitorId,
        login: &Login<'_>,
    ) -> Result<Option<Customer>, OutgoingError> {
        let mut tx = self.db().site(site).await?;
        let origins = sites::own(&mut tx).await?.map(|s| s.origins).unwrap_or_default();
        tx.commit().await?;
        let page = login.origin.filter(|o| origins.iter().any(|known| known == o));
        let url = match login.profile.filter(|url| is_on(url, &origins)) {
            Some(url) => url.to_owned(),
            None => match page.or(origins.first().map(String::as_str)) {
                Some(origin) => format!("{origin}{PATH}"),
                None => return Ok(None),
            },
        };
        let body = json!({ "visitor_id": visitor, "wp_user_id": login.wp_user }).to_string();
        let answer = self
            .post(site, login.kid, &url, &[], body.into_bytes(), TIME)
            .await?;
        // 404: the account is gone, or the plugin doesn't say. Anything else is asked again later.
        let customer = match answer.status {
            200..=299 => Customer::read(&answer.body),
            404 => None,
            status => return Err(OutgoingError::Status(status)),
        };
        self.keep(site, visitor, login.wp_user, customer.as_ref()).await?;
        Ok(customer)
    }

    async fn keep(
        &self,
        site: SiteId,
        visitor: VisitorId,
        wp_user: i64,
        customer: Option<&Customer>,
    ) -> Result<(), OutgoingError> {
        let text = serde_json::to_string(&customer).unwrap_or_default();
        let sealed = self
            .master()
            .seal(&profile_owner(site, visitor), text.as_bytes())?;
        let email = customer.and_then(|c| c.email.as_deref());
        let hash = email.map(|e| email_hash(self.master(), site, e));
        let profile = customer.map(|_| (sealed.as_slice(), hash.as_ref().map(<[u8; 32]>::as_slice)));
        let mut tx = self.db().site(site).await?;
        persons::set_profile(&mut tx, visitor, wp_user, profile, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}
