//! What may stand without a source, by closed rules: greetings, thanks, questions, offers
//! of help, what the agent says of itself, what a tool returned, and the lines that only
//! introduce something. All else states something and needs one.

use super::Fault;
use super::figures::figures;
use super::negation::denies;
use super::tools::Said;
use super::units::plain;
use super::words::{Tongue, terms, tongue};

/// The most words of an uncited sentence in a language that the rules don't know.
const SHORT: usize = 12;
/// The most words of a heading and of a line that introduces something.
const HEADING: usize = 7;
const LEAD: usize = 14;

/// How greetings, thanks, wishes and apologies begin; they are short.
const COURTESY: &[&str] = &[
    "hello",
    "hi ",
    "hi!",
    "hi,",
    "hey",
    "good morning",
    "good afternoon",
    "good evening",
    "welcome",
    "thanks",
    "thank you",
    "many thanks",
    "you're welcome",
    "my pleasure",
    "sorry",
    "i'm sorry",
    "i am sorry",
    "i apologise",
    "i apologize",
    "my apologies",
    "great question",
    "good question",
    "have a nice",
    "have a great",
    "have a good",
    "goodbye",
    "bye",
    "best regards",
    "kind regards",
    "take care",
    "i understand",
    "i see",
    "happy to help",
    "glad to help",
    "glad i could",
    "of course, i",
    "sure, i",
    "no problem",
    "hallo",
    "guten tag",
    "guten morgen",
    "guten abend",
    "grüß",
    "servus",
    "willkommen",
    "danke",
    "vielen dank",
    "herzlichen dank",
    "gern geschehen",
    "bitte sehr",
    "es tut mir leid",
    "tut mir leid",
    "entschuldigung",
    "entschuldigen sie",
    "schönen tag",
    "auf wiedersehen",
    "viele grüße",
    "ich verstehe",
];

/// How offers of help and requests for details begin.
const OFFER: &[&str] = &[
    "let me know",
    "please let me know",
    "just let me know",
    "feel free to",
    "if you like, i can",
    "if you'd like, i can",
    "if you want, i can",
    "if you have any other questions",
    "if you have any questions",
    "if you have more questions",
    "if there is anything else",
    "if there's anything else",
    "i can help",
    "i'm happy to help",
    "i am happy to help",
    "i'd be happy to",
    "i'm here to help",
    "i can connect you",
    "i can pass",
    "i can forward",
    "i can hand",
    "i can look",
    "i can check",
    "please tell me",
    "please send me your",
    "please give me",
    "could you please",
    "could you tell",
    "can you tell",
    "please share",
    "tell me",
    "i hope this helps",
    "i hope that helps",
    "wenn sie möchten, kann ich",
    "wenn du möchtest, kann ich",
    "falls sie möchten, kann ich",
    "wenn sie weitere fragen haben",
    "falls sie weitere fragen haben",
    "bei weiteren fragen",
    "ich helfe ihnen gern",
    "ich helfe gern",
    "ich helfe dir gern",
    "gerne helfe ich",
    "gern helfe ich",
    "ich kann ihnen gern",
    "ich kann sie gern",
    "ich kann sie mit",
    "ich kann das an",
    "ich kann nachsehen",
    "bitte nennen sie",
    "bitte teilen sie mir",
    "nennen sie mir",
    "bitte sagen sie mir",
    "sagen sie mir",
    "ich hoffe, das hilft",
    "melden sie sich gern",
];

/// What the agent says of itself, its search and what it will do.
const OWN: &[&str] = &[
    "i can't search",
    "i can't bring",
    "i can't look up",
    "i'm an automatic",
    "ich bin ein automatischer",
    "ich kann die hilfeseiten",
    "ich kann noch niemanden",
    "i couldn't find",
    "i could not find",
    "i can't find",
    "i cannot find",
    "i didn't find",
    "i did not find",
    "i found nothing",
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "i'm unable to",
    "i am unable to",
    "i can't see",
    "i cannot see",
    "i can't answer",
    "i cannot answer",
    "i can't help with",
    "i cannot help with",
    "i can't tell",
    "i cannot tell",
    "i can't say",
    "i don't have",
    "i do not have",
    "i have no information",
    "i'm an assistant",
    "i am an assistant",
    "i'm the assistant",
    "i am the assistant",
    "i'm a virtual",
    "i am a virtual",
    "i'm an ai",
    "i am an ai",
    "i'm not a person",
    "i've passed",
    "i have passed",
    "i'll pass",
    "i will pass",
    "i'll forward",
    "i will forward",
    "i've forwarded",
    "i'll hand",
    "i will hand",
    "i'll connect",
    "i will connect",
    "i'll check",
    "i will check",
    "let me check",
    "let me look",
    "let me see",
    "one moment",
    "just a moment",
    "ich konnte nichts",
    "ich konnte leider nichts",
    "ich konnte dazu",
    "ich konnte keine",
    "ich habe dazu",
    "dazu habe ich auf",
    "dazu habe ich leider",
    "ich habe leider",
    "ich finde dazu",
    "ich finde keine",
    "ich weiß nicht",
    "ich weiß leider nicht",
    "ich bin nicht sicher",
    "ich bin mir nicht sicher",
    "ich kann nicht sagen",
    "ich kann dazu",
    "ich kann in diesem chat",
    "ich bin ein assistent",
    "ich bin eine assistentin",
    "ich bin der assistent",
    "ich leite",
    "ich gebe das",
    "ich habe ihre anfrage",
    "einen moment",
    "dazu habe ich nichts gefunden",
];

/// How lines begin that introduce what follows.
const LEADS: &[&str] = &[
    "this is what",
    "auf den hilfeseiten",
    "here",
    "the following",
    "these",
    "this is how",
    "to do this",
    "to do so",
    "follow these",
    "in short",
    "in summary",
    "please note",
    "note",
    "steps",
    "how to",
    "hier",
    "so geht",
    "die folgenden",
    "folgende",
    "diese",
    "dazu",
    "bitte beachten sie",
    "hinweis",
    "kurz gesagt",
    "gehen sie so vor",
    "please follow",
    "you need to do the following",
    "you can do the following",
];

/// Words that state something in a sentence of courtesy or about the agent.
const CLAIMS: &[&str] = &[
    " free",
    " cost",
    "warranty",
    "guarantee",
    "refund",
    " discount",
    "kostenlos",
    "garantie",
    "erstatt",
    "rabatt",
    " covered",
    " guaranteed",
    " entitled",
    " allowed",
    " always ",
    " immer ",
    " deliver",
    " liefern",
];

/// Checks a sentence that cites nothing.
pub fn check(md: &str, said: &Said) -> Result<(), Fault> {
    let text = plain(md);
    let all = figures(&text);
    if !all.iter().all(|f| said.has(f) || said.by_visitor(f)) {
        return Err(Fault::Uncited);
    }
    let lower = text.trim().to_lowercase().replace('’', "'");
    let words = lower.split_whitespace().count();
    let by_visitor = all.iter().any(|f| !said.by_tool(f) && !f.is_name());
    if lower.ends_with('?') || lower.ends_with('？') || lower.ends_with('؟') {
        return Ok(());
    }
    let bare = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    let starts = |list: &[&str]| list.iter().any(|p| bare.starts_with(p));
    let claims = CLAIMS.iter().any(|c| lower.contains(c));
    if starts(OWN) && !smuggles(bare) {
        return Ok(());
    }
    if starts(OFFER) && !claims && !smuggles(bare) && !by_visitor {
        return Ok(());
    }
    if starts(COURTESY) && words <= SHORT && !claims && !by_visitor && !denies_something(bare) {
        return Ok(());
    }
    if said.states(&text, &all) {
        return Ok(());
    }
    if !all.is_empty() {
        return Err(Fault::Uncited);
    }
    let introduces = lower.ends_with(':') && words <= LEAD && starts(LEADS) && !claims;
    if introduces || titles(md, &lower, words) {
        return Ok(());
    }
    match tongue(&text) {
        Tongue::Other if words <= SHORT && lower.chars().count() <= 80 => Ok(()),
        _ => Err(Fault::Uncited),
    }
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

impl Said {
    /// Whether a tool's result says a sentence: its figures are the result's, its states
    /// the result's, and it says yes where the result does.
    fn states(&self, text: &str, all: &[super::figures::Figure]) -> bool {
        if self.text.is_empty() || !all.iter().all(|f| self.has(f)) {
            return false;
        }
        let lower = format!(
            " {} ",
            text.to_lowercase().replace(['.', ',', '!', '*', ':'], " ")
        );
        let results = self.text.to_lowercase().replace(['_', '-'], " ");
        let mut stated = false;
        for (words, codes) in STATES {
            if words.iter().any(|w| lower.contains(w)) {
                let here = codes.iter().any(|c| has_word(&results, c));
                if here == denies(text) {
                    return false;
                }
                stated = true;
            }
        }
        let mine = terms(text, tongue(text), all);
        let open = mine
            .iter()
            .filter(|t| t.weight >= 1.0 && !self.results.contains(&t.key) && !general(&text[t.at.clone()]))
            .count();
        let figured = all.iter().any(|f| self.by_tool(f));
        (stated || (figured && !denies(text))) && open == 0
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|w| w == word)
        || (word.contains(' ') && text.contains(word))
}

/// States of orders: how sentences say them, and what results call them.
const STATES: [(&[&str], &[&str]); 8] = [
    (
        &[
            " on its way",
            " on the way",
            " shipped",
            " dispatched",
            " unterwegs",
            " versandt",
            " verschickt",
            " versendet",
        ],
        &["shipped", "dispatched", "in transit", "sent"],
    ),
    (
        &[
            " delivered",
            " arrived",
            " zugestellt",
            " geliefert",
            " angekommen",
        ],
        &["delivered"],
    ),
    (
        &[" cancelled", " canceled", " storniert"],
        &["cancelled", "canceled"],
    ),
    (&[" refunded", " erstattet"], &["refunded"]),
    (
        &[
            " processing",
            " being processed",
            " being prepared",
            " in bearbeitung",
            " bearbeitet",
        ],
        &["processing"],
    ),
    (&[" completed", " abgeschlossen"], &["completed"]),
    (&[" paid ", " bezahlt"], &["paid"]),
    (
        &[
            " pending",
            " awaiting payment",
            " waiting for payment",
            " offen",
            " ausstehend",
        ],
        &["pending", "unpaid"],
    ),
];

/// Words that a sentence about an order is made of.
fn general(word: &str) -> bool {
    const WORDS: &str = "order orders ordered status state currently tracking number total amount amounts is way on its shipped dispatched delivered arrived cancelled \
        canceled refunded processing processed prepared completed paid pending awaiting waiting payment number date ago today yesterday comes came placed expected \
        date delivery parcel items item comprises contains track unterwegs versandt verschickt versendet zugestellt geliefert angekommen storniert erstattet bearbeitung \
        bearbeitet abgeschlossen bezahlt offen ausstehend bestellung bestellungen sendungsnummer sendung status gesamtbetrag betrag summe nummer paket lautet derzeit aktuell \
        wurde vor";
    let lower = word.to_lowercase();
    WORDS.split_whitespace().any(|w| w == lower)
}
