//! Identifiers: UUIDv7 in a type of its own each, so that a thread can't be passed
//! for a turn. Their order in time is only approximate; nothing may rely on it for
//! the order of events (that is `ThreadEvent`'s sequence number).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, of now.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// For logs and traces: the same for the same id, and nobody finds the id by it
            /// who doesn't have it already.
            #[must_use]
            pub fn hashed(self) -> String {
                hex::encode(&Sha256::digest(self.0.as_bytes())[..8])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// A site: one WordPress installation, the tenant.
    SiteId,
    /// Who chats on a site.
    VisitorId,
    /// A conversation.
    ThreadId,
    /// One visitor message and all that answers it.
    TurnId,
    /// The client's own id of a message; the key of idempotency.
    MessageId,
    /// One call of a tool.
    CallId,
    /// A write that waits for somebody's yes.
    ProposalId,
    /// A source in the knowledge base.
    DocumentId,
    /// One content of a document.
    VersionId,
    /// Raw bytes that wait for ingestion.
    UploadId,
    /// An address that is crawled.
    CrawlId,
    /// Background work in the queue.
    JobId,
    /// A webhook that came in.
    EventId,
    /// A thread given to staff.
    HandoffId,
    /// A ticket.
    TicketId,
    /// What a site asks to be answered in the background.
    AiJobId,
    /// A mail that goes out.
    MailId,
    /// What staff are told by one channel.
    NoticeId,
}

impl DocumentId {
    /// The id of a document that is new under this name at its origin. Always the same, so that
    /// whoever hears of a document can name it before anybody has stored it.
    #[must_use]
    pub fn named(site: SiteId, source: &str, external_id: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(site.0.as_bytes());
        hash.update(source.as_bytes());
        hash.update([0]);
        hash.update(external_id.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documents_name_gives_its_id() {
        let (a, b) = (SiteId::new(), SiteId::new());
        let id = DocumentId::named(a, "wp_post", "12");
        assert_eq!(id, DocumentId::named(a, "wp_post", "12"));
        for other in [
            DocumentId::named(b, "wp_post", "12"),
            DocumentId::named(a, "wp_media", "12"),
            DocumentId::named(a, "wp_post", "1"),
            DocumentId::named(a, "wp_post1", "2"),
        ] {
            assert_ne!(id, other);
        }
        assert_eq!(id.0.get_version_num(), 8);
    }
}
