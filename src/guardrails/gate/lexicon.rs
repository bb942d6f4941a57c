//! The words of a shop in English and German: those that say nothing, those that say
//! little, and those that mean the same.

use std::collections::HashMap;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

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
hungary|ungarn
italy|italien
france|frankreich
spain|spanien
poland|polen
belgium|belgien
netherlands|niederlande
denmark|dänemark
sweden|schweden
finland|finnland
slovakia|slowakei
slovenia|slowenien
croatia|kroatien
luxembourg|luxemburg
vat|mwst|mehrwertsteuer|ust|umsatzsteuer
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
weight|weigh|weighs|weighing|gewicht|wiegt|wiegen
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
pub const PARTED: [(&[&str], &[&str], &str); 4] = [
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

/// What is known of a word as it is written, in lower case.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry {
    /// It says nothing.
    pub stop: bool,
    /// It says little.
    pub light: bool,
    /// The words that mean the same.
    pub group: Option<usize>,
}

/// A phrase's words, and the group that it means.
pub type Phrase = (Vec<String>, usize);

/// All of it, looked up by word.
pub struct Lexicon {
    entries: HashMap<String, Entry>,
    /// By their first word, longest first.
    phrases: HashMap<String, Vec<Phrase>>,
    /// English stems.
    pub english: Stemmer,
    /// German stems.
    pub german: Stemmer,
}

impl Lexicon {
    /// What is known of a word.
    pub fn entry(&self, lower: &str) -> Entry {
        self.entries.get(lower).copied().unwrap_or_default()
    }

    /// The phrases that a word may begin, in the singular too.
    pub fn phrases(&self, lower: &str) -> impl Iterator<Item = &Phrase> {
        let of = |w: &str| self.phrases.get(w).into_iter().flatten();
        of(lower).chain(lower.strip_suffix('s').into_iter().flat_map(of))
    }
}

/// The one of this process.
pub static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut entries: HashMap<String, Entry> = HashMap::new();
    let mut phrases: HashMap<String, Vec<Phrase>> = HashMap::new();
    for (n, line) in SAME.lines().enumerate() {
        for entry in line.split('|') {
            let words: Vec<String> = entry.split([' ', '-']).map(str::to_owned).collect();
            if words.len() > 1 {
                phrases.entry(words[0].clone()).or_default().push((words, n));
            } else {
                entries
                    .entry(entry.to_owned())
                    .or_default()
                    .group
                    .get_or_insert(n);
            }
        }
    }
    for all in phrases.values_mut() {
        all.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    for word in STOP.split_whitespace() {
        entries.entry(word.to_owned()).or_default().stop = true;
    }
    for word in SAYS_LITTLE.split_whitespace() {
        entries.entry(word.to_owned()).or_default().light = true;
    }
    Lexicon {
        entries,
        phrases,
        english: Stemmer::create(Algorithm::English),
        german: Stemmer::create(Algorithm::German),
    }
});
