//! Reads a file of cases: one JSON object a line. What is wrong is named with its line,
//! because a demand that is silently ignored is one that nobody checks.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::agent::machine::action::HandoffReason;
use crate::agent::turns::LONGEST_MESSAGE;
use crate::domain::site::is_locale;
use crate::evals::cases::connected;
use crate::evals::cases::script::{self, Act, End, Shop, StaffAct, Step, VISITOR};
use crate::evals::cases::text::folded;

/// A case with this tag is wrong today and known to be; it is reported, not counted.
pub const KNOWN: &str = "known";
/// The largest file, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// The most cases of a file.
const MAX_CASES: usize = 10_000;
/// The most messages of a case.
const MAX_TURNS: usize = 20;
/// The longest id or tag, in characters.
const MAX_NAME: usize = 100;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is missing or can't be read.
    #[error("{0} can't be read: {1}")]
    File(PathBuf, std::io::Error),
    /// A line isn't what it should be.
    #[error("{file}, line {line}: {why}")]
    Line {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// It is wrong as a whole.
    #[error("{0}: {1}")]
    Whole(PathBuf, String),
}

/// Something that must be there, in one of several wordings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMore<String>")]
pub struct Wanted(pub Vec<String>);

impl Wanted {
    /// For people: the wordings with "or" between.
    #[must_use]
    pub fn shown(&self) -> String {
        self.0.join(" | ")
    }
}

/// A value, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a value or a list of values is expected here")]
pub enum OneOrMore<T> {
    /// One.
    One(T),
    /// Several.
    More(Vec<T>),
}

impl<T> From<OneOrMore<T>> for Vec<T> {
    fn from(of: OneOrMore<T>) -> Self {
        match of {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        }
    }
}

impl From<OneOrMore<String>> for Wanted {
    fn from(of: OneOrMore<String>) -> Self {
        Self(of.into())
    }
}

/// A case as it stands in the file; docs/evals.md says what each key means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    question: Option<String>,
    turns: Option<Vec<serde_json::Value>>,
    locale: Option<String>,
    #[serde(default, deserialize_with = "shop")]
    shop: Option<Shop>,
    end: Option<End>,
    #[serde(default)]
    must: Vec<Wanted>,
    #[serde(default)]
    must_not: Vec<String>,
    #[serde(default)]
    cite: Vec<Wanted>,
    #[serde(default)]
    cite_none: bool,
    outcome: Option<OneOrMore<String>>,
    handoff_reason: Option<OneOrMore<HandoffReason>>,
    tools: Option<Vec<String>>,
    brain: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// `true` is a shop of which nothing is said.
fn shop<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Shop>, D::Error> {
    use serde::de::Error as _;
    match serde_json::Value::deserialize(from)? {
        serde_json::Value::Bool(is) => Ok(is.then(Shop::default)),
        said => serde_json::from_value(said)
            .map(Some)
            .map_err(|e| D::Error::custom(format!("`shop`: {e}"))),
    }
}

/// A case. The demands are about the answer to the last message, but `must_not`, which
/// is about all answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Unique in its file.
    pub id: String,
    /// What happens; never empty. Without a shop, all of it is said by one visitor.
    pub turns: Vec<Step>,
    /// The visitor's language; none: the site's.
    pub locale: Option<String>,
    /// The shop that it happens in; none: it is asked of the run's site.
    pub shop: Option<Shop>,
    /// What must hold in the shop after it.
    pub end: End,
    /// What the answer must contain.
    pub must: Vec<Wanted>,
    /// What no answer may contain.
    pub must_not: Vec<String>,
    /// Documents that must be cited, by slug or path.
    pub cite: Vec<Wanted>,
    /// Nothing may be cited.
    pub cite_none: bool,
    /// How the turn may end; empty: in any way.
    pub outcome: Vec<String>,
    /// Why it may go to staff; empty: for any reason.
    pub handoff_reason: Vec<HandoffReason>,
    /// The tools that are called, in order.
    pub tools: Option<Vec<String>>,
    /// The brain that answers.
    pub brain: Option<String>,
    /// For the summary.
    pub tags: Vec<String>,
}

impl Case {
    /// Whether it is known to fail.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.tags.iter().any(|t| t == KNOWN)
    }
}

/// A file of cases.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    /// As it was named.
    pub file: String,
    /// The folder that it lies in.
    pub folder: PathBuf,
    /// Of its bytes, hexadecimal: tells one version of the cases from another.
    pub sha256: String,
    /// In the file's order; never empty.
    pub cases: Vec<Case>,
}

/// Reads a file.
///
/// # Errors
/// When it can't be read, has no case, or a line is wrong; the message names the line.
pub fn read(path: &Path) -> Result<Suite, LoadError> {
    let unread = |e| LoadError::File(path.to_owned(), e);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unread)?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unread)?;
    let whole = |why: &str| LoadError::Whole(path.to_owned(), why.to_owned());
    if bytes.len() as u64 > MAX_FILE {
        return Err(whole("the file is larger than 16 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| whole("the file isn't UTF-8"))?;
    let cases = parse(text).map_err(|(line, why)| LoadError::Line {
        file: path.to_owned(),
        line,
        why,
    })?;
    if cases.is_empty() {
        return Err(whole("there is no case in the file"));
    }
    Ok(Suite {
        file: path.display().to_string(),
        folder: path.parent().map(Path::to_owned).unwrap_or_default(),
        sha256: hex::encode(Sha256::digest(&bytes)),
        cases,
    })
}

/// The cases of a text; or the line that is wrong, and why.
fn parse(text: &str) -> Result<Vec<Case>, (usize, String)> {
    let mut cases = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let n = i + 1;
        if line.trim().is_empty() {
            continue;
        }
        let read: Line = serde_json::from_str(line).map_err(|e| (n, said(&e)))?;
        let case = checked(read).map_err(|why| (n, why))?;
        if let Some(first) = lines.insert(case.id.clone(), n) {
            return Err((n, format!("the id `{}` is in line {first} already", case.id)));
        }
        cases.push(case);
        if cases.len() > MAX_CASES {
            return Err((n, format!("more than {MAX_CASES} cases")));
        }
    }
    Ok(cases)
}

/// What serde says, without its line number: for it, each line is a text of its own.
fn said(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    match text.strip_suffix(&place) {
        Some(what) if error.column() > 0 => format!("{what} (column {})", error.column()),
        Some(what) => what.to_owned(),
        None => text,
    }
}

fn checked(line: Line) -> Result<Case, String> {
    let turns = match (line.question, line.turns) {
        (Some(question), None) => vec![Step::say(question)],
        (None, Some(turns)) => turns.into_iter().map(script::step).collect::<Result<_, _>>()?,
        (Some(_), Some(_)) => return Err("`question` and `turns` can't both be there".to_owned()),
        (None, None) => return Err("`question` or `turns` is missing".to_owned()),
    };
    if turns.is_empty() || turns.len() > MAX_TURNS {
        return Err(format!("`turns` must have 1 to {MAX_TURNS} messages"));
    }
    for name in line.tags.iter().chain([&line.id]) {
        if name.trim().is_empty() || name.chars().count() > MAX_NAME {
            return Err(format!("ids and tags must have 1 to {MAX_NAME} characters"));
        }
    }
    if let Some(locale) = line.locale.as_ref().filter(|l| !is_locale(l)) {
        return Err(format!(
            "`{locale}` is no language tag; write one such as en or de-AT"
        ));
    }
    let case = Case {
        id: line.id,
        turns,
        locale: line.locale,
        end: line.end.clone().unwrap_or_default(),
        shop: line.shop,
        must: line.must,
        must_not: line.must_not,
        cite: line.cite,
        cite_none: line.cite_none,
        outcome: script::outcomes(line.outcome)?,
        handoff_reason: line.handoff_reason.map(Vec::from).unwrap_or_default(),
        tools: line.tools,
        brain: line.brain,
        tags: line.tags,
    };
    case.turns.iter().try_for_each(|turn| possible(turn, &case))?;
    if line.end.is_some() && case.shop.is_none() {
        return Err("`end` is about a shop; say `shop`".to_owned());
    }
    if let Some(shop) = &case.shop {
        if shop.mode().is_none() {
            return Err("a shop's `mode` is shadow, assist or full".to_owned());
        }
        shop.connected
            .iter()
            .try_for_each(|name| connected::is_name(name))?;
        if connected::has_woocommerce(shop) && !shop.orders.is_empty() {
            return Err("`orders` can't be put into a connected shop; say which it `watches`".to_owned());
        }
    }
    let wanted = || {
        case.turns
            .iter()
            .flat_map(|t| &t.demands.must)
            .chain(&case.must)
            .chain(&case.cite)
    };
    let unwanted = case
        .turns
        .iter()
        .flat_map(|t| &t.demands.must_not)
        .chain(&case.must_not);
    if wanted()
        .flat_map(|w| &w.0)
        .chain(unwanted)
        .any(|w| folded(w).is_empty())
    {
        return Err("an empty text is in every answer and in none; take it out".to_owned());
    }
    if wanted().any(|w| w.0.is_empty()) {
        return Err("a list of alternatives is empty".to_owned());
    }
    if case.cite_none && !case.cite.is_empty() {
        return Err("`cite` and `cite_none` contradict each other".to_owned());
    }
    let nothing = case.must.is_empty()
        && case.must_not.is_empty()
        && case.cite.is_empty()
        && !case.cite_none
        && case.outcome.is_empty()
        && case.handoff_reason.is_empty()
        && case.tools.is_none()
        && case.brain.is_none()
        // Of a shop it is demanded that nothing happens without consent.
        && case.shop.is_none();
    if nothing {
        return Err("the case demands nothing, so it can't fail".to_owned());
    }
    Ok(case)
}

/// Whether a turn can happen in this case.
fn possible(turn: &Step, case: &Case) -> Result<(), String> {
    let texts = match &turn.act {
        Act::Say(text) | Act::Contact(text) | Act::Staff(StaffAct::Reply(text)) => Some(text),
        Act::Press(_) | Act::Wait(_) | Act::Staff(_) => None,
    };
    if let Some(text) = texts
        && (text.trim().is_empty() || text.chars().count() > LONGEST_MESSAGE || text.contains('\0'))
    {
        return Err(format!(
            "a message must have 1 to {LONGEST_MESSAGE} characters, none of them U+0000"
        ));
    }
    let plain = matches!(turn.act, Act::Say(_)) && turn.visitor == VISITOR && turn.model.is_empty();
    if case.shop.is_none() && !plain {
        return Err(
            "buttons, staff, other visitors, waits and recorded models need a shop of the case's own; say `shop`"
                .to_owned(),
        );
    }
    if case.shop.as_ref().is_some_and(|s| s.obeys) && !turn.model.is_empty() {
        return Err("a model that obeys isn't recorded".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String) {
        parse(text).unwrap_err()
    }

    #[test]
    fn a_case_is_read_with_alternatives_and_defaults() {
        let text = "\u{feff}{\"id\":\"a\",\"question\":\"?\",\"must\":[\"x\",[\"y\",\"z\"]],\"outcome\":\"answered\"}\r\n\n\
                    {\"id\":\"b\",\"turns\":[\"1\",\"2\"],\"outcome\":[\"asked\",\"handoff\"],\
                     \"handoff_reason\":\"visitor_asked\",\"tools\":[],\"tags\":[\"known\"]}\n";
        let cases = parse(text).unwrap();
        assert_eq!(cases[0].turns, [Step::say("?".to_owned())]);
        assert_eq!(
            cases[0].must,
            [Wanted(vec!["x".into()]), Wanted(vec!["y".into(), "z".into()])]
        );
        assert_eq!(
            (cases[0].outcome.clone(), cases[0].tools.clone()),
            (vec!["answered".to_owned()], None)
        );
        assert!(!cases[0].is_known() && cases[1].is_known());
        assert_eq!(cases[1].outcome, ["asked", "handoff"]);
        assert_eq!(cases[1].handoff_reason, [HandoffReason::VisitorAsked]);
        assert_eq!(cases[1].tools, Some(vec![]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        const GOOD: &str = "{\"id\":\"a\",\"question\":\"?\",\"must\":[\"x\"]}\n";
        let after_good = |line: &str| wrong(&format!("{GOOD}\n{line}\n"));
        for (line, says) in [
            ("{", "EOF"),
            ("[]", "expected struct"),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"musst\":[\"x\"]}",
                "unknown field `musst`",
            ),
            (
                "{\"id\":\"b\",\"id\":\"c\",\"question\":\"?\"}",
                "duplicate field `id`",
            ),
            ("{\"question\":\"?\",\"must\":[\"x\"]}", "missing field `id`"),
            (GOOD.trim(), "the id `a` is in line 1 already"),
            (
                "{\"id\":\"b\",\"must\":[\"x\"]}",
                "`question` or `turns` is missing",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"turns\":[\"?\"],\"must\":[\"x\"]}",
                "can't both",
            ),
            (
                "{\"id\":\"b\",\"question\":\"  \",\"must\":[\"x\"]}",
                "1 to 4000 characters",
            ),
            ("{\"id\":\"b\",\"turns\":[],\"must\":[\"x\"]}", "1 to 20 messages"),
            (
                "{\"id\":\" \",\"question\":\"?\",\"must\":[\"x\"]}",
                "ids and tags",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"locale\":\"4\",\"must\":[\"x\"]}",
                "no language tag",
            ),
            ("{\"id\":\"b\",\"question\":\"?\",\"must\":[\" \"]}", "empty text"),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"must\":[[]]}",
                "alternatives is empty",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"must\":[7]}",
                "a value or a list of values",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"outcome\":\"anserwed\"}",
                "`anserwed` is no outcome",
            ),
            (
                "{\"id\":\"b\",\"turns\":[{\"press\":true}],\"must\":[\"x\"]}",
                "need a shop",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"must\":[\"x\"],\"end\":{}}",
                "say `shop`",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"shop\":{\"mode\":\"wild\"}}",
                "shadow, assist or full",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"shop\":{\"moed\":\"full\"}}",
                "`shop`: unknown field",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"shop\":{\"connected\":[\"slack\"]}}",
                "`slack` can't be `connected`",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"cite\":[\"x\"],\"cite_none\":true}",
                "contradict",
            ),
            (
                "{\"id\":\"b\",\"question\":\"?\",\"tags\":[\"x\"]}",
                "demands nothing",
            ),
        ] {
            let (n, why) = after_good(line);
            assert!(n == 3 && why.contains(says), "{line}: line {n}: {why}");
            assert!(!why.contains("at line 1"), "{why}");
        }
    }

    #[test]
    fn a_file_without_cases_or_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cases.jsonl");
        let says = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(says(b"\n \n").contains("there is no case"));
        assert!(says(b"\xff\xfe").contains("isn't UTF-8"));
        assert!(says(b"\n{\n").contains("cases.jsonl, line 2: "));
        assert!(
            read(dir.path())
                .unwrap_err()
                .to_string()
                .contains("can't be read")
        );
    }
}
