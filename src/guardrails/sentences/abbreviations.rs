//! Words by which a full stop is told from an abbreviation's or an ordinal's: in lower
//! case, in English, German and their neighbours.

/// Abbreviations that another word always follows.
pub const NEVER: [&str; 45] = [
    "e.g", "i.e", "eg", "approx", "ca", "bzw", "vgl", "z.b", "d.h", "u.u", "nr", "nrn", "nos", "tel", "ggf",
    "ggfs", "evtl", "inkl", "incl", "excl", "exkl", "zzgl", "bspw", "sog", "dipl", "abs", "abb", "mind",
    "dept", "resp", "cf", "viz", "vs", "mrs", "messrs", "mme", "mlle", "núm", "pág", "p.ej", "bijv", "bl",
    "telef", "ud", "uds",
];

/// The same, with a capital.
pub const TITLES: [&str; 16] = [
    "dr", "prof", "mr", "ms", "st", "ing", "mag", "hr", "hrn", "fr", "sr", "sra", "av", "sig", "lt", "gem",
];

/// They can end a sentence as well.
pub const PERHAPS: [&str; 24] = [
    "etc", "usw", "usf", "u.ä", "o.ä", "u.s.w", "inc", "ltd", "co", "corp", "jr", "am", "pm", "u.s.a",
    "v.chr", "n.chr", "str", "hrsg", "dgl", "ecc", "s.r.l", "est", "geb", "max",
];

/// Words of their own unless a number follows.
pub const DIGITS: [&str; 22] = [
    "no", "fig", "min", "sec", "std", "sek", "pp", "vol", "ch", "sect", "kap", "art", "jan", "feb", "apr",
    "jun", "jul", "aug", "sep", "sept", "nov", "dez",
];

/// German words that an ordinal follows.
pub const ARTICLES: [&str; 24] = [
    "am", "der", "die", "das", "dem", "den", "des", "zum", "zur", "vom", "beim", "im", "ins", "ab", "jeder",
    "jede", "jedes", "jeden", "jedem", "unser", "unsere", "ihr", "ihre", "ein",
];

pub const MONTHS: [&str; 27] = [
    "januar",
    "jänner",
    "februar",
    "feber",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
    "jan",
    "jän",
    "feb",
    "mär",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "okt",
    "nov",
    "dez",
];

/// Words that sentences often begin with, and names seldom.
pub const STARTERS: [&str; 90] = [
    "the", "a", "an", "it", "its", "this", "that", "these", "those", "you", "your", "we", "our", "they",
    "there", "here", "he", "she", "i", "if", "when", "while", "for", "in", "on", "at", "to", "with",
    "without", "from", "after", "before", "as", "all", "any", "each", "every", "please", "no", "yes", "not",
    "but", "and", "or", "so", "then", "also", "however", "can", "do", "don't", "what", "how", "where",
    "which", "is", "are", "let", "der", "die", "das", "ein", "eine", "es", "er", "sie", "wir", "ihr", "ihre",
    "unser", "unsere", "dies", "diese", "dieser", "wenn", "falls", "bitte", "im", "am", "für", "mit", "ohne",
    "nach", "vor", "bei", "auch", "und", "aber", "damit", "alle",
];
