//! Text recognition, for pages that are pictures and for pictures by themselves: poppler's
//! `pdftoppm` draws pages, one after the other, and `tesseract` says which words stand where.
//! Both run under the limits of the process that starts them, and neither writes a file.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::page::{self, Page, Piece};
use super::{Document, document};
use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::unfit::Unfit;

/// A page's longer side, in points of its picture: what A4 has at 300 a inch.
const SIDE: usize = 3508;
/// A page at most, in bytes: one for each point.
const MOST_PICTURE: usize = SIDE * SIDE;
/// The picture's points to the inch, where the page is an A4.
const RESOLUTION: f64 = 300.0;
/// Words that it is less sure of than this, of 100, are noise.
const LEAST_SURE: f64 = 25.0;
/// A page whose words it is less sure of than this, on the whole, is hard to read.
const SURE: f64 = 65.0;
/// Letters that are larger than the page's usual ones by this are a heading's.
const LARGER: f64 = 1.3;
/// Remarks of the programs at most, in bytes.
const REMARKS: u64 = 16 << 10;

/// What recognises text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// Draws pages.
    pub pdftoppm: PathBuf,
    /// Reads pictures.
    pub tesseract: PathBuf,
    /// The languages that it looks for, as it calls them: `deu+eng`.
    pub languages: String,
    /// Pages at most.
    pub pages: usize,
    /// Time for a document; what is read by then is what there is.
    pub time: Duration,
}

/// What a page's words are worth.
#[derive(Default)]
struct Recognised {
    page: Page,
    words: usize,
    sure: f64,
}

/// Reads a document's pages.
///
/// # Errors
/// When there is no text on them, or the programs can't run.
pub fn read(programs: &Programs, bytes: &[u8]) -> Result<Document, Unfit> {
    // Time is left for what comes after the last page.
    let end = Instant::now() + programs.time * 4 / 5;
    let mut child = Command::new(&programs.pdftoppm)
        .args(["-gray", "-scale-to", &SIDE.to_string(), "-l"])
        .arg((programs.pages + 1).to_string())
        .arg("-")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| Unfit::Scanned)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut warnings = Vec::new();
    let done = std::thread::scope(|scope| {
        scope.spawn(move || {
            // It may end before it has read everything.
            let _ = stdin.map(|mut pipe| pipe.write_all(bytes));
        });
        let pages = stdout.map_or(Ok(Vec::new()), |pipe| {
            pages(programs, &mut BufReader::new(pipe), end, &mut warnings)
        });
        // Whatever it still has to draw isn't wanted.
        let _ = child.kill();
        pages
    });
    let _ = child.wait();
    let read = done?;
    if read.iter().all(|r| r.words == 0) {
        return Err(Unfit::Illegible);
    }
    warnings.insert(
        0,
        "The document's pages are pictures. Their text was recognised (OCR), and may have mistakes."
            .to_owned(),
    );
    Ok(written(read, warnings))
}

/// Reads a picture by itself; a TIFF file may hold several pages.
///
/// # Errors
/// When there is no text on it, it is damaged, or the program can't run.
pub fn picture_alone(programs: &Programs, bytes: &[u8]) -> Result<Document, Unfit> {
    let (table, remarks) = recognise(programs, bytes)?;
    let mut read: Vec<Recognised> = pages_of(&table).map(|page| words(&page)).collect();
    if read.is_empty() {
        // It says nothing at all of what it can't open.
        return Err(Unfit::Corrupt);
    }
    let mut warnings =
        vec!["The file is a picture. Its text was recognised (OCR), and may have mistakes.".to_owned()];
    warnings.extend(missing(&remarks).map(no_data));
    if read.len() > programs.pages {
        read.truncate(programs.pages);
        warnings.push(format!("Only the first {} pages were read.", programs.pages));
    }
    // In photographs it sees words everywhere, and is sure of few of them.
    for page in &mut read {
        if page.sure < SURE * page.words as f64 {
            *page = Recognised::default();
        }
    }
    if read.iter().all(|r| r.words == 0) {
        return Err(Unfit::Wordless);
    }
    Ok(written(read, warnings))
}

/// What was recognised, as a document.
fn written(read: Vec<Recognised>, mut warnings: Vec<String>) -> Document {
    let hard: Vec<String> = read
        .iter()
        .enumerate()
        .filter(|(_, r)| r.words > 0 && r.sure / (r.words as f64) < SURE)
        .map(|(i, _)| (i + 1).to_string())
        .collect();
    if !hard.is_empty() {
        let shown = hard.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        warnings.push(format!("Hard to read: page {shown}."));
    }
    let sizes: Vec<Page> = read.into_iter().map(|r| r.page).collect();
    let lines = sizes.iter().map(page::lines).collect();
    let mut document = document(&sizes, lines, None);
    document.warnings = warnings;
    document
}

fn no_data(language: &str) -> String {
    format!("tesseract has no data for \"{language}\" (Debian: tesseract-ocr-{language}).")
}

fn pages(
    programs: &Programs,
    source: &mut impl BufRead,
    end: Instant,
    warnings: &mut Vec<String>,
) -> Result<Vec<Recognised>, Unfit> {
    let mut read = Vec::new();
    let mut size = 0;
    while let Some(picture) = picture(source) {
        if read.len() >= programs.pages {
            warnings.push(format!("Only the first {} pages were read.", programs.pages));
            break;
        }
        if Instant::now() > end {
            warnings.push(format!(
                "Only the first {} pages could be read within {} seconds.",
                read.len(),
                programs.time.as_secs()
            ));
            break;
        }
        let (table, remarks) = recognise(programs, &picture.bytes)?;
        for warning in missing(&remarks).map(no_data) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        let rows = table.lines().skip(1).collect();
        let words = words(&Rows {
            width: picture.width as f64,
            height: picture.height as f64,
            rows,
        });
        size += words.page.pieces.iter().map(|p| p.text.len() + 1).sum::<usize>();
        if size > MOST_TEXT {
            return Err(Unfit::too_much_text());
        }
        read.push(words);
    }
    Ok(read)
}

/// A page as points from black to white.
struct Picture {
    width: usize,
    height: usize,
    /// With its head, as `tesseract` takes it.
    bytes: Vec<u8>,
}

/// The next page; None at the end, or when what comes is no picture.
fn picture(source: &mut impl BufRead) -> Option<Picture> {
    let mut head = Vec::new();
    let mut numbers = Vec::new();
    while numbers.len() < 3 {
        let start = head.len();
        source.by_ref().take(64).read_until(b'\n', &mut head).ok()?;
        let line = std::str::from_utf8(&head[start..]).ok()?.trim();
        if line.is_empty() {
            return None;
        }
        if !line.starts_with(['#', 'P']) {
            numbers.extend(line.split(' ').map_while(|n| n.parse::<usize>().ok()));
        }
    }
    let [width, height, 255] = numbers[..] else {
        return None;
    };
    let length = width.checked_mul(height).filter(|l| *l <= MOST_PICTURE)?;
    let mut bytes = head;
    let whole = bytes.len() + length;
    source.by_ref().take(length as u64).read_to_end(&mut bytes).ok()?;
    (bytes.len() == whole).then_some(Picture { width, height, bytes })
}

/// What `tesseract` says of a picture, and its remarks.
fn recognise(programs: &Programs, picture: &[u8]) -> Result<(String, String), Unfit> {
    let mut child = Command::new(&programs.tesseract)
        .args(["-", "-", "-l", &programs.languages, "--psm", "1", "--dpi", "300"])
        .args(["-c", "tessedit_create_tsv=1"])
        .env_clear()
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| Unfit::Scanned)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (table, remarks) = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = stdin.map(|mut pipe| pipe.write_all(picture));
        });
        let remarks = scope.spawn(move || text_of(stderr, REMARKS));
        let table = text_of(stdout, 4 * MOST_TEXT as u64);
        let _ = child.kill();
        (table, remarks.join().unwrap_or_default())
    });
    let _ = child.wait();
    if remarks.contains("couldn't load any languages") {
        return Err(Unfit::Scanned);
    }
    Ok((table, remarks))
}

fn text_of(pipe: Option<impl Read>, most: u64) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(most).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The languages that it lacks.
fn missing(remarks: &str) -> impl Iterator<Item = &str> {
    remarks
        .lines()
        .filter_map(|l| l.split_once("Failed loading language '")?.1.split('\'').next())
}

/// What it said of one page, in points of the picture.
struct Rows<'a> {
    width: f64,
    height: f64,
    rows: Vec<&'a str>,
}

/// What it said, page by page: each begins with a row of its own.
fn pages_of(table: &str) -> impl Iterator<Item = Rows<'_>> {
    let mut pages: Vec<Rows<'_>> = Vec::new();
    for row in table.lines().skip(1) {
        if row.starts_with("1\t") {
            let side = |n| row.split('\t').nth(n).and_then(|n| n.parse().ok()).unwrap_or(0.0);
            pages.push(Rows {
                width: side(8),
                height: side(9),
                rows: Vec::new(),
            });
        } else if let Some(page) = pages.last_mut() {
            page.rows.push(row);
        }
    }
    pages.into_iter()
}

/// Words with their places, as a page of letters has them.
fn words(said: &Rows<'_>) -> Recognised {
    let points = |n: f64| n * 72.0 / RESOLUTION;
    let mut read = Recognised {
        page: Page {
            width: points(said.width),
            height: points(said.height),
            pieces: Vec::new(),
        },
        ..Recognised::default()
    };
    // For each word its paragraph, and for each line its top and bottom.
    let mut paragraphs: Vec<Vec<f64>> = Vec::new();
    let mut of: Vec<usize> = Vec::new();
    let mut line = (0.0, 0.0);
    for row in &said.rows {
        let cells: Vec<&str> = row.splitn(12, '\t').collect();
        let [level, _, _, _, _, _, left, top, wide, high, sure, text] = cells[..] else {
            continue;
        };
        let number = |n: &str| n.parse::<f64>().ok().filter(|n| n.is_finite()).unwrap_or(0.0);
        let (left, top, wide, high) = (number(left), number(top), number(wide), number(high));
        match level {
            "3" => paragraphs.push(Vec::new()),
            "4" => {
                line = (top, top + high);
                if let Some(lines) = paragraphs.last_mut() {
                    lines.push(high);
                }
            }
            "5" => {
                let text = text.trim();
                if text.is_empty() || number(sure) < LEAST_SURE {
                    continue;
                }
                read.words += 1;
                read.sure += number(sure);
                of.push(paragraphs.len().saturating_sub(1));
                // Below the base line is about a fifth.
                let base = line.1 - 0.2 * (line.1 - line.0);
                read.page.pieces.push(Piece::new(
                    (points(left), points(base)),
                    (1.0, 0.0),
                    points(wide),
                    0.0,
                    text.to_owned(),
                ));
            }
            _ => {}
        }
    }
    // Lines differ by which letters are in them; a paragraph's letters have one size, and
    // most paragraphs of a page the same.
    let sizes: Vec<f64> = paragraphs.iter().map(|lines| median(lines.clone())).collect();
    let usual = median(of.iter().map(|p| sizes[*p]).collect());
    for (piece, paragraph) in read.page.pieces.iter_mut().zip(of) {
        let size = sizes[paragraph];
        let size = if size > LARGER * usual { size } else { usual };
        piece.size = points(size) * 0.85;
    }
    read
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_taken_one_by_one_and_only_whole() {
        let mut source: &[u8] = b"P5\n2 1\n255\nabP5\n# by x\n1 1\n255\ncP5\n9 9\n255\ncut";
        let first = picture(&mut source).unwrap();
        assert_eq!((first.width, first.height, first.bytes.len()), (2, 1, 13));
        assert!(picture(&mut source).unwrap().bytes.ends_with(b"\nc"));
        assert!(picture(&mut source).is_none());
        assert!(picture(&mut &b"P5\n99999 99999\n255\n"[..]).is_none());
        assert!(picture(&mut &b"no picture"[..]).is_none());
    }

    #[test]
    fn doubtful_words_are_left_out_and_large_ones_are_larger() {
        let table = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext\n\
            3\t1\t1\t1\t0\t0\t0\t0\t0\t0\t-1\t\n4\t1\t1\t1\t1\t0\t0\t0\t900\t90\t-1\t\n5\t1\t1\t1\t1\t1\t0\t0\t300\t90\t95\tReturns\n\
            3\t1\t2\t1\t0\t0\t0\t0\t0\t0\t-1\t\n4\t1\t2\t1\t1\t0\t0\t200\t900\t40\t-1\t\n5\t1\t2\t1\t1\t1\t0\t200\t90\t40\t91\tthirty\n\
            5\t1\t2\t1\t1\t2\t100\t200\t90\t40\t90\tdays\n5\t1\t2\t1\t1\t3\t200\t200\t90\t40\t3\t~~\n";
        let rows = table.lines().skip(1).collect();
        let read = words(&Rows {
            width: 2480.0,
            height: 3508.0,
            rows,
        });
        let pieces = &read.page.pieces;
        assert_eq!((read.words, pieces.len()), (3, 3));
        assert!(pieces[0].size > 2.0 * pieces[1].size, "{pieces:?}");
    }
}
