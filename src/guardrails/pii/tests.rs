//! What is found and what isn't, kind by kind, and what holds for every text.

use proptest::prelude::*;

use super::{Kind, find};

/// The only find in `text`, of `kind`, as the text writes it.
fn only(text: &str, kind: Kind) -> &str {
    let found = find(text);
    assert_eq!(found.len(), 1, "{found:?} in {text:?}");
    assert_eq!(found[0].kind, kind, "{text:?}");
    &text[found[0].start..found[0].end]
}

/// Each text holds what stands between its two `|`, and nothing else.
fn finds(kind: Kind, marked: &[&str]) {
    for text in marked {
        let inner = text.split('|').nth(1).unwrap();
        assert_eq!(only(&text.replace('|', ""), kind), inner, "{text:?}");
    }
}

fn finds_none(texts: &[&str]) {
    for text in texts {
        assert_eq!(find(text), [], "{text:?}");
    }
}

#[test]
fn mail_addresses() {
    finds(
        Kind::Email,
        &[
            "Write to |anna.b+shop@example.co.uk|.",
            "<|a@b.de|>, please",
            "mailto:|o'brien_1@sub-domain.example.com|?subject=x",
            "?email=|a%40b.com|&x=1",
            "|jörg@müller.example|!",
            "|用户@例子.公司|",
            "**|a@b.com|**",
            "|\"anna b\"@example.com|",
            "|root@[192.168.0.1]|",
            "|root@[IPv6:2001:db8::1]|",
            "|a@b.xn--p1ai|",
            "|anna＠example．com|",
            r"|anna\_b@example.com|",
            "|anna\u{200b}b@example.com|",
            "|anna&#64;example.com|",
            "|anna [at] example [dot] com|",
            "|anna(at)example.com|",
            "reach |anna.b at example dot com| today",
            "|a@b.com|-Office",
        ],
    );
    finds_none(&[
        "a@b",
        "@lampshop",
        "logo@2x.png",
        "pkg@1.2.3",
        "meet me at example.com",
        "look at this dot here",
        "a @ b.com",
    ]);
}

#[test]
fn cards_whatever_stands_between_their_digits() {
    finds(
        Kind::Card,
        &[
            "|4111111111111111|",
            "card |4111 1111 1111 1111|, thank you",
            "|4111-1111-1111-1111|",
            "|4111.1111.1111.1111|",
            "|4111\u{a0}1111\u{202f}1111\u{2009}1111|",
            "|4111—1111‑1111−1111|",
            "|4111 - 1111 - 1111 - 1111|",
            "|4111\n1111\n1111\n1111|",
            "|4111&nbsp;1111&#160;1111&#x2011;1111|",
            "|4111%201111%201111%201111|",
            "|41\u{200b}1111\u{ad}11111111\u{2060}11|",
            "|４１１１　１１１１　１１１１　１１１１|",
            "|٤١١١١١١١١١١١١١١١|",
            "|4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1|",
            "visa |41 11 11 11 11 11 11 11|",
            "Visa|4111111111111111|exp",
            "|3782 822463 10005|",
            "|3056 930902 5904|",
            "|6011111111111117|",
            "|3530111333300000|",
            "|5555 5555 5555 4444|",
            "|2223003122003222|",
            "|6759 6498 2643 8453|",
            "|6212345678901265|",
            "|4222222222222|",
            "order |4111111111111111|",
            "tracking number |4111 1111 1111 1111|",
            "EAN |4111111111111111|",
            // A digit is wrong, and the words leave no doubt.
            "my credit card number is |4111 1111 1111 1112|",
            // Another number may stand beside it.
            "2026 |4111 1111 1111 1111|",
        ],
    );
    finds_none(&[
        "4111111111111112",
        "9111111111111111",
        "EAN 4000000000006",
        "gift card 4111 1111 1111 1112",
        "A4222222222222",
    ]);
}

#[test]
fn two_readings_of_a_row_hide_all_of_it() {
    // Both the first four groups and the last four are cards.
    let text = "4111 1111 1111 1111 4111 1111 1111 1111";
    assert!(find(text).iter().all(|s| s.kind == Kind::Card));
    let hidden: usize = find(text)
        .iter()
        .map(|s| text[s.start..s.end].matches(|c: char| c.is_ascii_digit()).count())
        .sum();
    assert_eq!(hidden, 32);
}

#[test]
fn a_card_within_an_address_is_a_card() {
    finds(Kind::Card, &["|4111111111111111|@example.com"]);
}

#[test]
fn accounts() {
    finds(
        Kind::Iban,
        &[
            "IBAN |DE89 3704 0044 0532 0130 00|.",
            "|GB82WEST12345698765432|",
            "iban:|gb82west12345698765432|",
            "IBAN|DE89370400440532013000|",
            "|DE 89 3704 0044 0532 0130 00|",
            "|FR14 2004 1010 0505 0001 3M02 606|",
            "|NO93-8601-1117-947|",
            "|MT84MALT011000012345MTLCAST001S|",
            "|DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00|",
            // A digit is wrong, and the word leaves no doubt.
            "IBAN: |DE89370400440532013001|",
            "|DE89 3704 0044 0532 0130 01|",
        ],
    );
    finds_none(&[
        "DE89370400440532013001",
        "DE12",
        "at 20 of 21",
        "XDE89370400440532013000",
    ]);
}

#[test]
fn network_addresses() {
    finds(
        Kind::Ip,
        &[
            "from |192.168.0.1|.",
            "|10.0.0.255|:8080",
            "|10.0.0.1|/24",
            "|192.168.001.001|",
            "http://|8.8.8.8|/x",
            "|2001:0db8:85a3:0000:0000:8a2e:0370:7334|",
            "[|2001:db8::1|]:443",
            "IP:|fe80::1%eth0|",
            "|::1| is home",
            "|::ffff:192.0.2.128|",
            "|64:ff9b::192.0.2.33|",
            "|dead:beef::cafe|",
            "it is |2001:DB8::|, I think",
        ],
    );
    finds_none(&[
        "1.2.3.256",
        "1.2.3.4.5",
        "v1.2.3.4",
        "version 1.2.3.4",
        "1.2.3.4-beta",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
        "std::vec",
        "a::before",
        "dead::beef",
        "::",
        "1.2.3",
    ]);
}

#[test]
fn phones() {
    finds(
        Kind::Phone,
        &[
            "|+49 30 1234567|",
            "call |+1 (212) 555-1234| now",
            "|+46 (0)8 928 571 38|",
            "|+447700900123|",
            "|0049 151 23456789|",
            "|001-518-640-0854x123|",
            "|(212) 555-1234 ext. 12|",
            "|212-555-1234|",
            "|212.555.1234|",
            "|030/1234567|",
            "|0151 23456789|",
            "|01.84.17.61.18|",
            "|07700 900123|",
            "|02071234567|",
            "|699 956 915|",
            "tel:|5551234|",
            "Tel.: |467 3395|",
            "meine Handynummer ist |15112345678|",
            "|5551234567| (mobile)",
            "|030 / 123 45 67|",
            "|+49\u{a0}30\u{a0}1234567|",
            "|＋４９ ３０ １２３４５６７|",
            "Call me about order 100234567 on |0301234567|",
        ],
    );
    finds_none(&[
        "5551234",
        "order 030 1234567",
        "0301234567 is my order number",
        "+1 000 000 000",
        "2+49301234567",
        "1763687816000",
        "699 956 915 EUR",
        "$212 555 1234",
        "2026-11-21 14:30",
    ]);
}

#[test]
fn national_ids() {
    finds(
        Kind::NationalId,
        &[
            "|460-89-9847|",
            "SSN |460 89 9847|",
            "my social security number is |460899847|",
            "|AB 12 34 56 C|",
            "NI number |AB123456C|",
            "|86095742719|",
            "|86 095 742 719|",
            "|65 170839 J 003|",
            "|1237 010180|",
            "|756.9217.0769.85|",
            "|2 55 08 14 168 025 38|",
            "|12345678Z|",
            "|00000000T|",
            "|X1234567L|",
            "|RSSMRA85T10A562S|",
            "|85.07.30-033.28|",
            "|811218-9876|",
            "|131052-308T|",
            "|529.982.247-25|",
            "|11010519491231002X|",
            "|S1234567D|",
            "Reisepass-Nr. |C01X00T47|",
            "PESEL: |44051401359|",
            "driver's license number is |6940579|",
        ],
    );
    finds_none(&[
        "order 460-89-9847",
        "900-89-9847",
        "000-12-3456",
        "AB123456C",
        "86095742718",
        "12345678A",
        "software license 12345678",
        "460-89-98471",
    ]);
}

#[test]
fn the_end_of_one_is_not_the_begin_of_another() {
    let text = "Anna, a@b.de, 030 1234567, DE89370400440532013000, 4111111111111111, 10.0.0.1, 460-89-9847";
    let kinds: Vec<Kind> = find(text).iter().map(|s| s.kind).collect();
    let all = [
        Kind::Email,
        Kind::Phone,
        Kind::Iban,
        Kind::Card,
        Kind::Ip,
        Kind::NationalId,
    ];
    assert_eq!(kinds, all);
}

/// Pieces that make the finders work, in any order.
pub(super) fn pieces() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a@b.de",
        "A@B.de",
        "4111",
        "1111",
        " ",
        "-",
        ".",
        "/",
        "(",
        ")",
        "+",
        "49",
        "030",
        "1234567",
        "[",
        "]",
        "\\",
        "_",
        "EMAIL_1",
        "[EMAIL_1]",
        "[email_1]",
        r"\[PHONE\_1\]",
        "[TEXT_1]",
        "[EMAIL_1_2]",
        "PHONE",
        "_1",
        "10.0.0.1",
        "::1",
        ":",
        "DE89",
        "3704004405320130",
        "00",
        "order ",
        "call ",
        "card ",
        "IBAN ",
        "SSN ",
        "460-89-9847",
        "&nbsp;",
        "&#52;",
        "%20",
        "\u{200b}",
        "\u{a0}",
        "ü",
        "漢",
        "🦀",
        "\n",
        "x12",
        "at",
        " dot com",
        "[1]",
        "[CARD]",
        "４",
        ",",
        "#",
        "@",
        "\"",
    ];
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "[0-9]{1,20}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|p| p.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_are_in_order_and_whole_characters(text in pieces()) {
        let mut last = 0;
        for span in find(&text) {
            prop_assert!(span.start >= last && span.start < span.end);
            prop_assert!(text.get(span.start..span.end).is_some());
            last = span.end;
        }
    }

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let spans = find(&text);
        prop_assert!(spans.iter().all(|s| text.get(s.start..s.end).is_some()));
    }

    /// A card stays one in every usual writing and between any words.
    #[test]
    fn every_writing_of_a_card_is_found(
        body in "4[0-9]{14}",
        gap in prop::sample::select(vec!["", " ", "-", ".", "\u{a0}", "\u{200b}", "&nbsp;", " - ", "\n", "\u{2011}", "\u{3000}", "_", "/"]),
        wide in any::<bool>(),
        around in prop::sample::select(vec![("", ""), ("order ", " is late"), ("Tel. ", "!"), ("(", ")"), ("IBAN ", ""), ("No.", ",")]),
    ) {
        let digits: Vec<u8> = body.bytes().collect();
        let check = (b'0'..=b'9').find(|d| super::checksum::luhn(&[digits.as_slice(), &[*d]].concat())).unwrap();
        let number = format!("{body}{}", char::from(check));
        let wide = |c: char| if wide { char::from_u32(c as u32 - 0x30 + 0xff10).unwrap() } else { c };
        let groups: Vec<String> = number.as_bytes().chunks(4).map(|g| g.iter().map(|d| wide(char::from(*d))).collect()).collect();
        let text = format!("{}{}{}", around.0, groups.join(gap), around.1);
        prop_assert_eq!(only(&text, Kind::Card), groups.join(gap));
    }
}
