//! The default embedding model against vectors that sentence-transformers computed from
//! the same folder. `./dev` fetches the model; without it these tests fail.

use deskhand_bert::Bert;

use crate::support::model_folder::model_folder;

/// A text, the first eight values of its vector, and the product of the vector with
/// fixed weights (see [`checksum`]).
type Golden = (&'static str, [f32; 8], f64);

#[rustfmt::skip]
const GOLDEN: [Golden; 7] = [
    ("", [-0.1188384, 0.0482988, -0.0025480, -0.0110112, 0.0519507, 0.0102918, 0.1154333, 0.0007008], 0.4152124),
    ("a", [-0.0364329, 0.0347035, -0.0459599, 0.0343255, -0.0808233, 0.0328387, 0.1169755, -0.0233092], 0.1328647),
    ("How do I return an item that I bought last month?", [0.0264846, 0.0086778, 0.0076404, -0.0017117, -0.0043864, 0.0336030, -0.0217286, -0.0039310], 0.3047480),
    ("Übergröße: Straße, ÇA VA? naïve café — 3,50 €", [0.0803995, 0.0646160, -0.0136590, 0.0557059, -0.0700416, 0.0560974, -0.0004657, 0.0141073], 0.0405746),
    ("我想退货，请问怎么办？ 東京都の天気", [0.0963099, 0.0997706, 0.0910589, -0.0177909, -0.0004715, 0.0406614, 0.0721865, -0.0304213], 0.1856857),
    ("مرحبا بالعالم، أريد إرجاع الطلب", [0.0304221, 0.0628464, 0.0065743, 0.0154765, -0.0097691, 0.0421272, 0.0835567, -0.0522665], 0.3164646),
    ("👩\u{200d}👩\u{200d}👧 👍🏽 ok\u{301} \u{200b}zero\u{7}", [0.0095794, 0.0370957, 0.0760731, 0.0600751, -0.0636416, 0.0435004, 0.0960038, -0.0313589], 0.5442760),
];

/// `refund policy ` four hundred times: far beyond the model's limit.
const GOLDEN_LONG: ([f32; 8], f64) = (
    [
        -0.0459030, -0.0699986, 0.0407137, -0.0026730, 0.0292439, 0.1217461, 0.0880068, -0.0086165,
    ],
    -0.3241156,
);

fn checksum(vector: &[f32]) -> f64 {
    let weight = |i: usize| ((i * 7919) % 1009) as f64 / 1009.0 - 0.5;
    vector
        .iter()
        .enumerate()
        .map(|(i, value)| f64::from(*value) * weight(i))
        .sum()
}

#[test]
fn the_default_model_gives_the_references_vectors() {
    let bert = Bert::open(&model_folder(), 2).unwrap();
    assert_eq!((bert.dims(), bert.max_tokens()), (384, 256));
    assert!(bert.id().starts_with("minilm-l6-h384-uncased-"), "{}", bert.id());
    let long = "refund policy ".repeat(400);
    let mut expected = GOLDEN.to_vec();
    expected.push((&long, GOLDEN_LONG.0, GOLDEN_LONG.1));
    let texts: Vec<&str> = expected.iter().map(|(text, ..)| *text).collect();
    let vectors = bert.embed(&texts).unwrap();
    for ((text, first, sum), vector) in expected.iter().zip(&vectors) {
        let length: f32 = vector.iter().map(|value| value * value).sum();
        assert!(
            (length - 1.0).abs() < 1e-5,
            "{text}: its vector has the length {length}"
        );
        for (found, wanted) in vector.iter().zip(first) {
            assert!((found - wanted).abs() < 2e-6, "{text}: {found} is not {wanted}");
        }
        let found = checksum(vector);
        assert!(
            (found - sum).abs() < 5e-6,
            "{text}: the checksum {found} is not {sum}"
        );
    }
}

#[test]
fn tokens_are_counted_as_the_model_sees_them() {
    let bert = Bert::open(&model_folder(), 1).unwrap();
    assert_eq!(bert.count("").unwrap(), 0);
    assert_eq!(bert.count("How do I return an item?").unwrap(), 7);
    // `ref ##und policy`
    assert_eq!(bert.count(&"refund policy ".repeat(400)).unwrap(), 1200);
}
