//! The words around numbers and what they mean, English and German first. They are
//! written as folding leaves them: small, without marks on their letters.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::label::Label;

/// Words without a meaning of their own, between a number and its word.
const EMPTY: &str = "a again aktuelle am an and are at auf back bei bitte by code codes current das dem den der die \
    directly du ending enter folgende folgenden following for from full gleich has hat her here hier \
    him home ich id ids ihre ihrer in is ist it its lautet me mein meine meinen meiner mich mir mit \
    my neue new no now nr num number numbers nummer nummern oder of office old on or our please \
    privat private registered s says sie the their them this to und under uns unter us using was \
    were with work your zu zum zur";

/// Where a phone stands, when it follows a number: "0301234567 (office)".
const PLACES: &str = "office home work privat private";

/// Words that must stand alone.
const WORDS: &[(Label, &str)] = &[
    (
        Label::Phone,
        "answering call calling calls cell desk dial fax fon handy mob ph reach ring sms tel text \
         viber",
    ),
    (
        Label::Card,
        "amex card cards cc creditcard karte kk maestro mastercard pan visa",
    ),
    (
        Label::Version,
        "abschnitt chapter clause fw kapitel oid rev section sw v ver",
    ),
    (Label::Gtin, "barcode ean gtin isbn issn jan upc"),
    (
        Label::Social,
        "aadhaar aadhar ahv avs bsn cnp codice cpf cpr dni egn hetu idnr itin ni nie nif nin nino \
         nir oib personnummer pesel pps ppsn sin ssn steuerid steueridnr svnr svnummer tckn tfn tin",
    ),
    (
        Label::Person,
        "ausweis dl licence license pass passport perso reisepass",
    ),
    (
        Label::Thing,
        "art asin awb batch beleg bic blz bon build case chf dhl dpd eur fall fedex gbp gls grosse \
         hermes hrb iccid imei item items jahr lfd lot mac model mpn order orders page part parts \
         pin plz po pos price ref rma seite size sizes sku ticket toll total typ type uid ups usd \
         usps ust ustid vat vin year zip",
    ),
];

/// Parts of words, for compounds; the first that fits counts.
const STEMS: &[(Label, &str)] = &[
    (
        Label::ShopCard,
        "bonus coupon geschenk gift gutschein kundenkarte loyalty voucher",
    ),
    (Label::Card, "debit kartennr kartennummer kreditkart"),
    (Label::Iban, "bankverbindung iban kontonummer"),
    (
        Label::Phone,
        "anruf durchwahl erreich festnetz handynr handynummer hotline landline mobil phone ruckruf \
         rufnummer telefax telefon whatsapp",
    ),
    (Label::Version, "firmware release version"),
    (
        Label::Social,
        "burgerservice fodselsnummer insurancen rentenversicherung sozialversicherung \
         steueridentifikation steuernummer taxpayer",
    ),
    (Label::Person, "ausweisn fuhrerschein personalausweis reisepassn"),
    (
        Label::Thing,
        "account aktenzeichen article artikel auftrag bestell booking buchung catalog charge \
         confirmation consignment contract customer download ersatzteil inventory invoice katalog \
         konto kunden lager lieferschein member menge mitglied modell package paket parcel payment \
         policy postcode postleit product produkt promo purchase quantity quittung receipt rechnung \
         referen registernummer registration reserv retour return sendung serial serien shipment \
         shipping stuck teilenummer tracking transact transakt units version vertrag visitor vorgang \
         waybill zahlungs",
    ),
];

/// The shortest of `STEMS`.
const SHORTEST: usize = 4;

/// What a whole word can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Label(Label),
    Empty,
}

static MEANINGS: LazyLock<HashMap<&'static [u8], Meaning>> = LazyLock::new(|| {
    let labels = WORDS
        .iter()
        .flat_map(|(label, words)| words.split_whitespace().map(|w| (w, Meaning::Label(*label))));
    let empty = EMPTY.split_whitespace().map(|w| (w, Meaning::Empty));
    labels.chain(empty).map(|(w, m)| (w.as_bytes(), m)).collect()
});

/// A part of words, its rank among `STEMS`, and what it says.
type Stem = (&'static [u8], usize, Label);

/// Stems by their first letter.
static STARTS: LazyLock<[Vec<Stem>; 26]> = LazyLock::new(|| {
    let mut starts = [const { Vec::new() }; 26];
    for (rank, (label, stems)) in STEMS.iter().enumerate() {
        for stem in stems.split_whitespace() {
            starts[usize::from(stem.as_bytes()[0] - b'a')].push((stem.as_bytes(), rank, *label));
        }
    }
    starts
});

/// A word in small letters.
pub(super) struct Word {
    bytes: [u8; 32],
    len: usize,
}

impl Word {
    /// The last 32 letters of `word`.
    pub(super) fn of(word: &[u8]) -> Self {
        let tail = &word[word.len().saturating_sub(32)..];
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(tail) {
            *to = from.to_ascii_lowercase();
        }
        Self {
            bytes,
            len: tail.len(),
        }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// What the word says about a number beside it.
    pub(super) fn label(&self) -> Option<Label> {
        match MEANINGS.get(self.get()) {
            Some(Meaning::Label(label)) => return Some(*label),
            Some(Meaning::Empty) => return None,
            None if self.len < SHORTEST => return None,
            None => {}
        }
        let tails = (0..self.len).map(|i| &self.get()[i..]);
        let stems = tails.filter(|t| t[0].is_ascii_lowercase()).flat_map(|tail| {
            let same = STARTS[usize::from(tail[0] - b'a')].iter();
            same.filter(move |(stem, ..)| tail.starts_with(stem))
        });
        stems.min_by_key(|(_, rank, _)| *rank).map(|(.., label)| *label)
    }

    /// Whether the word says nothing, and one further away may.
    pub(super) fn is_empty_of_meaning(&self) -> bool {
        self.len == 0 || MEANINGS.get(self.get()) == Some(&Meaning::Empty)
    }

    /// Whether the word joins the numbers of a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.get(), b"and" | b"or" | b"und" | b"oder")
    }

    /// Whether the word says where a phone stands.
    pub(super) fn is_place(&self) -> bool {
        PLACES.split_whitespace().any(|w| w.as_bytes() == self.get())
    }

    /// Whether a full stop after the word ends no sentence.
    pub(super) fn is_abbreviation(&self) -> bool {
        let ends = [
            &b"nr"[..],
            b"no",
            b"num",
            b"tel",
            b"ph",
            b"mob",
            b"ref",
            b"id",
            b"art",
            b"fon",
        ];
        ends.iter().any(|e| self.get().ends_with(e))
    }
}
