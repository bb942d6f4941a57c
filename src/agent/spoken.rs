//! Which language a visitor writes, where their client doesn't say: by its commonest words, since most
//! messages are too short for a guess by letters; else by the guess that the search makes, too.

use super::phrases::Tongue;
use crate::knowledge::language;
use crate::knowledge::words::words;

const GERMAN: &[&str] = &[
    "ich",
    "und",
    "ist",
    "nicht",
    "mein",
    "meine",
    "meiner",
    "meinen",
    "meinem",
    "mir",
    "mich",
    "bitte",
    "wo",
    "wie",
    "wann",
    "warum",
    "wieso",
    "wer",
    "welche",
    "der",
    "das",
    "dem",
    "den",
    "ein",
    "eine",
    "einen",
    "einem",
    "für",
    "mit",
    "auf",
    "bei",
    "kann",
    "kannst",
    "können",
    "möchte",
    "habe",
    "haben",
    "sie",
    "es",
    "zu",
    "zurück",
    "gibt",
    "wird",
    "wurde",
    "noch",
    "schon",
    "kein",
    "keine",
    "keinen",
    "danke",
    "hallo",
    "guten",
    "ja",
    "nein",
    "oder",
    "aber",
    "wenn",
    "dass",
    "von",
    "nach",
    "sind",
    "bin",
    "über",
    "auch",
    "nur",
    "sehr",
    "jetzt",
    "bestellung",
    "bestellnummer",
    "geld",
    "paket",
    "lieferung",
    "rechnung",
    "adresse",
    "kaputt",
    "erstatten",
    "stornieren",
    "menschen",
    "mitarbeiter",
];
const ENGLISH: &[&str] = &[
    "i", "and", "is", "not", "my", "me", "please", "where", "how", "when", "why", "who", "which", "the", "a",
    "an", "of", "for", "with", "on", "at", "can", "could", "want", "would", "like", "have", "has", "you",
    "it", "to", "back", "are", "will", "no", "yes", "thanks", "thank", "hello", "or", "but", "if", "that",
    "this", "from", "do", "does", "about", "order", "number", "money", "parcel", "refund", "return",
    "cancel", "broken", "your", "what",
];

/// The language of a message's own words; none where they don't tell.
fn spoken(text: &str) -> Option<Tongue> {
    let all = words(text);
    let count = |list: &[&str]| all.iter().filter(|w| list.contains(&w.lower.as_str())).count();
    match count(GERMAN).cmp(&count(ENGLISH)) {
        std::cmp::Ordering::Greater => Some(Tongue::German),
        std::cmp::Ordering::Less => Some(Tongue::English),
        std::cmp::Ordering::Equal => match language::detect(text, &[]) {
            "german" => Some(Tongue::German),
            "english" => Some(Tongue::English),
            _ => None,
        },
    }
}

/// The language of a message, a BCP 47 tag: the usual one, unless its words are of another that is
/// known here.
pub(super) fn locale(text: &str, usual: &str) -> String {
    // A site of another language isn't judged by the few words that it shares with these.
    if !["de", "en", ""].contains(&usual.split(['-', '_']).next().unwrap_or_default()) {
        return usual.to_owned();
    }
    match spoken(text) {
        Some(Tongue::German) if Tongue::of(usual) != Tongue::German => "de".to_owned(),
        Some(Tongue::English) if Tongue::of(usual) == Tongue::German => "en".to_owned(),
        _ => usual.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_language_itself() {
        for (text, usual, want) in [
            ("Wo ist meine Bestellung 1005?", "en", "de"),
            ("Ich möchte mein Geld zurück", "en-GB", "de"),
            ("Geld zurück!", "en", "de"),
            ("Where is my order 1005?", "de-AT", "en"),
            ("Where is my order 1005?", "en-GB", "en-GB"),
            ("Bitte stornieren", "de-AT", "de-AT"),
            // Nothing but figures and names: as the conversation was.
            ("1005, anna@example.com", "de", "de"),
            ("1004", "en", "en"),
            ("", "de", "de"),
            // English serves where nothing of the language is known.
            ("Where is my order 1005?", "fr", "fr"),
        ] {
            assert_eq!(locale(text, usual), want, "{text}");
        }
    }
}
