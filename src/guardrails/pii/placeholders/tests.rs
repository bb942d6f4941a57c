use proptest::prelude::*;

use super::super::tests::pieces;
use super::Placeholders;
use crate::guardrails::pii::{Kind, find};

const CARD: &str = "4111 1111 1111 1111";

#[test]
fn the_same_value_has_the_same_name_over_a_thread() {
    let mut all = Placeholders::default();
    assert_eq!(all.mask("a@b.de and c@d.de"), "[EMAIL_1] and [EMAIL_2]");
    assert_eq!(
        all.mask("call 030 1234567 or a@b.de"),
        "call [PHONE_1] or [EMAIL_1]"
    );
    assert_eq!(all.mask("tel 0301234567"), "tel [PHONE_2]");
    let entries = all.take_new();
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[0], ("[EMAIL_1]".to_owned(), "a@b.de".to_owned()));
    assert!(all.take_new().is_empty());
    let mut later = Placeholders::from_entries(entries);
    assert_eq!(later.mask("x@y.de, c@d.de"), "[EMAIL_3], [EMAIL_2]");
    assert_eq!(later.take_new().len(), 1);
    assert_eq!(later.reveal("[PHONE_1] [EMAIL_3]"), "030 1234567 x@y.de");
}

#[test]
fn an_address_in_another_case_shares_its_number_and_reads_back_as_it_was() {
    let mut all = Placeholders::default();
    let masked = all.mask("Anna@B.de anna@b.de ANNA@b.de anna@b.de");
    assert_eq!(masked, "[EMAIL_1] [EMAIL_1_2] [EMAIL_1_3] [EMAIL_1_2]");
    let mut later = Placeholders::from_entries(all.take_new());
    assert_eq!(later.reveal(&masked), "Anna@B.de anna@b.de ANNA@b.de anna@b.de");
    assert_eq!(later.mask("anna@B.DE"), "[EMAIL_1_4]");
}

#[test]
fn cards_are_not_kept() {
    let mut all = Placeholders::default();
    assert_eq!(all.mask(&format!("my card {CARD}!")), "my card [CARD]!");
    assert!(all.is_empty());
    assert!(all.take_new().is_empty());
    assert_eq!(all.reveal("my card [CARD]!"), "my card [CARD]!");
}

#[test]
fn what_a_brain_writes_slightly_differently_is_forgiven() {
    let mut all = Placeholders::default();
    all.mask("a@b.de");
    for written in [
        "[EMAIL_1]",
        "[email_1]",
        r"\[EMAIL\_1\]",
        r"[EMAIL\_1]",
        "EMAIL_1",
        r"EMAIL\_1",
    ] {
        assert_eq!(
            all.reveal(&format!("to {written}, now")),
            "to a@b.de, now",
            "{written}"
        );
    }
    for other in [
        "[EMAIL_2]",
        "[EMAIL_01]",
        "email_1",
        "MY_EMAIL_1",
        "EMAIL_10",
        "[PHONE_1]",
        "[1]",
        "[EMAIL_1_2]",
    ] {
        assert_eq!(all.reveal(other), other);
    }
}

#[test]
fn a_visitors_own_placeholder_reads_nobodys_value() {
    let mut all = Placeholders::default();
    all.mask("a@b.de");
    for typed in [
        "[EMAIL_1]",
        "[email_1]",
        r"\[EMAIL\_1\]",
        "EMAIL_1",
        "[TEXT_1]",
        "[EMAIL_7]",
    ] {
        let masked = all.mask(typed);
        assert!(masked.starts_with("[TEXT_"), "{masked}");
        assert_eq!(all.reveal(&masked), typed);
    }
    assert_eq!(all.mask("see [1], [CARD] and [2]"), "see [1], [CARD] and [2]");
}

#[test]
fn a_code_is_no_part_of_a_longer_number() {
    let mut all = Placeholders::default();
    for (text, part, masked) in [
        ("my card is 3782 822463 10005", "822463", "my card is [CARD]"),
        ("411111 1111111111", "411111", "[CARD]"),
        ("call 0664 123456 please", "123456", "call [PHONE_1] please"),
        ("it's 042137, thanks", "042137", "it's [CODE_1], thanks"),
    ] {
        let at = text.find(part).unwrap();
        let code = at..at + part.len();
        assert_eq!(all.mask_with_codes(text, std::slice::from_ref(&code)), masked);
    }
    let kept: Vec<String> = all.take_new().into_iter().map(|(_, value)| value).collect();
    assert_eq!(kept, ["0664 123456", "042137"]);
}

#[test]
fn names_and_codes_are_forgiven_as_all_else() {
    let mut all = Placeholders::default();
    all.remember_customer("Anna Huber");
    all.mask_with_codes("042137", std::slice::from_ref(&(0..6)));
    assert_eq!(
        all.reveal("Hello NAME_1, CODE_1 it is"),
        "Hello Anna Huber, 042137 it is"
    );
    assert_eq!(all.reveal("USERNAME_1 and ZIPCODE_1"), "USERNAME_1 and ZIPCODE_1");
}

#[test]
fn a_placeholder_that_stands_for_nothing_is_seen() {
    let mut all = Placeholders::default();
    all.mask("a@b.de");
    assert!(!all.lacks_one_of("Is [EMAIL_1] right, [1]?"));
    assert!(all.lacks_one_of("Is it [EMAIL_1] or [EMAIL_2]?"));
}

#[test]
fn debugging_shows_no_value() {
    let mut all = Placeholders::default();
    all.mask("a@b.de");
    let shown = format!("{all:?}");
    assert!(
        !shown.contains("a@b.de") && shown.contains("entries: 1"),
        "{shown}"
    );
}

#[test]
fn stored_entries_that_are_no_placeholders_are_left_out() {
    let odd = ["EMAIL", "[EMAIL_1", "[EMAIL_1] ", "[CARD]", "[CARD_1]"];
    let all = Placeholders::from_entries(odd.map(|n| (n.to_owned(), "a@b.de".to_owned())));
    assert!(all.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_masked_reads_back_and_masks_to_the_same(earlier in pieces(), text in pieces()) {
        let mut all = Placeholders::default();
        all.mask(&earlier);
        let masked = all.mask(&text);
        let revealed = all.reveal(&masked);
        if !find(&text).iter().any(|s| s.kind == Kind::Card) {
            prop_assert_eq!(&revealed, &text);
        }
        prop_assert_eq!(all.mask(&revealed), masked.clone());
        let stored = Placeholders::from_entries(all.take_new());
        prop_assert_eq!(stored.reveal(&masked), revealed);
    }

    #[test]
    fn no_value_is_left_in_what_is_masked(text in pieces()) {
        let masked = Placeholders::default().mask(&text);
        let cards = |text: &str| -> Vec<String> {
            let spans = find(text).into_iter().filter(|s| s.kind == Kind::Card);
            spans.map(|s| text[s.start..s.end].to_owned()).collect()
        };
        // Beside placeholders other digits can read as a card; those that were one are gone.
        let before = cards(&text);
        prop_assert!(!cards(&masked).iter().any(|c| before.contains(c)), "{masked}");
    }
}
