//! The words by which a grant and what it is under are told.

/// Words that grant something, or say what a shop does for people.
pub const GRANTS: &[&str] = &[
    "can", "may", "able", "allowed", "entitled", "eligible", "possible", "free", "accept", "accepts",
    "accepted", "refund", "refunds", "refunded", "refundable", "replace", "replaces", "replaced", "repair",
    "repairs", "repaired", "exchange", "exchanges", "exchanged", "exchangeable", "return", "returned",
    "returnable", "cancel", "cancelled", "cancellable", "kann", "kannst", "können", "könnt", "darf", "darfst",
    "dürfen", "möglich", "erlaubt", "berechtigt", "kostenlos", "gratis", "erstatten", "erstattet", "ersetzen",
    "ersetzt", "tauschen", "umtauschen", "umgetauscht", "reparieren", "repariert", "zurückgeben",
    "zurückgegeben", "stornieren", "storniert", "annehmen", "akzeptieren",
];

/// The same of what certain people get.
pub const GETS: &[&str] = &[
    "get", "gets", "receive", "receives", "pay", "pays", "save", "saves", "bekommen", "bekommt", "erhalten",
    "erhält", "zahlen", "zahlt", "sparen", "spart",
];

/// States of things that make a difference.
pub const STATES: &[&str] = &[
    "unopened", "unused", "undamaged", "unworn", "unwashed", "sealed", "intact", "faulty", "defective", "damaged",
    "broken", "opened", "eligible", "selected", "participating", "marked", "registered", "verified",
];

/// The same in German, without their endings.
pub const STATES_GERMAN: &[&str] = &[
    "ungeöffnet", "unbenutzt", "unbeschädigt", "ungetragen", "ungewaschen", "unversehrt", "verschlossen",
    "versiegelt", "originalverpackt", "defekt", "fehlerhaft", "beschädigt", "kaputt", "geöffnet", "ausgewählt",
    "teilnehmend", "gekennzeichnet", "registriert",
];

/// What may stand for any thing.
pub const GENERIC: &[&str] = &[
    "item", "items", "good", "goods", "product", "products", "article", "articles", "thing", "things", "order",
    "orders", "purchase", "purchases", "artikel", "ware", "waren", "produkt", "produkte", "sachen", "bestellung",
    "bestellungen", "einkäufe",
];

/// Sorts of people that not everybody is of.
pub const PEOPLE: &[&str] = &[
    "member", "members", "student", "students", "pensioners", "seniors", "residents", "subscribers", "employees",
    "teachers", "veterans", "apprentices", "businesses", "wholesalers", "resellers", "children", "kids", "mitglied",
    "mitglieder", "studierende", "studenten", "schüler", "senioren", "rentner", "abonnenten", "anwohner",
    "mitarbeiter", "lehrer", "lehrkräfte", "firmenkunden", "geschäftskunden", "stammkunden", "neukunden", "kinder",
    "wiederverkäufer", "lehrlinge",
];

/// Who is spoken to.
pub const ADDRESSED: &[&str] = &[
    "you", "your", "yours", "you're", "you'll", "everyone", "everybody", "anyone", "sie", "ihnen", "ihr", "ihre",
    "ihren", "du", "dir", "dein", "deine", "man", "jeder",
];

/// What points at a thing without its name.
pub const PRONOUNS: &[&str] = &[
    "it", "them", "this", "that", "these", "those", "one", "ones", "es", "ihn", "das", "diese", "dieser", "dieses",
    "diesen", "sie",
];

/// What puts a clause under a condition.
pub const UNDER: &[&str] = &[
    "if", "provided", "unless", "as long as", "when", "wenn", "falls", "sofern", "solange", "vorausgesetzt",
    "es sei denn", "sobald",
];

/// A clause with one of these says what somebody is about, not what must be so.
pub const SCENARIO: &[&str] = &[
    "want", "wants", "wish", "wishes", "like", "prefer", "prefers", "need", "needs", "question", "questions", "help",
    "unsure", "interested", "looking", "decide", "choose", "plan", "planning", "rather", "möchten", "möchtest",
    "wollen", "willst", "wünschen", "brauchen", "brauchst", "benötigen", "frage", "fragen", "hilfe", "lieber",
];
