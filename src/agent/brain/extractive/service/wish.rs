//! What a visitor wants done with an order, and by which number and address: read from the
//! message, and, where it only gives what was asked for, from the messages before it.

use serde_json::Value;

use super::phrasing::{
    ADDRESS, ADDRESS_WISH, BACK_AGAIN, CANCEL, CONSUMED, DAMAGE, EXCHANGE, FOLLOW_UP, GENERAL, LIST,
    MY_ORDER, NOT, OWN, REFUND, REFUND_WISH, REQUEST, SEND_TO, STATUS, WANT,
};
use super::sum::{self, Sum};
use super::{postal, proof, say};
use crate::agent::brain::extractive::chatter;
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
    /// To know what could be paid back.
    MayRefund,
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
    order_number(message).is_none() && complains(message) && has_any(message, OWN)
}

/// Whether a message is about something that isn't as it should be, or asks for another one in its
/// place. Which one fits, or whether there are any, is a question to the pages.
fn complains(message: &str) -> bool {
    let asks = || {
        let request = has_any(message, REQUEST);
        !request && chatter::clauses(message).iter().any(|clause| clause.asks)
    };
    let worn_out = has_any(message, CONSUMED);
    let which = worn_out && has_any(message, &["which", "welche", "welcher", "welches"]);
    !which && has_any(message, DAMAGE) || has_any(message, EXCHANGE) && !worn_out && !asks()
}

/// Whether a message says that no money back is wanted: "I don't want a refund".
fn is_denied(message: &str) -> bool {
    message.split([',', '.', ';', '!', '?', '\n']).any(|clause| {
        let lower: Vec<String> = words(clause).into_iter().map(|w| w.lower).collect();
        let said: Vec<&str> = lower.iter().map(String::as_str).collect();
        (0..said.len()).filter(|i| NOT.contains(&said[*i])).any(|i| {
            let rest = &said[i + 1..];
            let wanted = rest.first().is_some_and(|w| WANT.contains(w));
            let within = if wanted { 6 } else { 2 };
            rest.iter()
                .take(within)
                .any(|w| REFUND.contains(w) || *w == "money" || *w == "geld")
        })
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
    let refund = has(REFUND) && !is_denied(message);
    let sent = has(SEND_TO) && postal::read(message).is_some();
    if general {
        None
    } else if sent || has(ADDRESS) && (mine || has(ADDRESS_WISH)) {
        Some(Wish::Address(None))
    } else if numbered && has(REFUND) && has(GENERAL) && !has(REFUND_WISH) {
        Some(Wish::MayRefund)
    } else if refund && (mine || has(REFUND_WISH))
        || numbered && has(BACK_AGAIN) && sum::read(message).is_some()
    {
        Some(Wish::Refund)
    } else if has(CANCEL) && mine {
        Some(Wish::Cancel)
    } else if numbered && complains(message) {
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
mod tests;
