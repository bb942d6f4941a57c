//! Finds personal data in text: e-mail addresses, phone numbers, payment cards, bank
//! accounts, network addresses and national ids. `placeholders` puts stable names in
//! their place before a model sees the text, and the values back for those who may read them.

mod card;
mod card_data;
mod checksum;
pub mod codes;
mod email;
mod fold;
mod iban;
mod ip;
mod label;
mod label_words;
mod national;
mod national_forms;
mod number;
mod phone;
pub mod placeholders;
#[cfg(test)]
mod tests;

/// What a piece of personal data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A phone number, with its extension.
    Phone,
    /// A payment card's number, and the expiry and the security code beside it.
    Card,
    /// A bank account in its international form.
    Iban,
    /// An address of the Internet Protocol, version 4 or 6.
    Ip,
    /// A number that a state gives to a person: tax, social insurance, passport, licence.
    NationalId,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::Ip,
        Self::NationalId,
    ];

    /// The word that stands for it in a placeholder.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
            Self::Ip => "IP",
            Self::NationalId => "ID",
        }
    }
}

/// Where personal data stands in a text, in bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// All personal data in `text`, in order, without overlaps; linear in the text's length.
#[must_use]
pub fn find(text: &str) -> Vec<Span> {
    let folded = fold::Folded::of(text);
    let bytes = folded.bytes();
    let groups = number::groups(bytes);
    let mut taken = Taken::default();
    // The order decides who wins an overlap. Cards stand before addresses that could
    // contain them, because they are the only kind that must not be kept at all.
    iban::valid(bytes, &groups, &mut taken);
    card::find(bytes, &groups, &mut taken);
    card_data::find(bytes, &groups, &mut taken);
    email::find(bytes, &mut taken);
    iban::labelled(bytes, &groups, &mut taken);
    ip::find(bytes, &groups, &mut taken);
    national::find(bytes, &groups, &mut taken);
    phone::find(bytes, &groups, &mut taken);
    let spans = taken.spans.into_iter();
    spans
        .map(|s| Span {
            start: folded.start(s.start),
            end: folded.end(s.end),
            kind: s.kind,
        })
        .collect()
}

/// What is found so far, in order, without overlaps.
#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
}

impl Taken {
    /// Adds what the finders of one kind found, where the place is still free. `found` is
    /// sorted here and overlaps within it are joined.
    fn add(&mut self, kind: Kind, mut found: Vec<(usize, usize)>) {
        if found.is_empty() {
            return;
        }
        found.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(found.len());
        for (start, end) in found {
            match joined.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        let free = joined
            .into_iter()
            .filter(|&(start, end)| !self.overlaps(start, end));
        let fresh: Vec<Span> = free.map(|(start, end)| Span { start, end, kind }).collect();
        self.spans.extend(fresh);
        self.spans.sort_unstable_by_key(|s| s.start);
    }

    /// Whether something is already found between these two.
    fn overlaps(&self, start: usize, end: usize) -> bool {
        let after = self.spans.partition_point(|s| s.end <= start);
        self.spans.get(after).is_some_and(|s| s.start < end)
    }
}
