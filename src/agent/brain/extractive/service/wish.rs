//! What a visitor wants done with an order, and by which number and address: read from the
//! message, and, where it only gives what was asked for, from the messages before it.

use serde_json::Value;

use super::phrasing::{
    ADDRESS, ADDRESS_WISH, CANCEL, CLAIM, FOLLOW_UP, GENERAL, LIST, MY_ORDER, OWN, REFUND, REFUND_WISH,
    SEND_TO, STATUS,
};
use super::sum::{self, Sum};
use super::{postal, proof, say};
use crate::agent::brain::extractive::intent::{bare_number, order_number};
use crate::agent::brain::{Exchange, TurnView};
use crate::agent::phrases::{self, Tongue};
use crate::domain::event::AskKind;
use crate::hands::issue_refund;
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
    /// To have it no more.
    Cancel,
    /// To have it made good: what came is damaged, or another one is wanted.
    Claim,
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
    /// What they said of the amount.
    pub sum: Option<Sum>,
}

/// What the conversation wants done with an order now; none when it is about something else.
pub fn read(view: &TurnView) -> Option<Wished> {
    let message = view.message.as_str();
    let history = view.since();
    let asked = asked(history.last());
    // The visitor's messages before, the last one first, each with what it was asked for.
    let said: Vec<(&str, Option<Asked>)> = history
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, e)| e.by_visitor)
        .take(BACK)
        .map(|(i, e)| {
            let question = i.checked_sub(1).and_then(|i| history.get(i));
            (e.text.as_str(), self::asked(question))
        })
        .collect();
    let before: Vec<&str> = said.iter().map(|(text, _)| *text).collect();
    // What was ordered before is what is asked about now, where it isn't said.
    let known = || before.iter().any(|text| order_number(text).is_some());
    // A message that only gives what was asked for goes on with the wish before it, and with
    // what was given since.
    let goes_on = || {
        let earlier = said.iter().enumerate();
        earlier
            .map(|(i, (text, asked))| (i, *text, *asked))
            .find_map(|(i, text, asked)| Some((own_wish(text, asked)?, text, i + 1)))
    };
    let (wish, reason, since) = match own_wish(message, asked) {
        Some(wish) => (wish, message, 0),
        None if asked == Some(Asked::Address) && may_be_postal(message) => goes_on()?,
        None if asked == Some(Asked::Amount) && !message.contains('?') && sum::answer(message).is_some() => {
            goes_on().filter(|(wish, ..)| *wish == Wish::Refund)?
        }
        None if gives(message) => {
            let status = || order_number(message).map(|_| (Wish::Status, message, 0));
            goes_on().or_else(status)?
        }
        None if has_any(message, FOLLOW_UP) && known() => (Wish::Status, message, 0),
        None => return None,
    };
    let given = || std::iter::once(message).chain(before[..since].iter().copied());
    let named = |text: &str| {
        // What answers the question for an amount is none of an order.
        let amount = asked == Some(Asked::Amount) && std::ptr::eq(text, message);
        let bare = || bare_number(text).filter(|n| !amount && !sum::is_amount(text, n));
        order_number(text).or_else(bare)
    };
    // What one order was called before, a later wish may mean without saying so.
    let number = given()
        .find_map(named)
        .or_else(|| before.iter().find_map(|text| order_number(text)));
    let email = given().find_map(placeholder);
    let wish = match wish {
        // It may stand beside the wish, in a message before the one that shows who asks.
        Wish::Address(None) => Wish::Address(given().find_map(postal::read)),
        wish => wish,
    };
    let sum = match asked {
        _ if wish != Wish::Refund => None,
        Some(Asked::Amount) => sum::answer(message).or_else(|| given().find_map(sum::read)),
        _ => given().find_map(sum::read),
    };
    Some(Wished {
        wish,
        number,
        email,
        reason: reason.to_owned(),
        sum,
    })
}

/// What the agent's last word asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A number and an address of e-mail.
    Identity,
    /// A postal address.
    Address,
    /// How much should go back; also whether so much should.
    Amount,
}

fn asked(last: Option<&Exchange>) -> Option<Asked> {
    let last = last.filter(|e| !e.by_visitor)?;
    let text = last.text.as_str();
    // Whatever language the conversation goes on in.
    [Tongue::English, Tongue::German].into_iter().find_map(|tongue| {
        let identity = phrases::asks(AskKind::Identity, tongue);
        let not_found = say::failed("NOT_FOUND", "", tongue);
        if text.contains(identity) || not_found.iter().any(|line| text.contains(line.as_str())) {
            Some(Asked::Identity)
        } else if text.starts_with(say::address_form(tongue)) {
            Some(Asked::Address)
        } else if text.contains(say::how_much(tongue)) || issue_refund::is_asked(text) {
            Some(Asked::Amount)
        } else {
            None
        }
    })
}

/// What a message wants, where it doesn't just give what was asked for: "Order 1004", to the
/// question which one.
fn own_wish(message: &str, asked: Option<Asked>) -> Option<Wish> {
    let wish = wish(message)?;
    let answers = asked == Some(Asked::Identity) && gives(message) && !has_any(message, STATUS);
    (wish != Wish::Status || !answers).then_some(wish)
}

/// Whether a message may be meant as a postal address, though it can't be read as one.
fn may_be_postal(message: &str) -> bool {
    let has = |is: fn(char) -> bool| message.chars().any(is);
    has(|c| c.is_ascii_digit())
        && has(char::is_alphabetic)
        && !message.contains('?')
        && words(message).len() <= SHORT
}

/// Whether a message has one of these phrases.
fn has_any(message: &str, phrases: &[&str]) -> bool {
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    let text = format!(" {} ", lower.join(" "));
    phrases.iter().any(|p| text.contains(&format!(" {p} ")))
}

/// Whether a message gives an order's number or an address and not much else, or a postal
/// address.
fn gives(message: &str) -> bool {
    let brief = words(message).len() <= SHORT;
    brief
        && (placeholder(message).is_some()
            || proof::code(message).is_some()
            || proof::wants_code(message)
            || bare_number(message).is_some()
            || order_number(message).is_some())
        || postal::read(message).is_some()
}

/// The first e-mail address of a text, as it stands behind its placeholder.
pub(super) fn placeholder(text: &str) -> Option<String> {
    let from = text.find("[EMAIL_")?;
    let end = from + text[from..].find(']')? + 1;
    let number = &text[from + "[EMAIL_".len()..end - 1];
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| text[from..end].to_owned())
}

/// Whether a visitor wants something made good that they have, without saying of which order.
pub fn claims(message: &str) -> bool {
    order_number(message).is_none() && has_any(message, CLAIM) && has_any(message, OWN)
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
    let sent = has(SEND_TO) && postal::read(message).is_some();
    if general {
        None
    } else if sent || has(ADDRESS) && (mine || has(ADDRESS_WISH)) {
        Some(Wish::Address(None))
    } else if has(REFUND) && (mine || has(REFUND_WISH)) {
        Some(Wish::Refund)
    } else if has(CANCEL) && mine {
        Some(Wish::Cancel)
    } else if numbered && has(CLAIM) {
        Some(Wish::Claim)
    } else if has(LIST) {
        Some(Wish::List)
    } else if numbered || has(STATUS) {
        Some(Wish::Status)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn after(said: &[&str], last: &str) -> Option<(Wish, Option<String>)> {
        let mut view = view(said);
        if let Some(agent) = view.history.last_mut() {
            agent.text = last.to_owned();
        }
        read(&view).map(|w| (w.wish, w.number))
    }

    #[test]
    fn a_number_that_was_asked_for_is_for_what_was_wanted() {
        let asked = phrases::asks(AskKind::Identity, Tongue::English);
        let n = |n: &str| Some(n.to_owned());
        assert_eq!(
            after(&["I want my money back", "Order 1004"], asked),
            Some((Wish::Refund, n("1004")))
        );
        let step_by_step = ["I want my money back", "Order 1004", "[EMAIL_1]"];
        let mut view = view(&step_by_step);
        for e in view.history.iter_mut().filter(|e| !e.by_visitor) {
            e.text = asked.to_owned();
        }
        let wished = read(&view).unwrap();
        assert_eq!((wished.wish, wished.number), (Wish::Refund, n("1004")));
        // Nobody asked: a new wish.
        let done = "Done: 38.70 EUR of order 1004 goes back.";
        assert_eq!(
            after(&["I want a refund for order 1004", "And order 1001?"], done),
            Some((Wish::Status, n("1001")))
        );
        assert_eq!(
            after(&["Where is my parcel?", "No, 1004!"], asked),
            Some((Wish::Status, n("1004")))
        );
        assert_eq!(
            after(
                &["Where is my order 1005?", "And what is the tracking number?"],
                "It is on its way."
            ),
            Some((Wish::Status, n("1005")))
        );
        assert_eq!(after(&["Hello", "What is a tracking number?"], "Hello!"), None);
    }

    #[test]
    fn what_only_a_person_can_do_is_a_wish_too() {
        let n = |n: &str| Some(n.to_owned());
        for (message, wish) in [
            ("Please cancel my order", Some((Wish::Cancel, None))),
            ("I want to cancel order 1001", Some((Wish::Cancel, n("1001")))),
            (
                "Bitte meine Bestellung 1001 stornieren",
                Some((Wish::Cancel, n("1001"))),
            ),
            (
                "The lamp of order 1002 arrived broken",
                Some((Wish::Claim, n("1002"))),
            ),
            (
                "Ich möchte Bestellung 1002 umtauschen",
                Some((Wish::Claim, n("1002"))),
            ),
            ("How do I cancel the newsletter?", None),
            ("Can I cancel the subscription?", None),
            // The pages know what to do with it.
            ("My parcel arrived damaged", None),
        ] {
            let read = read(&view(&[message])).map(|w| (w.wish, w.number));
            assert_eq!(read, wish, "{message}");
        }
        assert!(claims("My parcel arrived damaged") && claims("Ich möchte meine Lampe umtauschen"));
        assert!(!claims("Is a broken bulb covered by the warranty?"));
    }

    #[test]
    fn an_address_beside_the_wish_isnt_asked_for_again() {
        let asked = phrases::asks(AskKind::Identity, Tongue::German);
        let said = ["please send it to Hauptstr. 5, 1010 Wien", "1001, [EMAIL_1]"];
        let mut view = view(&said);
        view.history.last_mut().unwrap().text = asked.to_owned();
        let wished = read(&view).unwrap();
        assert!(
            matches!(&wished.wish, Wish::Address(Some(a)) if a["street"] == "Hauptstr. 5"),
            "{wished:?}"
        );
        assert_eq!(wished.number.as_deref(), Some("1001"));
    }

    #[test]
    fn half_an_address_is_asked_for_again() {
        let form = format!(
            "{} for order 1001 like this: name",
            say::address_form(Tongue::English)
        );
        let said = ["Change the delivery address of order 1001", "Neue Straße 7, Linz"];
        assert_eq!(
            after(&said, &form),
            Some((Wish::Address(None), Some("1001".into())))
        );
        assert_eq!(after(&[said[0], "How long is the warranty?"], &form), None);
    }

    #[test]
    fn an_amount_that_was_asked_for_goes_on_with_the_refund() {
        let named = |text: &str| Some(Sum::Named(text.to_owned()));
        let sum_after = |said: &[&str], last: &str| {
            let mut view = view(said);
            view.history.last_mut().unwrap().text = last.to_owned();
            read(&view).map(|w| (w.wish, w.number, w.sum))
        };
        let n = Some("1004".to_owned());
        let refund = "I want a refund for order 1004";
        for last in [
            "More can't be refunded. How much should go back?",
            "Refund 38.70 EUR for order 1004?",
        ] {
            let wished = sum_after(&[refund, "1500 then"], last);
            assert_eq!(wished, Some((Wish::Refund, n.clone(), named("1500"))), "{last}");
            let wished = sum_after(&[refund, "no, only half"], last);
            assert_eq!(wished, Some((Wish::Refund, n.clone(), Some(Sum::Share(1, 2)))));
            assert_eq!(sum_after(&[refund, "How long is the warranty?"], last), None);
        }
        // The order was named before; what is named now is money.
        let wished = read(&view(&["Where is my order 1004?", "Refund me 5000"])).map(|w| (w.number, w.sum));
        assert_eq!(wished, Some((n.clone(), named("5000"))));
        let wished = read(&view(&["Refund me 5000 for order 1004", "[EMAIL_1]"])).unwrap();
        assert_eq!((wished.number, wished.sum), (n, named("5000")));
    }
}
