//! Whether the way back to a site is open: it is asked as its callbacks would be, before the
//! first one is lost on a firewall, a password in front of the site, or our own rules.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::Gateway;
use super::outgoing::OutgoingError;
use crate::domain::ids::SiteId;

/// Less than the plugin waits for the whole test.
const TIME: Duration = Duration::from_secs(3);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WayBack {
    /// Whether the site answered as itself.
    pub open: bool,
    /// Why not, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl WayBack {
    fn closed(code: &str, detail: String) -> Self {
        Self {
            open: false,
            code: Some(code.to_owned()),
            detail: Some(detail),
        }
    }
}

impl Gateway {
    /// Posts a signed question to a site, and looks whether its answer is to this very one.
    pub async fn reach(&self, site: SiteId, kid: &str, url: &str, nonce: &str) -> WayBack {
        let body = json!({ "nonce": nonce }).to_string().into_bytes();
        match self.post(site, kid, url, &[], body, TIME).await {
            Ok(answer) if answer.status == 200 && is_told(&answer.body, nonce) => WayBack {
                open: true,
                code: None,
                detail: None,
            },
            Ok(answer) if answer.status == 200 => WayBack::closed(
                "not_the_plugin",
                "Something answered at the site's address, but not the plugin: a page in front of the site, or a cache.".to_owned(),
            ),
            Ok(answer) => WayBack::closed(
                "refused",
                format!("The site answered {} to what came from here.", answer.status),
            ),
            Err(OutgoingError::Fetch(error)) => WayBack::closed(error.code(), error.to_string()),
            Err(error) => {
                tracing::warn!(%error, "a site's way back couldn't be tried");
                WayBack::closed("not_tried", "It couldn't be tried just now.".to_owned())
            }
        }
    }
}

fn is_told(body: &[u8], nonce: &str) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|told| told["nonce"] == nonce)
}
