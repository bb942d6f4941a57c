//! What tells a message that is sent again from another one under the same id.

use sha2::{Digest, Sha256};

use super::turns::Message;
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;
use crate::guardrails::pii::{self, Kind};

/// Of everything that the client sent but the id, and but card numbers. Keyed: a message may be
/// nothing but an address or a code, and nobody without the key can try them all.
pub(super) fn fingerprint(master: &MasterKey, site: SiteId, message: &Message) -> Vec<u8> {
    let text = without_cards(&message.text);
    let mut hash = Sha256::new();
    for part in [
        message.thread_id.map(|t| t.to_string()).as_deref(),
        Some(text.as_str()),
        message.locale.as_deref(),
        message.email.as_deref(),
    ] {
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    // Only where there is one, so that earlier messages keep theirs.
    if let Some((proposal, accept)) = message.confirm {
        hash.update(proposal.0.as_bytes());
        hash.update([u8::from(accept)]);
    }
    let owner = format!("site/{site}/message");
    master.fingerprint(&owner, &hash.finalize()).to_vec()
}

fn without_cards(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for card in pii::find(text).iter().filter(|s| s.kind == Kind::Card) {
        out.push_str(&text[from..card.start]);
        out.push_str("[CARD]");
        from = card.end;
    }
    out.push_str(&text[from..]);
    out
}
