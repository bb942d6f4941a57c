//! What the brain says in its own words, in English and German. Everything else that it
//! says stands in the site's pages.

use crate::agent::phrases::Tongue;

/// A sentence of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase<'a> {
    /// To a greeting.
    Greeting,
    /// To thanks.
    Welcome,
    /// To a goodbye.
    Goodbye,
    /// To nothing.
    WhatThen,
    /// That it is a machine.
    Machine,
    /// Nothing fits.
    NothingFound,
    /// What one can do then.
    OtherWords,
    /// The search failed.
    NoSearch,
    /// Orders can't be looked up; its number.
    NoOrders(&'a str),
    /// What the pages say about it follows.
    PagesSay,
    /// Neither a yes nor a no came to a proposal.
    OnlyYes,
    /// A yes or a no came, and nothing was asked, or it is too late.
    NothingAsked,
}

/// The sentence in that language, about that site.
#[must_use]
pub fn say(phrase: Phrase<'_>, tongue: Tongue, site: &str) -> String {
    match tongue {
        Tongue::English => english(phrase, site),
        Tongue::German => german(phrase, site),
    }
}

fn english(phrase: Phrase<'_>, site: &str) -> String {
    match phrase {
        Phrase::Greeting => format!("Hello! What would you like to know about {site}?"),
        Phrase::Welcome => "You're welcome! Is there anything else you would like to know?".to_owned(),
        Phrase::Goodbye => "Goodbye, and come back any time you have a question!".to_owned(),
        Phrase::WhatThen => "What would you like to know?".to_owned(),
        Phrase::Machine => format!("I'm an automatic assistant: I answer with what {site}'s help pages say."),
        Phrase::NothingFound => format!("I couldn't find anything about that in {site}'s help pages."),
        Phrase::OtherWords => "Would you like to ask in other words, or about something else?".to_owned(),
        Phrase::NoSearch => {
            format!("I can't search {site}'s help pages at the moment; please try again a little later.")
        }
        Phrase::NoOrders(number) => {
            format!("I can't look up orders in this chat yet, so I don't know how order {number} stands.")
        }
        Phrase::OnlyYes => {
            "I haven't done anything: only a plain “yes” to my question, or its button, lets me. If you want it, press \
             the button or ask for it once more."
                .to_owned()
        }
        Phrase::NothingAsked => {
            "There is nothing that waits for your yes or no at the moment. What can I do for you?".to_owned()
        }
        Phrase::PagesSay => format!("This is what {site}'s help pages say:"),
    }
}

fn german(phrase: Phrase<'_>, site: &str) -> String {
    match phrase {
        Phrase::Greeting => format!("Hallo! Was möchten Sie über {site} wissen?"),
        Phrase::Welcome => "Gern geschehen! Möchten Sie noch etwas wissen?".to_owned(),
        Phrase::Goodbye => "Auf Wiedersehen, und kommen Sie gern mit jeder Frage wieder!".to_owned(),
        Phrase::WhatThen => "Was möchten Sie wissen?".to_owned(),
        Phrase::Machine => {
            format!(
                "Ich bin ein automatischer Assistent: Ich antworte mit dem, was auf den Hilfeseiten von {site} steht."
            )
        }
        Phrase::NothingFound => format!("Dazu habe ich auf den Hilfeseiten von {site} nichts gefunden."),
        Phrase::OtherWords => "Möchten Sie anders fragen, oder nach etwas anderem?".to_owned(),
        Phrase::NoSearch => {
            format!(
                "Ich kann die Hilfeseiten von {site} gerade nicht durchsuchen; bitte versuchen Sie es etwas später noch einmal."
            )
        }
        Phrase::NoOrders(number) => format!(
            "Ich kann in diesem Chat noch keine Bestellungen nachsehen und weiß daher nicht, wie es um die Bestellung {number} steht."
        ),
        Phrase::OnlyYes => "Ich habe nichts unternommen: Das darf ich nur nach einem klaren „Ja“ auf meine Frage, oder \
             nach ihrem Knopf. Wenn Sie es möchten, drücken Sie den Knopf, oder fragen Sie noch einmal danach."
            .to_owned(),
        Phrase::NothingAsked => {
            "Im Moment wartet nichts auf Ihr Ja oder Nein. Was kann ich für Sie tun?".to_owned()
        }
        Phrase::PagesSay => format!("Auf den Hilfeseiten von {site} steht dazu:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardrails::gate::{Evidence, Verdict, check};

    #[test]
    fn every_phrase_passes_the_gate() {
        let phrases = [
            Phrase::Greeting,
            Phrase::Welcome,
            Phrase::Goodbye,
            Phrase::WhatThen,
            Phrase::Machine,
            Phrase::NothingFound,
            Phrase::OtherWords,
            Phrase::NoSearch,
            Phrase::NoOrders("1002"),
            Phrase::PagesSay,
        ];
        let evidence = Evidence {
            sources: &[],
            tools: &[],
            said: "where is 1002?\nLumen & Oak",
        };
        for tongue in [Tongue::English, Tongue::German] {
            for phrase in phrases {
                let text = say(phrase, tongue, "Lumen & Oak");
                assert_eq!(check(&text, &[], &evidence), Verdict::Pass, "{text}");
            }
        }
    }
}
