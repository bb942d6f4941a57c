//! What of a message is its question and what is said around it: greetings, the story so
//! far, words that every message has. General language, nothing of one site.

use std::collections::BTreeSet;

use crate::knowledge::words::words;

/// Words that carry a conversation and not its subject. Those that a language ignores
/// anyway (its stop words) needn't be here.
const CHATTER: &str = "
    hi hello hey dear good morning evening afternoon greetings cheers please pls thanks thank thx sorry excuse
    help need needs needed want wants wanted would like likes love loves loved hate hates hated wish rather prefer
    know knew tell told ask asked asking question questions wonder wondering think thought guess hope hoping believe
    see seen look looking looks seem seems feel make makes made making sure get gets got getting give gives gave given
    let lets go going goes gone went come comes came coming take takes took taken taking find found finding bring
    use used using say says said mean means try tried trying happen happens happened start started stop
    thing things something anything nothing everything someone anybody somebody anyone everyone stuff
    really actually just still already also maybe perhaps possible possibly able ok okay fine yes yeah no nope well
    now today yesterday tomorrow tonight week weeks month months ago last next soon later earlier time recently lately
    honestly frankly basically simply quite very much many lot lots bit little kind sort type way matter matters
    problem issue case reason idea point fact
    wife husband partner mother father mum mom dad aunt uncle grandmother grandma grandfather son daughter brother
    sister friend friends family kids children people guys folks person colleague boss neighbour
    big small little huge online internet website site page shop store
    nice great best better right wrong beautiful lovely new okay
    ive im id ill dont doesnt cant wont isnt one two three first second us put puts work works working worked
    live lives living lived set bad full whole else other another both each every enough around away back
    policy policies info rules rule terms conditions details accept accepts accepted offer offers offered provide provides recommend recommended suggest advise advice create
    could may might shall must ought allowed anyway however though although since because therefore
    bin bitte danke hallo guten tag morgen abend möchte möchten will wollen hätte hätten gerne gern habe haben hab gibt
    geben kann können könnte wissen weiß frage fragen eigentlich noch schon mal vielleicht etwas jemand heute gestern
    mein meine meinen eure euer ihre euch problem brauche brauchen";

/// Whether a lower-case word is of that sort.
#[must_use]
pub fn is_chatter(word: &str) -> bool {
    CHATTER.split_whitespace().any(|c| c == word)
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// As it was written.
    pub text: String,
    /// Whether it asks.
    pub asks: bool,
}

/// Words that a question begins with.
const ASKING: [&str; 66] = [
    "what", "what's", "whats", "when", "where", "where's", "which", "who", "who's", "whom", "whose", "why",
    "how", "can", "could", "do", "does", "did", "is", "are", "am", "may", "will", "would", "should", "shall",
    "must", "has", "have", "any", "don't", "isn't", "can't", "doesn't", "won't", "wann", "wo", "wer", "wie",
    "was", "warum", "welche", "welcher", "welches", "kann", "können", "könnte", "darf", "dürfen", "ist",
    "sind", "gibt", "habt", "haben", "liefert", "muss", "müssen", "soll", "wird", "werden", "bieten",
    "nehmen", "kostet", "woher", "wohin", "wieviel",
];

/// The parts of a message. Where none asks, as in a few keywords, all of it is the question.
#[must_use]
pub fn clauses(message: &str) -> Vec<Clause> {
    let mut out: Vec<Clause> = Vec::new();
    for sentence in message.split_inclusive(['.', '!', '?', '\n', ';', ':']) {
        // `4.90`, `9:00` and `shop.example` are no ends.
        let glued = out.last().is_some_and(|c: &Clause| {
            c.text.ends_with(['.', ':']) && sentence.starts_with(|c: char| c.is_alphanumeric())
        });
        if glued && let Some(last) = out.last_mut() {
            last.text.push_str(sentence);
            continue;
        }
        out.push(Clause {
            text: sentence.to_owned(),
            asks: false,
        });
    }
    let mut out: Vec<Clause> = out.into_iter().flat_map(|c| parts(&c.text)).collect();
    out.retain(|c| c.text.contains(char::is_alphanumeric));
    out
}

/// The parts of a sentence: it is cut before a word that asks, where a comma or "and"
/// stands before it.
fn parts(sentence: &str) -> Vec<Clause> {
    let marked = sentence.trim_end().ends_with('?');
    let mut cuts = vec![0];
    for (i, _) in sentence.match_indices([',', '–', '—']) {
        let rest = sentence[i..].trim_start_matches([',', '–', '—', ' ']);
        let rest = ["and ", "but ", "so ", "und ", "aber "]
            .iter()
            .find_map(|w| rest.strip_prefix(w))
            .unwrap_or(rest);
        if begins_asking(rest) {
            cuts.push(i);
        }
    }
    for joint in [" and ", " but ", " so ", " und ", " aber "] {
        for (i, _) in sentence.match_indices(joint) {
            if begins_asking(&sentence[i + joint.len()..]) && !cuts.contains(&i) {
                cuts.push(i);
            }
        }
    }
    cuts.sort_unstable();
    let texts: Vec<&str> = cuts
        .iter()
        .enumerate()
        .map(|(n, from)| &sentence[*from..cuts.get(n + 1).copied().unwrap_or(sentence.len())])
        .collect();
    let last = texts.len() - 1;
    texts
        .into_iter()
        .enumerate()
        .map(|(n, text)| Clause {
            asks: begins_asking(text) || (marked && n == last),
            text: text.to_owned(),
        })
        .collect()
}

fn begins_asking(text: &str) -> bool {
    words(text)
        .first()
        .is_some_and(|w| ASKING.contains(&w.lower.as_str()))
}

/// The words of a question that only say what kind of answer it waits for.
#[must_use]
pub fn shaping(message: &str) -> BTreeSet<String> {
    const SHAPES: [&str; 18] = [
        "much", "many", "long", "often", "fast", "quickly", "soon", "far", "time", "kind", "about", "early",
        "late", "viel", "viele", "lange", "oft", "schnell",
    ];
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    lower
        .windows(2)
        .filter(|pair| {
            matches!(pair[0].as_str(), "how" | "wie" | "what") && SHAPES.contains(&pair[1].as_str())
        })
        .map(|pair| pair[1].clone())
        .collect()
}

/// Whether a word is a time of day.
#[must_use]
pub fn is_clock(word: &str) -> bool {
    [
        "noon", "midday", "midnight", "o'clock", "oclock", "am", "pm", "uhr", "mittag", "mittags",
    ]
    .contains(&word)
        || word
            .strip_suffix("am")
            .or_else(|| word.strip_suffix("pm"))
            .is_some_and(|n| n.parse::<u8>().is_ok())
}
