//! What a tool returned, said in a sentence: its figures, and states of orders.

use super::figures::Figure;
use super::negation::denies;
use super::tongue::tongue;
use super::tools::Said;
use super::words::terms;

impl Said {
    /// Whether a tool's result says a sentence: its figures are the result's, its states
    /// the result's, and it says yes where the result does.
    pub fn states(&self, text: &str, all: &[Figure]) -> bool {
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
    (&[" refunded", " erstattet", " zurückgezahlt"], &["refunded"]),
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
        wurde wurden vor zurückgezahlt";
    let lower = word.to_lowercase();
    WORDS.split_whitespace().any(|w| w == lower)
}
