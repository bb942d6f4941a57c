//! Files that are made to hurt: each ends as text or as a typed failure within the
//! limits, and costs the process that asks nothing.

use std::io::Write as _;

use rstest::rstest;

use super::{docx, pages, pdf, read, samples, zipped};
use crate::support::process::Home;

/// Small limits, so that the limits and not the files' luck are tested.
const LIMITS: [(&str, &str); 2] = [
    ("DESKHAND_KNOWLEDGE_EXTRACT_SECONDS", "20"),
    ("DESKHAND_KNOWLEDGE_EXTRACT_MEMORY_MB", "512"),
];

/// What the asking process may hold beyond its usual: the file, twice, and some MB.
fn allowed_kb(file: usize) -> u64 {
    (2 * file / 1024) as u64 + 8 * 1024
}

#[rstest]
#[case::form_in_itself(form_in_itself(), &["corrupt", "empty", "too_slow", "too_much_memory"])]
#[case::pages_in_a_circle(pages_in_a_circle(), &["corrupt", "empty", "too_slow", "too_much_memory"])]
#[case::gigabytes_of_blanks(gigabytes(), &["too_much_memory", "too_slow", "empty", "corrupt"])]
#[case::operators(pages(&[&b"q ".repeat(4_000_000)]), &["too_much_memory", "too_slow", "empty", "corrupt"])]
#[case::letters(pages(&[&b"BT /F 9 Tf 50 50 Td (a) Tj ET\n".repeat(400_000)]), &["too_much_memory", "too_slow"])]
#[case::arrays_in_arrays(pages(&[&b"[".repeat(2_000_000)]), &["corrupt", "empty", "too_slow", "too_much_memory"])]
#[case::objects_in_objects(objects_in_objects(), &["corrupt", "empty", "too_slow", "too_much_memory"])]
#[case::packed_blanks(packed(b' ', 400 << 20), &["too_large"])]
#[case::entities(entities(), &["empty", "corrupt"])]
#[case::controls_in_controls(docx(&"<w:sdt>".repeat(300_000)), &["corrupt"])]
#[case::tables_in_tables(docx(&"<w:tbl><w:tr><w:tc>".repeat(50_000)), &["corrupt"])]
#[case::elements_in_elements("<html><div>".repeat(100_000).into_bytes(), &["corrupt"])]
#[case::bold_in_bold(bold_in_bold(), &["corrupt", "too_slow", "too_much_memory"])]
#[case::lines("a\n".repeat(300_000).into_bytes(), &[])]
#[case::quotes_in_quotes(format!("# A\n\n{}text\n", "> ".repeat(100_000)).into_bytes(), &["too_slow", "too_much_memory", "corrupt"])]
#[case::brackets(format!("# A\n\n{}", "[a](".repeat(200_000)).into_bytes(), &["too_slow", "too_much_memory"])]
#[case::one_cell_at_the_end(samples::xlsx_of("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c></row>", ""), &[])]
#[case::a_diagonal(diagonal(), &["too_large"])]
#[case::shared_strings(samples::xlsx_of("<row><c t=\"s\"><v>0</v></c></row>", &"<si/>".repeat(5_000_000)), &["too_large"])]
#[case::one_string_everywhere(one_string_everywhere(), &["too_large"])]
#[case::merged_cells(merged_cells(), &["too_large"])]
#[case::entities_in_a_sheet(entities_in("xl/workbook.xml"), &["empty", "corrupt"])]
#[case::entities_in_a_text(entities_in("content.xml"), &["empty", "corrupt"])]
#[case::groups_in_groups(groups_in_groups(), &["corrupt"])]
#[case::repeated_rows(repeated_rows(), &["too_large"])]
#[case::lists_in_lists(samples::odt_of(&"<text:list><text:list-item>".repeat(100_000)), &["corrupt"])]
#[case::notes_in_notes(notes_in_notes(), &["corrupt"])]
#[case::many_parts(many_parts(), &[])]
#[case::mails_in_mails(mails_in_mails(), &["corrupt", "too_much_memory", "too_slow"])]
#[case::parts_in_parts(parts_in_parts(), &["corrupt", "too_much_memory", "too_slow", "empty"])]
#[case::packed_in_a_mail(packed_in_a_mail(), &[])]
#[case::rtf_groups(format!("{{\\rtf1 {}", "{\\b x".repeat(2_000_000)).into_bytes(), &["corrupt"])]
#[case::rtf_cells(format!("{{\\rtf1 {}}}", "\\intbl\\cell".repeat(1_500_000)).into_bytes(), &["too_large", "empty"])]
#[case::quotes_in_a_table(format!("a,b,c\n{}", "\"".repeat(10_000_000)).into_bytes(), &["empty", "corrupt", "too_slow", "too_much_memory"])]
#[case::many_columns(format!("{}\n", ",".repeat(15_000_000)).into_bytes(), &["empty", "too_large", "too_slow"])]
#[case::a_wide_row(wide_row(), &["too_large"])]
#[case::many_chapters(many_chapters(), &["too_large"])]
fn a_hostile_file_hurts_nobody(#[case] bytes: Vec<u8>, #[case] codes: &[&str]) {
    let home = Home::new("extract-bomb");
    let usual = read(&home, "small.md", b"# A\n\ntext\n", &LIMITS).peak_kb;
    let read = read(&home, "bomb", &bytes, &LIMITS);
    println!(
        "{} {} bytes of text, {} kB more than usual, for {} bytes",
        read.code(),
        read.text().len(),
        read.peak_kb.saturating_sub(usual),
        bytes.len()
    );
    match read.exit {
        Some(0) => assert!(!read.text().is_empty()),
        other => {
            assert_eq!(other, Some(2), "{}", read.json);
            assert!(codes.contains(&read.code()), "{}", read.json);
        }
    }
    // A text that was found is held by who asked for it.
    let more = allowed_kb(bytes.len()) + 4 * read.text().len() as u64 / 1024;
    assert!(
        read.peak_kb < usual + more,
        "{} kB where {usual} are usual, for a file of {} bytes",
        read.peak_kb,
        bytes.len()
    );
}

/// A form that draws itself.
fn form_in_itself() -> Vec<u8> {
    pdf(&[
        ("<< /Type /Catalog /Pages 2 0 R >>", b""),
        ("<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b""),
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>",
            b"",
        ),
        ("<< >>", b"/X Do"),
        (
            "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >> >>",
            b"/X Do /X Do",
        ),
    ])
}

/// Pages that are their own children and parents.
fn pages_in_a_circle() -> Vec<u8> {
    pdf(&[
        ("<< /Type /Catalog /Pages 2 0 R >>", b""),
        (
            "<< /Type /Pages /Kids [2 0 R 3 0 R 3 0 R] /Count 99999999 /Parent 3 0 R >>",
            b"",
        ),
        (
            "<< /Type /Pages /Kids [2 0 R 4 0 R] /Count 1 /Parent 2 0 R >>",
            b"",
        ),
        ("<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>", b""),
        ("<< >>", b"BT (text) Tj ET"),
    ])
}

fn objects_in_objects() -> Vec<u8> {
    let deep = format!("<< /A {} >>", "<< /B [".repeat(200_000));
    pdf(&[
        ("<< /Type /Catalog /Pages 2 0 R /Names 3 0 R >>", b""),
        ("<< /Type /Pages /Kids [] /Count 0 >>", b""),
        (&deep, b""),
    ])
}

/// A packed run of one byte, by hand: packing gigabytes would take the test its time.
fn run(byte: u8, length: u64) -> Vec<u8> {
    // One block with the fixed code: the byte, then copies of 258 of it, 13 bits each.
    let mut bits = Bits::default();
    bits.low_first(0b011, 3);
    bits.high_first(0x30 + u32::from(byte), 8);
    let copies = (length - 1) / 258;
    for _ in 0..copies {
        bits.high_first(0b1100_0101, 8);
        bits.high_first(0, 5);
    }
    bits.high_first(0, 7);
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, bit: u8) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        *self.bytes.last_mut().unwrap() |= bit << (self.used % 8);
        self.used += 1;
    }

    fn low_first(&mut self, value: u32, count: u32) {
        (0..count).for_each(|i| self.push((value >> i & 1) as u8));
    }

    fn high_first(&mut self, value: u32, count: u32) {
        (0..count).rev().for_each(|i| self.push((value >> i & 1) as u8));
    }
}

/// Some kB that are packed twice, and are 2.5 GB in the end.
fn gigabytes() -> Vec<u8> {
    let zlib = |packed: Vec<u8>| [b"\x78\x9c".as_slice(), &packed, &[0; 4]].concat();
    let inner = zlib(run(b' ', 2_500_000_000));
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("a", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(&inner).unwrap();
    let file = zip.finish().unwrap().into_inner();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&file)).unwrap();
    let entry = archive.by_index(0).unwrap();
    let start = usize::try_from(entry.data_start().unwrap()).unwrap();
    let outer = file[start..start + usize::try_from(entry.compressed_size()).unwrap()].to_vec();
    let stream = zlib(outer);
    assert!(stream.len() < 600_000, "{} bytes", stream.len());
    pdf(&[
        ("<< /Type /Catalog /Pages 2 0 R >>", b""),
        ("<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b""),
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> >>",
            b"",
        ),
        ("<< /Filter [/FlateDecode /FlateDecode] >>", &stream),
    ])
}

/// A Word document whose text is a run that claims to be small.
fn packed(byte: u8, length: u64) -> Vec<u8> {
    let name = b"word/document.xml";
    let data = run(byte, length);
    let field = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let head = [
        b"\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".as_slice(),
        &field(data.len()),
        // A lie: as many as anybody would read.
        &field(1000),
        &[name.len() as u8, 0, 0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04".as_slice(), &head, name, &data].concat();
    let central = [
        b"PK\x01\x02\x14\0".as_slice(),
        &head,
        &[0; 14 - 4],
        &field(0),
        name,
    ]
    .concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &field(central.len()),
        &field(local.len()),
        &[0; 2],
    ]
    .concat();
    [local, central, end].concat()
}

/// Entities that stand for ten of the one before.
fn entities() -> Vec<u8> {
    let mut declared = "<!ENTITY a0 \"lamp\">".to_owned();
    for i in 1..30 {
        let ten = format!("&a{};", i - 1).repeat(10);
        declared.push_str(&format!("<!ENTITY a{i} \"{ten}\">"));
    }
    let document = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE d [{declared}]><w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>&a29;</w:t></w:r></w:p></w:body></w:document>"
    );
    zipped(&[("word/document.xml", document.as_bytes())])
}

/// As above, in another part and dialect.
fn entities_in(part: &str) -> Vec<u8> {
    let mut declared = "<!ENTITY a0 \"lamp\">".to_owned();
    for i in 1..30 {
        declared.push_str(&format!(
            "<!ENTITY a{i} \"{}\">",
            format!("&a{};", i - 1).repeat(10)
        ));
    }
    let document = format!(
        "<!DOCTYPE d [{declared}]><d><body><text><p>&a29;</p></text></body><sheets>&a29;</sheets></d>"
    );
    zipped(&[(part, document.as_bytes())])
}

/// Each row has one cell, one further to the right.
fn diagonal() -> Vec<u8> {
    let name = |mut n: u32| {
        let mut letters = String::new();
        while n > 0 {
            letters.insert(0, char::from(b'A' + ((n - 1) % 26) as u8));
            n = (n - 1) / 26;
        }
        letters
    };
    let rows: String = (1..=16_000)
        .map(|i| {
            format!(
                "<row r=\"{i}\"><c r=\"{c}{i}\"><v>1</v></c><c r=\"{d}{i}\"><v>2</v></c></row>",
                c = name(i),
                d = name(i + 1)
            )
        })
        .collect();
    samples::xlsx_of(&rows, "")
}

/// A long string that many cells show.
fn one_string_everywhere() -> Vec<u8> {
    let shared = format!("<si><t>{}</t></si>", "lamp ".repeat(200_000));
    samples::xlsx_of(&"<row><c t=\"s\"><v>0</v></c></row>".repeat(200_000), &shared)
}

/// Cells that are each merged over a whole sheet.
fn merged_cells() -> Vec<u8> {
    let cells = "<row><c><v>1</v></c><c><v>2</v></c></row>".repeat(50_000);
    let merged = "<mergeCell ref=\"A1:XFD1048576\"/>".repeat(90_000);
    samples::xlsx_of(
        &format!("{cells}</sheetData><mergeCells>{merged}</mergeCells><sheetData>"),
        "",
    )
}

/// Shapes in groups in groups.
fn groups_in_groups() -> Vec<u8> {
    let slide = format!("<p:sld><p:cSld><p:spTree>{}", "<p:grpSp>".repeat(300_000));
    let main = "<Relationships><Relationship Id=\"a\" Type=\"x/slide\" Target=\"s.xml\"/></Relationships>";
    zipped(&[
        (
            "ppt/presentation.xml",
            b"<p><sldIdLst><sldId id=\"a\"/></sldIdLst></p>",
        ),
        ("ppt/_rels/presentation.xml.rels", main.as_bytes()),
        ("ppt/s.xml", slide.as_bytes()),
    ])
}

/// A row of a thousand columns, a million times.
fn repeated_rows() -> Vec<u8> {
    let row = "<table:table-row table:number-rows-repeated=\"1048576\"><table:table-cell table:number-columns-repeated=\"16384\"><text:p>lamp</text:p></table:table-cell></table:table-row>";
    samples::odt_of(&format!("<table:table>{}</table:table>", row.repeat(50)))
}

/// Notes that are in each other.
fn notes_in_notes() -> Vec<u8> {
    samples::odt_of(&"<text:p>a<text:note><text:note-body>".repeat(100_000))
}

/// A mail of ten thousand parts.
fn many_parts() -> Vec<u8> {
    let part = "--x\r\nContent-Type: text/plain; name=\"a.txt\"\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\nThirty days.\r\n";
    format!(
        "From: a@x.example\r\nTo: b@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n{}--x--\r\n",
        part.repeat(10_000)
    )
    .into_bytes()
}

/// A mail in a mail in a mail …
fn mails_in_mails() -> Vec<u8> {
    let mail =
        "From: a@x.example\r\nTo: b@x.example\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n";
    format!("{}Subject: last\r\n\r\nThirty days.\r\n", mail.repeat(100_000)).into_bytes()
}

/// Parts in parts in parts.
fn parts_in_parts() -> Vec<u8> {
    let mut mail = "From: a@x.example\r\nTo: b@x.example\r\nMIME-Version: 1.0\r\n".to_owned();
    for i in 0..50_000 {
        mail.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"
        ));
    }
    mail.push_str("\r\nThirty days.\r\n");
    mail.into_bytes()
}

/// A document that inflates, as an attachment: the mail's own text is read.
fn packed_in_a_mail() -> Vec<u8> {
    use base64::Engine as _;
    let bomb = base64::engine::general_purpose::STANDARD.encode(packed(b' ', 400 << 20));
    format!(
        "From: a@x.example\r\nTo: b@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nThirty days.\r\n--x\r\nContent-Type: application/octet-stream; name=\"a.docx\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{bomb}\r\n--x--\r\n"
    )
    .into_bytes()
}

/// One row of very many cells, and very many of one.
fn wide_row() -> Vec<u8> {
    format!("{}\n{}", "a;".repeat(16_000), "b;c\n".repeat(100_000)).into_bytes()
}

/// A book whose spine names one long chapter under many names.
fn many_chapters() -> Vec<u8> {
    let chapter = format!("<html><body><p>{}</p></body></html>", "lamp ".repeat(100_000));
    let names: Vec<String> = (0..200).map(|i| format!("c{i}.xhtml")).collect();
    let items: String = names
        .iter()
        .map(|n| format!("<item id=\"{n}\" href=\"{n}\" media-type=\"application/xhtml+xml\"/>"))
        .collect();
    let spine: String = names
        .iter()
        .map(|n| format!("<itemref idref=\"{n}\"/>"))
        .collect();
    let book = format!("<package><metadata/><manifest>{items}</manifest><spine>{spine}</spine></package>");
    let mut parts: Vec<(&str, &[u8])> = vec![("book.opf", book.as_bytes())];
    parts.extend(names.iter().map(|n| (n.as_str(), chapter.as_bytes())));
    zipped(&parts)
}

/// Each paragraph opens again what all before it left open.
fn bold_in_bold() -> Vec<u8> {
    let open: String = (0..900).map(|i| format!("<p><b id={i}>")).collect();
    format!("<html><body>{open}{}", "<p>x".repeat(300_000)).into_bytes()
}
