//! Temporary.
use crate::db::pool::{DbResult, SiteTx};
use crate::domain::document::Found;
/// Query.
pub struct SearchQuery {
    /// Text
    pub text: String,
    /// k
    pub k: i64,
    /// channel
    pub channel: Option<String>,
}
/// Search.
pub async fn search(_tx: &mut SiteTx, _q: &SearchQuery) -> DbResult<Found> {
    Ok(Found::default())
}
