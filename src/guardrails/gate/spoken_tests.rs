use serde_json::json;

use super::tests::{fails, passes, with};
use super::*;

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
