//! What a visitor wants of tickets and people: read from the message, and, where it gives what was
//! asked for, from the messages before it.

use super::say::asks_about;
use crate::agent::brain::TurnView;
use crate::agent::consent;
use crate::agent::phrases::{self, Tongue};
use crate::knowledge::words::words;

/// Words of a text that says nothing yet.
const TOO_FEW: usize = 3;
/// A wish for a new ticket.
const WISH: &[&str] = &[
    "open a ticket",
    "open ticket",
    "create a ticket",
    "create ticket",
    "file a ticket",
    "raise a ticket",
    "make a ticket",
    "submit a ticket",
    "new ticket",
    "a ticket please",
    "want a ticket",
    "need a ticket",
    "file a complaint",
    "make a complaint",
    "lodge a complaint",
    "submit a complaint",
    "want to complain",
    "ticket erstellen",
    "ticket anlegen",
    "ticket eröffnen",
    "ticket öffnen",
    "ticket aufmachen",
    "neues ticket",
    "brauche ein ticket",
    "möchte ein ticket",
    "ein ticket bitte",
    "beschwerde einreichen",
    "beschwerde einlegen",
    "mich beschweren",
    "möchte mich beschweren",
];
/// What names a ticket that is there, and what one wants with it: a shop may sell tickets, too.
const MINE: &[&str] = &["my ticket", "mein ticket", "meinem ticket", "support ticket"];
const WITH_IT: &[&str] = &[
    "add",
    "update",
    "news",
    "status",
    "reply",
    "answer",
    "close",
    "hinzufügen",
    "ergänzen",
    "ergänze",
    "neues",
    "stand",
    "antwort",
    "gibt es",
];
/// Words of a wish that say nothing of what it is about.
const EMPTY: &[&str] = &[
    "i",
    "i'd",
    "like",
    "to",
    "a",
    "an",
    "the",
    "please",
    "can",
    "could",
    "you",
    "would",
    "want",
    "need",
    "open",
    "create",
    "file",
    "raise",
    "make",
    "submit",
    "lodge",
    "new",
    "ticket",
    "complaint",
    "complain",
    "for",
    "me",
    "about",
    "it",
    "this",
    "something",
    "and",
    "how",
    "do",
    "hi",
    "hello",
    "thanks",
    "support",
    "ich",
    "möchte",
    "will",
    "würde",
    "gerne",
    "gern",
    "ein",
    "eine",
    "einen",
    "bitte",
    "können",
    "sie",
    "kann",
    "mir",
    "mich",
    "erstellen",
    "anlegen",
    "eröffnen",
    "öffnen",
    "aufmachen",
    "neues",
    "beschwerde",
    "beschweren",
    "einreichen",
    "einlegen",
    "brauche",
    "hallo",
    "danke",
    "für",
    "wie",
    "du",
    "soll",
];
/// An offer of a person, as the fixed sentences of this house make it.
const OFFERS: &[&str] = &[
    "would you like me to pass it on to our team?",
    "soll ich es an unser Team weitergeben?",
    "If you'd like, our team can.",
    "Wenn Sie möchten, hilft unser Team weiter.",
    "I can pass it on to our team; just ask for a person.",
    "gebe ich es an unser Team weiter; fragen Sie einfach nach einem Menschen.",
];

/// What is to be done with tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Open one that says this; the address to reply to, as its placeholder.
    Open { body: String, email: Option<String> },
    /// Ask what it is about.
    About,
    /// Add the message to this one, or to the newest.
    Add(Option<String>),
    /// Yes to the offer of a person.
    Person,
    /// No to that, or to a ticket.
    Nothing,
}

fn spaced(message: &str) -> String {
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    format!(" {} ", lower.join(" "))
}

fn has(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|p| text.contains(&format!(" {p} ")))
}

fn wants_new(message: &str) -> bool {
    has(&spaced(message), WISH)
}

/// What a wish says of its matter; none when it only wishes.
fn matter(message: &str) -> Option<&str> {
    let after = message.split_once(':').map_or(message, |(_, after)| after).trim();
    let says = |text: &str| {
        words(text)
            .iter()
            .filter(|w| !EMPTY.contains(&w.lower.as_str()) && !w.lower.starts_with("email"))
            .count()
            >= TOO_FEW
    };
    if says(after) {
        Some(after)
    } else {
        says(message).then_some(message)
    }
}

fn email(message: &str) -> Option<String> {
    let from = message.find("[EMAIL_")?;
    let end = from + message[from..].find(']')? + 1;
    Some(message[from..end].to_owned())
}

/// A ticket that a message names: `T-12`.
fn named(message: &str) -> Option<String> {
    message
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .find(|part| {
            let digits = part.strip_prefix("T-").or_else(|| part.strip_prefix("t-"));
            digits.is_some_and(|d| (1..=9).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(str::to_uppercase)
}

/// What the conversation wants now; none when it is about something else.
pub(super) fn read(view: &TurnView) -> Option<Wish> {
    let message = view.message.as_str();
    let since = view.since();
    let said = since.last().filter(|e| !e.by_visitor).map(|e| e.text.as_str());
    if let Some(said) = said {
        let offered = OFFERS.iter().any(|o| said.trim_end().ends_with(o));
        match consent::read(message) {
            Some(true) if offered => return Some(Wish::Person),
            Some(false) if offered || is_about(said) => return Some(Wish::Nothing),
            _ => {}
        }
        if is_about(said) && !wants_new(message) && since.len() >= 2 {
            return Some(Wish::Open {
                body: message.to_owned(),
                email: email(message),
            });
        }
        if phrases::only_asks_for_address(said)
            && let (Some(email), Some(body)) = (email(message), waiting(view))
        {
            return Some(Wish::Open {
                body,
                email: Some(email),
            });
        }
    }
    if wants_new(message) {
        return Some(match matter(message) {
            Some(body) => Wish::Open {
                body: body.to_owned(),
                email: email(message),
            },
            None => Wish::About,
        });
    }
    let number = named(message);
    let mine = || {
        let text = spaced(message);
        has(&text, MINE) && has(&text, WITH_IT)
    };
    (number.is_some() || mine()).then_some(Wish::Add(number))
}

fn is_about(said: &str) -> bool {
    [Tongue::English, Tongue::German]
        .iter()
        .any(|t| said == asks_about(*t))
}

/// The text of the ticket that waits for an address: the visitor's last message, if it wished for
/// one or said what one is about.
fn waiting(view: &TurnView) -> Option<String> {
    let since = view.since();
    let at = since.iter().rposition(|e| e.by_visitor)?;
    let message = since[at].text.as_str();
    let before = at.checked_sub(1).and_then(|i| since.get(i));
    if before.is_some_and(|e| !e.by_visitor && is_about(&e.text)) {
        return Some(message.to_owned());
    }
    wants_new(message).then(|| matter(message).unwrap_or(message).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::brain::Exchange;

    /// A conversation: what the visitor and the agent said in turn, the visitor first and last.
    fn wish(said: &[&str]) -> Option<Wish> {
        let (message, before) = said.split_last().unwrap();
        let history = before
            .iter()
            .enumerate()
            .map(|(i, text)| Exchange {
                by_visitor: i % 2 == 0,
                text: (*text).to_owned(),
            })
            .collect();
        read(&TurnView {
            message: (*message).to_owned(),
            history,
            ..TurnView::default()
        })
    }

    fn open(body: &str, email: Option<&str>) -> Option<Wish> {
        Some(Wish::Open {
            body: body.to_owned(),
            email: email.map(str::to_owned),
        })
    }

    #[test]
    fn a_wish_for_a_ticket_is_read_with_its_matter() {
        assert_eq!(wish(&["I'd like to open a ticket"]), Some(Wish::About));
        assert_eq!(wish(&["Ich möchte ein Ticket erstellen"]), Some(Wish::About));
        assert_eq!(
            wish(&["Please open a ticket: the lamp arrived with a broken shade"]),
            open("the lamp arrived with a broken shade", None)
        );
        assert_eq!(
            wish(&["Open a ticket, my lamp of order 1001 flickers at night. [EMAIL_1]"]),
            open(
                "Open a ticket, my lamp of order 1001 flickers at night. [EMAIL_1]",
                Some("[EMAIL_1]")
            )
        );
        for other in [
            "Where is my order 1001?",
            "How long is the warranty?",
            "I lost my ticket to the opera",
            "How much is the ticket?",
            "hello",
        ] {
            assert_eq!(wish(&[other]), None, "{other}");
        }
    }

    #[test]
    fn what_is_asked_for_is_given_over_several_turns() {
        let about = asks_about(Tongue::English);
        let address = "Please leave your e-mail address so that our reply reaches you.";
        assert_eq!(
            wish(&["open a ticket", about, "The shade is broken"]),
            open("The shade is broken", None)
        );
        assert_eq!(wish(&["open a ticket", about, "no thanks"]), Some(Wish::Nothing));
        assert_eq!(
            wish(&[
                "open a ticket",
                about,
                "The shade is broken",
                address,
                "It's [EMAIL_1]"
            ]),
            open("The shade is broken", Some("[EMAIL_1]"))
        );
        assert_eq!(
            wish(&["open a ticket: the lamp shade is broken", address, "[EMAIL_1]"]),
            open("the lamp shade is broken", Some("[EMAIL_1]"))
        );
        let frage = asks_about(Tongue::German);
        assert_eq!(
            wish(&["Ticket anlegen bitte", frage, "Der Schirm ist kaputt"]),
            open("Der Schirm ist kaputt", None)
        );
        // Another question goes to where it belongs.
        assert_eq!(
            wish(&[
                "open a ticket: the lamp shade is broken",
                address,
                "Why do you need it?"
            ]),
            None
        );
    }

    #[test]
    fn additions_offers_and_refusals_are_read() {
        assert_eq!(
            wish(&["Please add to T-12 that the cable is missing too"]),
            Some(Wish::Add(Some("T-12".into())))
        );
        assert_eq!(wish(&["Any news on my ticket?"]), Some(Wish::Add(None)));
        let offer = "I can't do that myself here; would you like me to pass it on to our team?";
        assert_eq!(wish(&["refund 1004", offer, "Yes, please!"]), Some(Wish::Person));
        assert_eq!(wish(&["refund 1004", offer, "no"]), Some(Wish::Nothing));
        assert_eq!(
            wish(&["hello", "Hello! What would you like to know?", "yes"]),
            None
        );
    }

    #[test]
    fn a_person_who_has_answered_ends_what_was_wished_before() {
        let about = asks_about(Tongue::English);
        let exchange = |by_visitor, text: &str| Exchange {
            by_visitor,
            text: text.to_owned(),
        };
        let view = TurnView {
            message: "The shade is broken".to_owned(),
            history: vec![
                exchange(true, "open a ticket"),
                exchange(false, about),
                exchange(false, "I did that."),
            ],
            handled: 3,
            ..TurnView::default()
        };
        assert_eq!(read(&view), None);
    }
}
