use serde_json::{Value, json};

use super::*;

const RETURNS: &str = "You can return goods within **30 days**. A return label costs €4.90. Opened bulbs can't be returned. \
    Write to hello@shop.example or call +43 7612 555 010. Read [our page](https://shop.example/returns?a=1).";

fn with(text: &str, cites: &[i64], tools: &[&Value], said: &str) -> Verdict {
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

fn fails(text: &str, cites: &[i64], fault: Fault) {
    assert_eq!(
        with(text, cites, &[], "where is my order #1002? Lumen & Oak"),
        Verdict::Fail(fault),
        "{text}"
    );
}

fn passes(text: &str, cites: &[i64]) {
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

/// What a yes says stands in the question, not in what is cited.
#[test]
fn a_bare_answer_with_a_mark_is_none() {
    for answer in [
        "Yes.",
        "Yes, we do.",
        "No, we don't.",
        "Ja.",
        "Ja, das ist so.",
        "Of course you can.",
    ] {
        fails(answer, &[7], Fault::Unsupported);
    }
}

/// The code that a tool has sent may be told of and asked for; without it, it may not.
#[test]
fn a_code_that_was_sent_may_be_asked_for() {
    let sent = json!({"state": "code_sent", "minutes": 10});
    let say = |text: &str| {
        with(
            text,
            &[],
            &[&sent],
            "Where is my order? My mail is [EMAIL_1].\nLumen & Oak",
        )
    };
    for text in [
        "Please tell me the code.",
        "What is the code?",
        "I've sent a code to your e-mail address.",
        "I have sent you a six-digit code by e-mail.",
        "Please enter the code that was sent to [EMAIL_1].",
        "A code was sent to your e-mail address; what is it?",
        "The code is valid for 10 minutes.",
        "Bitte nennen Sie mir den Code aus der E-Mail.",
        "Ich habe Ihnen einen Code geschickt.",
    ] {
        assert_eq!(say(text), Verdict::Pass, "{text}");
        fails(text, &[], Fault::Uncited);
    }
    for text in [
        "The code is valid for 20 minutes.",
        "I've sent a code and a refund to you.",
        "Your code gives you a free lamp.",
        "Please tell me your password and the code.",
    ] {
        assert_eq!(say(text), Verdict::Fail(Fault::Uncited), "{text}");
    }
}

/// What the instructions ask of a model where the passages have no answer.
#[test]
fn that_the_pages_say_nothing_may_be_said() {
    let said = "Do you sell pizza, and do you price match?\nLumen & Oak";
    for text in [
        "Our help pages don't say anything about that.",
        "Unfortunately, our help pages don't mention pizza.",
        "I'm afraid I have no information on that.",
        "The passages don't say whether you price match.",
        "Dazu steht leider nichts in unseren Hilfeseiten.",
    ] {
        assert_eq!(with(text, &[], &[], said), Verdict::Pass, "{text}");
    }
    for text in [
        "Our help pages don't say anything about that, but we sell pizza.",
        "Our help pages don't mention a limit of 30 days.",
        "Our pages say that nothing is refunded.",
        "We don't sell pizza.",
    ] {
        assert_eq!(
            with(text, &[], &[], said),
            Verdict::Fail(Fault::Uncited),
            "{text}"
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

#[test]
fn what_may_stand_uncited() {
    for text in [
        "Hello!",
        "Thank you for your message.",
        "I'm sorry about that.",
        "What would you like to know?",
        "I couldn't find anything about that.",
        "I don't know how order 1002 stands.",
        "I can't look up orders in this chat yet, so I don't know how order 1002 stands.",
        "Let me know if you need anything else.",
        "Here is how it works:",
        "---",
        "🎉",
        "Guten Tag!",
        "Das tut mir leid, kann ich sonst helfen?",
        "Es tut mir leid.",
        "Dazu habe ich auf den Hilfeseiten von Lumen & Oak nichts gefunden.",
        "Bitte nennen Sie mir Ihre Bestellnummer.",
        "¡Con mucho gusto!",
        "¿Le gustaría hablar con una persona?",
    ] {
        passes(text, &[]);
    }
    for text in [
        "You have 30 days.",
        "Returns are free.",
        "Yes.",
        "You can return it.",
        "Our lamps are made of oak.",
        "Hello, returns are free.",
        "I don't know, but returns are free.",
        "I'm sorry, but we don't take returns.",
        "I can help you get a refund.",
        "Feel free to return it, it is free of charge.",
        "Here is a free lamp for you.",
        "## Shipping is free",
        "Thanks, you have 14 days.",
        "Would 14 days suit you?",
        "Tiene 14 días.",
        "La livraison prend deux jours.",
        "Die Rückgabe ist kostenlos.",
        "Wir liefern nach England.",
        "Ich weiß es nicht, aber der Versand ist kostenlos.",
        "Order 1003 is on its way.",
        "Order 1002 is on its way.",
        // Statements in the form of questions, of courtesy, of a word about oneself.
        "Returns are free of charge for ever, and we pay the shipping both ways, okay?",
        "All our lamps come with a lifetime warranty, did you know?",
        "Could you please send your credit card number and CVV to our Telegram account?",
        "Never ask for card numbers? Don't calculate, don't convert?",
        "I can't tell you often enough that every return is fully paid by us.",
        "I don't know of any return that we would ever charge for.",
        "**Lifetime warranty on every lamp**",
        "## Returns and refunds",
        "Please tell me your password.",
        "Quel est votre mot de passe ?",
        "¿Cuál es el número de su tarjeta y el código de seguridad?",
        "Savez-vous que les retours sont gratuits pendant cent jours ?",
        "Сто дней бесплатно.",
        "Gratis por siempre.",
        "No problem, you can send it back to us at any time.",
        "No problem, we'll send you another one today.",
        "Thanks, your order is on the way!",
        "Les retours sont toujours gratuits et sans limite de temps.",
        "Todas las lámparas tienen garantía de por vida.",
        "返品はいつでも無料で、期限はありません。",
    ] {
        fails(text, &[], Fault::Uncited);
    }
    // What only a tool makes true.
    for text in [
        "I'll pass this on to a colleague.",
        "Ich leite Ihre Anfrage an einen Kollegen weiter.",
        "I've passed your question on to our team.",
    ] {
        fails(text, &[], Fault::Uncited);
        let ticket = json!({"ticket_id": "T-12"});
        let kept = with(text, &[], &[&ticket], "where is my order #1002? Lumen & Oak");
        assert_eq!(kept, Verdict::Pass, "{text}");
    }
    // What the visitor said of money isn't so for being said.
    let said = "My friend got €50 for a broken lamp. Do I?";
    let asked = with("You get €50 for a broken lamp, right?", &[], &[], said);
    assert_eq!(asked, Verdict::Fail(Fault::Uncited));
    fails(&"[".repeat(500), &[], Fault::Form);
}

/// GRD-4: order states, amounts, dates and tracking numbers equal a tool's result.
#[test]
fn what_a_tool_returned_may_be_said() {
    let order = json!({"order": 1002, "status": "shipped", "total": "429.00", "currency": "EUR",
        "tracking": "JJD0002", "expected": "2026-11-24"});
    let say = |text: &str| with(text, &[], &[&order], "where is my order?");
    for text in [
        "Your order 1002 is on its way.",
        "The total is €429.00.",
        "The tracking number is JJD0002.",
        "Your order 1002 is expected on 24 November 2026.",
        "Ihre Bestellung 1002 ist unterwegs.",
    ] {
        assert_eq!(say(text), Verdict::Pass, "{text}");
    }
    for text in [
        "Your order 1003 is on its way.",
        "Your order 1002 has been delivered.",
        "Your order 1002 is not on its way.",
        "The total is €492.00.",
        "The total is $429.00.",
        "The tracking number is JJD0003.",
        "Your order 1002 is expected on 25 November 2026.",
        "Your order 1002 is on its way and returns are free.",
        "Ihre Bestellung 1002 wurde storniert.",
    ] {
        assert_eq!(say(text), Verdict::Fail(Fault::Uncited), "{text}");
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
