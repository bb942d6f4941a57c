//! What the command says about each kind of file.

use super::{docx, pages, read, read_stdin, zipped};
use crate::support::process::Home;

#[test]
fn a_pdf_is_read_with_its_pages_and_structure() {
    let home = Home::new("extract-pdf");
    let line = |y: u32, size: u32, text: &str| format!("BT /F {size} Tf 50 {y} Td ({text}) Tj ET\n");
    let first = [
        line(780, 20, "Returns"),
        line(
            740,
            10,
            "You can send back what you bought within thirty days of deliv-",
        ),
        line(
            728,
            10,
            "ery, and you get your money back within five working days.",
        ),
        line(700, 14, "What it costs"),
        line(680, 10, "Country"),
        "BT /F 10 Tf 250 680 Td (Cost) Tj ET\n".to_owned(),
        line(665, 10, "Austria"),
        "BT /F 10 Tf 250 665 Td (4.90) Tj ET\n".to_owned(),
        line(30, 8, "Page 1 of 2"),
    ]
    .concat();
    let second = [line(780, 10, "Opened bulbs stay."), line(30, 8, "Page 2 of 2")].concat();
    let read = read(
        &home,
        "a.bin",
        &pages(&[first.as_bytes(), second.as_bytes()]),
        &[],
    );
    assert_eq!(read.exit, Some(0), "{}", read.json);
    let mut keys: Vec<_> = read.json.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["kind", "pages", "text", "title", "warnings"]);
    assert_eq!(read.json["kind"], "pdf");
    assert_eq!(read.json["title"], "Returns");
    assert_eq!(read.json["pages"], 2);
    assert_eq!(read.json["warnings"], serde_json::json!([]));
    assert_eq!(
        read.text(),
        "You can send back what you bought within thirty days of delivery, and you get your money back \
         within five working days.\n\n## What it costs\n\n| Country | Cost |\n| --- | --- |\n| Austria | 4.90 |\n\n\
         Opened bulbs stay.\n"
    );
}

#[test]
fn a_word_document_is_read_with_its_structure() {
    let home = Home::new("extract-docx");
    let run = |text: &str| format!("<w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r>");
    let styled = |style: &str, text: &str| {
        format!(
            "<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr>{}</w:p>",
            run(text)
        )
    };
    let item = |list: u32, level: u32, text: &str| {
        format!(
            "<w:p><w:pPr><w:numPr><w:ilvl w:val=\"{level}\"/><w:numId w:val=\"{list}\"/></w:numPr></w:pPr>{}</w:p>",
            run(text)
        )
    };
    let cell = |text: &str| format!("<w:tc><w:p>{}</w:p></w:tc>", run(text));
    let body = [
        styled("T", "Wood care"),
        styled("H1", "Oil"),
        format!(
            "<w:p>{}<w:del><w:r><w:delText>three</w:delText></w:r></w:del>{}<w:r><w:footnoteReference w:id=\"2\"/></w:r></w:p>",
            run("Oil it "),
            run("twice a year.")
        ),
        item(1, 0, "one"),
        item(1, 1, "inner"),
        item(1, 0, "two"),
        format!("<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>", cell("Care"), cell("Rule"), cell("Cups"), cell("Coasters")),
        format!("<w:p><w:hyperlink r:id=\"r1\" xmlns:r=\"x\">{}</w:hyperlink></w:p>", run("our page")),
        "<w:p><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>".to_owned(),
    ]
    .concat();
    let document = format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
    let styles = "<w:styles xmlns:w=\"w\"><w:style w:styleId=\"T\"><w:name w:val=\"Title\"/></w:style><w:style w:styleId=\"H1\"><w:name w:val=\"heading 1\"/></w:style></w:styles>";
    let numbering = "<w:numbering xmlns:w=\"w\"><w:abstractNum w:abstractNumId=\"7\"><w:lvl w:ilvl=\"0\"><w:start w:val=\"1\"/><w:numFmt w:val=\"decimal\"/><w:lvlText w:val=\"%1.\"/></w:lvl><w:lvl w:ilvl=\"1\"><w:numFmt w:val=\"bullet\"/><w:lvlText w:val=\"o\"/></w:lvl></w:abstractNum><w:num w:numId=\"1\"><w:abstractNumId w:val=\"7\"/></w:num></w:numbering>";
    let notes = "<w:footnotes xmlns:w=\"w\"><w:footnote w:id=\"2\"><w:p><w:r><w:t>In spring and autumn.</w:t></w:r></w:p></w:footnote></w:footnotes>";
    let links = "<Relationships><Relationship Id=\"r1\" Target=\"https://lumen-oak.example/care\" TargetMode=\"External\"/></Relationships>";
    let file = zipped(&[
        ("word/document.xml", document.as_bytes()),
        ("word/styles.xml", styles.as_bytes()),
        ("word/numbering.xml", numbering.as_bytes()),
        ("word/footnotes.xml", notes.as_bytes()),
        ("word/_rels/document.xml.rels", links.as_bytes()),
    ]);
    let read = read(&home, "a.docx", &file, &[]);
    assert_eq!(read.exit, Some(0), "{}", read.json);
    assert_eq!(read.json["kind"], "docx");
    assert_eq!(read.json["title"], "Wood care");
    assert!(read.json["pages"].is_null());
    assert_eq!(
        read.text(),
        "## Oil\n\nOil it twice a year.\\[1\\]\n\n1. one\n    - inner\n2. two\n\n| Care | Rule |\n| --- | --- |\n\
         | Cups | Coasters |\n\n[our page](https://lumen-oak.example/care)\n\nIn a box\n\n\\[1\\] In spring and autumn.\n"
    );
}

#[test]
fn each_kind_is_told_by_what_is_in_it_and_standard_input_serves_too() {
    let home = Home::new("extract-kinds");
    for (name, bytes, kind) in [
        ("a.mdx", "import X from 'x'\n\n# A\n\n<X>text</X>\n", "mdx"),
        ("a.md", "# A\n\ntext\n", "markdown"),
        ("a.txt", "<html><body><p>text</p></body></html>", "html"),
        ("a.html", "Just a text.", "text"),
    ] {
        let read = read(&home, name, bytes.as_bytes(), &[]);
        assert_eq!((read.exit, &read.json["kind"]), (Some(0), &kind.into()), "{name}");
        assert!(
            read.text().contains("text") && !read.text().contains('X'),
            "{name}"
        );
    }
    let read = read_stdin(&home, b"# Title\n\nBy a pipe.\n");
    assert_eq!(read.text(), "By a pipe.\n");
}

#[test]
fn what_cannot_be_read_has_a_code_and_a_sentence() {
    let home = Home::new("extract-codes");
    let locked: Vec<u8> = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        .iter()
        .copied()
        .chain("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let whole = docx("<w:p><w:r><w:t>text</w:t></w:r></w:p>");
    let cases: [(&str, &[u8], &str, &str); 9] = [
        ("a.gif", b"GIF89a\x01\0\x01\0\x80", "unsupported_type", "an image"),
        ("a.md", b" \n", "empty", "empty"),
        ("a.pdf", &pages(&[b"0 0 m"]), "empty", "OCR"),
        (
            "b.pdf",
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nnothing more",
            "corrupt",
            "damaged",
        ),
        ("a.docx", &whole[..whole.len() / 2], "corrupt", "damaged"),
        ("b.docx", &locked, "encrypted", "password"),
        (
            "a.png",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            "unsupported_type",
            "tesseract",
        ),
        ("c.docx", &docx(""), "empty", "No text"),
        (
            "a.txt",
            b"\x00\x01\x02\x03binary",
            "unsupported_type",
            "doesn't hold text",
        ),
    ];
    let without_ocr = [("DESKHAND_KNOWLEDGE_OCR_LANGUAGES", "none")];
    for (name, bytes, code, says) in cases {
        let read = read(&home, name, bytes, &without_ocr);
        assert_eq!((read.exit, read.code()), (Some(2), code), "{name}: {}", read.json);
        let detail = read.json["detail"].as_str().unwrap();
        assert!(detail.contains(says) && detail.ends_with('.'), "{name}: {detail}");
        assert_eq!(read.json.as_object().unwrap().len(), 2);
    }
    let missing = home.run(&["extract", "nowhere.pdf", "--json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stdout).contains("\"unreadable\""));
    let plain = home.run(&["extract", "nowhere.pdf"]);
    assert!(plain.stdout.is_empty() && !plain.stderr.is_empty());
}
