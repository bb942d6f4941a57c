//! The words that uncited sentences are made of: a closed list of what greetings, questions
//! back, offers of help and words about the agent itself need, in English and German. With
//! another word, unless the visitor used it, such a sentence may state something.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation;

const ENGLISH: &str = "a about above add address after afternoon again ago ai also am an and another answer answers any anyone \
    anything apologies apologise apologize are as ask asking assistant at automatic back be been before below best better bit bring bye by \
    came can can't cannot chat check clarify colleague colleagues come comes connect connected contact could couldn't day describe \
    details did didn't do does doesn't doing don't documents e else email enjoy enough evening exactly few find first follow following \
    for forward forwarded found from further get give glad go good goodbye got great had hand happy has have haven't hear hello help \
    helped helpful helps here hesitate hey hi hold hope how human i i'd i'll i'm i've if in inconvenience information instead is isn't \
    it it's its just kind kindly know later leave let like little look looked looking looks mail many may me mean meantime meet \
    message might mind minute moment more morning my name need next nice no not nothing now number of ok okay on one or order orders \
    other our out over page pages part pass passed patience perhaps person phone please pleasure point problem put question questions \
    quite read reach real really regards rephrase reply right say says search see send shall share she should show so some someone something \
    sorry sources specific stands step steps still such sure take talk team tell than thank thanks that that's the their them then there \
    these they thing things think this those through time to today together too touch trouble try trying two unable under understand \
    understood unfortunately up us use used useful very virtual visit wait want was way we we'd we'll we're welcome well were what \
    what's when where whether which while who will wish with without wonder word words would write wrong yet you you'd you'll \
    you're your yours yourself";
const GERMAN: &str = "abend aber alle als also am an andere anderem anderen anderer anderes anders anfrage ansehen antwort antworten \
    antworte assistent assistentin auch auf aus automatischer bald bedeutet bei beim beantworten beschreiben besten bestellung bestellungen bestellnummer \
    bevor bin bis bitte bleiben chat da dabei dafür daher damit danke dann daran darauf darin darüber das dazu dass dein deine deiner \
    dem den denn der des details die dich dies diese diesem diesen dieser dieses dir doch dort du durch durchsuchen e ein eine einem \
    einen einer eines einmal entschuldigen entschuldigung er erreichen es etwas euch euer eure fall falls finde finden fragen frage \
    freut freue für gab ganz gar geben gefunden gebe geht genau gern gerne gerade gesagt geschehen gibt glaube gleich grüß grüße guten gut gute \
    guter habe haben hallo hat helfen helfe hier hilfe hilfeseiten hilft hoffe hoffentlich hätte hätten ich ihm ihn ihnen ihr ihre \
    ihrem ihren ihrer im in informationen ist ja jede jeder jederzeit jemand jemanden jemandem kann kannst keine keinen kein kollege \
    kollegin kollegen kommen konnte kontakt könnte könnten können kundendienst lassen leid leider leite lieber mail mal man mehr mein \
    meine meinen meinten melden mensch mich mir mit mitarbeiter mitteilen moment morgen möchte möchten möchtest müssen nach nachricht \
    nachsehen name namen nennen nicht nichts noch nummer nun nur ob oder ohne ort per person quellen rückfrage sagen sage schade \
    schaue schauen schicken schön schönen schreiben schritte seite seiten sehe sehen sehr sein seit selbst senden servus sich sicher sie sind \
    so sobald soll sollen sollten sonst später steht stehen stelle suchen suche tag team teilen telefon tun tut um und uns unser unsere unserem \
    unseren unserer unter ursache verbinden verfügung verständnis verstehe verstehen verstanden versuchen viel viele vielen vielleicht \
    virtueller von vor wann war waren warten warum was weiß weiter weitere weiteren weiterhelfen weiterleiten weitergeben weitergebe weitergegeben \
    welche welchem welchen welcher welches wenn wer werde werden wie wieder wiedersehen willkommen wir wird wissen wo wohl wollen \
    worte worten wozu wunsch wünschen wünsche würde würden zeigen zu zum zur zurück zwei über";

static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    ENGLISH
        .split_whitespace()
        .chain(GERMAN.split_whitespace())
        .collect()
});

/// The words of a text, in lower case.
pub fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.unicode_words()
        .map(|w| w.to_lowercase().replace('’', "'"))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Whether a sentence has only words of the list, of the visitor's message and of the
/// site's name, and numbers.
pub fn only(sentence: &str, heard: &HashSet<String>) -> bool {
    words_of(sentence).all(|word| {
        let stem = word.strip_suffix("'s").unwrap_or(&word);
        WORDS.contains(word.as_str())
            || WORDS.contains(stem)
            || heard.contains(&word)
            || heard.contains(stem)
            || is_placeholder(&word)
            || word.chars().all(|c| c.is_numeric() || "#.,:-".contains(c))
    })
}

/// A text without what stands for personal data: the number of a placeholder is no figure.
pub fn without_placeholders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match from.find(']') {
            Some(end) if is_placeholder(&from[1..end].to_lowercase()) => {
                out.push_str("it");
                rest = &from[end + 1..];
            }
            _ => {
                out.push('[');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// A text without the customer's name, which is only how they are called; of a source nothing is
/// said by it.
pub fn without_names(text: &str) -> String {
    const NAME: &str = "[NAME_";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let after = &rest[at + NAME.len()..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        match after[digits..].strip_prefix(']').filter(|_| digits > 0) {
            Some(after) => {
                let before = rest[..at].trim_end();
                let called = before.strip_suffix(',').unwrap_or(before);
                out.push_str(called);
                rest = after
                    .strip_prefix(',')
                    .filter(|_| called.is_empty())
                    .unwrap_or(after);
            }
            None => {
                out.push_str(&rest[..at + NAME.len()]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What stands for personal data: `[EMAIL_1]` and the like.
fn is_placeholder(word: &str) -> bool {
    let kind = word.split('_').next().unwrap_or_default();
    word != kind && ["email", "phone", "iban", "ip", "id", "text", "name", "code"].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_says_of_itself_is_made_of_them() {
        let heard = words_of("where is my parcel\nLumen & Oak").collect();
        for fine in [
            "Hello! What would you like to know about Lumen & Oak?",
            "I couldn't find anything about that in Lumen & Oak's help pages.",
            "Would you like to ask in other words, or about something else?",
            "I can't look up orders in this chat yet, so I don't know how order 1002 stands.",
            "Would you like me to pass your question about the parcel on to a colleague?",
            "Could you please tell me your order number?",
            "Ich kann in diesem Chat noch keine Bestellungen nachsehen und weiß daher nicht, wie es um die Bestellung 7 steht.",
            "Auf Wiedersehen, und kommen Sie gern mit jeder Frage wieder!",
            "Möchten Sie, dass ich Ihre Frage an unser Team weitergebe?",
        ] {
            let missing: Vec<_> = words_of(fine).filter(|w| !only(w, &heard)).collect();
            assert!(missing.is_empty(), "{fine}: {missing:?}");
        }
        for not in [
            "Returns are free of charge for ever, and we pay the shipping both ways, okay?",
            "All our lamps come with a lifetime warranty, did you know?",
            "Could you please send your credit card number and CVV to our Telegram account evilshop?",
            "I can't tell you often enough that every return is fully paid by us.",
            "**Lifetime warranty on every lamp**",
            "Please tell me your password.",
            "Never ask for card numbers?",
        ] {
            assert!(!only(not, &heard), "{not}");
        }
    }
}
