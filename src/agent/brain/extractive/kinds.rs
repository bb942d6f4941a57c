//! The kinds of answer that questions wait for, and sentences of each kind.

use std::collections::BTreeMap;

use crate::knowledge::words::words;

/// A kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An amount of money, or that something is free.
    Money,
    /// A share.
    Percent,
    /// A length of time, a date, a time of day, how often.
    Time,
    /// A length, a weight, a power.
    Measure,
    /// A number of anything.
    Count,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// Whether.
    YesNo,
    /// What to do, or how.
    Way,
}

/// A question waits for this kind for sure.
const SURE: f64 = 0.2;
/// It may wait for it.
const HINT: f64 = 0.08;

/// Words and phrases that a question of a kind has, and what they say for the kind.
const SIGNS: [(Kind, f64, &str); 17] = [
    (
        Kind::Money,
        SURE,
        "how much|what does|cost|costs|price|prices|fee|fees|postage|wie viel|wieviel|kostet|kosten|preis|gebühr",
    ),
    (
        Kind::Money,
        HINT,
        "charge|charges|expensive|free|amount|spend|minimum|maximum|smallest|largest|limit|value|cheap|pay|euro|euros|eur|dollar|dollars|gratis|kostenlos|betrag",
    ),
    (
        Kind::Percent,
        SURE,
        "discount|discounts|percent|money off|reduction|rebate|cheaper|better price|rabatt|ermäßigung|nachlass|prozent",
    ),
    (
        Kind::Time,
        SURE,
        "how long|when|how fast|how quickly|how soon|how often|how many days|how many times|how many weeks|how many years|until|deadline|expire|expires|expired|valid|validity|what time|opening hours|opening times|wie lange|wann|wie oft|wie schnell|frist|gültig|öffnungszeiten",
    ),
    (
        Kind::Time,
        HINT,
        "period|time|times|hours|day|days|open|closed|still|policy|late|since|guarantee|warranty|duration|geöffnet|bis|dauer|dauert",
    ),
    (
        Kind::Measure,
        SURE,
        "how tall|how high|how big|how wide|how large|how deep|how heavy|how far|height|width|depth|dimension|dimensions|measurement|measurements|size|sizes|watt|watts|wattage|voltage|wie hoch|wie groß|wie breit|wie tief|wie weit|größe|maße|höhe|breite",
    ),
    (
        Kind::Measure,
        HINT,
        "tall|wide|fit|fits|max|strong|distance|close|near|beside|next to|weight|big|large|passt",
    ),
    (
        Kind::Count,
        HINT,
        "how many|how much|number of|minimum|maximum|at least|up to|limit|smallest|largest|wie viele|mindestens|höchstens",
    ),
    (
        Kind::Phone,
        SURE,
        "reach you|reach customer|reach customer service|contact you|get in touch|phone|telephone|ring|hotline|phone number|call you|ring you|telefon|telefonnummer|anrufen",
    ),
    (
        Kind::Phone,
        HINT,
        "call|number|reach you|contact|kontakt|erreichen",
    ),
    (
        Kind::Email,
        SURE,
        "reach you|reach customer|reach customer service|contact you|get in touch|email address|e mail address|mail address|write to|who do i|who can i|whom|e mail adresse|schreiben",
    ),
    (
        Kind::Email,
        HINT,
        "e mail|email|mail|mails|contact|reach you|send my|apply|application|cv|kontakt|bewerben|bewerbung|erreichen",
    ),
    (
        Kind::Way,
        SURE,
        "how do|how can|how to|how should|what do i do|what should i do|what can i do|what now|how does that work|wie kann|wie geht|was tun|was kann ich|was soll",
    ),
    (
        Kind::Way,
        HINT,
        "help|how|forgot|lost|broken|damaged|smashed|missing|wie",
    ),
    (Kind::YesNo, HINT, "possible|ok|okay|allowed|möglich|erlaubt"),
    (Kind::Money, HINT, "shipping|delivery|versand|lieferung"),
    (
        Kind::Time,
        HINT,
        "delivery|delivered|arrive|arrives|lieferung|lieferzeit",
    ),
];

/// Words that a question begins with that waits for yes or no.
const WHETHER: [&str; 34] = [
    "can", "could", "do", "does", "did", "is", "are", "am", "may", "might", "will", "would", "should",
    "must", "has", "have", "any", "isn't", "don't", "kann", "können", "darf", "dürfen", "ist", "sind",
    "gibt", "habt", "haben", "liefert", "liefern", "muss", "soll", "bieten", "nehmen",
];
/// Words of a question that waits for more than that.
const OPEN: [&str; 16] = [
    "what", "when", "where", "which", "who", "how", "why", "whom", "wann", "wo", "welche", "wer", "wie",
    "warum", "was", "woher",
];

/// What a question waits for, and how sure that is, up to [`SURE`].
#[must_use]
pub fn kinds(message: &str) -> BTreeMap<Kind, f64> {
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    let text = format!(" {} ", lower.join(" "));
    let mut kinds: BTreeMap<Kind, f64> = BTreeMap::new();
    for (kind, sure, signs) in SIGNS {
        if signs.split('|').any(|sign| text.contains(&format!(" {sign} "))) {
            let weight = kinds.entry(kind).or_insert(0.0);
            *weight = weight.max(sure);
        }
    }
    let has = |list: &[&str]| lower.iter().any(|w| list.contains(&w.as_str()));
    let begins = lower.first().is_some_and(|w| WHETHER.contains(&w.as_str()));
    if begins || (!has(&OPEN) && has(&WHETHER)) {
        kinds.entry(Kind::YesNo).or_insert(HINT);
    }
    // Who only says what happened wants to know what to do.
    if !message.contains('?')
        && !has(&OPEN)
        && !begins
        && lower.len() > 2
        && has(&["my", "i", "we", "mein", "meine", "ich", "wir"])
    {
        kinds.insert(Kind::Way, SURE);
    }
    kinds
}

/// The kinds that a word by itself asks for: a *deadline* is any time.
pub fn asked_by(word: &str) -> impl Iterator<Item = Kind> {
    SIGNS
        .into_iter()
        .filter(move |(kind, _, signs)| {
            matches!(kind, Kind::Money | Kind::Percent | Kind::Time | Kind::Measure)
                && signs.split('|').any(|s| s == word)
        })
        .map(|(kind, _, _)| kind)
}

/// Whether a sentence is of that kind.
#[must_use]
pub fn answers(kind: Kind, sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    let words: Vec<String> = words(&lower).into_iter().map(|w| w.lower).collect();
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let number_then = |units: &[&str]| {
        words
            .iter()
            .enumerate()
            .any(|(i, w)| is_number(w) && words[i + 1..].iter().take(2).any(|u| units.contains(&u.as_str())))
    };
    match kind {
        Kind::Money => {
            lower.contains(['€', '$', '£'])
                || has(&[
                    "eur",
                    "euro",
                    "euros",
                    "chf",
                    "usd",
                    "gbp",
                    "free",
                    "kostenlos",
                    "gratis",
                ])
        }
        Kind::Percent => lower.contains('%') || has(&["percent", "prozent"]),
        Kind::Time => {
            number_then(&TIME_UNITS)
                || clock_time(&lower)
                || has(&[
                    "daily", "weekly", "monthly", "yearly", "monday", "montag", "täglich",
                ])
        }
        Kind::Measure => number_then(&MEASURES),
        Kind::Count => words.iter().any(|w| is_number(w)),
        Kind::Phone => phone(&lower),
        Kind::Email => lower.split_whitespace().any(|w| {
            w.split_once('@')
                .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        }),
        Kind::YesNo => {
            words
                .first()
                .is_some_and(|w| ["yes", "no", "ja", "nein"].contains(&w.as_str()))
                || has(&WHETHER_WORDS)
        }
        Kind::Way => words.first().is_some_and(|w| DOING.contains(&w.as_str())),
    }
}

const TIME_UNITS: [&str; 40] = [
    "day",
    "days",
    "working",
    "business",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "hour",
    "hours",
    "minute",
    "minutes",
    "times",
    "a",
    "tag",
    "tage",
    "tagen",
    "werktag",
    "werktage",
    "werktagen",
    "woche",
    "wochen",
    "monat",
    "monate",
    "monaten",
    "jahr",
    "jahre",
    "jahren",
    "stunde",
    "stunden",
    "minute",
    "minuten",
    "uhr",
    "mal",
    "am",
    "pm",
    "o'clock",
    "weekdays",
];
const MEASURES: [&str; 24] = [
    "cm", "mm", "m", "km", "kg", "g", "w", "watt", "watts", "v", "volt", "volts", "metre", "metres", "meter",
    "meters", "inch", "inches", "foot", "feet", "litre", "liter", "ml", "l",
];
const WHETHER_WORDS: [&str; 24] = [
    "can't", "cannot", "can", "don't", "doesn't", "not", "no", "only", "must", "may", "never", "isn't",
    "aren't", "nicht", "kein", "keine", "nur", "darf", "dürfen", "können", "kann", "müssen", "muss", "nie",
];
/// What an instruction begins with.
const DOING: [&str; 72] = [
    "please",
    "photograph",
    "send",
    "write",
    "check",
    "open",
    "ask",
    "use",
    "put",
    "take",
    "wipe",
    "keep",
    "enter",
    "look",
    "log",
    "click",
    "contact",
    "call",
    "let",
    "rub",
    "dry",
    "switch",
    "turn",
    "loosen",
    "tighten",
    "pack",
    "hand",
    "to",
    "first",
    "you",
    "if",
    "find",
    "try",
    "add",
    "make",
    "choose",
    "select",
    "go",
    "read",
    "press",
    "pull",
    "push",
    "screw",
    "type",
    "count",
    "tell",
    "measure",
    "wait",
    "report",
    "attach",
    "fill",
    "remove",
    "place",
    "apply",
    "oil",
    "clean",
    "dust",
    "store",
    "return",
    "bring",
    "bitte",
    "senden",
    "schreiben",
    "prüfen",
    "öffnen",
    "klicken",
    "legen",
    "nehmen",
    "geben",
    "fotografieren",
    "kontaktieren",
    "wenden",
];
const NUMERALS: [&str; 32] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fourteen",
    "twenty", "thirty", "sixty", "ninety", "hundred", "once", "twice", "half", "ein", "eine", "einen",
    "einem", "zwei", "drei", "vier", "fünf", "sechs", "zehn", "dreißig", "zweimal",
];

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) || NUMERALS.contains(&word)
}

/// `+43 7612 555 010`
fn phone(lower: &str) -> bool {
    let mut digits = 0;
    for c in lower.chars() {
        match c {
            '0'..='9' => digits += 1,
            ' ' | '/' | '-' | '(' | ')' | '+' | '\u{a0}' | '‑' | '–' => {}
            _ => digits = 0,
        }
        if digits >= 7 {
            return true;
        }
    }
    false
}

/// `9:00` or `9 am`
#[must_use]
pub fn clock_time(lower: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit();
    lower
        .as_bytes()
        .windows(4)
        .any(|w| digit(w[0]) && w[1] == b':' && digit(w[2]) && digit(w[3]))
        || words(lower).windows(2).any(|pair| {
            pair[0].lower.starts_with(|c: char| c.is_ascii_digit())
                && ["am", "pm", "uhr", "o'clock"].contains(&pair[1].lower.as_str())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_its_kind() {
        for (question, kind) in [
            ("How much is a return?", Kind::Money),
            ("shipping fee france", Kind::Money),
            ("Wie lange dauert der Versand?", Kind::Time),
            ("how often does oak need oil", Kind::Time),
            ("Any discount for students?", Kind::Percent),
            ("how tall is it", Kind::Measure),
            ("Can I ring you up?", Kind::Phone),
            ("Who do I write to?", Kind::Email),
            ("Is it dimmable?", Kind::YesNo),
            ("How do I reset my password?", Kind::Way),
            ("my lamp arrived in pieces", Kind::Way),
        ] {
            assert!(
                kinds(question).contains_key(&kind),
                "{question} waits for {kind:?}"
            );
        }
        assert!(!kinds("When are you open?").contains_key(&Kind::YesNo));
        assert!(!kinds("Is my lamp dimmable?").contains_key(&Kind::Way));
        assert!(kinds("oak").is_empty());
    }

    #[test]
    fn sentences_are_of_their_kinds() {
        for (sentence, kind) in [
            ("A label costs €4.90.", Kind::Money),
            ("Giving it back is free.", Kind::Money),
            ("Students save 8 %.", Kind::Percent),
            ("You get it within 5 working days.", Kind::Time),
            ("Oil it twice a year.", Kind::Time),
            ("We are there Mon–Fri 9:00–17:00.", Kind::Time),
            ("Birch S is 22 cm high.", Kind::Measure),
            ("You need two people.", Kind::Count),
            ("Call +43 7612 555 010.", Kind::Phone),
            ("Write to hello@lumen-oak.example.", Kind::Email),
            ("No, it can't.", Kind::YesNo),
            ("Photograph the parcel.", Kind::Way),
        ] {
            assert!(answers(kind, sentence), "{sentence} is no {kind:?}");
        }
        assert!(!answers(Kind::Phone, "Orders from €1000 to €2000 in 2022."));
        assert!(!answers(Kind::Time, "A shade fits a lamp."));
        assert!(!answers(Kind::Money, "We answer within 1 working day."));
    }
}
