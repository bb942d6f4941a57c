//! Text recognition with the real programs, which `./dev setup` installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use deskhand::knowledge::extract::ocr::Programs;
use deskhand::knowledge::extract::reader::{ReadError, Reader, Settings};
use deskhand::knowledge::unfit::Unfit;

use super::{pages, pdf};
use crate::support::knowledge::reading;

fn program(name: &str) -> PathBuf {
    let path = Path::new("/usr/bin").join(name);
    assert!(path.exists(), "{name} is missing; ./dev setup installs it");
    path
}

fn programs() -> Programs {
    Programs {
        pdftoppm: program("pdftoppm"),
        tesseract: program("tesseract"),
        languages: "deu+eng".to_owned(),
        pages: 10,
        time: Duration::from_secs(240),
    }
}

fn reader(programs: Programs) -> Reader {
    Reader::new(Settings {
        ocr: Some(programs),
        ..reading()
    })
}

/// A PDF whose pages are pictures of another's.
fn scanned(text: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program("pdftoppm"))
        .args(["-jpeg", "-r", "150", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text).unwrap();
    let pictures = child.wait_with_output().unwrap().stdout;
    // One JPEG behind the other; each begins with its mark and a segment.
    let starts: Vec<usize> = pictures
        .windows(4)
        .enumerate()
        .filter(|(_, w)| w[..3] == [0xff, 0xd8, 0xff] && w[3] == 0xe0)
        .map(|(i, _)| i)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([pictures.len()]);
    let kids: Vec<String> = (0..starts.len()).map(|i| format!("{} 0 R", 3 + 3 * i)).collect();
    let tree = format!(
        "<< /Type /Pages /Kids [{}] /Count {} >>",
        kids.join(" "),
        kids.len()
    );
    let heads: Vec<String> = (0..starts.len())
        .map(|i| {
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R /Resources << /XObject << /I {} 0 R >> >> >>",
                4 + 3 * i,
                5 + 3 * i
            )
        })
        .collect();
    let mut objects: Vec<(&str, &[u8])> = vec![("<< /Type /Catalog /Pages 2 0 R >>", b""), (&tree, b"")];
    for ((head, start), end) in heads.iter().zip(&starts).zip(ends) {
        objects.push((head, b""));
        objects.push(("<< >>", b"595 0 0 842 0 0 cm /I Do"));
        objects.push((
            "<< /Type /XObject /Subtype /Image /Width 1240 /Height 1755 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode >>",
            &pictures[*start..end],
        ));
    }
    pdf(&objects)
}

fn line(y: u32, size: u32, text: &str) -> String {
    format!("BT /F {size} Tf 60 {y} Td ({text}) Tj ET\n")
}

#[tokio::test]
async fn pages_that_are_pictures_are_read_with_their_structure() {
    let first = [
        line(760, 26, "Care of oak"),
        line(
            700,
            12,
            "Oil the table twice a year, best in spring and in autumn, and let",
        ),
        line(
            684,
            12,
            "it dry for a whole day before you put anything on it again.",
        ),
    ]
    .concat();
    // Umlauts in the font's own encoding.
    let second = line(
        760,
        12,
        "R\\374ckgabe innerhalb von drei\\337ig Tagen, f\\374r \\326sterreich.",
    );
    let file = scanned(&pages(&[first.as_bytes(), second.as_bytes()]));
    let read = reader(programs()).read(&file, "scan.pdf").await.unwrap();
    println!("{:?}\n{}", read.title, read.markdown);
    assert_eq!(read.title.as_deref(), Some("Care of oak"));
    assert!(
        read.markdown.starts_with(
            "Oil the table twice a year, best in spring and in autumn, and let it dry for a whole day"
        ),
        "{}",
        read.markdown
    );
    assert!(
        read.markdown
            .contains("Rückgabe innerhalb von dreißig Tagen, für Österreich."),
        "{}",
        read.markdown
    );
    assert_eq!(read.pages.len(), 2);
    let place = read.markdown.find("Rückgabe").unwrap();
    assert_eq!(read.page_at(place), Some(2));
    assert!(read.warnings[0].contains("OCR"), "{:?}", read.warnings);

    let one = Programs {
        pages: 1,
        ..programs()
    };
    let read = reader(one).read(&file, "scan.pdf").await.unwrap();
    assert!(!read.markdown.contains("Rückgabe"));
    assert!(
        read.warnings.iter().any(|w| w.contains("first 1 pages")),
        "{:?}",
        read.warnings
    );
}

#[tokio::test]
async fn pictures_without_words_and_machines_without_tesseract_say_so() {
    let blank = scanned(&pages(&[b"0 0 m"]));
    let read = reader(programs()).read(&blank, "scan.pdf").await;
    assert!(
        matches!(read, Err(ReadError::Unfit(Unfit::Illegible))),
        "{read:?}"
    );
    let without = Reader::new(reading()).read(&blank, "scan.pdf").await.unwrap_err();
    assert!(without.to_string().contains("tesseract"), "{without}");
    let unknown = Programs {
        languages: "xxx".to_owned(),
        ..programs()
    };
    let text = scanned(&pages(&[line(700, 14, "Thirty days.").as_bytes()]));
    let read = reader(unknown).read(&text, "scan.pdf").await;
    assert!(matches!(read, Err(ReadError::Unfit(Unfit::Scanned))), "{read:?}");
    let partly = Programs {
        languages: "xxx+eng".to_owned(),
        ..programs()
    };
    let read = reader(partly).read(&text, "scan.pdf").await.unwrap();
    assert!(
        read.markdown.contains("Thirty days") || read.title.as_deref() == Some("Thirty days."),
        "{read:?}"
    );
    assert!(
        read.warnings.iter().any(|w| w.contains("tesseract-ocr-xxx")),
        "{:?}",
        read.warnings
    );
}
