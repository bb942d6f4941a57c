use proptest::prelude::*;

use super::*;

fn split(text: &str) -> Vec<Piece> {
    let mut s = Splitter::default();
    let mut out = s.push(text);
    out.extend(s.end());
    out
}

/// Cases: each inner text is one piece of the whole, which is them with the gap between.
fn whole(gap: &str, cases: &[&[&str]]) {
    for case in cases {
        let text = case.join(gap);
        let got: Vec<String> = split(&text).into_iter().map(|p| p.md).collect();
        assert_eq!(got, *case, "{text}");
    }
}

#[test]
fn english() {
    whole(" ", &[
        &["Hello there.", "How are you?", "Fine!"],
        &["A return label costs €4.90.", "It is free for faulty goods."],
        &["Use a soft cloth, e.g. microfibre.", "Wipe dry."],
        &["Care products, i.e. Oil and wax, help.", "Use them."],
        &["Dr. Huber and Mrs. Meier signed.", "Mr. Lee didn't."],
        &["J. R. Smith wrote it.", "He knows."],
        &["The U.S. Navy doesn't buy here.", "We deliver to the EU."],
        &["We don't deliver to the U.S.", "The EU is fine."],
        &["See No. 5 on the list.", "It helps."],
        &["No.", "You can't return it."],
        &["It takes approx. 35 minutes.", "Two people help."],
        &["Lamps, shades, etc. You find them in the shop."],
        &["Lamps, shades, etc.", "The shop has them."],
        &["Version 2.10.3 is out.", "Please update."],
        &["Orders before 2 p.m. leave today.", "Later ones don't."],
        &["The shop closes at 5 p.m.", "It opens at 9 a.m."],
        &["It was founded in 2014.", "The workshop is small."],
        &["It costs 25.", "Shipping is free."],
        &["Really?!", "Yes."],
        &["Well... perhaps.", "Let me see."],
        &["Wait…", "Here it is."],
        &["“Is it free?” she asked.", "It is."],
        &["He said “It is free.”", "That was wrong."],
        &["(It is free.)", "Good."],
        &["See https://shop.example/a.b?c=1.", "Or write."],
        &["Write to hello@lumen-oak.example.", "We reply soon."],
        &["Yahoo! is a name.", "Right."],
        &["**It is free.**", "Really."],
        &["*Note.*", "Read on."],
        &["Call `a.b. C` first.", "Then go."],
        &["See [our page. Part two](https://x.example/a) for it.", "Done."],
        &["Birch S. is small, St. Gallen is far.", "Both are nice."],
        &["The Birch comes in S, M and L.", "It is 22 cm high."],
        &["Great! 🎉", "Next one."],
        &["Great!🎉", "Next one."],
        &["What about A vs. B here?", "No idea."],
        &["1.5 kg is light.", "Yes."],
        &["The end is near…"],
        &["It is 100 %.", "3 people said so."],
    ]);
}

#[test]
fn german() {
    whole(" ", &[
        &["Das gilt z. B. für Lampen.", "Es gilt auch für Tische."],
        &["Das gilt z.B. Für alle.", "Gut."],
        &["Die Lieferung kommt am 3. Mai.", "Bitte warten Sie."],
        &["Die Frist endet am 3. 5. 2026.", "Danach nicht mehr."],
        &["Das ist der 2. Versuch.", "Der dritte folgt."],
        &["Im 1. Quartal ist Pause.", "Danach geht es weiter."],
        &["Es sind ca. 35 Minuten.", "Zwei Personen reichen."],
        &["Herr Dr. Huber bzw. Frau Mag. Meier hilft.", "Rufen Sie an."],
        &["Bestellung Nr. 1002 ist da.", "Sie wurde geliefert."],
        &["Lampen, Schirme usw. Die Preise stehen im Shop."].map(|s| s).as_slice(),
        &["Das kostet 4,90 €.", "Ab 80 € ist es frei."],
        &["Der Preis ist 1.000 €.", "Das ist viel."],
        &["Wir liefern d. h. Pakete gehen raus.", "Gut."],
        &["„Ist das frei?“, fragte sie.", "Ja."],
        &["Er sagte: „Es ist frei.“", "Stimmt."],
        &["Geöffnet Mo. bis Fr. 9–17 Uhr.", "Am Samstag nicht."],
        &["Das sind max. 40 W.", "Mehr nicht."],
    ][..9]);
    whole(" ", &[
        &["Lampen, Schirme usw.", "Die Preise stehen im Shop."],
        &["Das kostet 4,90 €.", "Ab 80 € ist es frei."],
        &["Der Preis ist 1.000 €.", "Das ist viel."],
        &["Wir liefern, d. h. Pakete gehen raus.", "Gut."],
        &["„Ist das frei?“, fragte sie.", "Ja."],
        &["Er sagte: „Es ist frei.“", "Stimmt."],
        &["Geöffnet ist werktags bis Fr. 17 Uhr.", "Am Samstag nicht."],
        &["Das sind max. 40 W.", "Mehr nicht."],
        &["Das sind inkl. Versand 20 €.", "Schön."],
    ]);
}
