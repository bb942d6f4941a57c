//! Orders without a model: what a visitor wants done, read by rules over the conversation, the
//! tools that it takes, and fixed sentences about what they returned. The hands decide who may
//! have what; nothing here does.

mod counted;
mod phrasing;
mod postal;
mod proof;
mod say;
mod sum;
mod wish;

use serde_json::{Value, json};

use self::wish::{Wish, Wished};
use crate::agent::brain::{Plan, Sentence, ToolCall, ToolOutcome, TurnView, connected};
use crate::agent::machine::action::Question;
use crate::agent::phrases::Tongue;
use crate::domain::money::{Currency, Money};
use crate::hands::Tool;
use crate::hands::check_refund_policy::CheckRefundPolicy;
use crate::hands::get_order_status::GetOrderStatus;
use crate::hands::issue_refund::IssueRefund;
use crate::hands::list_orders::ListOrders;
use crate::hands::update_shipping_address::UpdateShippingAddress;
use crate::hands::verify_identity::VerifyIdentity;

const STATUS: &str = GetOrderStatus::NAME;
const LIST: &str = ListOrders::NAME;
const POLICY: &str = CheckRefundPolicy::NAME;
const REFUND: &str = IssueRefund::NAME;
const ADDRESS: &str = UpdateShippingAddress::NAME;
const VERIFY: &str = VerifyIdentity::NAME;
/// Where a site has no shop, the pages are asked instead.
const DISABLED: &str = "DISABLED";

/// The longest reason that is passed on, in characters.
const LONGEST_REASON: usize = 300;

/// The first outcome of a tool in this turn.
fn outcome<'a>(view: &'a TurnView, tool: &str) -> Option<&'a ToolOutcome> {
    view.outcomes.iter().find(|o| o.tool == tool)
}

/// Whether this turn's site has no shop that could be asked, or doesn't let the agent ask it.
fn no_shop(view: &TurnView) -> bool {
    let off = |tool: &&str| view.off.contains(*tool);
    [STATUS, POLICY].iter().all(off)
        || view.outcomes.iter().any(|o| {
            [STATUS, LIST, POLICY].contains(&o.tool.as_str()) && o.result == Err(DISABLED.to_owned())
        })
}

/// What to do next about an order; none when the message isn't about one, or no shop can be asked.
pub fn plan(view: &TurnView) -> Option<Plan> {
    // What was said yes to has run: its result is told.
    if outcome(view, REFUND).or_else(|| outcome(view, ADDRESS)).is_some() || connected::done(view).is_some() {
        return Some(Plan::Draft);
    }
    if no_shop(view) {
        return None;
    }
    let wished = wish::read(view);
    if let Some(plan) = proof::plan(view, wished.is_some()) {
        return Some(plan);
    }
    let wished = wished?;
    match &wished.wish {
        Wish::Status | Wish::Cancel | Wish::Claim => status(view, &wished),
        Wish::List => list(view, &wished),
        Wish::Refund | Wish::MayRefund => refund(view, &wished),
        Wish::Address(address) => {
            let known = outcome(view, STATUS);
            match (known.map(|o| o.result.is_ok()), address) {
                (None, _) => status(view, &wished),
                (Some(true), Some(address)) if !view.off.contains(ADDRESS) => Some(call(
                    ADDRESS,
                    json!({ "order_id": wished.number.as_deref().unwrap_or_default(), "address": address }),
                )),
                _ => Some(Plan::Draft),
            }
        }
    }
}

/// Whether the visitor has entered the right code in this turn.
fn verified(view: &TurnView) -> bool {
    outcome(view, VERIFY).is_some_and(|o| o.result.as_ref().is_ok_and(|r| r["state"] == json!("verified")))
}

/// What to do while the order's number isn't known: the visitor's orders, once they have shown
/// who they are or where they are logged in; a code to the address that they gave; else both are
/// asked for.
fn without_number(view: &TurnView, wished: &Wished) -> Plan {
    let verified = verified(view);
    if verified || view.account.is_some() && wished.email.is_none() {
        return match outcome(view, LIST) {
            // Who has ordered without the account shows it as a guest does.
            Some(list) if !verified && list.result == Ok(json!([])) => Plan::Ask(Question::Identity),
            Some(_) => Plan::Draft,
            None => call(LIST, json!({})),
        };
    }
    let code = wished
        .email
        .as_deref()
        .and_then(|email| proof::instead_of_number(view, email));
    code.unwrap_or(Plan::Ask(Question::Identity))
}

fn call(tool: &str, args: Value) -> Plan {
    Plan::Calls(vec![ToolCall {
        tool: tool.to_owned(),
        args,
    }])
}

/// The list is of those who have shown who they are: who gives a number and an address does so by it.
fn list(view: &TurnView, wished: &Wished) -> Option<Plan> {
    let shown = outcome(view, STATUS).map(|o| o.result.is_ok());
    Some(match (outcome(view, LIST), shown) {
        (Some(_), _) | (None, Some(false)) => Plan::Draft,
        (None, None) if wished.number.is_some() && wished.email.is_some() => return status(view, wished),
        // An address alone shows nothing; a code sent there does.
        (None, None) if wished.email.is_some() && !verified(view) => {
            let email = wished.email.as_deref().unwrap_or_default();
            proof::instead_of_number(view, email).unwrap_or(Plan::Ask(Question::Identity))
        }
        (None, _) => call(LIST, json!({})),
    })
}

/// The offer of a person to who wants something made good; the pages have said what to do.
pub fn offer(view: &TurnView) -> Option<Sentence> {
    wish::claims(&view.message).then(|| Sentence {
        fixed: true,
        gap: None,
        md: say::offer(Tongue::of(&view.locale)).to_owned(),
        cites: Vec::new(),
    })
}

/// Whether a message goes on with a wish about an order, or brings one.
pub fn goes_on(view: &TurnView) -> bool {
    wish::read(view).is_some()
}

fn status(view: &TurnView, wished: &Wished) -> Option<Plan> {
    if outcome(view, STATUS).is_some() {
        return Some(Plan::Draft);
    }
    let Some(number) = &wished.number else {
        return Some(without_number(view, wished));
    };
    let mut args = json!({ "order_id": number });
    // A proof is good for all orders of its address; an address beside it would be a guess.
    if let Some(email) = wished.email.as_ref().filter(|_| !verified(view)) {
        args["email"] = json!(email);
    }
    Some(call(STATUS, args))
}

fn refund(view: &TurnView, wished: &Wished) -> Option<Plan> {
    let Some(number) = &wished.number else {
        return Some(without_number(view, wished));
    };
    let reason: String = wished.reason.chars().take(LONGEST_REASON).collect();
    let Some(policy) = outcome(view, POLICY) else {
        let mut args = json!({ "order_id": number, "reason": reason });
        if let Some(email) = wished.email.as_ref().filter(|_| !verified(view)) {
            args["email"] = json!(email);
        }
        return Some(call(POLICY, args));
    };
    match policy.result.as_ref().ok().and_then(most) {
        Some(most) if wished.wish == Wish::Refund && !view.off.contains(REFUND) => {
            Some(match sum::within(wished.sum.as_ref(), most) {
                Ok(amount) => call(
                    REFUND,
                    json!({ "order_id": number, "amount": amount.decimal(), "reason": reason }),
                ),
                Err(_) => Plan::Draft,
            })
        }
        _ => Some(Plan::Draft),
    }
}

/// What may be paid back at most; none where nothing may.
fn most(policy: &Value) -> Option<Money> {
    let currency = Currency::parse(policy["currency"].as_str()?)?;
    let most = Money::parse(policy["max_amount"].as_str()?, currency);
    most.filter(|_| policy["eligible"] == json!(true))
}

/// Why the amount that the visitor named can't be paid back, though another can.
fn no_such_amount(view: &TurnView, policy: &Value) -> Option<sum::No> {
    let wished = wish::read(view).filter(|w| w.wish == Wish::Refund)?;
    sum::within(wished.sum.as_ref(), most(policy)?).err()
}

/// What the tools returned, in words; none when no tool of orders ran.
pub fn draft(view: &TurnView) -> Option<Vec<Sentence>> {
    let tongue = Tongue::of(&view.locale);
    let sentence = |md: String| Sentence {
        fixed: true,
        gap: None,
        md,
        cites: Vec::new(),
    };
    if let Some(said) = connected::done(view) {
        return Some(vec![said]);
    }
    if no_shop(view) {
        return None;
    }
    let last = view
        .outcomes
        .iter()
        .rev()
        .find(|o| [REFUND, ADDRESS, POLICY, LIST, STATUS].contains(&o.tool.as_str()));
    let Some(last) = last else {
        return proof::draft(view, tongue).map(|lines| lines.into_iter().map(sentence).collect());
    };
    let lines = match (&last.result, last.tool.as_str()) {
        (Err(code), tool) => say::failed(code, tool, tongue),
        (Ok(output), REFUND | ADDRESS) => say::acted(output, tongue),
        (Ok(output), POLICY) => match no_such_amount(view, output) {
            Some(no) if !view.off.contains(REFUND) => say::amount(no, output, tongue),
            _ => {
                let asks = wish::read(view).is_some_and(|w| w.wish == Wish::MayRefund);
                say::policy(output, view.off.contains(REFUND), asks, tongue)
            }
        },
        (Ok(output), LIST) => say::list(output, tongue),
        (Ok(output), _) => match wish::read(view).map(|w| w.wish) {
            Some(Wish::Address(_)) => say::address_wanted(output, view.off.contains(ADDRESS), tongue),
            Some(Wish::Cancel) => say::cancel(output, tongue),
            Some(Wish::Claim) => say::claim(output, tongue),
            _ => say::status(output, tongue),
        },
    };
    Some(lines.into_iter().map(sentence).collect())
}
