//! Where a text is cut that is longer than the model reads.

use super::*;

#[test]
fn the_longer_of_two_texts_is_cut_first() {
    assert_eq!(text::shares(3, 4, 7), (3, 4));
    assert_eq!(text::shares(3, 40, 10), (3, 7));
    assert_eq!(text::shares(40, 3, 10), (7, 3));
    assert_eq!(text::shares(40, 50, 11), (5, 6));
    assert_eq!(text::shares(50, 40, 11), (6, 5));
}

#[test]
fn the_tokenizers_own_limits_do_not_count_and_ours_does() {
    let bert = Model::new("gelu", "mean_tokens", "").open();
    assert_eq!((bert.max_tokens(), bert.dims()), (32, HIDDEN));
    assert_eq!(bert.count("hello order hi").unwrap(), 4);
    assert_eq!(bert.count(&"hello ".repeat(100)).unwrap(), 100);
    let texts = [
        "hello ".repeat(7),
        "hello ".repeat(8),
        "hello ".repeat(30),
        "hello ".repeat(31),
    ];
    let vectors = bert.embed(&texts.each_ref().map(String::as_str)).unwrap();
    assert_ne!(vectors[0], vectors[1]);
    assert_ne!(vectors[1], vectors[2]);
    assert_eq!(vectors[2], vectors[3]);
    assert!(bert.embed(&[]).unwrap().is_empty());
    let empty = &bert.embed(&[""]).unwrap()[0];
    assert!((empty.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn counting_by_words_gives_what_the_tokenizer_gives() {
    let bert = Model::new("gelu", "mean_tokens", "").open();
    let texts = [
        "hello order hi",
        "  hello\t\torder\r\n hi\u{a0}hello \u{2003} order\u{85}hi",
        "hello,order(hi)! [CLS] x[SEP]hello",
        "h\u{e9}llo \u{1f600}\u{200d}hi \u{4e2d}\u{6587}order \u{3a3}\u{3a3}",
        "",
        " \n ",
    ];
    // Twice: the second time the words are known.
    for text in texts.iter().chain(&texts) {
        assert_eq!(
            bert.count(text).unwrap(),
            bert.text.tokens(text).unwrap(),
            "{text:?}"
        );
    }
}

#[test]
fn a_long_text_is_cut_without_changing_its_tokens() {
    let bert = Model::new("gelu", "mean_tokens", "").open();
    let whole = |text: &str| bert.text.first(text, usize::MAX >> 8).unwrap().get_ids()[..].to_vec();
    let long = "x".repeat(30_000);
    for text in [
        "hello order. ".repeat(4000),
        "我".repeat(20_000),
        long.clone(),
        format!("{long} hello order {long}"),
        format!("{} hello", " ".repeat(60_000)),
        format!("{}[SEP]{}", "a ".repeat(4094), "b ".repeat(9000)),
        "e\u{301}".repeat(20_000),
    ] {
        let wanted = 30;
        let first = bert.text.first(&text, wanted).unwrap();
        let all = whole(&text);
        let share = wanted.min(all.len());
        assert_eq!(first.get_ids()[..share], all[..share]);
    }
    // The cut falls into a word, then into a special token: what stands before it there
    // must not be taken for settled.
    let blank = " ".repeat(8190);
    for (end, id) in [("hello", 5), ("[SEP] a", 3)] {
        let first = bert.text.first(&format!("{blank}{end}"), 1).unwrap();
        assert_eq!(first.get_ids()[0], id, "{end}");
    }
    // A text beyond any reading still gives a vector.
    assert_eq!(bert.embed(&["hello ".repeat(1 << 20).as_str()]).unwrap().len(), 1);
}
