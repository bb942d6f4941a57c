//! Questions of policy (GRD-6): about a rule, a right or an exception. Where no document
//! answers one a person does, since "I found nothing" may be taken for a no. Closed rules, in
//! English and German.

use crate::knowledge::words::words;

/// Words that make a question one of policy.
const WORDS: [&str; 58] = [
    "policy",
    "policies",
    "terms",
    "conditions",
    "refund",
    "refunds",
    "refunded",
    "reimburse",
    "reimbursed",
    "reimbursement",
    "compensation",
    "return",
    "returns",
    "exchange",
    "exchanges",
    "cancel",
    "cancellation",
    "withdrawal",
    "warranty",
    "warranties",
    "guarantee",
    "guarantees",
    "liability",
    "liable",
    "legal",
    "legally",
    "entitled",
    "rights",
    "gdpr",
    "privacy",
    "consent",
    "complaint",
    "richtlinie",
    "richtlinien",
    "bedingungen",
    "agb",
    "erstattung",
    "rückerstattung",
    "erstatten",
    "entschädigung",
    "rückgabe",
    "rückgaberecht",
    "zurückgeben",
    "umtausch",
    "umtauschen",
    "stornieren",
    "stornierung",
    "widerruf",
    "widerrufen",
    "widerrufsrecht",
    "garantie",
    "gewährleistung",
    "haftung",
    "rechte",
    "anspruch",
    "kulanz",
    "datenschutz",
    "dsgvo",
];

/// Whether a message asks for a policy.
#[must_use]
pub fn is_asked_for(message: &str) -> bool {
    words(message).iter().any(|w| WORDS.contains(&w.lower.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_rights_are_told_from_goods() {
        for policy in [
            "What is your refund policy?",
            "Can I cancel my subscription?",
            "Am I legally entitled to a replacement?",
            "Gilt das Widerrufsrecht auch für Maßanfertigungen?",
            "Habe ich Anspruch auf Kulanz?",
        ] {
            assert!(is_asked_for(policy), "{policy}");
        }
        for other in [
            "How high is the Birch M lamp?",
            "Do you sell gluten-free bread?",
            "Wie hoch ist die Lampe?",
            "When are you open?",
        ] {
            assert!(!is_asked_for(other), "{other}");
        }
    }
}
