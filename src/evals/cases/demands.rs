//! What a conversation with a shop demands beside its last answer: of each step, of the calls, of
//! what happened in which order, and of the state at the end.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::order::Order;
use crate::evals::cases::connected::Seen;
use crate::evals::cases::load::Case;
use crate::evals::cases::run::{CallSeen, Said, Tried};
use crate::evals::cases::script::{CallEnd, Demands, Look, OrderEnd};
use crate::evals::cases::state::State;
use crate::evals::cases::text::{folded, has, has_folded};

/// Demand, what was wanted, what came.
type Unmet = (String, String, String);

/// The demands of steps and shop that a try doesn't meet.
pub(super) fn unmet(case: &Case, tried: &Tried) -> Vec<Unmet> {
    let mut out = Vec::new();
    for (n, (step, said)) in case.turns.iter().zip(&tried.answers).enumerate() {
        for (demand, wanted, got) in of_step(&step.demands, said) {
            out.push((format!("turn {}: {demand}", n + 1), wanted, got));
        }
    }
    let mut fail = |demand: &str, wanted: String, got: String| out.push((demand.to_owned(), wanted, got));
    if let Some(counted) = &tried.counted {
        for what in &counted.without_consent {
            fail(
                "consent",
                "no change without the visitor's yes to it".to_owned(),
                what.clone(),
            );
        }
        for what in &counted.foreign_shown {
            fail("foreign", "no order of somebody else's".to_owned(), what.clone());
        }
    }
    if let Some(amiss) = tried.model_amiss.first() {
        fail("model", "as it is recorded".to_owned(), amiss.clone());
    }
    let end = &case.end;
    if let (Some(before), Some(after)) = (&tried.before, &tried.after) {
        for (number, wanted, got) in orders(&end.orders, &before.orders, &after.orders) {
            fail(&format!("end.orders.{number}"), wanted, got);
        }
        let lists = [
            ("end.effects", Some(&end.effects), &after.effects),
            ("end.proposals", end.proposals.as_ref(), &after.proposals),
            ("end.handoffs", end.handoffs.as_ref(), &after.handoffs),
            ("end.tickets", end.tickets.as_ref(), &after.tickets),
        ];
        for (name, wanted, got) in lists {
            if let Some(wanted) = wanted.filter(|w| *w != got) {
                fail(name, listed(wanted), listed(got));
            }
        }
        untold(after, &mut fail);
    }
    for (n, look) in end.outside.iter().enumerate() {
        let seen = tried.outside.get(n);
        if !seen.is_some_and(|seen| is_so(look, seen)) {
            let got = match seen {
                Some(Ok(result)) => result.to_string(),
                Some(Err(code)) => code.clone(),
                None => "nobody has looked".to_owned(),
            };
            let wanted = look.code.clone();
            let wanted = wanted.unwrap_or_else(|| Value::Object(look.result.clone()).to_string());
            fail(&format!("end.outside.{}", look.tool), wanted, got);
        }
    }
    let made: Vec<&CallSeen> = tried.answers.iter().flat_map(|a| &a.calls).collect();
    if let Some(missing) = missing_call(&end.calls, &made) {
        let shown = made.iter().map(|c| shown(&c.tool, &c.args, c.code.as_deref()));
        fail(
            "end.calls",
            shown_wanted(missing),
            listed(&shown.collect::<Vec<_>>()),
        );
    }
    if let Some(wanted) = end.events.as_ref().filter(|w| **w != tried.events) {
        fail("end.events", listed(wanted), listed(&tried.events));
    }
    out
}

/// Whatever a case demands, the ledger and the shop tell the same: an effect that isn't ended is
/// one that nobody looks after.
fn untold(after: &State, fail: &mut impl FnMut(&str, String, String)) {
    for effect in after.effects.iter().filter(|e| e.ends_with(" started")) {
        fail("end.effects", "every effect is ended".to_owned(), effect.clone());
    }
}

fn of_step(demands: &Demands, said: &Said) -> Vec<Unmet> {
    let mut out = Vec::new();
    let mut fail = |demand: &str, wanted: String, got: String| out.push((demand.to_owned(), wanted, got));
    let text = folded(&said.text);
    for wanted in &demands.must {
        if !wanted.0.iter().any(|w| has_folded(&text, &folded(w))) {
            fail("must", wanted.shown(), said.text.clone());
        }
    }
    for unwanted in &demands.must_not {
        if has(&said.text, unwanted) || has(&said.seen, unwanted) {
            fail("must_not", unwanted.clone(), said.seen.clone());
        }
    }
    if !demands.outcome.is_empty() && !demands.outcome.contains(&said.outcome) {
        let got = format!("{}: {}", said.outcome, said.text);
        fail("outcome", demands.outcome.join(" | "), got);
    }
    if let Some(wanted) = &demands.ask {
        let got = said.ask.as_deref().unwrap_or("none");
        if wanted != got {
            fail("ask", wanted.clone(), format!("{got}: {}", said.text));
        }
    }
    let called = said.tools();
    if let Some(tools) = demands.tools.as_ref().filter(|t| **t != called) {
        fail("tools", listed(tools), listed(&called));
    }
    out
}

fn orders(
    wanted: &BTreeMap<String, OrderEnd>,
    before: &BTreeMap<String, Order>,
    after: &BTreeMap<String, Order>,
) -> Vec<Unmet> {
    let mut out = Vec::new();
    for (number, end) in wanted {
        let Some(order) = after.get(number) else {
            out.push((
                number.clone(),
                "an order".to_owned(),
                "none of this number".to_owned(),
            ));
            continue;
        };
        let address = order.shipping.as_ref().map(|a| a.one_line()).unwrap_or_default();
        let pairs = [
            (&end.refunded, order.refunded.decimal()),
            (&end.status, order.status.as_str().to_owned()),
        ];
        for (wanted, got) in pairs {
            if let Some(wanted) = wanted.as_ref().filter(|w| **w != got) {
                out.push((number.clone(), wanted.clone(), got));
            }
        }
        if let Some(wanted) = end.address.as_ref().filter(|w| !has(&address, w)) {
            out.push((number.clone(), wanted.clone(), address));
        }
    }
    for (number, now) in after {
        let then = before.get(number);
        if !wanted.contains_key(number) && then != Some(now) {
            let got = format!("{} {} back", now.status.as_str(), now.refunded);
            out.push((number.clone(), "unchanged".to_owned(), got));
        }
    }
    out
}

/// The first wanted call that isn't among those after the one before it.
fn missing_call<'a>(wanted: &'a [CallEnd], made: &[&CallSeen]) -> Option<&'a CallEnd> {
    let mut rest = made.iter();
    wanted.iter().find(|w| {
        !rest.any(|c| {
            c.tool == w.tool
                && has_args(&w.args, &c.args)
                && w.code.as_ref().is_none_or(|code| Some(code) == c.code.as_ref())
        })
    })
}

/// Whether a look has shown what it must.
fn is_so(look: &Look, seen: &Seen) -> bool {
    match (&look.code, seen) {
        (Some(wanted), Err(code)) => wanted == code,
        (None, Ok(result)) => has_args(&look.result, result),
        _ => false,
    }
}

fn has_args(wanted: &Map<String, Value>, got: &Value) -> bool {
    wanted.iter().all(|(key, value)| got.get(key) == Some(value))
}

fn shown(tool: &str, args: &Value, code: Option<&str>) -> String {
    code.map_or_else(
        || format!("{tool} {args}"),
        |code| format!("{tool} {args}: {code}"),
    )
}

fn shown_wanted(call: &CallEnd) -> String {
    shown(
        &call.tool,
        &Value::Object(call.args.clone()),
        call.code.as_deref(),
    )
}

fn listed(all: &[String]) -> String {
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join("; ")
    }
}
