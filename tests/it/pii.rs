//! How much personal data is found, and how much is taken for it that isn't: against other
//! people's labelled texts, where `DESKHAND_DATA` names the folder with them, and against
//! our own sentences full of orders, parcels, sums and days.

use std::collections::BTreeMap;
use std::path::PathBuf;

use deskhand::guardrails::pii::{self, Kind, Span};

const NEGATIVES: &str = include_str!("pii/negatives.txt");
const FILES: [&str; 2] = ["synth_dataset_v2.json", "generated_small.json"];

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn data() -> Option<PathBuf> {
    std::env::var_os("DESKHAND_DATA").map(|d| PathBuf::from(d).join("pii/presidio-research"))
}

#[derive(serde::Deserialize)]
struct Text {
    full_text: String,
    spans: Vec<Gold>,
}

/// A label; its places count characters.
#[derive(serde::Deserialize)]
struct Gold {
    entity_type: String,
    start_position: usize,
    end_position: usize,
}

impl Gold {
    fn kind(&self) -> Option<Kind> {
        Some(match self.entity_type.as_str() {
            "EMAIL_ADDRESS" => Kind::Email,
            "PHONE_NUMBER" => Kind::Phone,
            "CREDIT_CARD" => Kind::Card,
            "IBAN_CODE" => Kind::Iban,
            "IP_ADDRESS" => Kind::Ip,
            "US_SSN" | "US_DRIVER_LICENSE" => Kind::NationalId,
            _ => return None,
        })
    }
}

/// Labels, those of them that are found, finds, and those of them that are right.
#[derive(Default)]
struct Count {
    labels: usize,
    found: usize,
    finds: usize,
    right: usize,
}

impl Count {
    fn recall(&self) -> f64 {
        ratio(self.found, self.labels)
    }

    fn precision(&self) -> f64 {
        ratio(self.right, self.finds)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let small = |n: usize| f64::from(u32::try_from(n).unwrap());
    if whole == 0 {
        1.0
    } else {
        small(part) / small(whole)
    }
}

fn negatives() -> impl Iterator<Item = &'static str> {
    NEGATIVES.lines().filter(|l| !l.starts_with('#') && !l.is_empty())
}

#[test]
fn orders_parcels_sums_and_days_are_nobodys() {
    assert!(negatives().count() >= 120);
    let mut wrong = Vec::new();
    for line in negatives() {
        for Span { start, end, kind } in pii::find(line) {
            wrong.push(format!("{kind:?} {:?} in {line:?}", &line[start..end]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn labelled_texts_give_up_their_personal_data() {
    let Some(folder) = data() else { return };
    let mut counts: BTreeMap<Kind, Count> = BTreeMap::new();
    let mut long_phones = Count::default();
    let mut notes = Vec::new();
    for file in FILES {
        let json = std::fs::read_to_string(folder.join(file)).unwrap();
        let texts: Vec<Text> = serde_json::from_str(&json).unwrap();
        for text in &texts {
            measure(text, &mut counts, &mut long_phones, &mut notes);
        }
    }
    for line in negatives() {
        for span in pii::find(line) {
            counts.entry(span.kind).or_default().finds += 1;
        }
    }
    for note in notes {
        println!("{note}");
    }
    for (kind, c) in &counts {
        println!(
            "{kind:?}: {} of {} labels found ({:.3}), {} of {} finds right ({:.3})",
            c.found,
            c.labels,
            c.recall(),
            c.right,
            c.finds,
            c.precision()
        );
    }
    println!(
        "phones of nine digits and more: {} of {}",
        long_phones.found, long_phones.labels
    );
    assert_eq!(counts.len(), Kind::ALL.len());
    for kind in [Kind::Email, Kind::Card, Kind::Iban, Kind::Ip] {
        assert_eq!(counts[&kind].found, counts[&kind].labels, "{kind:?}");
    }
    assert!(long_phones.recall() >= 0.9);
    let finds = counts.values().map(|c| c.finds).sum();
    let right = counts.values().map(|c| c.right).sum();
    println!("precision over all kinds: {:.3}", ratio(right, finds));
    assert!(ratio(right, finds) >= 0.95);
}

fn measure(
    text: &Text,
    counts: &mut BTreeMap<Kind, Count>,
    long_phones: &mut Count,
    notes: &mut Vec<String>,
) {
    let full = text.full_text.as_str();
    let byte = |place: usize| full.char_indices().nth(place).map_or(full.len(), |(i, _)| i);
    let labels = text.spans.iter().filter_map(|g| {
        let (start, end) = (byte(g.start_position), byte(g.end_position));
        g.kind().map(|kind| Span { start, end, kind })
    });
    let labels: Vec<Span> = labels.collect();
    let finds = pii::find(full);
    for l in &labels {
        let found = finds
            .iter()
            .any(|f| f.kind == l.kind && f.start <= l.start && f.end >= l.end);
        let count = counts.entry(l.kind).or_default();
        count.labels += 1;
        count.found += usize::from(found);
        let number = full[l.start..l.end].split('x').next().unwrap();
        if l.kind == Kind::Phone && number.bytes().filter(u8::is_ascii_digit).count() >= 9 {
            long_phones.labels += 1;
            long_phones.found += usize::from(found);
        }
        if !found {
            notes.push(format!(
                "missed {:?} {:?} in {full:?}",
                l.kind,
                &full[l.start..l.end]
            ));
        }
    }
    for f in &finds {
        let right = labels
            .iter()
            .any(|l| f.kind == l.kind && f.start < l.end && l.start < f.end);
        let count = counts.entry(f.kind).or_default();
        count.finds += 1;
        count.right += usize::from(right);
        if !right {
            notes.push(format!(
                "wrong {:?} {:?} in {full:?}",
                f.kind,
                &full[f.start..f.end]
            ));
        }
    }
}
