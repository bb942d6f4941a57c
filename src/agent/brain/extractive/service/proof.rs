//! One-time codes without a model: a visitor who doesn't know their order's number shows by a code
//! that the address is theirs. The code itself stands behind a placeholder here as everywhere.

use serde_json::json;

use super::wish::placeholder;
use super::{VERIFY, call, outcome};
use crate::agent::brain::{Plan, ToolOutcome, TurnView};
use crate::agent::phrases::Tongue;
use crate::knowledge::words::words;

/// How far back an address is looked for, in messages of the visitor.
const BACK: usize = 6;
/// The most words of a message that asks for a code, or gives one.
const SHORT: usize = 14;

/// What one does with a code.
const SENDING: [&str; 14] = [
    "send", "mail", "email", "text", "get", "need", "want", "resend", "new", "another", "schick", "schicken",
    "senden", "neuen",
];
/// Words that make another code of it.
const OTHERS: [&str; 12] = [
    "discount",
    "coupon",
    "gift",
    "promo",
    "promotion",
    "voucher",
    "rabatt",
    "gutschein",
    "gutscheincode",
    "rabattcode",
    "qr",
    "postal",
];

/// Whether a message asks for a one-time code.
pub fn wants_code(message: &str) -> bool {
    let all = words(message);
    let said: Vec<&str> = all.iter().map(|w| w.lower.as_str()).collect();
    said.len() <= SHORT
        && said.contains(&"code")
        && said.iter().any(|w| SENDING.contains(w))
        && !said.iter().any(|w| OTHERS.contains(w))
}

/// The one-time code of a message, as its placeholder.
pub fn code(message: &str) -> Option<String> {
    let from = message.find("[CODE_")?;
    let end = from + message[from..].find(']')? + 1;
    Some(message[from..end].to_owned())
}

fn before(view: &TurnView) -> impl Iterator<Item = &str> {
    let visitors = view.history.iter().rev().filter(|e| e.by_visitor);
    visitors.take(BACK).map(|e| e.text.as_str())
}

/// The address that the visitor gave last.
fn address(view: &TurnView) -> Option<String> {
    placeholder(&view.message).or_else(|| before(view).find_map(placeholder))
}

/// Whether a message only gives an address, after one that asks for a code.
fn gives_address(view: &TurnView) -> bool {
    placeholder(&view.message).is_some()
        && words(&view.message).len() <= SHORT
        && before(view).next().is_some_and(wants_code)
}

/// What to do about codes; none when the message isn't about one, or it was right and there is
/// something to go on with.
pub fn plan(view: &TurnView, goes_on: bool) -> Option<Plan> {
    if view.off.contains(VERIFY) {
        return None;
    }
    let done = outcome(view, VERIFY);
    if let Some(code) = code(&view.message) {
        return match (done, address(view)) {
            (None, Some(email)) => Some(call(VERIFY, json!({ "email": email, "code": code }))),
            (Some(outcome), _) if outcome.result.is_ok() && goes_on => None,
            _ => Some(Plan::Draft),
        };
    }
    if !wants_code(&view.message) && !gives_address(view) {
        return None;
    }
    match (done, address(view)) {
        (None, Some(email)) => Some(call(VERIFY, json!({ "email": email }))),
        _ => Some(Plan::Draft),
    }
}

/// Has a code sent to an address that was given without an order's number; then lists the orders.
/// None when no code can be sent.
pub fn instead_of_number(view: &TurnView, email: &str) -> Option<Plan> {
    if view.off.contains(VERIFY) {
        return None;
    }
    match outcome(view, VERIFY).map(|o| &o.result) {
        None => Some(call(VERIFY, json!({ "email": email }))),
        Some(Err(code)) if code == super::DISABLED => None,
        Some(_) => Some(Plan::Draft),
    }
}

/// Words for what came of it, where nothing else is to be said.
pub fn draft(view: &TurnView, tongue: Tongue) -> Option<Vec<String>> {
    let english = tongue == Tongue::English;
    let Some(ToolOutcome { result, .. }) = outcome(view, VERIFY) else {
        let about = code(&view.message).is_some() || wants_code(&view.message);
        let which = if english {
            "Which e-mail address did you order with? I'll send a code there."
        } else {
            "Mit welcher E-Mail-Adresse haben Sie bestellt? Ich schicke einen Code dorthin."
        };
        return (about && !view.off.contains(VERIFY)).then(|| vec![which.to_owned()]);
    };
    let state = result
        .as_ref()
        .map(|output| output["state"].as_str().unwrap_or_default());
    let lines: &[&str] = match (state, english) {
        (Ok("code_sent"), true) => &[
            "I've sent a code to that address by e-mail.",
            "Please enter it here within {} minutes.",
        ],
        (Ok("code_sent"), false) => &[
            "Ich habe einen Code per E-Mail an diese Adresse geschickt.",
            "Bitte geben Sie ihn innerhalb von {} Minuten hier ein.",
        ],
        (Ok(_), true) => &["Thank you, that is your address.", "What can I do for you?"],
        (Ok(_), false) => &["Danke, das ist Ihre Adresse.", "Was kann ich für Sie tun?"],
        (Err(code), _) => return Some(failed(code, english)),
    };
    // A figure is the tool's, or it isn't said.
    let minutes = result
        .as_ref()
        .map_or_else(|_| String::new(), |output| output["minutes"].to_string());
    Some(lines.iter().map(|l| l.replace("{}", &minutes)).collect())
}

fn failed(code: &str, english: bool) -> Vec<String> {
    let line = match (code, english) {
        ("NOT_FOUND", true) => {
            "That code isn't right, or its time is over. Please check it, or ask for a new one by writing \"send me a code\"."
        }
        ("NOT_FOUND", false) => {
            "Dieser Code stimmt nicht, oder seine Zeit ist abgelaufen. Bitte prüfen Sie ihn, oder schreiben Sie „Schick mir einen Code“."
        }
        ("RATE_LIMIT", true) => {
            "Too many codes were asked for. Please try again a little later, or ask for a person."
        }
        ("RATE_LIMIT", false) => {
            "Es wurden zu viele Codes angefordert. Bitte versuchen Sie es etwas später noch einmal, oder fragen Sie nach einem Menschen."
        }
        ("DISABLED", true) => {
            "I can't send codes here. Please tell me the order number and the e-mail address that the order was placed with."
        }
        ("DISABLED", false) => {
            "Ich kann hier keine Codes verschicken. Bitte nennen Sie mir die Bestellnummer und die E-Mail-Adresse, mit der bestellt wurde."
        }
        (_, true) => "That didn't work. Please try again a little later.",
        (_, false) => "Das hat nicht geklappt. Bitte versuchen Sie es etwas später noch einmal.",
    };
    vec![line.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_a_code_is_told_from_other_codes() {
        for yes in [
            "send me a code",
            "Can you email me a code please?",
            "I need a new code",
            "Schick mir einen Code",
        ] {
            assert!(wants_code(yes), "{yes}");
        }
        for no in [
            "Can I get a discount code?",
            "My gift card code doesn't work, send me another",
            "What is a code?",
            "Ich möchte einen Rabatt Code, bitte schicken",
        ] {
            assert!(!wants_code(no), "{no}");
        }
        assert_eq!(code("it is [CODE_1]").as_deref(), Some("[CODE_1]"));
        assert_eq!(code("[EMAIL_1]"), None);
    }
}
