use serde_json::Value;

use super::*;

const RETURNS: &str = "You can return goods within **30 days**. A return label costs €4.90. Opened bulbs can't be returned. \
    Write to hello@shop.example or call +43 7612 555 010. Read [our page](https://shop.example/returns?a=1).";

pub(super) fn with(text: &str, cites: &[i64], tools: &[&Value], said: &str) -> Verdict {
    let headings = ["What it costs".to_owned()];
    let source = Source {
        id: 7,
        title: "Returns",
        headings: &headings,
        text: RETURNS,
    };
    let evidence = Evidence {
        sources: &[source],
        tools,
        said,
    };
    check(text, cites, &evidence)
}

pub(super) fn fails(text: &str, cites: &[i64], fault: Fault) {
    assert_eq!(
        with(text, cites, &[], "where is my order #1002? Lumen & Oak"),
        Verdict::Fail(fault),
        "{text}"
    );
}

pub(super) fn passes(text: &str, cites: &[i64]) {
    assert_eq!(
        with(text, cites, &[], "where is my order #1002? Lumen & Oak"),
        Verdict::Pass,
        "{text}"
    );
}

#[test]
fn what_the_source_says_passes() {
    for text in [
        "A return label costs €4.90.",
        "You can return goods within 30 days.",
        "You can return goods within thirty days.",
        "**A return label costs 4,90 €.**",
        "- A return label costs EUR 4.90",
        "Unfortunately, opened bulbs can't be returned.",
        "Goods can be returned within 30 days.",
        "Write to [us](mailto:hello@shop.example) or call +43 7612 555010.",
    ] {
        passes(text, &[7]);
    }
}

#[test]
fn what_it_does_not_say_is_held_back() {
    for (text, fault) in [
        ("A return label costs €5.90.", Fault::Mismatch),
        ("A return label costs $4.90.", Fault::Mismatch),
        ("You can return goods within 30 hours.", Fault::Mismatch),
        ("You can return goods within forty days.", Fault::Mismatch),
        ("Opened bulbs can be returned.", Fault::Negation),
        ("You can't return goods within 30 days.", Fault::Negation),
        ("Only opened bulbs can't be returned.", Fault::Negation),
        ("Ask the pope about label colours.", Fault::Unsupported),
        ("  ", Fault::Form),
    ] {
        fails(text, &[7], fault);
    }
    fails(&"a".repeat(4_001), &[7], Fault::Form);
    fails("A return label costs €4.90.", &[8], Fault::BadCitation);
    fails("A return label costs €4.90.", &[7, 8], Fault::BadCitation);
}

/// Nothing in the source stands where these words do, however close the meaning is.
#[test]
fn what_is_put_in_is_held_back() {
    for text in [
        "A return label for robots costs €4.90.",
        "You can return goods within 30 days, by balloon.",
        "A return label costs €4.90 in Gmunden.",
    ] {
        fails(text, &[7], Fault::Unsupported);
    }
}

/// How somebody is called is no part of what a source says.
#[test]
fn the_customer_may_be_called_by_name() {
    passes("[NAME_1], a return label costs €4.90.", &[7]);
    passes("A return label costs €4.90, [NAME_1].", &[7]);
    passes("Hello [NAME_1]!", &[]);
    fails("[NAME_1], a return label costs €4.91.", &[7], Fault::Mismatch);
    fails("[NAME_1] gets a return label for €4.91.", &[7], Fault::Mismatch);
}

/// A bare answer stands with the sentence that bears it out, and not by itself.
#[test]
fn answers_of_one_word() {
    for answer in ["Yes.", "Yes!", "No.", "Ja.", "Nein."] {
        passes(&format!("{answer} You can return goods within 30 days."), &[7]);
        fails(
            &format!("{answer} You can return goods within 31 days."),
            &[7],
            Fault::Mismatch,
        );
        fails(
            &format!("{answer} Opened bulbs can be returned."),
            &[7],
            Fault::Negation,
        );
        fails(answer, &[], Fault::Uncited);
        fails(
            &format!("{answer} What is your order number?"),
            &[],
            Fault::Uncited,
        );
    }
}

/// A source that is read again for the next sentence is the same source.
#[test]
fn a_reading_serves_all_sentences() {
    let texts = ["A label costs €4.90.", "A label costs €5.90."];
    let sources: Vec<Source<'_>> = (1..)
        .zip(texts)
        .map(|(id, text)| Source {
            id,
            title: "",
            headings: &[],
            text,
        })
        .collect();
    let reading = Reading::of(&Evidence {
        sources: &sources,
        tools: &[],
        said: "",
    });
    for _ in 0..2 {
        assert_eq!(reading.check(texts[0], &[1]), Verdict::Pass);
        assert_eq!(reading.check(texts[0], &[2]), Verdict::Fail(Fault::Mismatch));
        assert_eq!(reading.check(texts[1], &[2, 1, 2]), Verdict::Pass);
        assert_eq!(reading.check(texts[1], &[3]), Verdict::Fail(Fault::BadCitation));
    }
}

/// SEC-5: an address that no source has is never shown, nor a scheme that runs something.
#[test]
fn links_are_the_sources() {
    for text in [
        "Read [our page](https://shop.example/returns?a=2).",
        "Read [our page](https://evil.example/returns?a=1).",
        "Read https://shop.example.evil.example/returns?a=1.",
        "Read [our page](javascript:alert(1)).",
        "Read [our page](data:text/html,x).",
        "Read [our page](//evil.example).",
        "Read [our page](&#106;avascript:x).",
        "Read evil.example/returns for it.",
        "![x](https://evil.example/p.png)",
        "<a href=\"https://evil.example\">our page</a>",
        "Write to hello@evil.example.",
        "Call +43 7612 555 011.",
        "Call 0043 7612 555 019.",
        "Call tel:+437612555010.",
    ] {
        fails(text, &[7], Fault::Link);
        assert_eq!(with(text, &[], &[], ""), Verdict::Fail(Fault::Link), "{text}");
    }
    // Whose source has it must be cited.
    fails("Would you write to hello@shop.example?", &[], Fault::Uncited);
    assert_eq!(
        with("Is hello@me.example right?", &[], &[], "I am hello@me.example"),
        Verdict::Pass
    );
}

#[test]
fn a_question_of_a_source_may_stand_uncited_where_it_is_quoted() {
    let text = "Will the lamp fit on the shelf, and will the desk fit under the window? Birch S is 22 cm high. The shade is free.";
    let sources = [Source {
        id: 1,
        title: "Sizes",
        headings: &[],
        text,
    }];
    let evidence = Evidence {
        sources: &sources,
        tools: &[],
        said: "How high is the lamp?",
    };
    let quoted = "Will the lamp fit on the shelf, and will the desk fit under the window?";
    assert_eq!(check(quoted, &[], &evidence), Verdict::Pass);
    for other in [
        "Will the lamp fit on the shelf, and will the desk be free under the window?",
        "Birch S is 22 cm high.",
        "The shade is free?",
    ] {
        assert_eq!(
            check(other, &[], &evidence),
            Verdict::Fail(Fault::Uncited),
            "{other}"
        );
    }
}

/// Each pair: what a sentence says, and what a source says.
#[test]
fn figures_agree_whatever_their_form() {
    let said = |a: &str, b: &str| {
        let (a, b) = (figures::figures(a), figures::figures(b));
        !a.is_empty() && a.iter().all(|f| b.iter().any(|g| f.is_said_by(g, |_| false)))
    };
    for (a, b) in [
        ("€4.90", "4,90 €"),
        ("EUR 4.90", "4.9 euros"),
        ("€5", "5,- €"),
        ("1,000 kg", "1.000 kg"),
        ("1000 kg", "1'000 kg"),
        ("1.234,50 €", "€1,234.50"),
        ("thirty days", "30 days"),
        ("dreißig Tage", "30 days"),
        ("einundzwanzig Tage", "21 Tage"),
        ("thirty-one days", "31 days"),
        ("a dozen pieces", "12 pieces"),
        ("twice a year", "two times"),
        ("zweimal im Jahr", "twice"),
        ("14:00", "2 pm"),
        ("14 Uhr", "2 p.m."),
        ("14.30 Uhr", "2:30 pm"),
        ("9 am to 5 pm", "9:00–17:00"),
        ("von 9 bis 17 Uhr", "9:00–17:00"),
        ("two to three working days", "2–3 Werktage"),
        ("up to 3 working days", "2–3 working days"),
        ("one hour", "60 minutes"),
        ("2 days", "48 hours"),
        ("two years", "24 months"),
        ("ten percent", "10 %"),
        ("120 centimetres", "120 × 60 × 74 cm"),
        ("60 cm", "120 × 60 × 74 cm"),
        ("3 May 2027", "3. Mai 2027"),
        ("May 3, 2027", "2027-05-03"),
        ("3.5.2027", "3. Mai 2027"),
        ("on May 3", "3.5.2027"),
        ("2027", "3.5.2027"),
        ("Monday to Friday", "Mon–Fri"),
        ("on Tuesdays", "Monday to Friday"),
        ("the 2nd parcel", "the second parcel"),
        ("G9", "a G9 base"),
        ("30-day", "30 days"),
        ("5cm", "50 mm"),
        ("at least 10 pieces", "from 10 pieces"),
    ] {
        assert!(
            said(a, b),
            "{a} is {b}: {:?} {:?}",
            figures::figures(a),
            figures::figures(b)
        );
    }
    for (a, b) in [
        ("30 days", "30 hours"),
        ("30 days", "30 working days"),
        ("€4.90", "$4.90"),
        ("€4.90", "4.90 CHF"),
        ("€8", "8 %"),
        ("1,000 kg", "1 kg"),
        ("1.5 kg", "15 kg"),
        ("2 pm", "2:00"),
        ("14:00", "4 pm"),
        ("2 working days", "2–3 working days"),
        ("2–4 working days", "2–3 working days"),
        ("once a year", "twice a year"),
        ("5 May 2027", "3 May 2027"),
        ("3 June 2027", "3 May 2027"),
        ("5.3.2027", "3.5.2027"),
        ("3 May 2026", "3 May 2027"),
        ("Monday to Saturday", "Mon–Fri"),
        ("on Sundays", "Mon–Fri"),
        ("the third parcel", "the second parcel"),
        ("E27", "G9"),
        ("40 V", "40 W"),
        ("1 cm", "1 m"),
        ("up to 20 kg", "over 20 kg"),
        ("before 14:00", "after 14:00"),
        ("JJD0003", "JJD0002"),
        ("dreißig Stunden", "30 Tage"),
        ("one working day", "2 working days"),
    ] {
        assert!(
            !said(a, b),
            "{a} is not {b}: {:?} {:?}",
            figures::figures(a),
            figures::figures(b)
        );
    }
}

fn labelled() -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("evals/support.jsonl");
    let text = std::fs::read_to_string(path).expect("the labelled set is there");
    text.lines()
        .map(|l| serde_json::from_str(l).expect("a line is JSON"))
        .collect()
}

fn judged(line: &Value) -> Verdict {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let passages = line["passages"].as_array().expect("passages");
    let read: Vec<(String, Vec<String>, String)> = passages
        .iter()
        .map(|p| {
            let headings = p["headings"].as_array().into_iter().flatten().map(text).collect();
            (text(&p["title"]), headings, text(&p["text"]))
        })
        .collect();
    let sources: Vec<Source<'_>> = (1..)
        .zip(&read)
        .map(|(id, (title, headings, text))| Source {
            id,
            title,
            headings,
            text,
        })
        .collect();
    let cites: Vec<i64> = sources.iter().map(|s| s.id).collect();
    check(
        &text(&line["sentence"]),
        &cites,
        &Evidence {
            sources: &sources,
            tools: &[],
            said: &format!("{}\nLumen & Oak", text(&line["said"])),
        },
    )
}

/// GRD-4: no figure, unit, date or negation that the source doesn't have passes, whatever
/// the sentences' meaning is like.
#[test]
fn what_is_changed_never_passes() {
    let mut seen = 0;
    for line in labelled() {
        let why = line["why"].as_str().unwrap_or_default();
        let figured = line["sentence"]
            .to_string()
            .contains(|c: char| c.is_ascii_digit());
        let moved = ["table row", "enumeration", "comparator"].contains(&why) && figured;
        let changed = why.starts_with("changed") || why == "swapped negation" || moved;
        if line["supported"] == false && changed {
            seen += 1;
            let verdict = judged(&line);
            assert!(
                matches!(verdict, Verdict::Fail(_)),
                "{why}: {} {verdict:?}",
                line["sentence"]
            );
        }
    }
    assert!(seen >= 190, "{seen}");
}

/// Words alone let nothing through that the set calls unsupported, and most of the rest.
#[test]
fn precision_and_recall_stay() {
    let (mut right, mut wrong, mut held) = (0, Vec::new(), Vec::new());
    let lines = labelled();
    let supported = lines.iter().filter(|l| l["supported"] == true).count();
    for line in lines {
        match (judged(&line), line["supported"] == true) {
            (Verdict::Pass, true) => right += 1,
            (Verdict::Pass, false) => wrong.push(line["sentence"].clone()),
            (Verdict::Fail(_), true) => held.push(line["sentence"].clone()),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(
        right >= 210 && held.len() <= 16,
        "{right} of {supported} pass; held back: {held:?}"
    );
}
