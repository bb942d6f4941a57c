//! Two things that a draft says without a source, and that state nothing of the shop's: that a code was
//! sent and is asked for, where a tool of this turn sent one, and that the pages say nothing.

use super::openings::CLAIMS;
use super::plain_words::{self, words_of};
use super::tools::Said;

/// What is said of a code beside the words of any courtesy.
const OF_CODE: &[&str] = &[
    "code",
    "codes",
    "sent",
    "enter",
    "type",
    "six",
    "digit",
    "digits",
    "inbox",
    "spam",
    "folder",
    "valid",
    "minutes",
    "received",
    "arrived",
    "verification",
    "verify",
    "eingeben",
    "geben",
    "ein",
    "sechsstelligen",
    "sechsstellige",
    "sechsstelliger",
    "posteingang",
    "gültig",
    "minuten",
    "geschickt",
    "verschickt",
    "gesendet",
    "erhalten",
    "bestätigungscode",
    "adresse",
];
/// How many digits it has: no figure of a tool's.
const LENGTHS: &[&str] = &[
    "six-digit",
    "6-digit",
    "six digit",
    "sechsstelligen",
    "sechsstellige",
    "sechsstelliger",
];
/// Where an agent has its answers from.
const PAGES: &[&str] = &[
    "pages",
    "page",
    "passages",
    "passage",
    "sources",
    "source",
    "documents",
    "information",
    "hilfeseiten",
    "seiten",
    "quellen",
    "informationen",
];
/// What they do, or not.
const SAYING: &[&str] = &[
    "say",
    "says",
    "mention",
    "mentions",
    "mentioned",
    "cover",
    "covers",
    "covered",
    "tell",
    "have",
    "contain",
    "contains",
    "list",
    "listed",
    "answer",
    "found",
    "find",
    "steht",
    "sagen",
    "erwähnen",
    "erwähnt",
    "enthalten",
    "gefunden",
    "finden",
];
/// That they don't.
const NOTHING: &[&str] = &[
    "don't", "doesn't", "not", "isn't", "nothing", "no", "nichts", "keine", "nicht", "kein",
];

/// A sentence without what says how long a code is.
pub fn without_length(text: &str, said: &Said) -> String {
    let mut out = text.to_owned();
    if said.sent_code() {
        for length in LENGTHS {
            out = out.replace(length, "");
        }
    }
    out
}

/// Whether a sentence, in lower case, tells of the code that a tool has sent, or asks for it.
pub fn of_code(lower: &str, said: &Said) -> bool {
    said.sent_code()
        && words_of(lower).any(|w| w.starts_with("code") || w == "bestätigungscode")
        && made_of(lower, OF_CODE, said)
}

/// Whether it says that the pages say nothing, and nothing else.
pub fn says_nothing(lower: &str, said: &Said) -> bool {
    let words: Vec<String> = words_of(lower).collect();
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let joined = [" but ", " aber ", ";", ", so ", " because ", " weil ", ": "];
    has(PAGES)
        && has(SAYING)
        && has(NOTHING)
        && !joined.iter().any(|j| lower.contains(j))
        && made_of(lower, &[PAGES, SAYING, NOTHING, &["afraid"]].concat(), said)
}

fn made_of(lower: &str, own: &[&str], said: &Said) -> bool {
    let open: Vec<String> = words_of(lower).filter(|w| !own.contains(&w.as_str())).collect();
    !CLAIMS.iter().any(|c| lower.contains(c)) && plain_words::only(&open.join(" "), &said.heard)
}
