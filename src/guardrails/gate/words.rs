//! The words of a sentence that say something, brought to one form: stems, and words that
//! mean the same in a shop in English and German.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::figures::Figure;

/// What a text is written in, as far as the rules need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    English,
    German,
    /// Neither, or it can't be told.
    Other,
}

/// A word that says something.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its stem, or the group of words that mean the same.
    pub key: String,
    /// How much it says: 1 for most.
    pub weight: f64,
    /// A name: it begins with a capital inside an English sentence, or is one capital.
    pub name: bool,
    /// Its place, in bytes.
    pub at: Range<usize>,
}

/// What a word that says little weighs.
const LIGHT: f64 = 0.3;

/// Words that say nothing by themselves. `not` and its like are another rule's.
const STOP: &str = "a an the this that these those it its it's he she they them their i i'm i'll i've me my we we'll we've our \
    us you you'll you've you're your yours is are was were be been being am 's to of in on at for with by from as into \
    onto up out over off than then so and or but if when while because since until which who whom what where how whose \
    do does did done doing has have had having will would shall should can could may might must cannot not no nor never n't \
    don't doesn't didn't can't couldn't won't wouldn't isn't aren't wasn't shouldn't haven't hasn't there here too also very \
    just only about after before within without during between per each any all some other more most least such as well \
    yes please unfortunately however therefore thus yourself itself themselves own same both either neither once again \
    der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner keines nicht nie und oder aber \
    ist sind war waren sein wird werden wurde worden bin hat haben hatte kann können könnte darf dürfen muss müssen soll \
    sollen sollte will wollen ich wir uns unser unsere unserem unseren sie ihr ihre ihren ihrem ihnen er es du dein deine man \
    in im an am auf aus bei mit nach von vom vor zu zum zur für über unter um bis ab durch ohne gegen seit während innerhalb \
    als wie wenn falls dass weil da so auch noch nur schon sehr mehr bitte leider ja nein hier dort dies diese dieser diesem \
    diesen dieses sich selbst alle allen jeder jede jedes was wer wo wann welche welcher welches zwar damit dann denn sondern";

/// Words that sentences of a shop are full of.
const SAYS_LITTLE: &str = "get gets got getting take takes took taken taking make makes made making use uses used using need \
    needs needed come comes came coming go goes going give gives given find finds keep keeps put puts offer offers offered \
    provide provides available possible able want like let normally usually always simply currently moment directly easily \
    case thing things way time order orders ordered customer customers item items product products shop store lumen oak \
    company companies page help ask asks tell tells please soon later receive receives receiving apply applies include \
    includes included contain contains according arrive arrives amount value total extra plus additionally quickly remaining \
    last lasts stay stays remain remains run runs series start starts starting end ends new next work works long short \
    unless sure worry afraid sorry service lets letting deliver around else kind far see known know really approximately \
    bekommen bekommt erhalten erhält gibt geben gilt gelten liegt liegen machen nehmen nutzen verwenden benötigen brauchen \
    brauchst möglich nötig verfügbar normalerweise artikel produkt produkte bestellung bestellungen kunde kunden shop seite \
    zurück lang lange beträgt betragen erfolgt plus zuzüglich zurzeit derzeit natürlich einfach gerne dauer insgesamt jeweils";

/// Words and phrases that mean the same.
const SAME: &str = "\
return|rückgabefrist|returns|returned|returning|send back|sent back|sending back|give back|take back|hand in|rückgabe|zurückgeben|zurückgegeben|rücksendung|zurücksenden|zurückgesendet|zurückgesendete|zurückgeschickte|zurückschicken|rücksenden
return label|rücksendeetikett|rücksendelabel|etikett für die rücksendung|label for the return
refund|refunds|refunded|money back|reimbursement|erstattung|rückerstattung|geld zurück|geld
cost|costs|price|prices|charge|fee|fees|pay|pays|payable|kosten|kostet|preis|preise|gebühr|zahlen
free|free of charge|no cost|for free|at no charge|costs nothing|gratis|kostenlos|kostenfrei|umsonst|kostenloser|nichts
shipping|shipped|ship|ships|delivery|deliver|delivers|delivered|deliveries|dispatch|dispatched|postage|send|sends|sent|sending|sent out|versand|lieferung|liefern|liefert|geliefert|verschickt|versenden|versendet|zustellung
leave|leaves|left|verlassen|verlässt
parcel|parcels|package|packet|shipment|paket|pakete|sendung
phone|telephone|call|telefon|anrufen|rufen|telefonnummer|reach
e-mail|email|e-mails|emails|mail|mails
uk|united kingdom|great britain|großbritannien|vereinigtes königreich
eu|european union|europäische union
austria|österreich|austrian
germany|deutschland
switzerland|schweiz
norway|norwegen
rest|remaining|übrige|übrigen|restliche
country|countries|land|länder
customs|zoll
warranty|guarantee|guaranteed|covered|cover|covers|coverage|garantie|gewährleistung
bulb|bulbs|leuchtmittel|glühbirne|glühlampe|birne
lamp|lamps|light|leuchte|lampe|lampen
electrician|elektriker
faulty|fault|faults|defective|defect|fehlerhaft|fehlerhafte|fehlerhafter|defekt|defekte
damage|damaged|damages|broken|beschädigt|schaden|schäden
photograph|photo|photos|picture|pictures|foto|fotos
replacement|replacements|replace|ersatz
appointment|termin
freight|freight carrier|spedition|fracht
heavy|schwer|schwere
furniture|möbel
gift card|gift cards|voucher|vouchers|gutschein|gutscheine|gutscheins|geschenkkarte
valid|validity|gültig|stay valid|expire|expires
cash|bar|in bar
paid out|paid out in cash|pay out|payout|ausgezahlt|auszahlen|auszahlung|barauszahlung
payment method|means of payment|payment methods|zahlungsmittel|zahlungsart
invoice|invoices|bill|rechnung|rechnungen
account|konto|kundenkonto
password|passwort
reset|resetting|zurücksetzen
delete|deleted|deletion|erase|löschen|gelöscht
data|daten|personal data
chat transcripts|chat transcript|chats|chat messages|chatverläufe
sell|sold|sells|verkaufen|verkauft
consent|permission|einwilligung|zustimmung
clean|wipe|cleaning|reinigen|putzen
assemble|assembly|assembling|put together|putting together|build|aufbau|aufbauen|montieren
people|persons|person|personen
include|included|includes|come with|comes with|enclosed
original box|original packaging|originalverpackung|originalkarton
unused|unbenutzt|unbenutzte
opened|geöffnet|geöffnete|geöffneten
made to measure|custom made|maßgefertigt|maßgefertigte|nach maß
working day|working days|business day|werktag|werktage
same day|selben tag|am selben tag
install|installed|installation|fit|fitted|anschließen
earth|earthed|earthing|grounded|earth connection|geerdet
discount|discounts|off|rebate|save|saves|reduction|rabatt
combine|combined|used together|use together|together|stack|kombinieren
newsletter|newsletters
sign up|subscribe|sign-up|signing up|subscription|anmelden
student|students|studierende|studenten
business|companies|company|firm|firma|firmen|unternehmen
piece|pieces|stück
packaging|packed|pack|verpackung
lost|missing|verloren
late|delayed|overdue|verspätet
search|tracing|suche
open|opening hours|hours|available|öffnungszeiten
reply|replies|answer|answers|answered|respond|antworten|antwort
founded|established|started|gegründet
based|located|sitz
hire|hiring|looking for|vacancy|wanted|recruit
accept|accepts|take cheques|akzeptieren
cheque|cheques|checks
credit card|credit cards|card|cards|karte|karten
wood|wooden|holz
high|height|tall|hoch|höhe
wide|width|breit|breite
deep|depth|tief|tiefe
big|large|groß
oil|oiled|ölen
near|close
register|registration|registrieren|registrierung
period|deadline|frist
begin|start|starts|begins|beginnt
campaign|promotion|offer|aktion
end|ends|until|endet|läuft bis
purchase|bought|buy|kaufdatum|kauf
unable|impossible
maximum|max|most|höchstens|maximal
money|geld
manual|instructions|anleitung
hand|handed|übergeben
goods|ware|item|items|artikel
heat|hitze|radiator
link|links
warehouse|lager";

/// A particle and the verb that it belongs to, a few words before it.
const PARTED: [(&[&str], &[&str], &str); 4] = [
    (
        &[
            "send", "sent", "sending", "give", "take", "takes", "bring", "ship",
        ],
        &["back"],
        "return",
    ),
    (&["put", "putting", "puts"], &["together"], "assemble"),
    (&["schicken", "senden", "geben"], &["zurück"], "return"),
    (&["läuft", "laufen"], &["bis"], "end"),
];

struct Lexicon {
    stop: HashMap<&'static str, ()>,
    light: HashMap<String, ()>,
    /// Words and stems to groups.
    groups: HashMap<String, usize>,
    /// Phrases to groups, longest first.
    phrases: Vec<(Vec<String>, usize)>,
    english: Stemmer,
    german: Stemmer,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let english = Stemmer::create(Algorithm::English);
    let german = Stemmer::create(Algorithm::German);
    let mut groups = HashMap::new();
    let mut phrases = Vec::new();
    for (n, line) in SAME.lines().enumerate() {
        for entry in line.split('|') {
            let words: Vec<String> = entry.split([' ', '-']).map(str::to_owned).collect();
            if words.len() > 1 {
                phrases.push((words, n));
                continue;
            }
            groups.entry(entry.to_owned()).or_insert(n);
        }
    }
    phrases.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    let light = SAYS_LITTLE
        .split_whitespace()
        .map(|w| (w.to_owned(), ()))
        .collect();
    Lexicon {
        stop: STOP.split_whitespace().map(|w| (w, ())).collect(),
        light,
        groups,
        phrases,
        english,
        german,
    }
});

/// What a text is written in, by its commonest words.
pub fn tongue(text: &str) -> Tongue {
    const ENGLISH: &str = "the is are was you your we our it to of for from with can can't and not this that have has will be on by i \
        an at or as if they don't there any all please my me no only";
    const GERMAN: &str = "der die das ist sind sie ihr ihre wir unser unsere und nicht mit von zu den dem ein eine einen kann können für \
        auf im kein keine wird werden es ich haben hat nach oder auch bitte sich innerhalb ab nur zum zur gilt kostet gibt liefern";
    const FOREIGN: &str = "le la les des une est et vous nous pour dans sur avec pas el los las es y por con una su para che il di per \
        non sono della het een van niet voor zijn nie jest na się och att det är på som ikke og til o os um não em é";
    let lower = text.to_lowercase();
    let count = |list: &str| {
        lower
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|w| list.split_whitespace().any(|l| l == *w))
            .count()
    };
    let (english, german, foreign) = (count(ENGLISH), count(GERMAN), count(FOREIGN));
    let strange = text
        .chars()
        .any(|c| c.is_alphabetic() && !c.is_ascii() && !"äöüßÄÖÜé".contains(c));
    if foreign > english.max(german) || (strange && english == 0 && german == 0) {
        Tongue::Other
    } else if german > english || (german == english && text.contains(['ä', 'ö', 'ü', 'ß'])) {
        Tongue::German
    } else {
        Tongue::English
    }
}

struct Bit {
    lower: String,
    capital: bool,
    group: Option<usize>,
    at: Range<usize>,
}

/// The words of a text that say something and aren't part of its figures.
pub fn terms(text: &str, tongue: Tongue, figures: &[Figure]) -> Vec<Term> {
    let lexicon = &*LEXICON;
    let mut bits = bits(text, figures);
    merge_phrases(&mut bits, lexicon);
    let mut out = Vec::new();
    let mut begins = true;
    for bit in bits {
        let first = std::mem::take(&mut begins);
        if bit.lower == "." {
            begins = true;
            continue;
        }
        // `Birch S`
        let letter =
            bit.capital && bit.lower.chars().count() == 1 && !(first && bit.lower == "a") && bit.lower != "i";
        if !letter && bit.group.is_none() && lexicon.stop.contains_key(bit.lower.as_str()) {
            continue;
        }
        if bit.lower.chars().count() == 1 && !letter && bit.lower.is_ascii() {
            continue;
        }
        let group = bit.group.or_else(|| lexicon.groups.get(&bit.lower).copied());
        let stem = match tongue {
            Tongue::German => lexicon.german.stem(&bit.lower).into_owned(),
            _ => lexicon.english.stem(&bit.lower).into_owned(),
        };
        let light = lexicon.light.contains_key(&bit.lower);
        out.push(Term {
            key: group.map_or(stem, |g| format!("#{g}")),
            weight: if light { LIGHT } else { 1.0 },
            name: letter || (tongue != Tongue::German && bit.capital && !first && group.is_none() && !light),
            at: bit.at,
        });
    }
    out
}

fn bits(text: &str, figures: &[Figure]) -> Vec<Bit> {
    let mut out: Vec<Bit> = Vec::new();
    let mut start = None;
    let joins = |i: usize, c: char| {
        matches!(c, '\'' | '’')
            && text[..i].ends_with(char::is_alphabetic)
            && text[i + c.len_utf8()..].starts_with(char::is_alphabetic)
    };
    for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_alphanumeric() || joins(i, c) || matches!(c, '\u{ad}' | '\u{300}'..='\u{36f}') {
            start.get_or_insert(i);
            continue;
        }
        if let Some(from) = start.take() {
            let at: Range<usize> = from..i;
            if !figures.iter().any(|f| f.at.start < at.end && at.start < f.at.end) {
                let word = &text[at.clone()];
                let lower = word.to_lowercase().replace('’', "'").replace('\u{ad}', "");
                let lower = lower.strip_suffix("'s").map_or(lower.clone(), str::to_owned);
                out.push(Bit {
                    lower,
                    capital: word.starts_with(char::is_uppercase),
                    group: None,
                    at,
                });
            }
        }
        // What follows begins anew.
        if matches!(c, '.' | '!' | '?' | ':' | '|' | '„' | '“' | '"') || (c == '\n') {
            out.push(Bit {
                lower: ".".to_owned(),
                capital: false,
                group: None,
                at: i..i,
            });
        }
    }
    out
}

fn merge_phrases(bits: &mut Vec<Bit>, lexicon: &Lexicon) {
    let mut i = 0;
    while i < bits.len() {
        let found = lexicon.phrases.iter().find(|(words, _)| {
            words.iter().enumerate().all(|(k, w)| {
                bits.get(i + k)
                    .is_some_and(|b| b.lower == *w || b.lower.strip_suffix('s') == Some(w))
            })
        });
        if let Some((words, group)) = found {
            let end = bits[i + words.len() - 1].at.end;
            bits[i].group = Some(*group);
            bits[i].at.end = end;
            bits.drain(i + 1..i + words.len());
        }
        for (verbs, particles, meaning) in PARTED {
            if verbs.contains(&bits[i].lower.as_str()) && bits[i].group.is_none() {
                let near =
                    (i + 1..bits.len().min(i + 6)).find(|k| particles.contains(&bits[*k].lower.as_str()));
                if let Some(k) = near {
                    bits[i].group = lexicon.groups.get(meaning).copied();
                    bits.remove(k);
                }
            }
        }
        i += 1;
    }
}

/// Whether a word of a sentence is said by a word of its source: the same stem or group, or
/// in German a part of a compound.
pub fn same(sentence: &str, source: &str, tongue: Tongue) -> bool {
    if sentence == source {
        return true;
    }
    let long = |w: &str| w.chars().count() >= 5 && !w.starts_with('#');
    tongue == Tongue::German
        && long(sentence)
        && long(source)
        && (sentence.contains(source) || source.contains(sentence))
}
