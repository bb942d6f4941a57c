//! What visitors write about answers, at rest: as messages, with placeholders where personal
//! data stood. The values are sealed beside the text and not in the conversation's vault: a turn
//! may be adding to that at the same moment.

use std::collections::BTreeSet;

use crate::db::pool::{DbError, DbResult};
use crate::domain::ids::{SiteId, TurnId};
use crate::domain::seal::{MasterKey, SealError, hash_of_email};
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::pii::{self, Kind};

/// Tags and comment without personal data, and what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// In a word each.
    pub tags: Vec<String>,
    /// In more words.
    pub comment: Option<String>,
    /// The values, sealed; none when there are none.
    pub sealed: Option<Vec<u8>>,
    /// Hashes of the addresses among them.
    pub addresses: Vec<Vec<u8>>,
}

fn owner(site: SiteId, turn: TurnId) -> String {
    format!("site/{site}/turn/{turn}/opinion")
}

/// Puts placeholders into an opinion and seals what they stand for.
///
/// # Errors
/// When the system gives no randomness.
pub fn mask(
    master: &MasterKey,
    site: SiteId,
    turn: TurnId,
    tags: &[String],
    comment: Option<&str>,
) -> Result<Masked, SealError> {
    let mut all = Placeholders::default();
    let tags: Vec<String> = tags.iter().map(|tag| all.mask(tag)).collect();
    let comment = comment.map(|text| all.mask(text));
    let values = all.take_new();
    let addresses: BTreeSet<[u8; 32]> = values
        .iter()
        .flat_map(|(_, value)| {
            let found = pii::find(value);
            let emails = found.into_iter().filter(|span| span.kind == Kind::Email);
            emails.map(|span| hash_of_email(master, site, &value[span.start..span.end]))
        })
        .collect();
    let sealed = if values.is_empty() {
        None
    } else {
        let written = serde_json::json!(values).to_string();
        Some(master.seal(&owner(site, turn), written.as_bytes())?)
    };
    Ok(Masked {
        tags,
        comment,
        sealed,
        addresses: addresses.into_iter().map(|hash| hash.to_vec()).collect(),
    })
}

/// What stands behind an opinion's placeholders.
///
/// # Errors
/// When it can't be opened with this master key.
pub fn open(master: &MasterKey, site: SiteId, turn: TurnId, sealed: Option<&[u8]>) -> DbResult<Placeholders> {
    let Some(sealed) = sealed else {
        return Ok(Placeholders::default());
    };
    let unreadable = |e: String| DbError::Unreadable(format!("an opinion: {e}"));
    let plain = master
        .open(&owner(site, turn), sealed)
        .map_err(|e| unreadable(e.to_string()))?;
    let values: Vec<(String, String)> =
        serde_json::from_slice(&plain).map_err(|e| unreadable(e.to_string()))?;
    Ok(Placeholders::from_entries(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opinion_reads_back_as_it_was_written_but_for_cards() {
        let master = MasterKey::new([7; 32]);
        let (site, turn) = (SiteId::new(), TurnId::new());
        let tags = ["wrong".to_owned(), "a@b.de".to_owned()];
        let comment = "Write to A@b.de, card 4111 1111 1111 1111, [EMAIL_1]";
        let masked = mask(&master, site, turn, &tags, Some(comment)).unwrap();
        assert_eq!(masked.tags, ["wrong", "[EMAIL_1]"]);
        let kept = masked.comment.as_deref().unwrap();
        assert!(!kept.contains("b.de") && kept.contains("[CARD]"), "{kept}");
        assert_eq!(
            masked.addresses,
            [hash_of_email(&master, site, "a@b.de").to_vec()]
        );
        let opened = open(&master, site, turn, masked.sealed.as_deref()).unwrap();
        assert_eq!(
            opened.reveal(kept),
            comment.replace("4111 1111 1111 1111", "[CARD]")
        );
        assert_eq!(opened.reveal(&masked.tags[1]), "a@b.de");
        assert!(open(&master, site, TurnId::new(), masked.sealed.as_deref()).is_err());
        let plain = mask(&master, site, turn, &[], Some("Good.")).unwrap();
        assert_eq!((plain.sealed, plain.addresses), (None, Vec::new()));
    }
}
