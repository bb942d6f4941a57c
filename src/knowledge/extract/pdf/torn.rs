//! Words that have fallen into pieces: "Exa mp le do cumen t". A font that doesn't tell its
//! letters' widths leaves gaps where there are none.

/// Words below which nothing is said of a text.
const LEAST: usize = 40;
/// The share of words of one letter that no language reaches: where there are many (Spanish,
/// French, Czech) they are a sixth.
const MOST: f64 = 0.2;

/// Whether so many words are of one letter that they must be pieces. Scripts that don't part
/// words aren't judged, nor are figures.
pub fn is_torn(text: &str) -> bool {
    share(text).is_some_and(|share| share > MOST)
}

/// The share of words of one letter; None where there are too few words to tell.
pub fn share(text: &str) -> Option<f64> {
    let (mut single, mut all) = (0_usize, 0_usize);
    for word in text.split(|c: char| c.is_whitespace() || "|()[]{}.,;:!?\"*_/<>=+-–".contains(c)) {
        let mut letters = 0;
        let parted = word.chars().all(|c| {
            letters += 1;
            // What is left out in "j'ai" and "don't" is no word of its own.
            "'’".contains(c) || (c.is_alphabetic() && (c as u32) < 0x0e00)
        });
        if letters == 0 || !parted {
            continue;
        }
        all += 1;
        single += usize::from(letters == 1);
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of words")]
    (all >= LEAST).then(|| single as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_from_short_words() {
        let torn = "B ea utiful is b etter tha n ugly Exp licit is b etter tha n imp licit ".repeat(4);
        assert!(is_torn(&torn));
        for whole in [
            "Il y a un an, j'ai vu de la mer et du sel au port de St Malo, où on va à pied ou à vélo. ",
            "Él no va a la playa si no hay sol; se va en el bus de las 9 a su casa o a la de mi tía. ",
            "Tôi có thể đổi trả hàng trong bao lâu và ai là người trả phí gửi hàng về cho cửa hàng? ",
            "We can go to it if it is up to us to do so, but that is not what people want at all. ",
        ] {
            assert!(
                !is_torn(&whole.repeat(4)),
                "{:?} {whole}",
                share(&whole.repeat(4))
            );
        }
        assert!(!is_torn("a b c"));
    }
}
