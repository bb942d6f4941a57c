//! Promises in French, Spanish, Italian and Dutch. As in English and German they are told by their form: a
//! first person, spoken or in the verb's ending, and a verb that isn't of the few that an agent needs
//! which only reads and answers.

use super::promise_words_dutch::{DUTCH_JOINS, DUTCH_ON, DUTCH_OPENS, DUTCH_PASSING, DUTCH_SAYING};
use super::promise_words_romance::{
    DONE_BRIEFLY, FRENCH, FRENCH_BETWEEN, FRENCH_OPENS, FRENCH_PASSING, FRENCH_SAYING, ITALIAN_BETWEEN,
    ITALIAN_CLITICS, ITALIAN_DEEDS, ITALIAN_PASSING, ITALIAN_SAYING, NOT_FRENCH, SPANISH_BETWEEN,
    SPANISH_CLITICS, SPANISH_DEEDS, SPANISH_PASSING, SPANISH_SAYING,
};
use super::promises::{Promise, Whose, Word};

/// The most words of a sentence that says by one of them that something is done.
const BRIEF: usize = 4;

/// What a sentence in one of them promises; `offers` where it is a question, in which what one does now is
/// what one would.
pub(super) fn made(words: &[Word<'_>], whose: Whose, offers: bool) -> Option<Promise> {
    let brief = whose == Whose::Ours
        && !offers
        && words.len() <= BRIEF
        && words.iter().any(|w| DONE_BRIEFLY.contains(&w.text));
    let done = brief.then_some(Promise::Deed);
    done.max(french(words, whose, offers))
        .max(pro_drop(words, whose, offers, &SPANISH))
        .max(pro_drop(words, whose, offers, &ITALIAN))
        .max(dutch(words, whose))
}

fn deed(verb: &str, passing: &[&str]) -> Promise {
    if passing.contains(&verb) {
        Promise::Told
    } else {
        Promise::Deed
    }
}

/// The words with what is elided parted: `j'ai` is two.
fn parted<'a>(words: &[Word<'a>]) -> Vec<&'a str> {
    let mut out = Vec::with_capacity(words.len());
    for word in words {
        match word.text.find('\'') {
            Some(at) if at <= 2 && at + 1 < word.text.len() => {
                out.extend([&word.text[..=at], &word.text[at + 1..]]);
            }
            _ => out.push(word.text),
        }
    }
    out
}

fn french(words: &[Word<'_>], whose: Whose, offers: bool) -> Option<Promise> {
    let words = parted(words);
    let is_french = words.iter().any(|w| FRENCH.contains(w)) && !words.iter().any(|w| NOT_FRENCH.contains(w));
    if !is_french {
        return None;
    }
    let past = |mut i: usize| {
        while words.get(i).is_some_and(|w| FRENCH_BETWEEN.contains(w)) {
            i += 1;
        }
        i
    };
    let verb_at = |i: usize| words.get(past(i)).copied().filter(|v| !FRENCH_SAYING.contains(v));
    let of = |i: usize| {
        let subject = words[i];
        let ours = whose == Whose::Ours && subject == "nous";
        let before = i.checked_sub(1).map_or("", |b| words[b]);
        if !(ours || matches!(subject, "je" | "j'")) || FRENCH_OPENS.contains(&before) {
            return None;
        }
        let at = past(i + 1);
        let verb = *words.get(at)?;
        let next = words.get(at + 1).copied().unwrap_or_default();
        match (verb, next) {
            // `Nous` is also who gets something, and one that no verb of its own follows.
            _ if subject == "nous" && !verb.ends_with("ons") && verb != "sommes" => None,
            ("ai" | "avons", _) => {
                let done = verb_at(at + 1)?;
                let participle = ["é", "ée", "és", "i", "is", "it", "u", "ert", "ait"];
                participle
                    .iter()
                    .any(|e| done.ends_with(e))
                    .then(|| deed(done, FRENCH_PASSING))
            }
            ("vais" | "allons", _) => verb_at(at + 1).map(|v| deed(v, FRENCH_PASSING)),
            ("suis" | "sommes", "en") => words[at..]
                .iter()
                .position(|w| matches!(*w, "de" | "d'"))
                .and_then(|de| verb_at(at + de + 1))
                .map(|v| deed(v, FRENCH_PASSING)),
            ("viens" | "venons", "de" | "d'") => verb_at(at + 2).map(|v| deed(v, FRENCH_PASSING)),
            _ if FRENCH_SAYING.contains(&verb) || offers => None,
            _ => Some(deed(verb, FRENCH_PASSING)),
        }
    };
    (0..words.len()).filter_map(of).max()
}

/// A language whose verbs say who does it.
struct ProDrop {
    clitics: &'static [&'static str],
    between: &'static [&'static str],
    /// `I have`, `we have`.
    have: [&'static str; 2],
    participles: &'static [&'static str],
    /// `I am`, `we are`, of what goes on.
    being: [&'static str; 2],
    gerunds: &'static [&'static str],
    /// `I'm going to`, `we're going to`.
    going: [&'static str; 2],
    infinitives: &'static [&'static str],
    /// Endings of what one will do or did, and of what several do.
    mine: &'static [&'static str],
    ours: &'static [&'static str],
    deeds: &'static [&'static str],
    passing: &'static [&'static str],
    saying: &'static [&'static str],
}

const SPANISH: ProDrop = ProDrop {
    clitics: SPANISH_CLITICS,
    between: SPANISH_BETWEEN,
    have: ["he", "hemos"],
    participles: &["ado", "ido", "ído", "cho", "sto", "ito", "elto"],
    being: ["estoy", "estamos"],
    gerunds: &["ando", "iendo", "yendo"],
    going: ["voy", "vamos"],
    infinitives: &[
        "ar", "er", "ir", "arle", "erle", "irle", "arlo", "erlo", "irlo", "arla", "arles", "arselo", "árselo",
    ],
    mine: &["é", "í", "aré", "eré", "iré"],
    ours: &["amos", "emos", "imos", "aremos", "eremos", "iremos"],
    deeds: SPANISH_DEEDS,
    passing: SPANISH_PASSING,
    saying: SPANISH_SAYING,
};

const ITALIAN: ProDrop = ProDrop {
    clitics: ITALIAN_CLITICS,
    between: ITALIAN_BETWEEN,
    have: ["ho", "abbiamo"],
    participles: &["ato", "uto", "ito", "tto", "sto", "sso", "lto", "ata", "ita"],
    being: ["sto", "stiamo"],
    gerunds: &["ando", "endo"],
    going: ["vado", "andiamo"],
    infinitives: &["are", "ere", "ire", "arlo", "erlo", "irlo", "arla", "arle"],
    mine: &["erò", "irò", "rò"],
    ours: &["iamo", "eremo", "iremo"],
    deeds: ITALIAN_DEEDS,
    passing: ITALIAN_PASSING,
    saying: ITALIAN_SAYING,
};

fn pro_drop(words: &[Word<'_>], whose: Whose, offers: bool, of: &ProDrop) -> Option<Promise> {
    let ours = whose == Whose::Ours;
    let is = |forms: &[&str; 2], w: &str| w == forms[0] || ours && w == forms[1];
    let ends = |w: &str, all: &[&str]| all.iter().any(|e| w.ends_with(e));
    let stem = |w: &str, endings: &[&str]| {
        let made_of = |stems: &[&str]| {
            let ending = |s: &&str| w.strip_prefix(*s).is_some_and(|end| endings.contains(&end));
            stems.iter().any(ending)
        };
        if made_of(of.passing) {
            Some(Promise::Told)
        } else {
            made_of(of.deeds).then_some(Promise::Deed)
        }
    };
    let told = |w: &str| {
        let passes = of.passing.iter().any(|s| w.starts_with(s));
        if passes { Promise::Told } else { Promise::Deed }
    };
    let past = |mut i: usize| {
        while words.get(i).is_some_and(|w| of.between.contains(&w.text)) {
            i += 1;
        }
        i
    };
    let after = |i: usize, all: &[&str]| {
        let verb = words.get(past(i + 1))?.text;
        let says = of
            .saying
            .iter()
            .any(|s| verb == *s || verb.strip_prefix(*s).is_some_and(|e| e.len() <= 3));
        (ends(verb, all) && !says).then(|| told(verb))
    };
    let promise = |i: usize| {
        let word = words[i].text;
        let before = i.checked_sub(1).map_or("", |b| words[b].text);
        if is(&of.have, word) {
            return after(i, of.participles);
        }
        if is(&of.being, word) {
            return after(i, of.gerunds);
        }
        if is(&of.going, word) {
            return after(i, of.infinitives);
        }
        let now = || {
            (!offers && of.clitics.contains(&before))
                .then(|| stem(word, &["o"]))
                .flatten()
        };
        let later = || stem(word, of.mine);
        let together = || ours.then(|| stem(word, of.ours)).flatten();
        now().or_else(later).or_else(together)
    };
    (0..words.len()).filter_map(promise).max()
}

/// `Ik annuleer`, `dan annuleer ik`, `ik heb geannuleerd`, `ik zal annuleren`
fn dutch(words: &[Word<'_>], whose: Whose) -> Option<Promise> {
    let dutch = words
        .iter()
        .any(|w| matches!(w.text, "ik" | "wij" | "u" | "uw" | "het" | "je" | "jouw" | "een"));
    let of = |i: usize| {
        let ours = whose == Whose::Ours && (words[i].text == "wij" || words[i].text == "we");
        if !(ours || words[i].text == "ik") {
            return None;
        }
        let before = i.checked_sub(1).map_or("", |b| words[b].text);
        if DUTCH_OPENS.contains(&before) {
            return None;
        }
        let first = words[i].begins || DUTCH_JOINS.contains(&before);
        let at = if first { i + 1 } else { i.checked_sub(1)? };
        let verb = words.get(at)?.text;
        let rest = &words[(i + 1).max(at + 1).min(words.len())..];
        let clause = rest.iter().position(|w| w.begins).unwrap_or(rest.len());
        let last = rest[..clause].last().map_or("", |w| w.text);
        if rest[..clause]
            .iter()
            .any(|w| matches!(w.text, "niet" | "niets" | "geen"))
        {
            return None;
        }
        match verb {
            "heb" | "hebben" => {
                let participle = ["ge", "be", "ver", "her", "ont"]
                    .iter()
                    .any(|p| last.starts_with(p))
                    || ["door", "terug", "op", "aan", "af", "in", "uit", "na"]
                        .iter()
                        .any(|p| {
                            last.strip_prefix(p).is_some_and(|r| {
                                r.starts_with("ge") || r.starts_with("be") || r.starts_with("ver")
                            })
                        });
                (participle && !DUTCH_SAYING.contains(&last)).then(|| deed(last, DUTCH_PASSING))
            }
            "zal" | "zullen" | "ga" | "gaan" => {
                (last.ends_with("en") && !DUTCH_SAYING.contains(&last)).then(|| deed(last, DUTCH_PASSING))
            }
            _ if DUTCH_SAYING.contains(&verb) => None,
            _ if DUTCH_ON.contains(&verb) && last == "door" => Some(Promise::Told),
            // An inverted clause begins with the verb's own word, not with any other.
            _ if !first && !verb.is_ascii() => None,
            _ => Some(deed(verb, DUTCH_PASSING)),
        }
    };
    if !dutch {
        return None;
    }
    (0..words.len()).filter_map(of).max()
}

#[cfg(test)]
mod tests {
    use super::super::promises::{Promise, made, of_its_own};

    fn of(sentence: &str) -> Option<Promise> {
        made(&sentence.to_lowercase().replace('’', "'"))
    }

    #[test]
    fn deeds_are_promises() {
        for sentence in [
            "Je vous rembourse.",
            "Je vous rembourse aujourd'hui, d'accord ?",
            "J'ai annulé votre commande.",
            "J’ai déjà remplacé la lampe.",
            "Je vais vous envoyer une nouvelle lampe.",
            "Je viens de modifier votre adresse.",
            "Je suis en train d'annuler la commande.",
            "Je m'en occupe.",
            "Nous vous remboursons.",
            "Je rembourserai le montant.",
            "C'est annulé.",
            "C'est fait !",
            "Lo cancelo ahora.",
            "Ya le envío otra lámpara.",
            "He cancelado su pedido.",
            "Voy a reembolsarle el dinero.",
            "Estoy tramitando el reembolso.",
            "Cancelaré el pedido hoy.",
            "Le devolveremos el dinero.",
            "Me encargo de todo.",
            "Ya está cancelado.",
            "Ho annullato il suo ordine.",
            "Lo annullo subito.",
            "Le invio una nuova lampada.",
            "Sto annullando l'ordine.",
            "Annullerò l'ordine oggi.",
            "Abbiamo rimborsato l'importo.",
            "Me ne occupo.",
            "Fatto, annullato!",
            "Ik annuleer het.",
            "Dan annuleer ik uw bestelling.",
            "Ik heb uw bestelling geannuleerd.",
            "Ik zal het bedrag terugbetalen.",
            "Ik stuur u een nieuwe lamp.",
            "Wij hebben het bedrag terugbetaald.",
            "Ik ga uw adres wijzigen.",
            "Het is geregeld.",
        ] {
            assert_eq!(of(sentence), Some(Promise::Deed), "{sentence}");
        }
    }

    #[test]
    fn passing_on_is_one_that_a_tool_can_keep() {
        for sentence in [
            "Je transmets votre question à un collègue.",
            "J'ai transmis votre demande.",
            "Je vais informer notre équipe.",
            "Le paso con un compañero.",
            "He transmitido su pregunta.",
            "Ho inoltrato la sua domanda.",
            "Lo inoltro a un collega.",
            "Ik stuur uw vraag door.",
            "Ik heb uw vraag doorgestuurd.",
        ] {
            assert_eq!(of(sentence), Some(Promise::Told), "{sentence}");
        }
    }

    #[test]
    fn looking_answering_and_offering_are_none() {
        for sentence in [
            "Je n'ai rien trouvé.",
            "J'ai cherché dans les pages d'aide.",
            "Je vais vérifier.",
            "Je ne peux pas voir les commandes.",
            "Je suis désolé.",
            "J'ai besoin de votre numéro de commande.",
            "Voulez-vous que je transmette votre question ?",
            "Puis-je vous aider ?",
            "Je l'annule ?",
            "Vous pouvez nous écrire.",
            "Avez-vous été remboursé ?",
            "Lo siento.",
            "No he encontrado nada.",
            "Voy a comprobarlo.",
            "¿Lo cancelo?",
            "¿Quiere que lo cancele?",
            "¿Qué envío ha elegido?",
            "El reembolso es gratuito.",
            "El envío cuesta 5 euros.",
            "Estoy buscando.",
            "Mi dispiace.",
            "Non ho trovato nulla.",
            "Sto controllando.",
            "Vuole che lo annulli?",
            "Il rimborso arriva in 5 giorni.",
            "Ik heb niets gevonden.",
            "Ik kan uw bestelling niet zien.",
            "Zal ik uw vraag doorsturen?",
            "Ik zal het nakijken.",
            "Je kunt het artikel retourneren.",
            "Je krijgt het geld binnen 5 dagen.",
            "Wat kan ik voor u doen?",
            "We deliver within 5 days.",
            "We open at nine.",
        ] {
            assert_eq!(of(sentence), None, "{sentence}");
        }
    }

    #[test]
    fn a_cited_sentence_may_say_what_the_shop_does() {
        for sentence in [
            "nous vous remboursons dans les 5 jours.",
            "cliquez sur « j'ai oublié mon mot de passe ».",
            "le devolvemos el dinero en 5 días.",
            "hemos cambiado las condiciones.",
            "le rimborsiamo l'importo entro 5 giorni.",
            "wij betalen het bedrag binnen 5 dagen terug.",
            "je krijgt het bedrag binnen 5 dagen terug.",
        ] {
            assert!(!of_its_own(sentence), "{sentence}");
        }
        for sentence in [
            "je vous rembourse dans les 5 jours.",
            "j'ai remboursé le montant.",
            "he devuelto el dinero.",
            "ho rimborsato l'importo.",
            "ik heb het bedrag terugbetaald.",
        ] {
            assert!(of_its_own(sentence), "{sentence}");
        }
    }
}
