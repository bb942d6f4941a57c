//! An address that the visitor writes after the agent has asked for one: it is kept as where to
//! reply to them, whatever brain goes on. Closed rules; no model judges it.

use super::Agent;
use super::brain::TurnView;
use super::phrases;
use super::record::TurnRef;
use crate::db::pool::{DbError, DbResult};
use crate::db::threads;
use crate::domain::address::is_email;
use crate::domain::seal::owner_of_email;
use crate::guardrails::vault;
use crate::knowledge::words::words;

/// What may stand beside an address in a message that leaves one and wants nothing else.
const BESIDE: [&str; 34] = [
    "my", "the", "e", "mail", "email", "address", "is", "it", "it's", "here", "please", "thanks", "thank",
    "you", "yes", "sure", "ok", "okay", "use", "at", "to", "reply", "meine", "die", "adresse", "ist",
    "lautet", "bitte", "danke", "ja", "gerne", "hier", "an", "und",
];

/// An address that was asked for.
pub(super) struct Given {
    /// What stands for it in the thread.
    pub placeholder: String,
    /// Whether the message does nothing but leave it, and nothing waits for it but a person.
    pub alone: bool,
}

/// The address that a message gives, where the agent's last word asked for one.
pub(super) fn given(view: &TurnView) -> Option<Given> {
    let last = view.history.last().filter(|e| !e.by_visitor)?;
    if !phrases::wants_address(&last.text) {
        return None;
    }
    let from = view.message.find("[EMAIL_")?;
    let end = from + view.message[from..].find(']')? + 1;
    let (before, after) = (&view.message[..from], &view.message[end..]);
    let polite = [before, after]
        .iter()
        .flat_map(|text| words(text))
        .all(|word| BESIDE.contains(&word.lower.as_str()));
    Some(Given {
        placeholder: view.message[from..end].to_owned(),
        alone: polite && !phrases::only_asks_for_address(&last.text),
    })
}

/// What says in front of an address that it is the visitor's.
const MINE: [&str; 17] = [
    "my",
    "me",
    "i",
    "am",
    "i'm",
    "mine",
    "contact",
    "reach",
    "mein",
    "meine",
    "meiner",
    "mich",
    "mir",
    "bin",
    "ich",
    "kontakt",
    "erreichbar",
];

/// The address that a message gives unasked, of whoever is to be answered by a person: the only one in
/// it, and by the words in front of it, or since there are none, the visitor's own.
pub(super) fn only(message: &str) -> Option<&str> {
    let from = message.find("[EMAIL_")?;
    let end = from + message[from..].find(']')? + 1;
    let clause = message[..from]
        .rsplit(['.', ',', ';', ':', '!', '?', '\n'])
        .next()?;
    let words: Vec<String> = words(clause).into_iter().map(|w| w.lower).collect();
    let own = words.iter().rev().take(4).any(|w| MINE.contains(&w.as_str()));
    let alone = clause.trim().is_empty();
    ((own || alone) && !message[end..].contains("[EMAIL_")).then(|| &message[from..end])
}

/// Keeps it as the visitor's address; whether it was one.
pub(super) async fn store(agent: &Agent, t: &TurnRef, placeholder: &str) -> DbResult<bool> {
    let mut tx = agent.db.site(t.site).await?;
    let known = vault::open(&mut tx, &agent.master, t.thread).await?;
    let email = known.reveal(placeholder);
    if !is_email(email.trim()) {
        return Ok(false);
    }
    let owner = owner_of_email(t.site, t.visitor);
    let sealed = agent
        .master
        .seal(&owner, email.trim().as_bytes())
        .map_err(|e| DbError::Unreadable(e.to_string()))?;
    threads::set_email(&mut tx, t.visitor, &sealed).await?;
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::brain::Exchange;

    #[test]
    fn one_address_of_a_message_is_where_to_reply() {
        assert_eq!(only("A person please, I am [EMAIL_1]"), Some("[EMAIL_1]"));
        assert_eq!(only("[EMAIL_1], I want a person"), Some("[EMAIL_1]"));
        assert_eq!(
            only("Ein Mensch bitte. Meine E-Mail: [EMAIL_1]"),
            Some("[EMAIL_1]")
        );
        assert_eq!(only("Bob ([EMAIL_1]) was rude, I want a person"), None);
        assert_eq!(only("Please write to [EMAIL_1]"), None);
        assert_eq!(only("[EMAIL_1] or [EMAIL_2]"), None);
        assert_eq!(only("A person please"), None);
    }

    #[test]
    fn an_address_counts_after_it_was_asked_for() {
        let asked = "I've passed your message on to our team.\n\nPlease leave your e-mail address so that our reply reaches you.";
        let only = "Please leave your e-mail address so that our reply reaches you.";
        for (last, message, alone) in [
            (asked, "[EMAIL_1]", Some(true)),
            (asked, "It's [EMAIL_1], thanks!", Some(true)),
            (asked, "[EMAIL_1] and where is order 1001?", Some(false)),
            (asked, "Where is my order?", None),
            ("Hello!", "[EMAIL_1]", None),
            // A brain goes on with what it asked for.
            (only, "[EMAIL_1]", Some(false)),
        ] {
            let view = TurnView {
                message: message.to_owned(),
                history: vec![Exchange {
                    by_visitor: false,
                    text: last.to_owned(),
                }],
                ..TurnView::default()
            };
            assert_eq!(given(&view).map(|g| g.alone), alone, "{last} / {message}");
        }
    }
}
