//! The Dutch words by which promises are told from other sentences about oneself: closed lists of what an
//! agent that only reads and answers does, can or would.

/// With `ik` and `wij`, infinitives and participles.
pub const DUTCH_SAYING: &[&str] = &[
    "kan", "kon", "zou", "wil", "wilde", "mag", "moet", "ben", "was", "had", "weet", "zie", "zoek", "kijk", "vind",
    "begrijp", "snap", "hoop", "help", "denk", "geloof", "bedoel", "vrees", "wens", "dank", "lees", "spreek", "vraag",
    "raad", "noem", "toon", "werk", "hoor", "merk", "wacht", "bied", "controleer", "check", "antwoord", "zeg", "leg",
    "stel", "probeer", "verwijs", "beveel", "betreur", "twijfel", "herhaal", "ken", "mis", "kunnen", "konden",
    "zouden", "willen", "mogen", "moeten", "zijn", "waren", "hadden", "weten", "zien", "zoeken", "kijken", "vinden",
    "begrijpen", "hopen", "helpen", "denken", "danken", "vragen", "wachten", "bieden", "controleren", "checken",
    "antwoorden", "zeggen", "proberen", "nakijken", "opzoeken", "uitleggen", "beantwoorden", "lezen", "gezocht",
    "gevonden", "gekeken", "bekeken", "gezien", "begrepen", "gelezen", "gecontroleerd", "gecheckt", "nagekeken",
    "opgezocht", "gevraagd", "geprobeerd", "gehoord", "gezegd", "uitgelegd", "geantwoord", "begonnen", "gehad",
    "geweest", "ontvangen",
];
/// To leave something to people.
pub const DUTCH_PASSING: &[&str] = &[
    "noteer", "meld", "informeer", "doorgestuurd", "doorgegeven", "doorverbonden", "genoteerd", "geïnformeerd",
    "gemeld", "ingelicht", "doorsturen", "doorgeven", "doorverbinden", "noteren", "melden", "informeren", "inlichten",
];
/// Verbs that do so with `door` at the end of their clause.
pub const DUTCH_ON: &[&str] = &["stuur", "geef", "verbind", "sturen", "geven", "verbinden"];
/// What stands before `ik` in a question, or opens a clause in which it says no fact.
pub const DUTCH_OPENS: &[&str] = &[
    "als", "dat", "of", "wat", "hoe", "wanneer", "die", "waar", "waarom", "zodra", "omdat", "voordat", "nadat", "tot",
    "zal", "kan", "mag", "moet", "zou", "wil",
];
/// What joins a clause that begins with its subject.
pub const DUTCH_JOINS: &[&str] = &["en", "maar", "dus", "want"];
