//! What may stand without a source, by closed rules: greetings, thanks, questions, offers
//! of help, what the agent says of itself, what a tool returned, and the lines that only
//! introduce something. All else states something and needs one.

use super::Fault;
use super::asked_back;
use super::figures::figures;
use super::negation::denies;
use super::openings::{CLAIMS, COURTESY, LEADS, OFFER, OWN, PLEDGES, PROMISES, SECRETS};
use super::plain_words;
use super::promises::{self, Promise};
use super::tongue::{Tongue, tongue};
use super::tools::Said;
use super::units::plain;

/// The most words of a courtesy, and of a question in a language that the rules don't know.
const SHORT: usize = 12;
/// The most words and characters of anything else in such a language: a greeting, thanks.
const BRIEF: usize = 3;
const BRIEF_CHARS: usize = 30;
/// Longer words are none.
const LONGEST_WORD: usize = 40;
/// The most words of a heading and of a line that introduces something.
const HEADING: usize = 7;
const LEAD: usize = 14;

/// Checks a sentence that cites nothing.
pub fn check(md: &str, said: &Said) -> Result<(), Fault> {
    let text = plain(&plain_words::without_placeholders(md));
    let all = figures(&asked_back::without_length(&text, said));
    if !all.iter().all(|f| said.has(f) || said.by_visitor(f)) {
        return Err(Fault::Uncited);
    }
    let lower = text.trim().to_lowercase().replace('’', "'");
    // An answer states what was asked.
    if ["yes", "no", "ja", "nein"]
        .iter()
        .any(|a| lower.strip_prefix(a).is_some_and(|r| r.starts_with(['.', '!'])))
    {
        return Err(Fault::Uncited);
    }
    let has = |list: &[&str]| list.iter().any(|p| lower.contains(p));
    if has(SECRETS) {
        return Err(Fault::Uncited);
    }
    if asked_back::of_code(&lower, said) || asked_back::says_nothing(&lower, said) {
        return Ok(());
    }
    // What was done stands in a tool's result.
    let kept = |promise| promise == Promise::Told && said.told_staff();
    if promises::made(&lower).is_some_and(|promise| !kept(promise)) && !said.states(&text, &all) {
        return Err(Fault::Uncited);
    }
    let words = lower.split_whitespace().count();
    let by_visitor = all.iter().any(|f| !said.by_tool(f) && !f.is_name());
    let language = tongue(&text);
    // With words beyond these it may state something, whatever its form.
    let plain = match language {
        Tongue::English | Tongue::German => plain_words::only(&lower, &said.heard),
        Tongue::Other => words <= BRIEF && lower.chars().count() <= BRIEF_CHARS && !has(PROMISES),
    };
    let asks = lower.ends_with(['?', '？', '؟']);
    if asks
        && !by_visitor
        && (plain
            || (language == Tongue::Other && words <= SHORT && !without_blanks(&lower) && !has(PROMISES)))
    {
        return Ok(());
    }
    let bare = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    let starts = |list: &[&str]| list.iter().any(|p| bare.starts_with(p));
    let claims = has(CLAIMS);
    if plain && starts(OWN) && !smuggles(bare) {
        return Ok(());
    }
    if plain && starts(OFFER) && !claims && !smuggles(bare) && !by_visitor {
        return Ok(());
    }
    let pledges = has(PLEDGES);
    if plain
        && starts(COURTESY)
        && words <= SHORT
        && !claims
        && !pledges
        && !by_visitor
        && !denies_something(bare)
    {
        return Ok(());
    }
    if said.states(&text, &all) {
        return Ok(());
    }
    if !all.is_empty() {
        return Err(Fault::Uncited);
    }
    let introduces = lower.ends_with(':') && words <= LEAD && starts(LEADS) && !claims;
    if introduces || (plain && titles(md, &lower, words)) {
        return Ok(());
    }
    if plain && language == Tongue::Other && !without_blanks(&lower) {
        Ok(())
    } else {
        Err(Fault::Uncited)
    }
}

/// A script that is written without blanks: a whole statement looks like one word.
fn without_blanks(text: &str) -> bool {
    text.split_whitespace().any(|w| w.chars().count() > LONGEST_WORD)
        || text
            .chars()
            .any(|c| matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{e00}'..='\u{eff}'))
}

/// A clause after the opening that states something: `I don't know, but returns are free`.
fn smuggles(lower: &str) -> bool {
    const JOINTS: &[&str] = &[
        ", but ",
        " but ",
        "; ",
        ", however",
        ": ",
        " because ",
        ", so ",
        " and the ",
        " and you ",
        " and we ",
        ". ",
        ", aber ",
        " aber ",
        " weil ",
        ", denn ",
        " und die ",
        " und wir ",
        " und sie ",
    ];
    const HARMLESS: &[&str] = &[
        "i can",
        "i answer",
        "ich antworte",
        "i don't",
        "you can reach",
        "so erreichen sie",
        "i'll",
        "i will",
        "i could",
        "let me",
        "please",
        "just ask",
        "a colleague",
        "our team",
        "the team",
        "ich kann",
        "ich leite",
        "bitte",
        "ein kollege",
        "unser team",
    ];
    let tail = JOINTS
        .iter()
        .filter_map(|j| {
            lower
                .find(j)
                .map(|at| lower[at + j.len()..].trim_start_matches([',', ' ']))
        })
        .min_by_key(|t| t.len());
    tail.is_some_and(|t| {
        let openings = HARMLESS.iter().any(|h| t.starts_with(h));
        let claims = CLAIMS.iter().any(|c| t.contains(c));
        t.split_whitespace().count() > 1 && (!openings || claims)
    })
}

/// `Sorry, we don't …` states something.
fn denies_something(lower: &str) -> bool {
    denies(lower)
        && (lower.contains(" we ")
            || lower.contains(" you can")
            || lower.contains(" wir ")
            || lower.contains(" sie können"))
}

/// A heading or a bold line, a table's head: a few words and no verb.
fn titles(md: &str, lower: &str, words: usize) -> bool {
    const VERBS: &str = "is are was can can't cannot may must will has have does don't do takes costs cost covers free yes no not ist sind kann können \
        muss wird gilt gibt kostet kostenlos ja nein nicht kein keine always never never all";
    let md = md.trim();
    let marked = md.starts_with('#')
        || (md.starts_with("**") && md.trim_end_matches(':').ends_with("**"))
        || md.starts_with('|');
    let verb = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|w| VERBS.split_whitespace().any(|v| v == w));
    marked && words <= if md.starts_with('|') { 2 * HEADING } else { HEADING } && !verb
}
