mod properties;

use super::*;

fn split(text: &str) -> Vec<Piece> {
    let mut s = Splitter::default();
    let mut out = s.push(text);
    out.extend(s.end());
    out
}

/// Each case is the sentences of a text, with `|` between; the gap stands there instead.
fn sentences(gap: &str, cases: &[&str]) {
    for case in cases {
        let want: Vec<&str> = case.split('|').collect();
        let got: Vec<String> = split(&want.join(gap)).into_iter().map(|p| p.md).collect();
        assert_eq!(got, want);
    }
}

/// A piece: gap, sentence and marks.
type Shown<'a> = (&'a str, &'a str, &'a [u32]);

/// Each case is a text and what comes out.
fn pieces(cases: &[(&str, &[Shown<'_>])]) {
    for (text, want) in cases {
        let got = split(text);
        let got: Vec<Shown<'_>> = got
            .iter()
            .map(|p| (p.gap.as_str(), p.md.as_str(), p.marks.as_slice()))
            .collect();
        assert_eq!(&got, want, "{text}");
    }
}

#[test]
fn english() {
    sentences(
        " ",
        &[
            "Hello there.|How are you?|Fine!",
            "A return label costs €4.90.|It is free for faulty goods.",
            "Use a soft cloth, e.g. microfibre.|Wipe dry.",
            "Care products, i.e. Oil and wax, help.|Use them.",
            "Dr. Huber and Mrs. Meier signed.|Mr. Lee didn't.",
            "J. R. Smith wrote it.|He knows.",
            "The U.S. Navy doesn't buy here.|We deliver to the EU.",
            "We don't deliver to the U.S.|The EU is fine.",
            "See No. 5 on the list.|It helps.",
            "It says no.|You can't return it.",
            "It takes approx. 35 minutes.|Two people help.",
            "Lamps, shades, etc.|The shop has them.",
            "Version 2.10.3 is out.|Please update.",
            "Orders before 2 p.m. leave today.|Later ones don't.",
            "The shop closes at 5 p.m.|It opens at 9 a.m.",
            "It was founded in 2014.|The workshop is small.",
            "It costs 25.|Shipping is free.",
            "The limit is 24 hr.|Then it closes.",
            "Really?!|Yes.",
            "Well... perhaps.|Let me see.",
            "Wait…|Here it is.",
            "“Is it free?” she asked.|It is.",
            "He said “It is free.”|That was wrong.",
            "(It is free.)|Good.",
            "See https://shop.example/a.b?c=1.|Or write.",
            "See https://shop.example/a.|Or write.",
            "Write to hello@lumen-oak.example.|We reply soon.",
            "Yahoo! is a name.|Right.",
            "**It is free.**|Really.",
            "*Note.*|Read on.",
            "Call `a.b. C` first.|Then go.",
            "See [our page. Part two](https://x.example/a) for it.|Done.",
            "The Birch comes in S, M and L.|It is 22 cm high.",
            "St. Gallen is far.|Both are nice.",
            "Great! 🎉|Next one.",
            "Great!🎉|Next one.",
            "1.5 kg is light.|Yes.",
            "It takes up to 40 W.|Lamps need less.",
            "It is 100 %.|3 people said so.",
            "I am 30.|The shop is younger.",
        ],
    );
}

#[test]
fn german() {
    sentences(
        " ",
        &[
            "Das gilt z. B. für Lampen.|Es gilt auch für Tische.",
            "Das gilt z.B. Für alle gilt es nicht.|Gut.",
            "Die Lieferung kommt am 3. Mai.|Bitte warten Sie.",
            "Die Frist endet am 3. 5. 2026.|Danach nicht mehr.",
            "Das ist der 2. Versuch.|Der dritte folgt.",
            "Im 1. Quartal ist Pause.|Danach geht es weiter.",
            "Es sind ca. 35 Minuten.|Zwei Personen reichen.",
            "Herr Dr. Huber bzw. Frau Mag. Meier hilft.|Rufen Sie an.",
            "Bestellung Nr. 1002 ist da.|Sie wurde geliefert.",
            "Lampen, Schirme usw.|Die Preise stehen im Shop.",
            "Das kostet 4,90 €.|Ab 80 € ist es frei.",
            "Der Preis ist 1.000 €.|Das ist viel.",
            "Wir liefern, d. h. Pakete gehen raus.|Gut.",
            "„Ist das frei?“, fragte sie.|Ja.",
            "Er sagte: „Es ist frei.“|Stimmt.",
            "Das sind inkl. Versand 20 €.|Schön.",
            "Es gibt Birch S, M u. a. Modelle.|Die Maße stehen dort.",
        ],
    );
}

#[test]
fn other_languages_of_europe() {
    sentences(
        " ",
        &[
            "¿Cuánto cuesta?|Cuesta 4,90 €.|¡Gracias!",
            "El Sr. García compró dos.|Son 30 días.",
            "Hay dos opciones.|¿Quiere ver la pág. 5?",
            "M. Dupont habite là.|Le délai est de 30 jours.",
            "« C'est gratuit ? » demanda-t-il.|Oui.",
            "Coûte 4,90 €…|Vraiment !",
            "Il Sig. Rossi paga.|Il reso costa 4,90 €.",
            "Dat kost bijv. Zes euro.|Het is gratis.",
            "To kosztuje 4,90 zł.|Masz 30 dni.",
            "Zwrot do 3. maja.|Później nie.",
            "Доставка стоит 4,90 €.|Срок – 30 дней.",
            "А. С. Пушкин писал.|Он жил давно.",
            "Η επιστροφή είναι δωρεάν.|Έχετε 30 ημέρες.",
            "İade ücretsizdir.|Şimdi gönderin.",
            "Vrácení stojí 120 Kč.|Čekejte 5 dní.",
            "Det koster 49 kr. inkl. moms.|Åbent hver dag.",
        ],
    );
}

#[test]
fn other_scripts() {
    sentences(
        "",
        &[
            "退货标签费用为4.90欧元。|有缺陷的商品免费！|可以吗？",
            "返品は30日以内です。|送料は無料です。",
            "「無料です。」と書いてあります。|はい。",
            "彼は「無料です。」|次の文です。",
            "送料は？！|無料です｡|はい。",
        ],
    );
    sentences(
        " ",
        &[
            "반품은 30일 이내입니다.|배송비는 무료입니다.",
            "هل هذا مجاني؟|نعم، الإرجاع مجاني.|شكرا!",
            "واپسی مفت ہے۔|آپ کے پاس 30 دن ہیں۔",
            "वापसी मुफ़्त है।|आपके पास 30 दिन हैं।",
            "האם זה חינם?|כן, ההחזרה חינם.",
            "Վերադարձն անվճար է։|Շնորհակալություն։",
        ],
    );
    // A blank after the wide stop is fine too.
    sentences(" ", &["返品は無料です。|次です。", "好的！|谢谢。"]);
}

#[test]
fn marks_belong_to_what_they_follow() {
    pieces(&[
        (
            "It costs €4.90. [1] Next one. [2]",
            &[("", "It costs €4.90.", &[1]), (" ", "Next one.", &[2])],
        ),
        (
            "It costs €4.90 [1]. Next.",
            &[("", "It costs €4.90.", &[1]), (" ", "Next.", &[])],
        ),
        (
            "It costs €4.90.[1][2] Next.",
            &[("", "It costs €4.90.", &[1, 2]), (" ", "Next.", &[])],
        ),
        (
            "It costs €4.90. [1, 2] Next.",
            &[("", "It costs €4.90.", &[1, 2]), (" ", "Next.", &[])],
        ),
        (
            "It costs €4.90. [1], [3]\nNext.",
            &[("", "It costs €4.90.", &[1, 3]), ("\n", "Next.", &[])],
        ),
        (
            "Free【2】. Next.【1†source】",
            &[("", "Free.", &[2]), (" ", "Next.", &[1])],
        ),
        (
            "Free.[^1] Next.[^2]",
            &[("", "Free.", &[1]), (" ", "Next.", &[2])],
        ),
        (
            "Free. [2][1][2] Yes.",
            &[("", "Free.", &[2, 1]), (" ", "Yes.", &[])],
        ),
        (
            "Free. [1-3] Yes.",
            &[("", "Free.", &[1, 2, 3]), (" ", "Yes.", &[])],
        ),
        (
            "Free ([1]). Yes ([1], [2]) or no.",
            &[("", "Free.", &[1]), (" ", "Yes or no.", &[1, 2])],
        ),
        (
            "Free.[1]You know.",
            &[("", "Free.", &[1]), ("", "You know.", &[])],
        ),
        ("[1] says so. Yes.", &[("", "says so.", &[1]), (" ", "Yes.", &[])]),
        (
            "免费。[1]是的。[2]",
            &[("", "免费。", &[1]), ("", "是的。", &[2])],
        ),
        (
            "مجاني. [1] نعم؟ [2]",
            &[("", "مجاني.", &[1]), (" ", "نعم؟", &[2])],
        ),
        (
            "In [2024] it was [12345].",
            &[("", "In [2024] it was [12345].", &[])],
        ),
        ("Use `a[1]` here. [2]", &[("", "Use `a[1]` here.", &[2])]),
        (
            "Free. [1](https://x.example/a) Yes.",
            &[("", "Free.", &[]), (" ", "[1](https://x.example/a) Yes.", &[])],
        ),
        ("- [ ] to do [1]", &[("", "- [ ] to do", &[1])]),
        ("Free! [1] 🎉 Yes.", &[("", "Free! 🎉", &[1]), (" ", "Yes.", &[])]),
        (
            "**Free.** [1] Yes.",
            &[("", "**Free.**", &[1]), (" ", "Yes.", &[])],
        ),
        (
            "**Free. [1]** Yes.",
            &[("", "**Free.**", &[1]), (" ", "Yes.", &[])],
        ),
    ]);
}

#[test]
fn lines_that_are_one_piece() {
    pieces(&[
        (
            "You can:\n\n- pay. Or not [1]\n- go [2]\n  - deep [3]\n\nBye.",
            &[
                ("", "You can:", &[]),
                ("\n\n", "- pay. Or not", &[1]),
                ("\n", "- go", &[2]),
                ("\n  ", "- deep", &[3]),
                ("\n\n", "Bye.", &[]),
            ],
        ),
        (
            "1. Open it. [1]\n2. Close it. [1]\n10) Go",
            &[
                ("", "1. Open it.", &[1]),
                ("\n", "2. Close it.", &[1]),
                ("\n", "10) Go", &[]),
            ],
        ),
        (
            "## Returns. And more\nText here. [1]",
            &[("", "## Returns. And more", &[]), ("\n", "Text here.", &[1])],
        ),
        (
            "| A | B |\n|---|---|\n| 1 | 2. Yes [1] |\nEnd",
            &[
                ("", "| A | B |", &[]),
                ("\n", "|---|---|", &[]),
                ("\n", "| 1 | 2. Yes |", &[1]),
                ("\n", "End", &[]),
            ],
        ),
        (
            "> Quoted. Twice. [1]\n> Again [2]\n\nOut.",
            &[
                ("", "> Quoted.", &[]),
                (" ", "Twice.", &[1]),
                ("\n", "> Again", &[2]),
                ("\n\n", "Out.", &[]),
            ],
        ),
        (
            "So:\n```rust\nlet a = b[1]. C;\n\nlet d;\n```\nThen. Go",
            &[
                ("", "So:", &[]),
                ("\n", "```rust\nlet a = b[1]. C;\n\nlet d;\n```", &[]),
                ("\n", "Then.", &[]),
                (" ", "Go", &[]),
            ],
        ),
        ("```\nnever closed. No\n", &[("", "```\nnever closed. No", &[])]),
        (
            "~~~~\n```\n~~~\n~~~~\nEnd",
            &[("", "~~~~\n```\n~~~\n~~~~", &[]), ("\n", "End", &[])],
        ),
        (
            "One\n\n---\n\nTwo",
            &[("", "One", &[]), ("\n\n", "---", &[]), ("\n\n", "Two", &[])],
        ),
        (
            "-5 degrees are cold. **Bold.** 1.5 kg",
            &[
                ("", "-5 degrees are cold.", &[]),
                (" ", "**Bold.**", &[]),
                (" ", "1.5 kg", &[]),
            ],
        ),
        (
            "**Costs**\nIt is free.",
            &[("", "**Costs**", &[]), ("\n", "It is free.", &[])],
        ),
        (
            "#tag is no heading. Yes",
            &[("", "#tag is no heading.", &[]), (" ", "Yes", &[])],
        ),
        ("• one\n• two", &[("", "• one", &[]), ("\n", "• two", &[])]),
        (
            "You can return an item within 30 days from delivery and\nGmunden is far\nand so on.",
            &[(
                "",
                "You can return an item within 30 days from delivery and\nGmunden is far\nand so on.",
                &[],
            )],
        ),
        // What isn't closed holds a sentence together until the line ends.
        (
            "A lonely ` is. Then\nGo on.",
            &[("", "A lonely ` is. Then", &[]), ("\n", "Go on.", &[])],
        ),
        (
            "  Hello.  \n\n\n\n World.  ",
            &[("", "Hello.", &[]), ("\n\n", "World.", &[])],
        ),
        ("A.\n\n[1]\n\nB.", &[("", "A.", &[1]), ("\n\n", "B.", &[])]),
        ("", &[]),
        (" \n ", &[]),
        ("[1]", &[]),
    ]);
}

/// The first sentence is out while the second is still being written.
#[test]
fn a_piece_is_out_as_soon_as_its_end_is_certain() {
    let when = |parts: &[&str]| {
        let mut s = Splitter::default();
        parts.iter().map(|p| s.push(p).len()).collect::<Vec<_>>()
    };
    assert_eq!(when(&["It is", " free", ".", " You"]), [0, 0, 0, 1]);
    assert_eq!(when(&["It is free.", " [", "1", "]", " You"]), [0, 0, 0, 0, 1]);
    // Marks may stand on the next line.
    assert_eq!(when(&["It is free.", "\n", "Y"]), [0, 0, 1]);
    assert_eq!(when(&["It is free.", "\n", "[1]", "\n"]), [0, 0, 0, 1]);
    assert_eq!(when(&["- item", "\n"]), [0, 1]);
    assert_eq!(when(&["免费。", "是"]), [0, 1]);
    assert_eq!(when(&["## Head", "\n"]), [0, 1]);
    assert_eq!(when(&["```\ncode\n```", "\n"]), [0, 1]);
    assert_eq!(when(&["It costs 4.", "90"]), [0, 0]);
    assert_eq!(when(&["Am 3.", " Mai", " kommt"]), [0, 0, 0]);
    assert_eq!(when(&["The Birch S.", " It", " is"]), [0, 0, 1]);
}

#[test]
fn what_has_no_end_is_cut() {
    let endless = "wort ".repeat(5_000);
    let got = split(&endless);
    assert!(got.len() > 10);
    assert!(
        got.iter()
            .all(|p| p.md.chars().count() <= LONGEST && p.md.ends_with("wort"))
    );
    let glued = "é".repeat(7_000);
    assert_eq!(
        split(&glued).iter().map(|p| p.md.as_str()).collect::<String>(),
        glued
    );
    let flags = "👩‍👩‍👧‍👦".repeat(1_000);
    assert!(
        split(&flags)
            .iter()
            .all(|p| p.md.starts_with('👩') && p.md.ends_with('👦'))
    );
    // Wherever the limit falls, a mark stays whole.
    for before in 1_980..2_010 {
        let text = format!("{}[1, 2, 3] end", "x".repeat(before));
        let got = split(&text);
        let marks: Vec<u32> = got.iter().flat_map(|p| p.marks.clone()).collect();
        assert_eq!(marks, [1, 2, 3], "{before}");
    }
    let code = format!("```\n{}```\nEnd.", "let a = 1;\n".repeat(400));
    let got = split(&code);
    assert_eq!(got.last().map(|p| p.md.as_str()), Some("End."));
    assert!(got.len() > 2 && got.iter().all(|p| p.md.chars().count() <= LONGEST));
}

#[test]
fn marks_on_a_line_of_their_own_belong_to_the_sentence_above() {
    pieces(&[
        (
            "You have 30 days.\n[1]\nMore.",
            &[("", "You have 30 days.", &[1]), ("\n", "More.", &[])],
        ),
        (
            "You have 30 days.\n\n[1] [2]\n\nMore.",
            &[("", "You have 30 days.", &[1, 2]), ("\n\n", "More.", &[])],
        ),
        ("You have 30 days.\n[1]", &[("", "You have 30 days.", &[1])]),
        (
            "You have 30 days.\n[Read](https://a.example).",
            &[
                ("", "You have 30 days.", &[]),
                ("\n", "[Read](https://a.example).", &[]),
            ],
        ),
        (
            "You have 30 days.\n[1](https://a.example) more.",
            &[
                ("", "You have 30 days.", &[]),
                ("\n", "[1](https://a.example) more.", &[]),
            ],
        ),
    ]);
}

#[test]
fn an_answer_of_one_word_stands_with_what_follows() {
    pieces(&[
        (
            "Yes. You have 30 days. [1] No. Not more [2].",
            &[("", "Yes. You have 30 days.", &[1]), (" ", "No. Not more.", &[2])],
        ),
        (
            "Ja! Sie haben 30 Tage. [1]",
            &[("", "Ja! Sie haben 30 Tage.", &[1])],
        ),
        (
            "Yes.\n\nYou have 30 days.",
            &[("", "Yes.", &[]), ("\n\n", "You have 30 days.", &[])],
        ),
        (
            "I say yes. You have 30 days.",
            &[("", "I say yes.", &[]), (" ", "You have 30 days.", &[])],
        ),
    ]);
}
