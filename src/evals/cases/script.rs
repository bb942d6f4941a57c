//! What happens in a case, step by step: what the visitor says or presses, what staff do, what a
//! recorded model answers; and the shop that it happens in, with the state that must hold after it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::site::Mode;
use crate::evals::cases::load::{OneOrMore, Wanted};
use crate::hands::adapters::demo_orders::DemoOrder;
use crate::models::chat::Failure;

/// Who speaks where a step doesn't say.
pub const VISITOR: &str = "visitor";
/// Stands in what a visitor says for the code that was mailed to them.
pub const CODE: &str = "{code}";
/// How a turn can end, as a case may demand it; the last three are no turns of the agent's.
pub const OUTCOMES: [&str; 9] = [
    "answered",
    "asked",
    "handoff",
    "degraded",
    "withheld",
    "cancelled",
    // Staff hold the conversation, or did something in it.
    "staff",
    // The message isn't taken: its proposal is over.
    "proposal_expired",
    // Time went by.
    "waited",
];
/// What a visitor can be asked for; `none`: nothing may be asked.
pub const ASKS: [&str; 4] = ["confirm", "identity", "contact", "none"];
/// The longest wait of a step, in minutes: a month.
const LONGEST_WAIT: i64 = 31 * 24 * 60;

/// What staff do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffAct {
    /// They take the conversation over.
    Claim,
    /// They write in it.
    Reply(String),
    /// The agent has it again.
    GiveBack,
    /// They are done with it.
    Resolve,
    /// They approve what waits.
    Approve,
    /// They refuse it.
    Refuse,
}

/// What is done in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The visitor writes.
    Say(String),
    /// The visitor presses a button of the last proposal.
    Press(bool),
    /// The visitor leaves an address.
    Contact(String),
    /// Minutes go by.
    Wait(i64),
    /// Staff act in the visitor's conversation.
    Staff(StaffAct),
}

/// One answer of a recorded model.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It calls these, in order.
    Calls(Vec<(String, Value)>),
    /// It writes.
    Text(String),
    /// It fails.
    Fails(Failure),
}

/// What the answer to one step must be like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demands {
    /// What it must contain.
    pub must: Vec<Wanted>,
    /// What it must not.
    pub must_not: Vec<String>,
    /// How it may end; empty: in any way.
    pub outcome: Vec<String>,
    /// What the visitor is asked for.
    pub ask: Option<String>,
    /// The tools that are called, in order.
    pub tools: Option<Vec<String>>,
}

/// A step of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub act: Act,
    /// By which visitor, or in whose conversation.
    pub visitor: String,
    /// What a recorded model answers in this turn, in order.
    pub model: Vec<Recorded>,
    /// What the answer must be like.
    pub demands: Demands,
}

impl Step {
    /// A message.
    #[must_use]
    pub fn say(text: String) -> Self {
        Self {
            act: Act::Say(text),
            visitor: VISITOR.to_owned(),
            model: Vec::new(),
            demands: Demands::default(),
        }
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> String {
        let act = match &self.act {
            Act::Say(text) => text.clone(),
            Act::Press(true) => "(presses yes)".to_owned(),
            Act::Press(false) => "(presses no)".to_owned(),
            Act::Contact(address) => format!("(leaves {address})"),
            Act::Wait(minutes) => return format!("({minutes} minutes later)"),
            Act::Staff(StaffAct::Reply(text)) => return format!("(staff reply: {text})"),
            Act::Staff(act) => return format!("(staff: {act:?})").to_lowercase(),
        };
        if self.visitor == VISITOR {
            act
        } else {
            format!("{}: {act}", self.visitor)
        }
    }
}

/// The shop of a case: a site of its own with the demo's orders.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shop {
    /// How far the agent may go; `full` where nothing is said.
    pub mode: Option<String>,
    /// Settings of the site, beside those of the demo.
    pub settings: Map<String, Value>,
    /// Orders beside the demo's, or in place of those of the same number.
    pub orders: Vec<DemoOrder>,
    /// Documents of its own, beside the file of cases; else it searches those of the run's site.
    pub documents: Vec<String>,
    /// The language model obeys whatever it reads.
    pub obeys: bool,
    /// Mail can be sent: one-time codes, say. What is written stays with the case.
    pub mails: bool,
    /// Connections of the run's site that it has too: `woocommerce`, `mcp/NAME`, `http_tool/NAME`.
    /// What is done there is done for real.
    pub connected: Vec<String>,
    /// Orders of a connected shop that are looked at, beside those of the demo and of `end`.
    pub watches: Vec<String>,
}

impl Shop {
    /// How far its agent may go; none when that is no mode.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.mode.as_deref().map_or(Some(Mode::Full), Mode::parse)
    }
}

/// What has become of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrderEnd {
    /// What was paid back.
    pub refunded: Option<String>,
    /// Its state.
    pub status: Option<String>,
    /// Its address on one line, or a part of it.
    pub address: Option<String>,
}

/// A call that must have been made, with at least these arguments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallEnd {
    /// The tool.
    pub tool: String,
    /// Arguments that it must have.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// The error that it must have given.
    pub code: Option<String>,
}

/// A look at a connected system after the last step, by a tool of its that only reads.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// The tool, as it is called here.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// What its result must have, at least.
    #[serde(default)]
    pub result: Map<String, Value>,
    /// The error that it must give instead.
    pub code: Option<String>,
}

/// The state that must hold at the end. Orders that aren't named must be as they were, and what
/// isn't in `effects` must not have happened.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct End {
    /// By number.
    pub orders: BTreeMap<String, OrderEnd>,
    /// The ledger: `issue_refund 1004 38.70 EUR done`.
    pub effects: Vec<String>,
    /// All proposals: `issue_refund 1004 38.70 EUR declined`.
    pub proposals: Option<Vec<String>>,
    /// All handoffs: `needs_approval open`.
    pub handoffs: Option<Vec<String>>,
    /// All tickets: `blocked open`.
    pub tickets: Option<Vec<String>>,
    /// Calls that must be among those that were made, in this order.
    pub calls: Vec<CallEnd>,
    /// What connected systems must be like.
    pub outside: Vec<Look>,
    /// What happened in the first visitor's conversation, beside words, searches and progress:
    /// `ask.confirm`, `handoff.visitor_asked`, `staff.joined`, `replace`, `final.answered`.
    pub events: Option<Vec<String>>,
}

/// A turn as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    say: Option<String>,
    press: Option<bool>,
    contact: Option<String>,
    wait: Option<i64>,
    staff: Option<StaffAct>,
    #[serde(rename = "as")]
    visitor: Option<String>,
    #[serde(default)]
    model: Vec<Reply>,
    #[serde(default)]
    must: Vec<Wanted>,
    #[serde(default)]
    must_not: Vec<String>,
    outcome: Option<OneOrMore<String>>,
    ask: Option<String>,
    tools: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    call: Option<String>,
    args: Option<Value>,
    calls: Option<Vec<Called>>,
    text: Option<String>,
    fails: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    call: String,
    #[serde(default = "nothing")]
    args: Value,
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

/// Reads a turn: a text that the visitor says, or an object.
///
/// # Errors
/// When it is neither, or can't be meant; the sentence says why.
pub fn step(turn: Value) -> Result<Step, String> {
    if let Value::String(text) = turn {
        return Ok(Step::say(text));
    }
    let w: Written = serde_json::from_value(turn).map_err(|e| format!("a turn: {e}"))?;
    let acts = [
        w.say.map(Act::Say),
        w.press.map(Act::Press),
        w.contact.map(Act::Contact),
        w.wait.map(Act::Wait),
        w.staff.map(Act::Staff),
    ];
    let mut acts = acts.into_iter().flatten();
    let (Some(act), None) = (acts.next(), acts.next()) else {
        return Err("a turn has one of `say`, `press`, `contact`, `wait` and `staff`".to_owned());
    };
    if let Act::Wait(minutes) = act
        && !(1..=LONGEST_WAIT).contains(&minutes)
    {
        return Err(format!("`wait` takes 1 to {LONGEST_WAIT} minutes"));
    }
    if let Some(ask) = w.ask.as_ref().filter(|a| !ASKS.contains(&a.as_str())) {
        return Err(format!(
            "`{ask}` can't be asked for; there are {}",
            ASKS.join(", ")
        ));
    }
    let model = w.model.into_iter().map(recorded).collect::<Result<_, _>>()?;
    Ok(Step {
        act,
        visitor: w.visitor.unwrap_or_else(|| VISITOR.to_owned()),
        model,
        demands: Demands {
            must: w.must,
            must_not: w.must_not,
            outcome: outcomes(w.outcome)?,
            ask: w.ask,
            tools: w.tools,
        },
    })
}

/// Names of outcomes, each of which there is.
///
/// # Errors
/// For one that there isn't.
pub fn outcomes(named: Option<OneOrMore<String>>) -> Result<Vec<String>, String> {
    let named: Vec<String> = named.map(Vec::from).unwrap_or_default();
    match named.iter().find(|n| !OUTCOMES.contains(&n.as_str())) {
        Some(wrong) => Err(format!(
            "`{wrong}` is no outcome; there are {}",
            OUTCOMES.join(", ")
        )),
        None => Ok(named),
    }
}

fn recorded(reply: Reply) -> Result<Recorded, String> {
    match reply {
        Reply {
            call: Some(call),
            args,
            calls: None,
            text: None,
            fails: None,
        } => Ok(Recorded::Calls(vec![(call, args.unwrap_or_else(nothing))])),
        Reply {
            call: None,
            args: None,
            calls: Some(calls),
            text: None,
            fails: None,
        } => Ok(Recorded::Calls(
            calls.into_iter().map(|c| (c.call, c.args)).collect(),
        )),
        Reply {
            call: None,
            args: None,
            calls: None,
            text: Some(text),
            fails: None,
        } => Ok(Recorded::Text(text)),
        Reply {
            call: None,
            args: None,
            calls: None,
            text: None,
            fails: Some(how),
        } => failure(&how).map(Recorded::Fails),
        _ => Err("a model's answer has one of `call`, `calls`, `text` and `fails`".to_owned()),
    }
}

fn failure(how: &str) -> Result<Failure, String> {
    Ok(match how {
        "timeout" => Failure::Timeout,
        "rate_limit" => Failure::RateLimit { retry_after: None },
        "server_error" => Failure::ServerError,
        "cut" => Failure::Cut,
        "malformed" => Failure::Malformed,
        "empty" => Failure::Empty,
        "refused" => Failure::Refused,
        _ => {
            return Err(format!(
                "a model doesn't fail by `{how}`, but by timeout, rate_limit, server_error, cut, malformed, empty or refused"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn turns_are_read() {
        assert_eq!(step(json!("Hello")).unwrap(), Step::say("Hello".to_owned()));
        let pressed =
            step(json!({"press": true, "as": "ben", "ask": "none", "outcome": "answered"})).unwrap();
        assert_eq!((pressed.act, pressed.visitor.as_str()), (Act::Press(true), "ben"));
        assert_eq!(pressed.demands.outcome, ["answered"]);
        let reply = step(json!({"staff": {"reply": "Hi"}})).unwrap();
        assert_eq!(reply.act, Act::Staff(StaffAct::Reply("Hi".to_owned())));
        let said = step(json!({"say": "x", "model": [
            {"call": "a", "args": {"b": 1}}, {"calls": [{"call": "c"}]}, {"text": "t"}, {"fails": "cut"}]}))
        .unwrap();
        assert_eq!(
            said.model,
            [
                Recorded::Calls(vec![("a".into(), json!({"b": 1}))]),
                Recorded::Calls(vec![("c".into(), json!({}))]),
                Recorded::Text("t".into()),
                Recorded::Fails(Failure::Cut),
            ]
        );
    }

    #[test]
    fn what_cant_be_meant_is_refused() {
        for (turn, says) in [
            (json!(7), "a turn"),
            (json!({}), "one of `say`"),
            (json!({"say": "a", "press": true}), "one of `say`"),
            (json!({"sya": "a"}), "unknown field"),
            (json!({"staff": "dance"}), "unknown variant"),
            (json!({"wait": 0}), "1 to"),
            (json!({"say": "a", "ask": "money"}), "can't be asked for"),
            (json!({"say": "a", "outcome": "fine"}), "is no outcome"),
            (json!({"say": "a", "model": [{}]}), "one of `call`"),
            (
                json!({"say": "a", "model": [{"text": "a", "call": "b"}]}),
                "one of `call`",
            ),
            (
                json!({"say": "a", "model": [{"fails": "loudly"}]}),
                "doesn't fail by",
            ),
        ] {
            let why = step(turn.clone()).unwrap_err();
            assert!(why.contains(says), "{turn}: {why}");
        }
    }
}
