//! Files that are made to hurt: each ends as text or as a typed failure within the
//! limits, and costs the process that asks nothing.

use std::io::Write as _;

use rstest::rstest;

use super::{docx, pages, pdf, read};
use crate::support::process::Home;

/// Small limits, so that the limits and not the files' luck are tested.
const LIMITS: [(&str, &str); 2] = [
    ("DESKHAND_KNOWLEDGE_EXTRACT_SECONDS", "10"),
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
        if self.used % 8 == 0 {
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
    super::zipped(&[("word/document.xml", document.as_bytes())])
}

/// Each paragraph opens again what all before it left open.
fn bold_in_bold() -> Vec<u8> {
    let open: String = (0..900).map(|i| format!("<p><b id={i}>")).collect();
    format!("<html><body>{open}{}", "<p>x".repeat(300_000)).into_bytes()
}
