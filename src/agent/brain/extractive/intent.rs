//! What a message wants, by rules: a person, an order, a greeting, or an answer. English
//! and German, whatever the locale says.

use super::person;
use crate::knowledge::words::words;

/// What a message wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Nothing: it is empty.
    Nothing,
    /// To greet.
    Greeting,
    /// To thank.
    Thanks,
    /// To say goodbye.
    Goodbye,
    /// To know whether it talks to a machine.
    Machine,
    /// A person.
    Person,
    /// Something about an order; its number as it was written.
    Order(String),
    /// An answer.
    Answer,
}

/// Reads a message.
#[must_use]
pub fn intent(message: &str) -> Intent {
    let lower: Vec<String> = words(message).into_iter().map(|w| w.lower).collect();
    let said: Vec<&str> = lower.iter().map(String::as_str).collect();
    if said.is_empty() {
        return Intent::Nothing;
    }
    if person::is_wanted(message) || said.iter().any(|w| ANGER.contains(w)) {
        return Intent::Person;
    }
    if let Some(number) = order_number(message) {
        return Intent::Order(number);
    }
    if asks_for_machine(&said) {
        return Intent::Machine;
    }
    let courtesy = |list: &[&str], also: &[&str]| {
        said.iter().any(|w| list.contains(w)) && said.iter().all(|w| list.contains(w) || also.contains(w))
    };
    if courtesy(
        &GREETINGS,
        &[
            "there", "you", "everyone", "all", "zusammen", "good", "guten", "schönen", "how", "are", "is",
            "it", "going",
        ],
    ) {
        return Intent::Greeting;
    }
    if courtesy(
        &THANKS,
        &[
            "you", "so", "very", "much", "a", "lot", "for", "your", "the", "help", "that", "that's", "all",
            "great", "perfect", "ok", "okay", "many", "vielen", "schön", "sehr", "für", "die", "hilfe",
            "super", "got", "it",
        ],
    ) {
        return Intent::Thanks;
    }
    if courtesy(
        &GOODBYES,
        &[
            "and", "you", "later", "have", "a", "nice", "day", "good", "thanks", "thank", "see", "auf",
            "schönen", "tag", "noch", "danke",
        ],
    ) {
        return Intent::Goodbye;
    }
    Intent::Answer
}

/// Words of somebody whom a machine had better not answer.
const ANGER: [&str; 11] = [
    "furious",
    "outrageous",
    "scam",
    "scammers",
    "idiot",
    "idiots",
    "betrüger",
    "abzocke",
    "unverschämt",
    "unverschämtheit",
    "idioten",
];
const GREETINGS: [&str; 16] = [
    "hi",
    "hello",
    "hey",
    "hiya",
    "morning",
    "evening",
    "afternoon",
    "greetings",
    "hallo",
    "servus",
    "moin",
    "grüß",
    "tag",
    "morgen",
    "abend",
    "gott",
];
const THANKS: [&str; 10] = [
    "thanks",
    "thank",
    "thx",
    "ty",
    "cheers",
    "danke",
    "dank",
    "merci",
    "dankeschön",
    "thankyou",
];
const GOODBYES: [&str; 9] = [
    "bye",
    "goodbye",
    "cya",
    "tschüss",
    "tschüß",
    "ciao",
    "wiedersehen",
    "byebye",
    "wiederschauen",
];

fn asks_for_machine(said: &[&str]) -> bool {
    let machine = [
        "robot", "bot", "machine", "ai", "chatbot", "computer", "human", "real", "roboter", "maschine", "ki",
        "mensch",
    ];
    matches!(
        said,
        ["who" | "what", "are", "you"]
            | ["what", "can", "you", "do"]
            | ["wer", "bist", "du"]
            | ["wer", "sind", "sie"]
    ) || said.len() <= 7
        && matches!(
            said,
            ["are" | "r", "you" | "u", ..]
                | ["am", "i", "talking", ..]
                | ["is", "this", ..]
                | ["bist", "du", ..]
                | ["sind", "sie", ..]
        )
        && said.last().is_some_and(|w| machine.contains(w))
}

/// The number of an order that a message is about.
pub fn order_number(message: &str) -> Option<String> {
    let all = words(message);
    let said = |i: usize| all.get(i).map_or("", |w| w.lower.as_str());
    for (i, word) in all.iter().enumerate() {
        let digits = word.lower.chars().filter(char::is_ascii_digit).count();
        if !(3..=12).contains(&digits) || digits != word.lower.chars().count() {
            continue;
        }
        let before = |n: usize| i.checked_sub(n).map_or("", said);
        let next = said(i + 1);
        let amount = [
            "euro", "euros", "eur", "€", "dollar", "usd", "chf", "gbp", "pounds", "pieces", "days", "lamps",
            "items", "w", "v", "cm", "mm", "kg", "stück", "tage",
        ];
        let measure = [
            "over", "above", "under", "below", "from", "worth", "value", "about", "around", "in", "since",
            "than", "least", "über", "unter", "ab", "seit", "of",
        ];
        let money = message[..word.at.start].ends_with(['€', '$', '£'])
            || message[word.at.end..]
                .trim_start()
                .starts_with(['€', '$', '£', '%']);
        if amount.contains(&next) || measure.contains(&before(1)) || money {
            continue;
        }
        let hash = message[..word.at.start].trim_end().ends_with('#');
        let order = [
            "order",
            "oder",
            "orders",
            "ordernumber",
            "purchase",
            "bestellung",
            "auftrag",
            "bestellnummer",
            "auftragsnummer",
        ];
        let label = ["number", "no", "nr", "num", "id", "nummer", "is", "my", "the"];
        let named = order.contains(&before(1))
            || (order.contains(&before(2)) && label.contains(&before(1)))
            || (order.contains(&before(3)) && label.contains(&before(1)) && label.contains(&before(2)));
        let about = [
            "tracking",
            "status",
            "order",
            "delivered",
            "shipped",
            "sendungsverfolgung",
        ];
        if hash || named || (all.len() <= 4 && (about.contains(&next) || about.contains(&before(1)))) {
            return Some(message[word.at.clone()].to_owned());
        }
    }
    None
}

/// Words beside a number that is given.
const COURTESY: [&str; 30] = [
    "and",
    "my",
    "the",
    "it",
    "it's",
    "its",
    "is",
    "order",
    "number",
    "email",
    "e",
    "mail",
    "address",
    "no",
    "yes",
    "please",
    "was",
    "here",
    "und",
    "meine",
    "die",
    "ist",
    "es",
    "bestellung",
    "nummer",
    "adresse",
    "bitte",
    "hier",
    "ja",
    "number's",
];

/// A number that stands alone for an order, in a message that only gives one: `1004`, or
/// `1004, [EMAIL_1]`.
#[must_use]
pub fn bare_number(message: &str) -> Option<String> {
    let all = words(message);
    let mut numbers = all
        .iter()
        .filter(|w| (3..=12).contains(&w.lower.len()) && w.lower.bytes().all(|b| b.is_ascii_digit()));
    let first = numbers.next()?;
    let few = all
        .iter()
        .filter(|w| !COURTESY.contains(&w.lower.as_str()))
        .count()
        <= 3;
    (few && numbers.next().is_none()).then(|| message[first.at.clone()].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_a_person_is_understood() {
        for message in [
            "I'd like to talk to a real person please",
            "Human!",
            "Hello? A human please!",
            "agent please",
            "get me someone from your team",
            "can you connect me with customer service",
            "could a colleague take over",
            "is there anybody I can speak to?",
            "Ich möchte mit einem Mitarbeiter sprechen",
            "Geben Sie mir sofort einen Menschen!",
        ] {
            assert_eq!(intent(message), Intent::Person, "{message}");
        }
        for message in [
            "Do I need a second person for the desk?",
            "How do I contact customer service?",
            "Does somebody have to be at home for the delivery?",
            "What are your customer service hours?",
            "Can I give a gift card to another person?",
            "Does the support of the shade come with the lamp?",
        ] {
            assert_ne!(intent(message), Intent::Person, "{message}");
        }
    }

    #[test]
    fn an_order_is_known_by_its_number() {
        for (message, number) in [
            ("where is my order 1005", "1005"),
            ("Order #20417?", "20417"),
            ("about my order no. 1001, has it left?", "1001"),
            ("#1004 hasn't come", "1004"),
            ("1005 tracking", "1005"),
            ("Wo ist meine Bestellung Nr. 1005?", "1005"),
        ] {
            assert_eq!(intent(message), Intent::Order(number.into()), "{message}");
        }
        for message in [
            "is shipping free for orders over 150",
            "an order of 750 euro",
            "I want to order 100 pieces",
            "my order from 2022",
            "Where is my order?",
            "order 12 lamps",
            "your number is +43 7612 555 010?",
        ] {
            assert_eq!(intent(message), Intent::Answer, "{message}");
        }
    }

    #[test]
    fn courtesies_are_told_from_questions() {
        for (message, want) in [
            ("", Intent::Nothing),
            ("?!", Intent::Nothing),
            ("Hi there!", Intent::Greeting),
            ("Guten Tag", Intent::Greeting),
            ("thank you so much", Intent::Thanks),
            ("Vielen Dank!", Intent::Thanks),
            ("bye, have a nice day", Intent::Goodbye),
            ("Are you a robot?", Intent::Machine),
            ("am I talking to a bot", Intent::Machine),
            ("Who are you?", Intent::Machine),
            ("hi, do you ship to Norway?", Intent::Answer),
            ("thanks, and what does it cost?", Intent::Answer),
            ("good lamps?", Intent::Answer),
        ] {
            assert_eq!(intent(message), want, "{message}");
        }
    }
}
