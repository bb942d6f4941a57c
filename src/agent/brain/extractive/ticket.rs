//! Tickets and people without a model: a wish for a ticket, what it is about, where to reply, and
//! the yes to an offer of a person, read by rules over the conversation since a person last
//! answered in it. English and German, whatever the locale says.

use serde_json::json;

use super::Sentence;
use crate::agent::brain::{Plan, ToolCall, TurnView};
use crate::agent::consent;
use crate::agent::machine::action::HandoffReason;
use crate::agent::phrases::{self, Tongue};
use crate::hands::Tool;
use crate::hands::create_ticket::CreateTicket;
use crate::hands::update_ticket::UpdateTicket;
use crate::knowledge::words::words;

const CREATE: &str = CreateTicket::NAME;
const UPDATE: &str = UpdateTicket::NAME;
/// The longest subject, in characters; and words of a text that says nothing yet.
const SUBJECT: usize = 80;
const TOO_FEW: usize = 3;
/// The longest text, as the tool takes it.
const BODY: usize = 4_000;

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
/// What names a ticket that is there.
const MINE: &[&str] = &[
    "my ticket",
    "the ticket",
    "this ticket",
    "mein ticket",
    "meinem ticket",
    "das ticket",
    "dem ticket",
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
/// What makes one urgent.
const HASTE: &[&str] = &[
    "urgent",
    "urgently",
    "asap",
    "immediately",
    "dringend",
    "sofort",
    "eilig",
];
/// An offer of a person, as the fixed sentences of this house make it.
const OFFERS: &[&str] = &[
    "would you like me to pass it on to our team?",
    "soll ich es an unser Team weitergeben?",
    "If you'd like, our team can.",
    "Wenn Sie möchten, hilft unser Team weiter.",
];

fn asks_about(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => "What is it about? Please describe it briefly.",
        Tongue::German => "Worum geht es? Bitte beschreiben Sie es kurz.",
    }
}

/// What is to be done with tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
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

fn read(view: &TurnView) -> Option<Wish> {
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
    (number.is_some() || has(&spaced(message), MINE)).then_some(Wish::Add(number))
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

fn subject(body: &str) -> String {
    let first = body
        .split(['\n', '.', '!', '?'])
        .map(str::trim)
        .find(|p| !p.is_empty())
        .unwrap_or(body);
    if first.chars().count() <= SUBJECT {
        return first.to_owned();
    }
    let cut: String = first.chars().take(SUBJECT).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole}…")
}

fn ran<'a>(view: &'a TurnView, tool: &str) -> Option<&'a Result<serde_json::Value, String>> {
    view.outcomes.iter().find(|o| o.tool == tool).map(|o| &o.result)
}

/// What to do next about tickets and people; none when the message isn't about them.
pub fn plan(view: &TurnView) -> Option<Plan> {
    if ran(view, CREATE).or_else(|| ran(view, UPDATE)).is_some() {
        return Some(Plan::Draft);
    }
    let call = |tool: &str, args: serde_json::Value| {
        Plan::Calls(vec![ToolCall {
            tool: tool.to_owned(),
            args,
        }])
    };
    Some(match read(view)? {
        Wish::Person => Plan::Handoff(HandoffReason::VisitorAsked),
        Wish::Open { .. } | Wish::About if view.off.contains(CREATE) => Plan::Draft,
        Wish::Add(_) if view.off.contains(UPDATE) => Plan::Draft,
        Wish::About | Wish::Nothing => Plan::Draft,
        Wish::Open { body, email } => {
            let body: String = body.chars().take(BODY).collect();
            let mut args = json!({ "subject": subject(&body), "body": body });
            if let Some(email) = email {
                args["email"] = json!(email);
            }
            if words(&body).iter().any(|w| HASTE.contains(&w.lower.as_str())) {
                args["priority"] = json!("high");
            }
            call(CREATE, args)
        }
        Wish::Add(number) => {
            let message: String = view.message.chars().take(BODY).collect();
            let mut args = json!({ "message": message });
            if let Some(number) = number {
                args["ticket_id"] = json!(number);
            }
            call(UPDATE, args)
        }
    })
}

/// What came of it, in words; none when the message isn't about tickets.
pub fn draft(view: &TurnView) -> Option<Vec<Sentence>> {
    let tongue = Tongue::of(&view.locale);
    let line = match (ran(view, CREATE), ran(view, UPDATE)) {
        (Some(Ok(output)), _) => opened(output["ticket_id"].as_str().unwrap_or_default(), tongue),
        (_, Some(Ok(output))) => added(output["ticket_id"].as_str().unwrap_or_default(), tongue),
        (Some(Err(code)), _) => failed(code, tongue),
        (_, Some(Err(code))) if code == "NOT_FOUND" => missing(tongue),
        (_, Some(Err(code))) => failed(code, tongue),
        (None, None) => match read(view)? {
            Wish::About if !view.off.contains(CREATE) => vec![asks_about(tongue).to_owned()],
            Wish::Nothing => nothing(tongue),
            _ => failed("DISABLED", tongue),
        },
    };
    let sentence = |md: String| Sentence {
        fixed: true,
        gap: None,
        md,
        cites: Vec::new(),
    };
    Some(line.into_iter().map(sentence).collect())
}

fn opened(ticket: &str, tongue: Tongue) -> Vec<String> {
    vec![match tongue {
        Tongue::English => format!("Thank you. Your ticket is {ticket}; our team replies by e-mail."),
        Tongue::German => format!("Danke. Ihr Ticket ist {ticket}; unser Team antwortet per E-Mail."),
    }]
}

fn added(ticket: &str, tongue: Tongue) -> Vec<String> {
    vec![match tongue {
        Tongue::English => format!("I've added your message to ticket {ticket}; our team reads it."),
        Tongue::German => {
            format!("Ich habe Ihre Nachricht zum Ticket {ticket} hinzugefügt; unser Team liest sie.")
        }
    }]
}

fn missing(tongue: Tongue) -> Vec<String> {
    vec![
        match tongue {
            Tongue::English => "I can't find such a ticket of yours. If you tell me to open a ticket, I do.",
            Tongue::German => {
                "Ich finde kein solches Ticket von Ihnen. Wenn Sie möchten, dass ich ein Ticket anlege, sagen Sie es."
            }
        }
        .to_owned(),
    ]
}

fn nothing(tongue: Tongue) -> Vec<String> {
    vec![
        match tongue {
            Tongue::English => "All right. Is there anything else you would like to know?",
            Tongue::German => "In Ordnung. Möchten Sie noch etwas wissen?",
        }
        .to_owned(),
    ]
}

fn failed(code: &str, tongue: Tongue) -> Vec<String> {
    let (english, german) = match code {
        "DISABLED" => (
            "I can't do that myself here; would you like me to pass it on to our team?",
            "Ich kann das hier nicht selbst tun; soll ich es an unser Team weitergeben?",
        ),
        "RATE_LIMIT" => (
            "You have told us a lot within a short time. Please try again a little later, or ask for a person.",
            "Sie haben uns in kurzer Zeit viel geschrieben. Bitte versuchen Sie es etwas später noch einmal, oder fragen Sie nach einem Menschen.",
        ),
        _ => (
            "That didn't work. Please try again in a moment, or ask for a person.",
            "Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal, oder fragen Sie nach einem Menschen.",
        ),
    };
    vec![
        match tongue {
            Tongue::English => english,
            Tongue::German => german,
        }
        .to_owned(),
    ]
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
            "hello",
        ] {
            assert!(matches!(wish(&[other]), None | Some(Wish::Add(None))), "{other}");
        }
        assert_eq!(wish(&["Where is my order 1001?"]), None);
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

    #[test]
    fn subjects_are_short() {
        assert_eq!(subject("The shade is broken. It came so."), "The shade is broken");
        let long = "word ".repeat(40);
        assert!(subject(&long).chars().count() <= SUBJECT + 1);
    }
}
