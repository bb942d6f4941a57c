//! Tickets: what stands in one, the words for its state and priority, and what its parts are
//! sealed for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::ids::{SiteId, TicketId};
use crate::domain::seal::{MasterKey, SealError};

/// The longest subject, in characters.
pub const LONGEST_SUBJECT: usize = 200;
/// The longest text of a ticket or a note, in characters.
pub const LONGEST_TEXT: usize = 8_000;
/// The category of what says nothing of its kind.
pub const SUPPORT: &str = "support";

/// How a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Nobody has looked at it.
    New,
    /// Somebody works on it.
    Open,
    /// It waits for its customer.
    Pending,
    /// It is done.
    Resolved,
}

impl TicketState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Open, Self::Pending, Self::Resolved];

    /// The name in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Resolved => "resolved",
        }
    }

    /// Reads [`TicketState::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// How urgent a ticket is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// It can wait.
    Low,
    /// As most are.
    Normal,
    /// Before others.
    High,
    /// At once.
    Urgent,
}

impl Priority {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// The name in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    /// Reads [`Priority::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

/// Whether a text names a category: a short word of small letters, digits, - and _.
#[must_use]
pub fn is_category(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(fits)
}

/// What people call a ticket: `T-12`.
#[must_use]
pub fn called(number: i32) -> String {
    format!("T-{number}")
}

/// Reads what people call a ticket: `T-12`, `t12`, `#12` or `12`.
#[must_use]
pub fn number(text: &str) -> Option<i32> {
    let bare = text.trim();
    let bare = bare.strip_prefix('#').unwrap_or(bare);
    let digits = match bare.strip_prefix(['T', 't']) {
        Some(rest) => rest.strip_prefix('-').unwrap_or(rest),
        None => bare,
    };
    let fits = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten().filter(|n| *n > 0)
}

/// What a person wrote in a ticket, sealed as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// In a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// All of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// In a sentence or two, for whoever takes it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The customer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The customer's company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// What could be replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_draft: Option<String>,
    /// What else belongs to it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl Content {
    /// Sealed for its ticket.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, master: &MasterKey, site: SiteId, ticket: TicketId) -> Result<Vec<u8>, SealError> {
        let plain = serde_json::to_vec(self).map_err(|_| SealError::Failed)?;
        master.seal(&owner(site, ticket, "content"), &plain)
    }

    /// Opens what [`Content::seal`] gave.
    ///
    /// # Errors
    /// When it is another ticket's, or sealed with another key.
    pub fn open(
        master: &MasterKey,
        site: SiteId,
        ticket: TicketId,
        sealed: &[u8],
    ) -> Result<Self, SealError> {
        let plain = master.open(&owner(site, ticket, "content"), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Malformed)
    }
}

/// What a part of a ticket is sealed for: `content`, `contact`, `note/ID`.
#[must_use]
pub fn owner(site: SiteId, ticket: TicketId, part: &str) -> String {
    format!("site/{site}/ticket/{ticket}/{part}")
}

/// What an address for the answer is sealed for.
#[must_use]
pub fn contact_owner(site: SiteId, ticket: TicketId) -> String {
    owner(site, ticket, "contact")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_named_as_people_name_them() {
        for text in ["T-12", "t-12", "T12", "#12", " 12 ", "#T-12"] {
            assert_eq!(number(text), Some(12), "{text}");
        }
        for text in ["", "T-", "0", "-12", "12a", "T-1234567890"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number(&called(7)), Some(7));
    }

    #[test]
    fn a_content_opens_for_its_own_ticket_only() {
        let master = MasterKey::new([3; 32]);
        let (site, ticket) = (SiteId::new(), TicketId::new());
        let content = Content {
            subject: "Broken lamp".into(),
            body: "It came broken.".into(),
            ..Content::default()
        };
        let sealed = content.seal(&master, site, ticket).unwrap();
        assert_eq!(Content::open(&master, site, ticket, &sealed).unwrap(), content);
        assert!(Content::open(&master, site, TicketId::new(), &sealed).is_err());
        assert!(Content::open(&master, SiteId::new(), ticket, &sealed).is_err());
    }

    #[test]
    fn names_read_back() {
        assert!(
            TicketState::ALL
                .iter()
                .all(|s| TicketState::parse(s.as_str()) == Some(*s))
        );
        assert!(
            Priority::ALL
                .iter()
                .all(|p| Priority::parse(p.as_str()) == Some(*p))
        );
        assert!(is_category("lead") && is_category("on-hold_2") && !is_category("Lead") && !is_category(""));
    }
}
