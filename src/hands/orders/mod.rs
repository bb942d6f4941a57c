//! Orders, wherever they are: what an adapter must be able to do, and how it may fail. An
//! adapter acts under a key: asked again under the same one it changes nothing more, or at
//! least can tell whether it has.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::ToolError;
use super::check_refund_policy::CheckRefundPolicy;
use super::get_order_status::GetOrderStatus;
use super::issue_refund::IssueRefund;
use super::list_orders::ListOrders;
use super::registry::{BadSchema, Registry};
use super::update_shipping_address::UpdateShippingAddress;
use super::verify_identity::VerifyIdentity;
use crate::db::pool::DbError;
use crate::domain::customer::Account;
use crate::domain::ids::SiteId;
use crate::domain::money::Money;
use crate::domain::order::{Address, Order};
use crate::domain::tool::ToolCode;

/// The most orders of a customer that are listed.
pub const MOST_LISTED: usize = 10;

/// How a shop fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It wants fewer requests; nothing was done.
    #[error("the shop wants fewer requests")]
    RateLimited,
    /// It has failed too often of late and is left alone for a while; nothing was asked.
    #[error("the shop is left alone after failures")]
    Resting,
    /// There was no connection: nothing was asked.
    #[error("the shop can't be reached: {0}")]
    Unreachable(String),
    /// It didn't answer in time, or the connection broke: it may have done it all the same.
    #[error("the shop didn't answer: {0}")]
    Silent(String),
    /// It answered with an error of its own: it may have done it all the same.
    #[error("the shop failed: {0}")]
    Failed(String),
    /// It refused: nothing was done.
    #[error("the shop refused: {0}")]
    Refused(String),
    /// The site's access to its shop isn't set up, or was withdrawn.
    #[error("the shop can't be asked: {0}")]
    NoAccess(String),
}

impl StoreError {
    /// Whether what was asked for may have happened all the same.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Silent(_) | Self::Failed(_))
    }
}

impl From<StoreError> for ToolError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            // A visitor who is told of a limit believes that it is theirs.
            StoreError::RateLimited
            | StoreError::Resting
            | StoreError::Unreachable(_)
            | StoreError::Silent(_) => ToolCode::Timeout,
            StoreError::Failed(_) => ToolCode::Upstream5xx,
            StoreError::Refused(_) => ToolCode::InvalidInput,
            StoreError::NoAccess(_) => ToolCode::Disabled,
        };
        let wants_rest = matches!(error, StoreError::RateLimited | StoreError::Resting);
        let error = Self::new(code, error);
        if wants_rest { error.lasting() } else { error }
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        // Before a commit nothing was done; after one that broke nobody knows.
        Self::Failed(error.to_string())
    }
}

/// The result of asking a shop.
pub type StoreResult<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What is to be changed in a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Pay back.
    Refund {
        /// How much.
        amount: Money,
        /// What the shop notes beside it: where to look, nothing that the visitor wrote.
        reason: String,
    },
    /// Send it elsewhere.
    Address(Address),
}

/// A shop.
pub trait OrderStore: Send + Sync + 'static {
    /// Its name in explanations.
    fn name(&self) -> &'static str;

    /// An order by its number.
    fn find<'a>(&'a self, site: SiteId, number: &'a str) -> StoreResult<'a, Option<Order>>;

    /// The orders of a billing e-mail, newest first, at most [`MOST_LISTED`].
    fn of_email<'a>(&'a self, site: SiteId, email: &'a str) -> StoreResult<'a, Vec<Order>>;

    /// Its own number of an account of WordPress, where its customers are that WordPress's users.
    fn account(&self, _account: &Account) -> Option<String> {
        None
    }

    /// The orders that were placed from an account, by that number, newest first, at most
    /// [`MOST_LISTED`].
    fn of_account<'a>(&'a self, _site: SiteId, _account: &'a str) -> StoreResult<'a, Vec<Order>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// The order with what only the refund policy asks for, the categories of its goods. For an
    /// order that is the visitor's: it may take another request.
    fn with_categories(&self, _site: SiteId, order: Order) -> StoreResult<'_, Order> {
        Box::pin(std::future::ready(Ok(order)))
    }

    /// Changes an order under a key; gives the shop's own name for what it did. Under a key that
    /// was used before nothing more is changed where the shop can tell.
    fn change<'a>(
        &'a self,
        site: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> StoreResult<'a, String>;

    /// What was done under a key; none where nothing was.
    fn done<'a>(
        &'a self,
        site: SiteId,
        number: &'a str,
        change: &'a Change,
        key: &'a str,
    ) -> StoreResult<'a, Option<String>>;
}

/// Which shop a site has.
pub trait Stores: Send + Sync + 'static {
    /// The site's shop; none where it has none.
    fn of(&self, site: SiteId) -> StoreResult<'_, Option<Arc<dyn OrderStore>>>;
}

/// The site's shop, for tools that are of no use without.
///
/// # Errors
/// [`ToolCode::Disabled`] where the site has none.
pub async fn shop(stores: &dyn Stores, site: SiteId) -> Result<Arc<dyn OrderStore>, ToolError> {
    stores
        .of(site)
        .await?
        .ok_or_else(|| ToolError::new(ToolCode::Disabled, "the site has no shop connected"))
}

/// Adds all tools that work on orders; `mails` says whether codes can be sent.
///
/// # Errors
/// When a tool's schema is none: a defect.
pub fn register(registry: &mut Registry, stores: &Arc<dyn Stores>, mails: bool) -> Result<(), BadSchema> {
    registry.add(GetOrderStatus(Arc::clone(stores)))?;
    registry.add(ListOrders(Arc::clone(stores)))?;
    registry.add(VerifyIdentity {
        stores: Arc::clone(stores),
        mails,
    })?;
    registry.add(CheckRefundPolicy(Arc::clone(stores)))?;
    registry.add(IssueRefund(Arc::clone(stores)))?;
    registry.add(UpdateShippingAddress(Arc::clone(stores)))?;
    registry.act_in(Arc::clone(stores));
    Ok(())
}
