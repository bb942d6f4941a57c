//! Whether a message wishes for a person, by closed rules: to talk with one, to be brought to one, to
//! want one; not what a person is needed for, and not that none is needed.

use super::person_wishes::{
    BEHIND, BETWEEN, BROUGHT, CONNECTING, IS_THERE, NOT, PHRASES, TALKING, THINGS, TO_DO, WANTING,
};
use super::person_words::{BESIDE, CLEARLY, PEOPLE};
use crate::knowledge::words::words;

/// How far before a wish its denial may stand, in words.
const DENIED: usize = 5;
/// What a clause begins with that no mark parts from the one before.
const ANEW: [&str; 7] = ["i", "ich", "je", "ik", "please", "bitte", "let"];

/// Whether a message wishes for a person.
pub fn is_wanted(message: &str) -> bool {
    let breaks = [',', '.', ';', ':', '!', '?', '\n', '–', '—', '(', ')'];
    message
        .split(breaks)
        .flat_map(|clause| {
            let lower: Vec<String> = words(clause).into_iter().map(|w| w.lower).collect();
            let but = |w: &String| {
                [
                    "but", "sondern", "aber", "mais", "pero", "sino", "ma", "maar", "mas", "ale",
                ]
                .contains(&w.as_str())
            };
            lower.split(but).map(<[String]>::to_vec).collect::<Vec<_>>()
        })
        .any(|clause| {
            let said: Vec<&str> = clause.iter().map(String::as_str).collect();
            wishes(&said)
        })
}

fn wishes(said: &[&str]) -> bool {
    let is = |i: usize, list: &[&str]| said.get(i).is_some_and(|w| list.contains(w));
    // A word for a person, and not a part of a thing's name.
    let person = |i: usize| is(i, PEOPLE) && !is(i + 1, THINGS);
    let clearly = |i: usize| is(i, CLEARLY) && person(i);
    let denied = |at: usize| {
        let from = at.saturating_sub(DENIED);
        let why = said.first().is_some_and(|w| ["why", "warum"].contains(w));
        // A wish begins anew: "no i want to talk to a human".
        let last = said[from..at].iter().rposition(|w| NOT.contains(w));
        !why && last.is_some_and(|n| !said[from + n + 1..at].iter().any(|w| ANEW.contains(w)))
    };
    let alone = (0..said.len()).any(clearly)
        && said
            .iter()
            .all(|w| CLEARLY.contains(w) || BESIDE.contains(w) || PEOPLE.contains(w))
        && !said.first().is_some_and(|w| NOT.contains(w));
    let near = |from: &[&str], within: usize| {
        (0..said.len()).filter(|i| is(*i, from)).any(|i| {
            let about = |k: &usize| is(*k, &["about", "over", "über", "sur", "sobre", "di"]);
            let last = (i + 1..said.len())
                .take(within)
                .find(about)
                .unwrap_or(i + 1 + within);
            !denied(i) && (i + 1..last.min(said.len())).any(person)
        })
    };
    let talks = near(TALKING, 7);
    let brought = (0..said.len()).filter(|i| is(*i, CONNECTING)).any(|i| {
        let whom = (i.saturating_sub(2)..i + 4).any(|k| k != i && is(k, BROUGHT));
        whom && !denied(i) && (i + 1..said.len()).take(8).any(person)
            || whom && !denied(i) && (i.saturating_sub(6)..i).any(person)
    });
    // `somebody I can speak to`, `mit einem Mitarbeiter sprechen`, `iemand spreken`
    let whom = (0..said.len()).filter(|i| person(*i)).any(|i| {
        let verb = (i + 1..said.len()).take(4).find(|k| is(*k, TALKING));
        verb.is_some_and(|k| {
            let to = is(k + 1, &["to", "with"])
                || is(i.wrapping_sub(2), &["mit", "met", "with", "to"])
                || is(i.wrapping_sub(1), &["mit", "met", "with", "to", "een"])
                || k + 1 == said.len();
            to && !denied(i) && !denied(k)
        })
    });
    let me_to_someone = [
        "get", "put", "give", "pass", "hand", "bring", "let", "send", "find", "geben", "holen", "gib",
    ];
    let handed = (0..said.len()).filter(|i| is(*i, &me_to_someone)).any(|i| {
        // "Geben Sie mir einen Menschen"
        let k = i + usize::from(is(i + 1, &["sie", "du"]));
        is(k + 1, &["me", "us", "mich", "mir", "uns"])
            && !denied(i)
            && (k + 2..said.len()).take(7).any(person)
    });
    // Nothing but what describes them stands between: not `a lamp for my manager`.
    let wanted = (0..said.len()).filter(|i| is(*i, WANTING)).any(|i| {
        let between = |k: usize| (i + 1..k).all(|b| is(b, BESIDE) || is(b, BETWEEN) || is(b, CLEARLY));
        let whom = |k: usize| clearly(k) && ends(said, k) && between(k);
        !denied(i) && !denied(i + 1) && (i + 1..said.len()).take(6).any(whom)
    });
    let text = format!(" {} ", said.join(" "));
    let has = |phrases: &[&str]| phrases.iter().any(|p| text.contains(&format!(" {p} ")));
    let there = has(IS_THERE) && (0..said.len()).any(|k| clearly(k) && ends(said, k));
    let takes_over = has(&["take over", "übernehmen"]) && (0..said.len()).any(person) && !has(NOT);
    let phrase = has(PHRASES) && !said.iter().any(|w| NOT.contains(w)) && !asks_whether(said);
    alone || talks || brought || whom || handed || wanted || there || takes_over || phrase
}

/// Whether nothing follows a person that says what else it is for.
fn ends(said: &[&str], at: usize) -> bool {
    match said.get(at + 1) {
        None => true,
        Some(next) if ["to", "zum"].contains(next) => said.get(at + 2).is_some_and(|w| TO_DO.contains(w)),
        Some(next) => BEHIND.contains(next),
    }
}

/// `Are you a real person?` asks who is there.
fn asks_whether(said: &[&str]) -> bool {
    matches!(
        said,
        ["are" | "r", "you" | "u", ..]
            | ["am", "i", ..]
            | ["is", "this", ..]
            | ["bist", "du", ..]
            | ["sind", "sie", ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_a_person_is_seen_in_many_words() {
        for message in [
            "I want to speak to your supervisor",
            "Let me talk to a manager.",
            "I need a manager",
            "Get me your supervisor now",
            "real human please",
            "I want a real human, not a bot",
            "Is there a human I can talk to?",
            "is there a human here?",
            "Why can't I speak to a person?",
            "I don't want to talk to a bot, I want a human",
            "not a bot but a human please",
            "I'd prefer a human",
            "no i want to talk to a human",
            "this is not helpful i want to speak to a person",
            "that did not work please connect me to an agent",
            "das hilft mir nicht ich will mit einem Mitarbeiter sprechen",
            "Can someone real help me? I'd rather have somebody real.",
            "transfer me to an agent",
            "please escalate this to a supervisor",
            "Kann ich mit jemand Echtes reden?",
            "Ich will einen Vorgesetzten sprechen",
            "Ich möchte mit einem Menschen sprechen",
            "Mit einem Menschen bitte",
            "Verbinden Sie mich bitte mit Ihrem Chef",
            "Ich brauche einen Menschen, keine Maschine",
            "Gibt es einen Mitarbeiter, der mir hilft?",
            "Könnte ein Kollege übernehmen?",
            "Je veux parler à un conseiller",
            "Je voudrais parler à une personne réelle s'il vous plaît",
            "Puis-je parler avec quelqu'un ?",
            "Quiero hablar con una persona",
            "Necesito un agente por favor",
            "¿Puedo hablar con alguien?",
            "Vorrei parlare con un operatore",
            "operatore per favore",
            "Ik wil graag een medewerker spreken",
            "Kan ik met een mens praten?",
            "Quero falar com um atendente",
            "Posso falar com uma pessoa?",
            "Chcę porozmawiać z człowiekiem",
            "Proszę połączyć mnie z konsultantem",
        ] {
            assert!(is_wanted(message), "{message}");
        }
    }

    #[test]
    fn a_person_in_a_message_is_no_wish_for_one() {
        for message in [
            "I don't need a human",
            "No need to talk to a person, thanks",
            "Please do not transfer me to an agent",
            "Do you sell human-sized lamps?",
            "Does the manager app cost extra?",
            "I need the manager edition of the desk",
            "Is the person's name printed on the gift card?",
            "I need a person to carry the desk upstairs",
            "I want a lamp for my manager",
            "Can I connect the lamp for a second person?",
            "How many people do I need to assemble the desk?",
            "Can you forward the invoice to another person?",
            "Are you a real person?",
            "Is this a human?",
            "Is there a person in Linz who repairs lamps from other shops?",
            "Who is the manager of the shop?",
            "My boss wants an invoice with VAT",
            "Can I talk about a discount for my staff?",
            "Ich brauche keinen Menschen",
            "Ich will nicht mit einem Mitarbeiter sprechen",
            "Brauche ich eine zweite Person für den Aufbau?",
            "Für wie viele Menschen reicht der Tisch?",
            "Je ne veux pas parler à un conseiller",
            "No quiero hablar con una persona",
            "La lampe convient à une personne seule ?",
            "Non voglio parlare con un operatore",
            "Ik wil geen medewerker spreken",
            "Não quero falar com um atendente",
            "Nie chcę rozmawiać z człowiekiem",
            "What are your customer service hours?",
            "Does somebody have to be at home for the delivery?",
        ] {
            assert!(!is_wanted(message), "{message}");
        }
    }
}
