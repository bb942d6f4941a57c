//! What a visitor wants done with an order, and by which number and address: read from the
//! message, and, where it only gives what was asked for, from the messages before it.

use serde_json::Value;

use super::postal;
use crate::agent::brain::TurnView;
use crate::agent::brain::extractive::intent::{bare_number, order_number};
use crate::knowledge::words::words;

/// How far back a wish is looked for, in messages of the visitor.
const BACK: usize = 6;
/// The most words of a message that only gives a number or an address.
const SHORT: usize = 14;

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// To know where an order stands.
    Status,
    /// To see all orders.
    List,
    /// Money back.
    Refund,
    /// To have it sent elsewhere; the address, if it was given in a form that can be read.
    Address(Option<Value>),
}

/// A wish with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wished {
    /// What.
    pub wish: Wish,
    /// The order's number.
    pub number: Option<String>,
    /// The address that was given, as its placeholder.
    pub email: Option<String>,
    /// The visitor's words for it.
    pub reason: String,
    amount: Option<String>,
}

impl Wished {
    /// The amount that the visitor named, if it is less than what may be paid back; else all of it.
    pub fn amount_within(&self, max: &str) -> String {
        let value = |text: &str| text.parse::<f64>().ok();
        match (self.amount.as_deref(), value(max)) {
            (Some(named), Some(most)) if value(named).is_some_and(|n| n > 0.0 && n < most) => {
                named.to_owned()
            }
            _ => max.to_owned(),
        }
    }
}

/// What the conversation wants done with an order now; none when it is about something else.
pub fn read(view: &TurnView) -> Option<Wished> {
    let message = view.message.as_str();
    let before: Vec<&str> = view
        .since()
        .iter()
        .rev()
        .filter(|e| e.by_visitor)
        .take(BACK)
        .map(|e| e.text.as_str())
        .collect();
    // A message that only gives what was asked for goes on with the wish before it, and with
    // what was given since.
    let (wish, reason, since) = match wish(message) {
        Some(wish) => (wish, message, 0),
        None if gives(message) => before
            .iter()
            .enumerate()
            .find_map(|(i, text)| Some((wish(text)?, *text, i + 1)))?,
        None => return None,
    };
    let given = || std::iter::once(message).chain(before[..since].iter().copied());
    let named = |text: &str| order_number(text).or_else(|| bare_number(text));
    // What one order was called before, a later wish may mean without saying so.
    let number = given()
        .find_map(named)
        .or_else(|| before.iter().find_map(|text| order_number(text)));
    let email = given().find_map(placeholder);
    let wish = match wish {
        Wish::Address(None) => Wish::Address(postal::read(message)),
        wish => wish,
    };
    let amount = (wish == Wish::Refund).then(|| amount(reason)).flatten();
    Some(Wished {
        wish,
        number,
        email,
        reason: reason.to_owned(),
        amount,
    })
}

/// Whether a message gives an order's number or an address and not much else, or a postal
/// address.
fn gives(message: &str) -> bool {
    let brief = words(message).len() <= SHORT;
    brief
        && (placeholder(message).is_some()
            || bare_number(message).is_some()
            || order_number(message).is_some())
        || postal::read(message).is_some()
}

/// The first e-mail address of a text, as it stands behind its placeholder.
fn placeholder(text: &str) -> Option<String> {
    let from = text.find("[EMAIL_")?;
    let end = from + text[from..].find(']')? + 1;
    let number = &text[from + "[EMAIL_".len()..end - 1];
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| text[from..end].to_owned())
}

/// An amount of money in a text, as a plain decimal: a number with a euro before or behind it.
fn amount(text: &str) -> Option<String> {
    let lower = text.to_lowercase().replace('€', " euro ");
    let parts: Vec<&str> = lower
        .split_whitespace()
        .map(|w| w.trim_matches(|c: char| ".,;:!?".contains(c)))
        .collect();
    let euro = |w: Option<&&str>| w.is_some_and(|w| ["euro", "euros", "eur"].contains(w));
    let number = |w: &str| -> Option<String> {
        let (whole, cents) = w.split_once(['.', ',']).unwrap_or((w, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let fits =
            (1..=6).contains(&whole.len()) && digits(whole) && [0, 2].contains(&cents.len()) && digits(cents);
        fits.then(|| {
            if cents.is_empty() {
                whole.to_owned()
            } else {
                format!("{whole}.{cents}")
            }
        })
    };
    (0..parts.len()).find_map(|i| {
        let beside = euro(parts.get(i + 1)) || i.checked_sub(1).is_some_and(|i| euro(parts.get(i)));
        number(parts[i]).filter(|_| beside)
    })
}

/// What a message by itself wants.
fn wish(message: &str) -> Option<Wish> {
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    let text = format!(" {} ", lower.join(" "));
    let has = |phrases: &[&str]| phrases.iter().any(|p| text.contains(&format!(" {p} ")));
    let numbered = order_number(message).is_some();
    let mine = numbered || has(MY_ORDER);
    // How refunds or changes of address work in general is a question to the pages.
    let general = has(GENERAL) && !numbered;
    if general {
        None
    } else if has(ADDRESS) && (mine || has(ADDRESS_WISH)) {
        Some(Wish::Address(None))
    } else if has(REFUND) && (mine || has(REFUND_WISH)) {
        Some(Wish::Refund)
    } else if has(LIST) {
        Some(Wish::List)
    } else if numbered || has(STATUS) {
        Some(Wish::Status)
    } else {
        None
    }
}

const GENERAL: &[&str] = &[
    "how long",
    "how do",
    "how does",
    "how can",
    "how much",
    "what is",
    "what's",
    "what are",
    "do you",
    "does it",
    "is it possible",
    "wie lange",
    "wie kann",
    "wie funktioniert",
    "was kostet",
    "gibt es",
    "when do",
    "who pays",
];
const MY_ORDER: &[&str] = &[
    "my order",
    "this order",
    "the order",
    "my purchase",
    "meine bestellung",
    "meiner bestellung",
    "diese bestellung",
    "die bestellung",
];
const REFUND: &[&str] = &[
    "refund",
    "refunded",
    "money back",
    "reimburse",
    "reimbursement",
    "return",
    "send back",
    "give back",
    "rückerstattung",
    "erstattung",
    "erstatten",
    "zurückerstatten",
    "geld zurück",
    "zurückgeben",
    "zurückschicken",
    "rückgabe",
];
const REFUND_WISH: &[&str] = &[
    "i want a refund",
    "i want my money back",
    "i'd like a refund",
    "i would like a refund",
    "i want my money",
    "i'd like my money back",
    "give me my money back",
    "refund me",
    "please refund",
    "i need a refund",
    "i want to be refunded",
    "ich möchte mein geld zurück",
    "ich will mein geld zurück",
    "bitte erstatten",
];
const ADDRESS: &[&str] = &[
    "address",
    "adresse",
    "lieferadresse",
    "lieferanschrift",
    "anschrift",
    "shipping address",
    "delivery address",
];
const ADDRESS_WISH: &[&str] = &[
    "change the address",
    "change my address",
    "change the shipping address",
    "change the delivery address",
    "change my shipping address",
    "change my delivery address",
    "new address",
    "wrong address",
    "another address",
    "different address",
    "update the address",
    "update my address",
    "adresse ändern",
    "lieferadresse ändern",
    "neue adresse",
    "falsche adresse",
    "andere adresse",
];
const LIST: &[&str] = &[
    "my orders",
    "all my orders",
    "list my orders",
    "my last orders",
    "order history",
    "meine bestellungen",
    "alle bestellungen",
];
const STATUS: &[&str] = &[
    "where is my order",
    "where's my order",
    "status of my order",
    "my order status",
    "track my order",
    "wo ist meine bestellung",
    "wo bleibt meine bestellung",
    "status meiner bestellung",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::brain::Exchange;

    fn view(said: &[&str]) -> TurnView {
        let (message, history) = said.split_last().unwrap();
        TurnView {
            message: (*message).to_owned(),
            history: history
                .iter()
                .flat_map(|text| {
                    [
                        Exchange {
                            by_visitor: true,
                            text: (*text).to_owned(),
                        },
                        Exchange {
                            by_visitor: false,
                            text: "Please tell me the e-mail address.".to_owned(),
                        },
                    ]
                })
                .collect(),
            ..TurnView::default()
        }
    }

    fn read_of(said: &[&str]) -> Option<(Wish, Option<String>, Option<String>)> {
        read(&view(said)).map(|w| (w.wish, w.number, w.email))
    }

    #[test]
    fn wishes_are_told_from_questions() {
        let number = |n: &str| Some(n.to_owned());
        assert_eq!(
            read_of(&["Where is my order 1005?"]),
            Some((Wish::Status, number("1005"), None))
        );
        assert_eq!(read_of(&["Where is my order?"]), Some((Wish::Status, None, None)));
        assert_eq!(
            read_of(&["I want a refund for order 1004"]),
            Some((Wish::Refund, number("1004"), None))
        );
        assert_eq!(
            read_of(&["I'd like my money back"]),
            Some((Wish::Refund, None, None))
        );
        assert_eq!(read_of(&["Show me my orders"]), Some((Wish::List, None, None)));
        assert_eq!(
            read_of(&["Please change the delivery address of order 1001"]),
            Some((Wish::Address(None), number("1001"), None))
        );
        assert_eq!(
            read_of(&["Bitte Bestellung 1004 erstatten, [EMAIL_1]"]),
            Some((Wish::Refund, number("1004"), number("[EMAIL_1]")))
        );
        for question in [
            "How long do refunds take?",
            "What is your return address?",
            "Can I return an opened bulb?",
            "Do you ship to another address?",
            "Who pays the return label?",
            "What does delivery cost for orders over 150 euros?",
        ] {
            assert_eq!(read_of(&[question]), None, "{question}");
        }
    }

    #[test]
    fn what_was_asked_for_goes_on_with_the_wish_before() {
        let wished = read_of(&["Where is my order 1002?", "[EMAIL_1]"]);
        assert_eq!(
            wished,
            Some((Wish::Status, Some("1002".into()), Some("[EMAIL_1]".into())))
        );
        let wished = read_of(&["I want a refund please", "1004 and my address is [EMAIL_1]"]);
        assert_eq!(
            wished,
            Some((Wish::Refund, Some("1004".into()), Some("[EMAIL_1]".into())))
        );
        assert_eq!(
            read_of(&["I want a refund for order 1004", "How long is your warranty?"]),
            None
        );
        assert_eq!(read_of(&["Do you ship to Norway?", "[EMAIL_1]"]), None);
        // An address that was given for something else isn't tried on another order.
        let wished = read_of(&[
            "Where is my order 1005?",
            "[EMAIL_1]",
            "I want a refund for order 1004",
        ]);
        assert_eq!(wished, Some((Wish::Refund, Some("1004".into()), None)));
        let wished = read_of(&[
            "Change the delivery address of order 1001",
            "[EMAIL_2]",
            "Anna Huber, Neue Straße 7, 4020 Linz, Austria",
        ]);
        assert!(matches!(wished, Some((Wish::Address(Some(_)), Some(n), _)) if n == "1001"));
    }

    #[test]
    fn a_named_amount_counts_when_it_is_less() {
        let wished = read(&view(&["Refund 10 euros of order 1004 please"])).unwrap();
        assert_eq!(wished.amount_within("38.70"), "10");
        assert_eq!(wished.amount_within("5.00"), "5.00");
        let wished = read(&view(&["Refund €12,50 for order 1004"])).unwrap();
        assert_eq!(wished.amount_within("38.70"), "12.50");
        let wished = read(&view(&["Refund order 1004"])).unwrap();
        assert_eq!(wished.amount_within("38.70"), "38.70");
    }
}
