//! Messages as people write them, and what they are taken for.

use super::*;

fn view(said: &[&str]) -> TurnView {
    let (message, history) = said.split_last().unwrap();
    TurnView {
        message: (*message).to_owned(),
        history: history
            .iter()
            .flat_map(|text| {
                [
                    Exchange {
                        by_visitor: true,
                        text: (*text).to_owned(),
                    },
                    Exchange {
                        by_visitor: false,
                        text: "Please tell me the e-mail address.".to_owned(),
                    },
                ]
            })
            .collect(),
        ..TurnView::default()
    }
}

fn read_of(said: &[&str]) -> Option<(Wish, Option<String>, Option<String>)> {
    read(&view(said)).map(|w| (w.wish, w.number, w.email))
}

#[test]
fn wishes_are_told_from_questions() {
    let number = |n: &str| Some(n.to_owned());
    assert_eq!(
        read_of(&["Where is my order 1005?"]),
        Some((Wish::Status, number("1005"), None))
    );
    assert_eq!(read_of(&["Where is my order?"]), Some((Wish::Status, None, None)));
    assert_eq!(
        read_of(&["I want a refund for order 1004"]),
        Some((Wish::Refund, number("1004"), None))
    );
    assert_eq!(
        read_of(&["I'd like my money back"]),
        Some((Wish::Refund, None, None))
    );
    assert_eq!(read_of(&["Show me my orders"]), Some((Wish::List, None, None)));
    assert_eq!(
        read_of(&["Please change the delivery address of order 1001"]),
        Some((Wish::Address(None), number("1001"), None))
    );
    assert_eq!(
        read_of(&["Bitte Bestellung 1004 erstatten, [EMAIL_1]"]),
        Some((Wish::Refund, number("1004"), number("[EMAIL_1]")))
    );
    for question in [
        "How long do refunds take?",
        "What is your return address?",
        "Can I return an opened bulb?",
        "Do you ship to another address?",
        "Who pays the return label?",
        "What does delivery cost for orders over 150 euros?",
    ] {
        assert_eq!(read_of(&[question]), None, "{question}");
    }
}

#[test]
fn what_was_asked_for_goes_on_with_the_wish_before() {
    let wished = read_of(&["Where is my order 1002?", "[EMAIL_1]"]);
    assert_eq!(
        wished,
        Some((Wish::Status, Some("1002".into()), Some("[EMAIL_1]".into())))
    );
    let wished = read_of(&["I want a refund please", "1004 and my address is [EMAIL_1]"]);
    assert_eq!(
        wished,
        Some((Wish::Refund, Some("1004".into()), Some("[EMAIL_1]".into())))
    );
    assert_eq!(
        read_of(&["I want a refund for order 1004", "How long is your warranty?"]),
        None
    );
    assert_eq!(read_of(&["Do you ship to Norway?", "[EMAIL_1]"]), None);
    // An address that was given for something else isn't tried on another order.
    let wished = read_of(&[
        "Where is my order 1005?",
        "[EMAIL_1]",
        "I want a refund for order 1004",
    ]);
    assert_eq!(wished, Some((Wish::Refund, Some("1004".into()), None)));
    let wished = read_of(&[
        "Change the delivery address of order 1001",
        "[EMAIL_2]",
        "Anna Huber, Neue Straße 7, 4020 Linz, Austria",
    ]);
    assert!(matches!(wished, Some((Wish::Address(Some(_)), Some(n), _)) if n == "1001"));
}

fn after(said: &[&str], last: &str) -> Option<(Wish, Option<String>)> {
    let mut view = view(said);
    if let Some(agent) = view.history.last_mut() {
        agent.text = last.to_owned();
    }
    read(&view).map(|w| (w.wish, w.number))
}

#[test]
fn a_number_that_was_asked_for_is_for_what_was_wanted() {
    let asked = phrases::asks(AskKind::Identity, Tongue::English);
    let n = |n: &str| Some(n.to_owned());
    assert_eq!(
        after(&["I want my money back", "Order 1004"], asked),
        Some((Wish::Refund, n("1004")))
    );
    let step_by_step = ["I want my money back", "Order 1004", "[EMAIL_1]"];
    let mut view = view(&step_by_step);
    for e in view.history.iter_mut().filter(|e| !e.by_visitor) {
        e.text = asked.to_owned();
    }
    let wished = read(&view).unwrap();
    assert_eq!((wished.wish, wished.number), (Wish::Refund, n("1004")));
    // Nobody asked: a new wish.
    let done = "Done: 38.70 EUR of order 1004 goes back.";
    assert_eq!(
        after(&["I want a refund for order 1004", "And order 1001?"], done),
        Some((Wish::Status, n("1001")))
    );
    assert_eq!(
        after(&["Where is my parcel?", "No, 1004!"], asked),
        Some((Wish::Status, n("1004")))
    );
    assert_eq!(
        after(
            &["Where is my order 1005?", "And what is the tracking number?"],
            "It is on its way."
        ),
        Some((Wish::Status, n("1005")))
    );
    assert_eq!(after(&["Hello", "What is a tracking number?"], "Hello!"), None);
}

#[test]
fn what_only_a_person_can_do_is_a_wish_too() {
    let n = |n: &str| Some(n.to_owned());
    for (message, wish) in [
        ("Please cancel my order", Some((Wish::Cancel, None))),
        ("I want to cancel order 1001", Some((Wish::Cancel, n("1001")))),
        (
            "Bitte meine Bestellung 1001 stornieren",
            Some((Wish::Cancel, n("1001"))),
        ),
        (
            "The lamp of order 1002 arrived broken",
            Some((Wish::Claim, n("1002"))),
        ),
        (
            "Ich möchte Bestellung 1002 umtauschen",
            Some((Wish::Claim, n("1002"))),
        ),
        ("How do I cancel the newsletter?", None),
        ("Can I cancel the subscription?", None),
        // The pages know what to do with it.
        ("My parcel arrived damaged", None),
    ] {
        let read = read(&view(&[message])).map(|w| (w.wish, w.number));
        assert_eq!(read, wish, "{message}");
    }
    assert!(claims("My parcel arrived damaged") && claims("Ich möchte meine Lampe umtauschen"));
    assert!(!claims("Is a broken bulb covered by the warranty?"));
}

#[test]
fn no_refund_is_proposed_to_who_wants_none_or_only_asks() {
    let n = |n: &str| Some(n.to_owned());
    for (message, wish) in [
        (
            "I do not want a refund for order 1004, just tell me where it is",
            Some((Wish::Status, n("1004"))),
        ),
        ("Please don't refund order 1004", Some((Wish::Status, n("1004")))),
        (
            "Ich möchte keine Erstattung für Bestellung 1004, wo ist sie?",
            Some((Wish::Status, n("1004"))),
        ),
        ("How do I return order 1004?", Some((Wish::MayRefund, n("1004")))),
        (
            "Can you refund order 1004? If so how much would I get?",
            Some((Wish::MayRefund, n("1004"))),
        ),
        // What is the matter with the goods is no denial of the wish.
        (
            "I don't like it any more, refund order 1004",
            Some((Wish::Refund, n("1004"))),
        ),
        (
            "Bitte die Hälfte der Bestellung 1004 zurück",
            Some((Wish::Refund, n("1004"))),
        ),
        (
            "I paid 38.70 EUR for order 1004 and want half of it back",
            Some((Wish::Refund, n("1004"))),
        ),
    ] {
        let read = read(&view(&[message])).map(|w| (w.wish, w.number));
        assert_eq!(read, wish, "{message}");
    }
}

#[test]
fn a_question_about_a_replacement_is_one_to_the_pages() {
    for question in [
        "Which replacement bulb fits my lamp?",
        "Do you have a replacement bulb for my lamp?",
        "I need a replacement bulb for my lamp",
        "My lamp needs a new bulb, which replacement do I buy?",
        "I want to replace the bulb in my lamp, what do I need?",
        "The bulb of my lamp is broken, which one fits?",
        "Can I exchange my lamp for a bigger one?",
        "I'd like to know: is there a replacement for my desk's top?",
        "Gibt es Ersatz für meine Lampe?",
        "Ich brauche Ersatz für die Glühbirne meiner Lampe",
    ] {
        assert!(!claims(question), "{question}");
    }
    let numbered = "Which replacement bulb fits the lamp of order 1001?";
    assert_ne!(read(&view(&[numbered])).map(|w| w.wish), Some(Wish::Claim));
    for wish in [
        "I want a replacement for my lamp",
        "Can you replace my desk?",
        "Could you please exchange my lamp?",
        "My lamp arrived broken. Can I get a replacement?",
        "The bulb of my lamp came broken, do I get a replacement?",
        "Ich möchte meine Lampe umtauschen",
        "Können Sie meine Lampe austauschen?",
    ] {
        assert!(claims(wish), "{wish}");
    }
}

#[test]
fn an_address_beside_the_wish_isnt_asked_for_again() {
    let asked = phrases::asks(AskKind::Identity, Tongue::German);
    let said = ["please send it to Hauptstr. 5, 1010 Wien", "1001, [EMAIL_1]"];
    let mut view = view(&said);
    view.history.last_mut().unwrap().text = asked.to_owned();
    let wished = read(&view).unwrap();
    assert!(
        matches!(&wished.wish, Wish::Address(Some(a)) if a["street"] == "Hauptstr. 5"),
        "{wished:?}"
    );
    assert_eq!(wished.number.as_deref(), Some("1001"));
}

#[test]
fn half_an_address_is_asked_for_again() {
    let form = format!(
        "{} for order 1001 like this: name",
        say::address_form(Tongue::English)
    );
    let said = ["Change the delivery address of order 1001", "Neue Straße 7, Linz"];
    assert_eq!(
        after(&said, &form),
        Some((Wish::Address(None), Some("1001".into())))
    );
    assert_eq!(after(&[said[0], "How long is the warranty?"], &form), None);
}

#[test]
fn an_amount_that_was_asked_for_goes_on_with_the_refund() {
    let named = |text: &str| Some(Sum::Named(text.to_owned()));
    let sum_after = |said: &[&str], last: &str| {
        let mut view = view(said);
        view.history.last_mut().unwrap().text = last.to_owned();
        read(&view).map(|w| (w.wish, w.number, w.sum))
    };
    let n = Some("1004".to_owned());
    let refund = "I want a refund for order 1004";
    for last in [
        "More can't be refunded. How much should go back?",
        "Refund 38.70 EUR for order 1004?",
    ] {
        let wished = sum_after(&[refund, "1500 then"], last);
        assert_eq!(wished, Some((Wish::Refund, n.clone(), named("1500"))), "{last}");
        let wished = sum_after(&[refund, "no, only half"], last);
        assert_eq!(wished, Some((Wish::Refund, n.clone(), Some(Sum::Share(1, 2)))));
        assert_eq!(sum_after(&[refund, "How long is the warranty?"], last), None);
    }
    // The order was named before; what is named now is money.
    let wished = read(&view(&["Where is my order 1004?", "Refund me 5000"])).map(|w| (w.number, w.sum));
    assert_eq!(wished, Some((n.clone(), named("5000"))));
    let wished = read(&view(&["Refund me 5000 for order 1004", "[EMAIL_1]"])).unwrap();
    assert_eq!((wished.number, wished.sum), (n, named("5000")));
}
