//! Words that customers use for one another: what a page calls a warranty, its reader
//! may call a guarantee. General language of shops and services, nothing of one site.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use crate::knowledge::words::{Stemmer, words};

/// How much a synonym's score counts beside the word's own.
pub const WEIGHT: f64 = 0.5;
/// How much a word of a phrase counts, which says less by itself.
pub const PART: f64 = 0.25;
/// Where a phrase may have words between its own ("send the lamp back"), so many.
const GAP: usize = 3;

/// What may stand for some of the question's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synonym {
    /// The text search configuration of the language.
    pub lang: &'static str,
    /// A word, or the words of a phrase.
    pub words: Vec<&'static str>,
    /// What it may stand for in the question: words, or phrases whose words say it only
    /// together; in lower case.
    pub stands_for: Vec<Vec<String>>,
}

/// Each line a group. A phrase is several words; `~` marks where others may stand between.
const ENGLISH: &str = "
cost|price|fee|charge|rate|tariff|how much|expensive|have to pay
return postage|return shipping|return label|return cost|label
return|send~back|give~back|bring~back|take~back|hand~back|ship~back|exchange|refund
refund|money back|reimburse|reimbursement|pay~back|repay|my money
exchange|swap|another item
replacement|replace|send a fresh|send a new|send me a new|send another|fresh one|spare
warranty|guarantee|covered|cover|coverage
fault|faulty|defect|defective|stopped working|stops working|stop working|broke|died|dead|burned out|burnt out|fails|failed|malfunction
damage|damaged|broken|scratch|scratched|dent|smashed|cracked|shattered|in pieces|dented|torn|broke|transport damage|in transit
phone|telephone|call|ring~up|ring you|phone number|hotline|dial|give a ring
e-mail|email|mail|mails|write|message
parcel|package|packet|shipment|delivery|box
shipping|delivery|postage|ship|deliver|post|dispatch|send|freight|shipment|sent
country|countries|abroad|overseas|international|foreign
dispatch|leave|leaves|go out|goes out|send~out|sent out|ship|on its way
late|delayed|delay|overdue|not arrived|still nothing|still waiting|not here|should have been
lost|missing|disappeared|vanished|never turns up|never arrived|gone astray|turn up
carrier|courier|delivery company|company delivers|delivery service|delivered by|who delivers|who brings
tracing|trace|search|look for|locate
track|tracking|follow|where is~order|order status|status
open|opening hours|opening times|business hours|office hours|hours|closed
open~saturday|open~sunday|open~weekend|opening hours|monday
voucher|gift card|gift certificate|gift voucher|gift token
discount|money off|reduction|rebate|promo|promotion|promotional|coupon|better price|cheaper|save|deal|special offer
discount code|promo code|coupon code|voucher code|coupon
combine|use both|both codes|stack|together|several codes
newsletter|subscribe|subscription|mailing list|sign up|subscriber
student|pupil|university|college
job|career|vacancy|hire|position|employment|recruit|looking for work|work for you|openings|open positions
application|apply|cv|resume|curriculum vitae
carpenter|joiner|woodworker|cabinetmaker
invoice|bill|receipt
pay|payment|paid|settle
payment method|payment methods|payment options|ways to pay|means of payment|pay by|pay with
accept|take
pay later|invoice|on account|pay afterwards|instalments|installments
charged|money taken|taken off|deducted|debited|debit|withdrawn
cheque|cheques
cash|paid out|pay~out|payout
amount|sum|value|limit|up to
minimum|smallest|lowest|at least
maximum|max|largest|highest|up to|limit|biggest|strongest
valid|validity|expire|expires|expired|expiry|run out
balance|remaining|what's left|still left|left on
account|profile|register|registration
log in|login|sign in|logging
guest|without registering|without account|without an account
link|add|connect|attach
password|passcode
delete|remove|erase|deletion|close
data|personal data|information|personal information|personal details|privacy|gdpr
keep|store|save|retain|hold|still have
chat|chats|conversation|transcript|transcripts|bot|chatbot
sell|sold|share|pass~on|third parties|third party|other companies
clean|cleaning|wipe|dust|dusting|wash|polish|dirt
care|maintain|maintenance|look after|treat
oil|oiling|wax|varnish
heat|heater|heating|radiator|stove|fireplace|oven
beside|next to|near|close to|how far|distance|within
tall|high|height|how tall|how high
wide|width|broad
deep|depth
long|length
size|dimension|dimensions|measurement|measurements|measure|how big|how large
large|big|bigger|biggest|larger|largest
small|little|smaller|smallest
weight|heavy|weigh|kg
fit|fits|suit|suitable|compatible|matches|goes on|goes in|go in
shade|lampshade|lamp shade
custom|bespoke|made to measure|custom made|tailored|individual
table|desk
lamp|light
bulb|light bulb
socket|base|fitting|cap
watt|wattage|power|watts
dim|dimmer|dimmable|dimming|turned down|turn~down|softer light|brightness
install|installation|mount|hang|hang~up|put~up|connect|wire~up
earth|ground|earthing|grounding|grounded|green and yellow|green-yellow|green yellow
wire|cable|cord|wires|wiring
voltage|volt|volts|mains
bathroom|shower|damp|wet|humid|moisture|dry rooms
outdoors|outside|garden|terrace|balcony
electrician|professional|expert
assemble|assembly|put~together|build|set~up
manual|instructions|guide|handbook|instruction
tool|tools|screwdriver|key
myself|yourself|on my own|alone|by myself|on your own|by yourself|one person|two people|second person
business|company|firm|corporate|commercial|trade|office|hotel|restaurant
vat|tax|vat id|tax number|vat number|tax id
pieces|quantity|bulk|larger orders|many|units
certified|certificate|certification|label
origin|come from|comes from|source|made in
sustainable|sustainability|environment|environmental|eco|ecological|green
recycle|recycling|dispose|disposal|throw~away|get rid of|old lamp|take back
packaging|packing|carton|box|wrapping|package
photo|picture|image|photograph|pictures|photos
report|claim|complain|complaint|tell you|let you know|inform
fast|quick|quickly|soon|how soon|speed|rapid
answer|reply|respond|response
contact|get in touch|reach you|reach|contact you
customer service|support|help desk|helpdesk|staff|team
address|location|located|based
buy|purchase|order|bought|purchased
founded|established|exist|exists|since when
monday|tuesday|wednesday|thursday|friday|weekday|working day
cancel|cancellation|withdraw|revoke
customs|duty|duties|import
working day|business day|weekday|weekdays|workday
often|frequently|how many times|how often
soaked|water|flooded|water damage|leak|leaked|burst
wear|worn|scratches|wear and tear
repair|fix|mend|repaired
change|modify|update|alter
";

const GERMAN: &str = "
kosten|kostet|preis|gebühr|wie viel|wieviel|teuer
rückgabe|zurücksenden|zurückschicken|zurückgeben|retoure|umtausch|umtauschen|rücksendung|widerruf
rückerstattung|erstattung|geld zurück|erstatten|rückzahlung
garantie|gewährleistung
kaputt|beschädigt|defekt|zerbrochen|schaden|beschädigung|transportschaden
telefon|telefonnummer|anrufen|anruf|rufnummer|hotline
e-mail|mail|schreiben|nachricht
paket|päckchen|sendung|lieferung
versand|lieferung|porto|zustellung|liefern|versenden|schicken|versandkosten|lieferkosten
lieferzeit|lieferdauer|wie lange
ausland|länder|land
verspätet|verspätung|verloren|nicht angekommen|vermisst|fehlt
öffnungszeiten|geöffnet|offen|erreichbar
gutschein|geschenkkarte|geschenkgutschein
rabatt|ermäßigung|nachlass|günstiger|gutscheincode|rabattcode
newsletter|abonnieren|anmelden
stelle|job|bewerbung|bewerben|arbeit|karriere|lebenslauf
rechnung|beleg|quittung
bezahlen|zahlen|zahlung|zahlungsart|zahlungsmittel
gültig|gültigkeit|ablaufen|abgelaufen
guthaben|restbetrag
konto|kundenkonto|profil|registrieren
passwort|kennwort
löschen|entfernen|löschung|schließen
daten|datenschutz|personenbezogen
reinigen|putzen|säubern|abwischen|reinigung
pflege|pflegen|ölen
hoch|höhe
breit|breite
tief|tiefe
größe|maße|abmessungen
passt|passen|passend
glühbirne|leuchtmittel|birne|lampe
dimmen|dimmbar|dimmer
montage|aufbau|aufbauen|zusammenbauen|montieren
anleitung|handbuch|bedienungsanleitung|aufbauanleitung
firma|unternehmen|geschäftskunde|gewerblich
mehrwertsteuer|umsatzsteuer|ust|uid
verpackung|karton|schachtel
foto|bild|aufnahme
schnell|bald|rasch
antwort|antworten|rückmeldung
kundendienst|kundenservice|support
";

/// A language's groups.
struct Groups {
    lang: &'static str,
    all: Vec<Vec<Entry>>,
    /// Which of them have an entry that begins with this word or stem.
    begin_with: HashMap<String, Vec<usize>>,
}

static GROUPS: LazyLock<[Groups; 2]> = LazyLock::new(|| {
    [("english", ENGLISH), ("german", GERMAN)].map(|(lang, groups)| {
        let stemmer = Stemmer::of(lang);
        let groups = groups.lines().filter(|g| !g.is_empty());
        let all: Vec<Vec<Entry>> = groups.map(|g| entries(g, &stemmer)).collect();
        let mut begin_with: HashMap<String, Vec<usize>> = HashMap::new();
        for (n, group) in all.iter().enumerate() {
            for entry in group {
                for first in [entry.words[0], entry.stems[0].as_str()] {
                    begin_with.entry(first.to_owned()).or_default().push(n);
                }
            }
        }
        Groups {
            lang,
            all,
            begin_with,
        }
    })
});

/// What may stand for the words of a question. A word of a phrase speaks for the phrase
/// alone: "send it back" has nothing to do with shipping.
#[must_use]
pub fn of(question: &str) -> Vec<Synonym> {
    let asked: Vec<String> = words(question).into_iter().map(|w| w.lower).collect();
    let mut out = Vec::new();
    for Groups {
        lang,
        all,
        begin_with,
    } in &*GROUPS
    {
        let stemmer = Stemmer::of(lang);
        let stems: Vec<String> = asked.iter().map(|w| stemmer.stem(w)).collect();
        // Of the others nothing is in the question.
        let begun = asked.iter().chain(&stems).filter_map(|word| begin_with.get(word));
        let begun: BTreeSet<usize> = begun.flatten().copied().collect();
        let groups: Vec<&Vec<Entry>> = begun.into_iter().map(|n| &all[n]).collect();
        let found: Vec<Vec<Vec<usize>>> = groups
            .iter()
            .map(|group| group.iter().map(|e| e.occurrence(&asked, &stems)).collect())
            .collect();
        let in_phrase: BTreeSet<usize> = found
            .iter()
            .flatten()
            .filter(|at| at.len() > 1)
            .flatten()
            .copied()
            .collect();
        for (group, found) in groups.into_iter().zip(&found) {
            let speaks = |at: &[usize]| at.len() > 1 || at.iter().any(|i| !in_phrase.contains(i));
            let stands_for: BTreeSet<Vec<String>> = found
                .iter()
                .filter(|at| speaks(at))
                .map(|at| at.iter().map(|i| asked[*i].clone()).collect())
                .collect();
            if stands_for.is_empty() {
                continue;
            }
            let others = group.iter().zip(found).filter(|(_, at)| !speaks(at));
            out.extend(others.map(|(entry, _)| Synonym {
                lang,
                words: entry.words.clone(),
                stands_for: stands_for.iter().cloned().collect(),
            }));
        }
    }
    out
}

/// A word or phrase of a group.
struct Entry {
    words: Vec<&'static str>,
    stems: Vec<String>,
    /// After which of its words others may stand.
    gap_after: Option<usize>,
}

fn entries(group: &'static str, stemmer: &Stemmer) -> Vec<Entry> {
    let entry = |text: &'static str| {
        let words: Vec<&str> = text.split([' ', '~', '-']).collect();
        Entry {
            stems: words.iter().map(|w| stemmer.stem(w)).collect(),
            gap_after: text
                .split_once('~')
                .map(|(before, _)| before.split([' ', '-']).count() - 1),
            words,
        }
    };
    group.split('|').map(entry).collect()
}

impl Entry {
    /// Where it occurs in the question: the places of its words, none if it doesn't.
    fn occurrence(&self, asked: &[String], stems: &[String]) -> Vec<usize> {
        let same = |i: usize, n: usize| asked[i] == self.words[n] || stems[i] == self.stems[n];
        for start in (0..asked.len()).filter(|i| same(*i, 0)) {
            let mut at = vec![start];
            for n in 1..self.words.len() {
                let from = at.last().map_or(0, |i| i + 1);
                let gap = if self.gap_after == Some(n - 1) { GAP } else { 0 };
                match (from..asked.len().min(from + gap + 1)).find(|i| same(*i, n)) {
                    Some(i) => at.push(i),
                    None => break,
                }
            }
            if at.len() == self.words.len() {
                return at;
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(question: &str, word: &str) -> Option<String> {
        let synonym = of(question).into_iter().find(|s| s.words == [word])?;
        let phrases: Vec<String> = synonym.stands_for.iter().map(|p| p.join(" ")).collect();
        Some(phrases.join(", "))
    }

    #[test]
    fn a_word_brings_its_group() {
        assert_eq!(
            stand("Is there a guarantee?", "warranty"),
            Some("guarantee".into())
        );
        assert_eq!(
            stand("Is there a warranty?", "warranty"),
            None,
            "it is asked for itself"
        );
        assert_eq!(stand("Was kostet das Porto?", "versand"), Some("porto".into()));
        assert_eq!(stand("a light bulb", "bulb"), Some("light bulb".into()));
        assert!(of("zebra").is_empty());
    }

    #[test]
    fn a_phrase_may_have_words_between_where_it_says_so() {
        let both = Some("send back".to_owned());
        assert_eq!(stand("can I send this table lamp back", "return"), both);
        assert_eq!(stand("back to you I send", "return"), None);
        assert_eq!(stand("money that you took off", "discount"), None);
        assert_eq!(stand("any money off?", "discount"), Some("money off".into()));
    }

    #[test]
    fn a_word_of_a_phrase_speaks_for_the_phrase_alone() {
        assert_eq!(stand("send it back", "shipping"), None);
        assert_eq!(stand("send it", "shipping"), Some("send".into()));
    }
}
