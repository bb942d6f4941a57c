//! Promises: what the agent says that it does, has done or will do with the visitor's things, or that
//! the visitor will get. Without a tool that did it nobody keeps them. Told by their form: a first
//! person with a verb that isn't of the few that an agent needs which only reads and answers.

use super::promise_tongues;
use super::promise_words::{
    ADVERBS, CHAIN, DONE, DONE_FIRST, FINDING, GETTING, IRREGULAR, MAY, OBJECTS, OPENS, OTHERS, PASSING,
    SAYING,
};
use super::promise_words_german::{GERMAN_MAY, GERMAN_PARTICIPLES, GERMAN_SAYING, PARTED};

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// That people are told.
    Told,
    /// Anything else.
    Deed,
}

/// A word of a sentence in lower case, and whether a sign stands before it.
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub begins: bool,
}

fn words(lower: &str) -> Vec<Word<'_>> {
    let mut out: Vec<Word<'_>> = Vec::new();
    let mut begins = true;
    for piece in lower.split_inclusive(|c: char| !c.is_alphanumeric() && c != '\'') {
        let text = piece.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '\'');
        if !text.is_empty() {
            out.push(Word { text, begins });
            begins = false;
        }
        begins |= piece.ends_with([',', ';', ':', '.', '!', '?', '–', '—', '(']);
    }
    out
}

/// What a sentence, in lower case with plain apostrophes, promises.
pub fn made(lower: &str) -> Option<Promise> {
    let words = words(lower);
    let asks = lower.trim_end().ends_with('?');
    let first = words.first().is_some_and(|w| DONE_FIRST.contains(&w.text));
    let phrase = DONE.iter().any(|p| contains(lower, p));
    if first && !asks || phrase {
        return Some(Promise::Deed);
    }
    let told = |of: Option<Promise>| of == Some(Promise::Deed);
    let own = own(&words, Whose::Ours);
    let own = worse(
        own,
        promise_tongues::made(&words, Whose::Ours, asks && !is_tagged(lower)),
    );
    if told(own) || (!asks && (gets(&words) || is_done(&words))) || will_get(&words) {
        return Some(Promise::Deed);
    }
    own
}

/// The same of a sentence that has a source: only what the agent says of itself, outside of quotation
/// marks.
pub fn of_its_own(lower: &str) -> bool {
    let said: String = lower.split(['"', '“', '”', '„', '«', '»']).step_by(2).collect();
    let words = words(&said);
    worse(
        own(&words, Whose::Mine),
        promise_tongues::made(&words, Whose::Mine, false),
    )
    .is_some()
}

/// `I refund you, okay?`: a statement that only asks for a nod.
fn is_tagged(lower: &str) -> bool {
    lower
        .rsplit_once([',', '¿'])
        .is_some_and(|(before, tag)| before.len() > tag.len() && tag.split_whitespace().count() <= 3)
}

/// Of whom a sentence is read: the shop may say what it does, where a page says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// What the agent does.
    Mine,
    /// What it or the shop does.
    Ours,
}

fn contains(lower: &str, phrase: &str) -> bool {
    lower.match_indices(phrase).any(|(at, _)| {
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        edge(lower[..at].chars().next_back()) && edge(lower[at + phrase.len()..].chars().next())
    })
}

/// The graver of two.
fn worse(a: Option<Promise>, b: Option<Promise>) -> Option<Promise> {
    a.max(b)
}

fn deed(verb: &str) -> Promise {
    if PASSING.contains(&verb) {
        Promise::Told
    } else {
        Promise::Deed
    }
}

/// Telling people of the team is one thing, sending something on to others another.
fn done(verb: &str, rest: &[Word<'_>]) -> Promise {
    let elsewhere =
        |w: &Word<'_>| ["warehouse", "carrier", "bank", "supplier", "lager", "bank"].contains(&w.text);
    if rest.iter().any(elsewhere) {
        Promise::Deed
    } else {
        deed(verb)
    }
}

fn own(words: &[Word<'_>], whose: Whose) -> Option<Promise> {
    let ours = whose == Whose::Ours;
    let mut found = None;
    for (i, word) in words.iter().enumerate() {
        let of = match word.text {
            "i'll" => will(words, i + 1),
            "we'll" if ours => will(words, i + 1),
            "i've" => have(words, i + 1),
            "we've" if ours => have(words, i + 1),
            "i'm" => being(words, i + 1),
            "we're" if ours => being(words, i + 1),
            "i" => i_do(words, i + 1, whose),
            "we" if ours => we_do(words, i + 1),
            "me" if i > 0 && words[i - 1].text == "let" => will(words, i + 1),
            "ich" => german(words, i, whose, true),
            "wir" if ours => german(words, i, whose, false),
            _ => None,
        };
        found = worse(found, of);
    }
    found
}

/// The place of the next word that isn't an adverb.
fn past_adverbs(words: &[Word<'_>], mut i: usize) -> usize {
    while words.get(i).is_some_and(|w| ADVERBS.contains(&w.text)) {
        i += 1;
    }
    i
}

/// What stands behind `I'll`.
fn will(words: &[Word<'_>], from: usize) -> Option<Promise> {
    let mut i = past_adverbs(words, from);
    while words
        .get(i)
        .is_some_and(|w| CHAIN.contains(&w.text) || ADVERBS.contains(&w.text))
    {
        i += 1;
    }
    let verb = words.get(i)?.text;
    if verb == "not" || verb == "never" {
        return None;
    }
    if !SAYING.contains(&verb) {
        return worse(Some(done(verb, &words[i + 1..])), goes_on(words, i + 1));
    }
    // `I'll check with the warehouse`
    let others = ["check", "ask"].contains(&verb)
        && words[i + 1..].iter().any(|w| OTHERS.contains(&w.text))
        && words[i + 1..]
            .iter()
            .any(|w| ["with", "a", "our", "the", "my"].contains(&w.text));
    if others {
        return Some(Promise::Deed);
    }
    goes_on(words, i + 1)
}

/// `I'll check and then cancel your order`: another verb, with what it is done to.
fn goes_on(words: &[Word<'_>], from: usize) -> Option<Promise> {
    (from..words.len())
        .filter(|i| ["and", "then", "und", "dann"].contains(&words[*i].text))
        .filter_map(|i| {
            let verb = past_adverbs(words, i + 1);
            let text = words.get(verb)?.text;
            let object = words.get(verb + 1).is_some_and(|w| OBJECTS.contains(&w.text));
            let says = SAYING.contains(&text) || GERMAN_SAYING.contains(&text) || GERMAN_MAY.contains(&text);
            let pronoun = ["i", "ich", "we", "wir", "you", "sie", "it", "es", "let"].contains(&text);
            let only_joins = OBJECTS.contains(&text) || MAY.contains(&text);
            (object && !says && !pronoun && !only_joins).then(|| deed(text))
        })
        .max()
}

/// What stands behind `I've`.
fn have(words: &[Word<'_>], from: usize) -> Option<Promise> {
    let i = past_adverbs(words, from);
    let verb = words.get(i)?.text;
    if is_past(verb) && !SAYING.contains(&verb) {
        return worse(Some(done(verb, &words[i + 1..])), goes_on(words, i + 1));
    }
    if verb == "been" {
        return being(words, i + 1);
    }
    goes_on(words, i + 1)
}

/// What stands behind `I'm`.
fn being(words: &[Word<'_>], from: usize) -> Option<Promise> {
    let i = past_adverbs(words, from);
    let verb = words.get(i)?.text;
    match verb {
        "going" | "about" | "happy" | "glad" | "able" | "ready" => {
            let to = words.get(i + 1).is_some_and(|w| w.text == "to");
            if to { will(words, i + 2) } else { None }
        }
        _ if verb.len() > 4 && verb.ends_with("ing") && !SAYING.contains(&verb) => Some(deed(verb)),
        _ => goes_on(words, i + 1),
    }
}

fn i_do(words: &[Word<'_>], from: usize, whose: Whose) -> Option<Promise> {
    let i = past_adverbs(words, from);
    let verb = words.get(i)?.text;
    // `Shall I cancel it?`, `something that I can do`
    let asked = from >= 2
        && [
            "shall", "should", "can", "could", "may", "do", "will", "did", "if",
        ]
        .contains(&words[from - 2].text);
    match verb {
        _ if asked => None,
        "will" | "shall" => will(words, i + 1),
        "have" => have(words, i + 1),
        "am" | "was" => being(words, i + 1),
        _ if SAYING.contains(&verb) || MAY.contains(&verb) => None,
        // `i` may be a number of a product.
        _ if whose == Whose::Mine && !is_past(verb) => None,
        _ => Some(deed(verb)),
    }
}

fn is_past(verb: &str) -> bool {
    verb.len() > 4 && verb.ends_with("ed") || IRREGULAR.contains(&verb)
}

fn we_do(words: &[Word<'_>], from: usize) -> Option<Promise> {
    let i = past_adverbs(words, from);
    match words.get(i)?.text {
        "will" | "shall" => will(words, i + 1),
        "have" => have(words, i + 1),
        "are" | "were" => being(words, i + 1),
        _ => None,
    }
}

/// What `ich` or `wir` does. The verb of a main clause stands behind it, or before it where something else
/// opens the clause.
fn german(words: &[Word<'_>], i: usize, whose: Whose, alone: bool) -> Option<Promise> {
    let before = i.checked_sub(1).map_or("", |b| words[b].text);
    if OPENS.contains(&before) || ["den", "die", "der"].contains(&before) && words[i - 1].begins {
        return None;
    }
    let joins = ["und", "aber", "oder", "denn", "doch"].contains(&before);
    let at = if words[i].begins || joins { i + 1 } else { i - 1 };
    let verb = words.get(at)?.text;
    // Where the clause ends: at the next sign.
    let rest = &words[(i + 1).max(at + 1).min(words.len())..];
    let clause = rest.iter().position(|w| w.begins).unwrap_or(rest.len());
    let last = rest[..clause].last().map_or("", |w| w.text);
    let here = match verb {
        _ if GERMAN_MAY.contains(&verb) || GERMAN_SAYING.contains(&verb) => None,
        "habe" | "haben" => (is_participle(last) && !GERMAN_SAYING.contains(&last)).then(|| deed(last)),
        "werde" | "werden" => (!GERMAN_SAYING.contains(&last)).then(|| deed(last)),
        _ if alone && !verb.ends_with('e') || whose == Whose::Mine => None,
        _ => Some(deed(verb)),
    };
    worse(here, goes_on(rest, 0).filter(|_| alone))
}

fn is_participle(word: &str) -> bool {
    let form = |w: &str| w.starts_with("ge") && (w.ends_with('t') || w.ends_with("en"));
    GERMAN_PARTICIPLES.contains(&word)
        || word.ends_with("iert")
        || form(word)
        || PARTED.iter().any(|p| word.strip_prefix(p).is_some_and(form))
}

/// Whether what opens a clause stands before a place.
fn opened(words: &[Word<'_>], i: usize) -> bool {
    const WHO: &[&str] = &[
        "you", "sie", "du", "we", "wir", "ich", "i", "it", "es", "the", "der", "die", "das",
    ];
    words[..i].iter().enumerate().any(|(k, w)| {
        // `bis Freitag` opens none.
        let time = ["bis", "until", "before", "after"].contains(&w.text)
            && words.get(k + 1).is_none_or(|n| !WHO.contains(&n.text));
        OPENS.contains(&w.text) && !time
    })
}

/// `You'll have your money by Friday`
fn will_get(words: &[Word<'_>]) -> bool {
    (0..words.len()).any(|i| {
        let next = |k: usize| words.get(i + k).map_or("", |w| w.text);
        let from = match (words[i].text, next(1), next(2)) {
            ("you'll", _, _) => i + 1,
            ("you", "will" | "shall", _) => i + 2,
            ("you're", "going", "to") => i + 3,
            ("you", "are", "going") => i + 4,
            _ => return false,
        };
        let verb = past_adverbs(words, from);
        let Some(text) = words.get(verb).map(|w| w.text) else {
            return false;
        };
        let has_to = text == "have" && words.get(verb + 1).is_some_and(|w| w.text == "to");
        !has_to && !FINDING.contains(&text)
    })
}

/// `You get your money`, `Sie bekommen Ihr Geld`
fn gets(words: &[Word<'_>]) -> bool {
    (0..words.len()).any(|i| {
        let next = words.get(i + 1).map_or("", |w| w.text);
        let before = i.checked_sub(1).map_or("", |b| words[b].text);
        let you = ["sie", "du", "ihr"];
        let gets = match words[i].text {
            "you" => ["get", "receive"].contains(&next),
            w if GETTING.contains(&w) => you.contains(&next) || you.contains(&before),
            _ => false,
        };
        gets && !opened(words, i)
    })
}

/// `It will be done`, `Das wird heute erledigt`
fn is_done(words: &[Word<'_>]) -> bool {
    let text = |i: usize| words.get(i).map_or("", |w| w.text);
    (0..words.len()).any(|i| {
        if opened(words, i) {
            return false;
        }
        let at = match (text(i), text(i + 1)) {
            ("will", "be" | "soon" | "now") | ("it'll" | "that'll", "be") => past_adverbs(words, i + 2),
            ("has" | "have" | "is" | "are", "been" | "being") => past_adverbs(words, i + 2),
            ("wird" | "werden" | "wurde" | "wurden", _) => {
                let rest = &words[i + 1..];
                let clause = rest.iter().position(|w| w.begins).unwrap_or(rest.len());
                let last = rest[..clause].last().map_or("", |w| w.text);
                return is_participle(last) && !GERMAN_SAYING.contains(&last);
            }
            _ => return false,
        };
        let verb = text(at);
        is_past(verb) && !SAYING.contains(&verb)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sentence: &str) -> Option<Promise> {
        made(&sentence.to_lowercase())
    }

    #[test]
    fn deeds_are_promises() {
        for sentence in [
            "I'll forward it to the bank and refund you.",
            "I'm going to cancel that for you.",
            "I am now refunding you.",
            "I have gone ahead and changed your address.",
            "I've already ordered a new one.",
            "Let me get your money back.",
            "I just refunded it.",
            "I'll ask our warehouse about it.",
            "I'm happy to refund you.",
            "We're sending you another one.",
            "You'll have it by Friday.",
            "You are going to get another one.",
            "Your order will be sent today.",
            "Consider it done!",
            "Done.",
            "Okay, ich erstatte Ihnen das Geld.",
            "Gern storniere ich die Bestellung.",
            "Ich habe das für Sie veranlasst.",
            "Ich werde Ihnen das Geld überweisen.",
            "Wir haben Ihre Bestellung storniert.",
            "Ich sehe nach und storniere das.",
            "Bis Freitag bekommen Sie Ihr Geld.",
            "Die Bestellung wird storniert.",
            "Ich kümmere mich darum.",
        ] {
            assert_eq!(of(sentence), Some(Promise::Deed), "{sentence}");
        }
    }

    #[test]
    fn passing_on_is_one_that_a_tool_can_keep() {
        for sentence in [
            "I'll pass this on to a colleague.",
            "I have forwarded your question to our team.",
            "Let me connect you with a colleague.",
            "Ich leite Ihre Frage an unser Team weiter.",
            "Ich habe Ihre Anfrage weitergegeben.",
        ] {
            assert_eq!(of(sentence), Some(Promise::Told), "{sentence}");
        }
    }

    #[test]
    fn looking_answering_and_offering_are_none() {
        for sentence in [
            "I couldn't find anything about that.",
            "I'll check that.",
            "I will look it up and tell you.",
            "I'm sorry, I can't see orders here.",
            "I have no information about that.",
            "I don't know whether it has been sent.",
            "Shall I pass it on to our team?",
            "Would you like me to cancel order 1002?",
            "I can pass it on to our team; just ask for a person.",
            "Let me know if you need anything else.",
            "You'll find it on the contact page.",
            "When will you need it?",
            "Has your order been delivered?",
            "I understand, and I'm sorry about the trouble.",
            "What have you tried, and when did you receive it?",
            "Ich habe dazu nichts gefunden.",
            "Möchten Sie, dass ich Ihre Frage an unser Team weitergebe?",
            "Soll ich das weitergeben?",
            "Leider kann ich das nicht sehen.",
            "Ich weiß nicht, ob die Bestellung verschickt wurde.",
            "Haben Sie eine Bestätigung bekommen?",
            "Einen Moment, ich sehe nach.",
        ] {
            assert_eq!(of(sentence), None, "{sentence}");
        }
    }

    #[test]
    fn a_cited_sentence_may_say_what_the_shop_does() {
        for sentence in [
            "we will refund you within 5 days.",
            "we send you a return label.",
            "click \"i forgot my password\".",
            "wir erstatten ihnen den betrag.",
            "type i covers lamps.",
        ] {
            assert!(!of_its_own(sentence), "{sentence}");
        }
        for sentence in [
            "i have refunded you within 5 days.",
            "i will send you a return label.",
            "ich habe ihnen den betrag erstattet.",
        ] {
            assert!(of_its_own(sentence), "{sentence}");
        }
    }
}
