//! Text recognition with the real programs, which `./dev setup` installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use deskhand::knowledge::extract::ocr::Programs;
use deskhand::knowledge::extract::reader::{ReadError, Reader, Settings};
use deskhand::knowledge::sniff::Kind;
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
    let pictures = drawn(text, &["-jpeg"]);
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

/// A PDF's first page as TIFF, which can't be written to a pipe.
fn tiff(text: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("page.pdf"), dir.path().join("page"));
    std::fs::write(&from, text).unwrap();
    let mut draw = Command::new(program("pdftoppm"));
    draw.args(["-tiff", "-singlefile", "-r", "150"])
        .arg(&from)
        .arg(&to);
    assert!(draw.status().unwrap().success());
    std::fs::read(to.with_extension("tif")).unwrap()
}

/// The pages of a PDF as pictures of this kind, one behind the other.
fn drawn(text: &[u8], kind: &[&str]) -> Vec<u8> {
    let mut child = Command::new(program("pdftoppm"))
        .args(kind)
        .args(["-r", "150", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[tokio::test]
async fn a_picture_by_itself_is_read_where_it_can_be() {
    let text = [
        line(760, 26, "Opening hours"),
        line(
            700,
            12,
            "The shop in Graz is open from Monday to Friday, nine to six,",
        ),
        line(
            684,
            12,
            "and on Saturdays from ten to four. On holidays it stays closed.",
        ),
    ]
    .concat();
    let page = pages(&[text.as_bytes()]);
    for (kind, name) in [
        ("-png", "sign.png"),
        ("-jpeg", "sign.jpg"),
        ("-tiff", "sign.tiff"),
    ] {
        let picture = match kind {
            "-tiff" => tiff(&page),
            _ => drawn(&page, &[kind]),
        };
        let read = reader(programs()).read(&picture, name).await.unwrap();
        println!("{name}: {:?}\n{}", read.title, read.markdown);
        assert_eq!(read.kind, Kind::Picture, "{name}");
        let all = format!("{} {}", read.title.unwrap_or_default(), read.markdown);
        assert!(
            all.contains("Opening hours") && all.contains("Saturdays from ten to four"),
            "{name}: {all}"
        );
        assert!(read.warnings[0].contains("OCR"), "{:?}", read.warnings);
        let without = Reader::new(reading()).read(&picture, name).await;
        assert!(
            matches!(without, Err(ReadError::Unfit(Unfit::Picture))),
            "{name}: {without:?}"
        );
        // What is cut off is read as far as it goes, or refused; nothing hangs or breaks.
        let cut = reader(programs()).read(&picture[..picture.len() / 3], name).await;
        assert!(
            matches!(
                &cut,
                Ok(_) | Err(ReadError::Unfit(Unfit::Corrupt | Unfit::Wordless))
            ),
            "{name}: {cut:?}"
        );
    }
    let blank = drawn(&pages(&[b"0 0 m"]), &["-png"]);
    let read = reader(programs()).read(&blank, "blank.png").await;
    assert!(matches!(read, Err(ReadError::Unfit(Unfit::Wordless))), "{read:?}");
    // A picture of half a million by half a million points, in 70 bytes.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x08\0\0\0\x08\0\0\x08\x02\0\0\0".to_vec();
    bomb.extend([0; 40]);
    let read = reader(programs()).read(&bomb, "bomb.png").await;
    assert!(matches!(read, Err(ReadError::Unfit(_))), "{read:?}");
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
