//! Presentations, workbooks, OpenDocument files, books, e-mails and tables: their structure.

use rstest::rstest;

use super::{read, samples, zipped};
use crate::support::process::Home;

#[rstest]
#[case::pptx("a.pptx", samples::pptx(), "pptx", Some("Returns & refunds"),
    "- Thirty days\n    - [See our page](https://lumen-oak.example/returns)\n\n| Country | Cost |\n| --- | --- |\n| Austria | 4.90 |\n\nA lamp on an oak table\n\nNotes: Say it twice.\n\n## Slide 2\n\nSold\n\n|  | Lamps |\n| --- | --- |\n| May | 12 |\n",
    &["A hidden slide was left out."])]
#[case::xlsx("a.xlsx", samples::xlsx(), "xlsx", None,
    "## Prices\n\nOur prices\n\n| Lamp | Price | Since |\n| --- | --- | --- |\n| Alba \\<S> | 49.90 € | 2024-01-01 |\n",
    &["Hidden sheets were left out: Costs.", "Hidden rows or columns were left out."])]
#[case::charts("a.xlsx", samples::xlsx_with_charts(), "xlsx", None,
    "## Lamps\n\nAlba\n\nSold\n\n|  | Lamps |\n| --- | --- |\n| May | 12 |\n\n## Year\n\nSold\n\n|  | Lamps |\n| --- | --- |\n| May | 12 |\n",
    &[])]
#[case::odt("a.odt", samples::odt(), "odt", Some("Wood care"),
    "## Oil\n\nOil it  twice a [year](https://lumen-oak.example/oil).\\[1\\]\n\n1. sand\n    - fine paper\n2. oil\n\n| Care | Rule |\n| --- | --- |\n| Coasters | Coasters |\n\n\\[1\\] In spring.\n",
    &[])]
#[case::ods("a.ods", samples::ods(), "ods", None,
    "## Prices\n\n| Lamp | Price |\n| --- | --- |\n| S | 4,90 € |\n", &[])]
#[case::epub("a.epub", samples::epub(), "epub", Some("Lamp book"),
    "**Authors:** Ada\n\n# Oak\n\nOil it.\n\n# Bulbs\n\nE27 fits.\n",
    &["A chapter that is missing or damaged was left out."])]
#[case::email("a.eml", samples::email(), "email", Some("Care"),
    "- From: Ada (ada@lumen-oak.example)\n- To: staff@lumen-oak.example\n\nPlease read this.\n\n## care.docx\n\nOil it twice.\n\nAttachments: care.docx\n",
    &[])]
#[case::rtf("a.rtf", samples::rtf(), "rtf", Some("Care"), "Oil it twïce.\n", &[])]
#[case::csv("a.csv", b"Lamp;Price\nS;4,90\n".to_vec(), "csv", None,
    "| Lamp | Price |\n| --- | --- |\n| S | 4,90 |\n", &[])]
fn each_format_keeps_its_structure(
    #[case] name: &str,
    #[case] file: Vec<u8>,
    #[case] kind: &str,
    #[case] title: Option<&str>,
    #[case] text: &str,
    #[case] warnings: &[&str],
) {
    let home = Home::new("extract-office");
    // But for tables of few rows the name doesn't matter.
    let name = if kind == "csv" { name } else { "file" };
    let read = read(&home, name, &file, &[]);
    assert_eq!(read.exit, Some(0), "{}", read.json);
    assert_eq!(read.json["kind"], kind);
    assert_eq!(read.json["title"].as_str(), title);
    assert_eq!(read.text(), text);
    assert_eq!(read.json["warnings"], serde_json::json!(warnings));
}

/// Some formats can write characters that are none; nothing else could store them.
#[test]
fn what_is_no_character_is_left_out() {
    let home = Home::new("extract-office-controls");
    let mail = b"From: ada@lumen-oak.example\r\nTo: staff@lumen-oak.example\r\nSubject: Care\r\nMIME-Version: 1.0\r\n\
                 Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThirty=00 days=07.\r\n";
    let rtf = br"{\rtf1\ansi Thirty\u0? days \'00 of lamps.\par}";
    for (name, bytes) in [("a.eml", &mail[..]), ("a.rtf", rtf)] {
        let read = read(&home, name, bytes, &[]);
        assert_eq!(read.exit, Some(0), "{}", read.json);
        assert!(read.text().contains("Thirty  days"), "{}", read.json);
        assert!(
            !read.text().contains(|c: char| c.is_control() && c != '\n'),
            "{}",
            read.json
        );
    }
}

/// Many authors write a slide's title into a box of its own.
#[test]
fn a_line_at_the_top_of_a_slide_stands_for_its_title() {
    let home = Home::new("extract-office-titles");
    for (boxes, text) in [
        (
            &[&["Wood care"][..], &["Oil it twice."][..]][..],
            "## Wood care\n\nOil it twice.\n",
        ),
        // A slide of nothing else, however its title begins.
        (&[&["Slide shows"]], "## Slide shows\n"),
        (
            &[&["Oil it twice."], &["Wood care"]],
            "## Slide 2\n\nOil it twice.\n\nWood care\n",
        ),
        (&[&["Oil", "Wax"]], "## Slide 2\n\nOil\n\nWax\n"),
    ] {
        let read = read(&home, "file", &samples::pptx_of_boxes(boxes), &[]);
        assert_eq!(read.exit, Some(0), "{}", read.json);
        assert_eq!(read.text(), format!("Thirty days\n\n{text}"), "{boxes:?}");
    }
}

#[test]
fn what_is_locked_old_or_cut_says_what_to_do() {
    let home = Home::new("extract-office-codes");
    let mut old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    old.resize(512, 0);
    old.extend("PowerPoint Document".encode_utf16().flat_map(u16::to_le_bytes));
    old.resize(512 + 64, 0);
    old.extend(40_u16.to_le_bytes());
    old.resize(512 + 128, 0);
    let manifest = "<m:manifest xmlns:m=\"m\"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>";
    let locked = zipped(&[
        ("content.xml", b"\x01\x02"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
    ]);
    let pptx = samples::pptx();
    let xlsx = samples::xlsx();
    let cases: [(&str, &[u8], &str, &str); 5] = [
        ("old.ppt", &old, "unsupported_type", "PowerPoint (.pptx)"),
        ("locked.odt", &locked, "encrypted", "password"),
        ("cut.pptx", &pptx[..pptx.len() / 2], "corrupt", "damaged"),
        ("cut.xlsx", &xlsx[..xlsx.len() - 30], "corrupt", "damaged"),
        ("empty.odt", &samples::odt_of(""), "empty", "No text"),
    ];
    for (name, bytes, code, says) in cases {
        let read = read(&home, name, bytes, &[]);
        assert_eq!((read.exit, read.code()), (Some(2), code), "{name}: {}", read.json);
        let detail = read.json["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{name}: {detail}");
    }
}
