//! The words by which promises are told from other sentences about oneself in French, Spanish and Italian:
//! closed lists, in lower case. Of French those that promise nothing, since a person stands before the
//! verb; of Spanish and Italian, which leave the person out, the stems of verbs that do something.

/// What may stand between `je` and its verb, `ai` and its participle.
pub const FRENCH_BETWEEN: &[&str] = &[
    "vous", "te", "t'", "le", "la", "les", "l'", "lui", "leur", "y", "en", "m'", "me", "nous", "bien", "déjà", "aussi",
    "tout", "juste", "immédiatement", "maintenant", "donc", "alors", "également", "volontiers", "personnellement",
    "bientôt", "aujourd'hui", "d'", "toutefois", "désormais", "aujourd", "hui",
];
/// What an agent does that looks things up and answers, what it can and would: present, future, infinitive,
/// participle.
pub const FRENCH_SAYING: &[&str] = &[
    "peux", "puis", "pourrais", "pouvais", "pourrai", "veux", "voudrais", "voulais", "dois", "devrais", "sais",
    "savais", "crois", "pense", "espère", "comprends", "vois", "regarde", "cherche", "vérifie", "consulte", "trouve",
    "lis", "réponds", "répondrai", "dis", "explique", "aide", "aiderai", "demande", "propose", "suggère",
    "recommande", "conseille", "souhaite", "aimerais", "préfère", "regrette", "excuse", "remercie", "prie", "suis",
    "étais", "serai", "serais", "reste", "ai", "avais", "aurais", "connais", "parle", "attends", "essaie", "essaye",
    "montre", "cite", "indique", "précise", "répète", "reformule", "résume", "entends", "imagine", "suppose", "crains",
    "ignore", "fonctionne", "sers", "permets", "rappelle", "vais", "viens", "pouvons", "voulons", "devons", "savons",
    "sommes", "avons", "allons", "venons", "espérons", "comprenons", "voyons", "regardons", "cherchons", "vérifions",
    "regrettons", "remercions", "prions", "excusons", "restons", "pourrions", "serions", "serons", "regarder",
    "chercher", "vérifier", "consulter", "voir", "trouver", "lire", "répondre", "dire", "expliquer", "aider",
    "demander", "essayer", "montrer", "indiquer", "préciser", "regarderai", "chercherai", "vérifierai",
    "regardé", "cherché", "vérifié", "consulté", "vu", "trouvé", "lu", "répondu", "dit", "expliqué", "demandé",
    "essayé", "compris", "entendu", "reçu", "pu", "su", "voulu", "besoin", "peur", "été", "eu", "aucune", "aucun",
    "pas", "ne", "n'", "rien", "une", "un", "des", "accès", "hâte",
];
/// To leave something to people.
pub const FRENCH_PASSING: &[&str] = &[
    "transmets", "transmettrai", "transmettre", "transmis", "transmettons", "transfère", "transférerai", "transférer",
    "transféré", "transférons", "passe", "passerai", "passer", "passé", "note", "noterai", "noter", "noté", "informe",
    "informerai", "informer", "informé", "préviens", "prévenir", "prévenu", "signale", "signalerai", "signaler",
    "signalé", "fais", "ferai",
];
/// What stands before `je` in a question, or opens a clause in which it says no fact.
pub const FRENCH_OPENS: &[&str] = &[
    "que", "qu'", "si", "quand", "comment", "où", "pourquoi", "puis", "dois", "peux", "pourrais", "lorsque", "dont",
    "quoi", "quelle", "quel", "ce",
];
/// One of these makes a sentence with `je` French.
pub const FRENCH: &[&str] = &[
    "vous", "votre", "vos", "notre", "nos", "le", "les", "la", "une", "un", "du", "et", "est", "pour", "à", "au", "aux",
    "c'", "j'", "l'", "m'", "n'", "d'", "s'", "ce", "cette", "ces", "mon", "ma", "mes", "tout", "nous",
];
/// Dutch says `je` as well, and means the other one; in German it is what something costs apiece.
pub const NOT_FRENCH: &[&str] = &[
    "het", "een", "niet", "kunt", "kun", "hebt", "heb", "bent", "ben", "van", "voor", "uw", "jouw", "binnen", "dagen",
    "der", "die", "das", "und", "nach", "mit", "für", "ein", "eine", "desto", "umso", "ist", "sie", "wird", "mehr",
    "krijgt", "wordt", "zijn", "ook", "naar", "dat", "moet", "mag", "wilt", "ik", "bij", "met", "als", "dan", "nog",
];

/// Pronouns before a Spanish verb; without one a form in `o` may be a noun.
pub const SPANISH_CLITICS: &[&str] = &[
    "le", "les", "lo", "la", "los", "las", "se", "te", "os", "me", "yo", "ya", "ahora", "enseguida", "inmediatamente",
];
/// What may stand between `he` and its participle.
pub const SPANISH_BETWEEN: &[&str] = &["ya", "también", "recién", "a", "le", "se", "lo"];
/// Stems of verbs that do something.
pub const SPANISH_DEEDS: &[&str] = &[
    "cancel", "reembols", "devuelv", "devolv", "enví", "envi", "mand", "cambi", "modific", "tramit", "gestion",
    "reserv", "anul", "repon", "repong", "repondr", "sustituy", "sustitu", "actualiz", "abon", "pag", "ingres",
    "arregl", "solucion", "resuelv", "resolv", "encarg", "ocup", "registr", "activ", "borr", "elimin", "aplic",
    "prepar", "llam", "escrib", "contact", "orden", "proces", "realiz", "hag", "har", "hic",
];
/// The same of verbs that leave something to people.
pub const SPANISH_PASSING: &[&str] = &[
    "transmit", "transfier", "transfer", "pas", "avis", "inform", "comunic", "deriv", "notific", "anot", "reenví",
    "reenvi",
];
/// Participles, infinitives and gerunds of what an agent does that looks things up.
pub const SPANISH_SAYING: &[&str] = &[
    "encontrado", "buscado", "visto", "mirado", "revisado", "comprobado", "consultado", "entendido", "comprendido",
    "leído", "podido", "preguntado", "recibido", "sido", "estado", "tenido", "querido", "explicado", "dicho",
    "respondido", "intentado", "ver", "mirar", "buscar", "comprobar", "revisar", "consultar", "ayudar", "intentar",
    "explicar", "responder", "decir", "leer", "preguntar", "mirando", "buscando", "comprobando", "revisando",
    "consultando", "hablando", "viendo", "intentando", "ayudando",
];

/// Pronouns before an Italian verb.
pub const ITALIAN_CLITICS: &[&str] = &[
    "lo", "la", "li", "le", "gli", "ti", "vi", "mi", "ne", "glielo", "gliela", "glieli", "gliele", "io", "subito",
    "ora", "adesso",
];
/// What may stand between `ho` and its participle.
pub const ITALIAN_BETWEEN: &[&str] = &["già", "anche", "appena", "subito", "ora"];
/// Stems of verbs that do something.
pub const ITALIAN_DEEDS: &[&str] = &[
    "annull", "rimbors", "invi", "spedisc", "sped", "cambi", "modific", "sostitu", "sostituisc", "ordin", "prenot",
    "aggiorn", "accredit", "pag", "restitu", "restituisc", "cancell", "elimin", "sistem", "risolv", "provved",
    "occup", "prepar", "attiv", "registr", "applic", "richiam", "contatt", "chiam", "scriv", "effettu", "facci", "far",
];
/// The same of verbs that leave something to people.
pub const ITALIAN_PASSING: &[&str] = &[
    "inoltr", "trasferisc", "trasfer", "pass", "inform", "avvis", "segnal", "comunic", "trasmett", "annot",
];
/// Participles and gerunds of what an agent does that looks things up.
pub const ITALIAN_SAYING: &[&str] = &[
    "trovato", "cercato", "visto", "controllato", "verificato", "guardato", "consultato", "capito", "letto", "potuto",
    "ricevuto", "chiesto", "detto", "spiegato", "risposto", "provato", "avuto", "saputo", "voluto", "cercando",
    "controllando", "verificando", "guardando", "consultando", "parlando", "provando", "leggendo",
];

/// What is done, said in a word or two. A whole sentence about it needs a source anyway.
pub const DONE_BRIEFLY: &[&str] = &[
    "annulé", "annulée", "remboursé", "remboursée", "envoyé", "envoyée", "expédié", "expédiée", "réglé", "fait",
    "résolu", "remplacé", "confirmé", "cancelado", "cancelada", "anulado", "reembolsado", "enviado", "solucionado",
    "resuelto", "tramitado", "hecho", "listo", "devuelto", "annullato", "annullata", "rimborsato", "spedito",
    "inviato", "sistemato", "risolto", "cancellato", "fatto", "geannuleerd", "terugbetaald", "verstuurd", "verzonden",
    "geregeld", "gedaan", "opgelost", "vervangen",
];
