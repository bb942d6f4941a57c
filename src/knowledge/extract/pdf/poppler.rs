//! The second reader: poppler's `pdftotext`, where it is installed. It reads what the
//! first one gives up on, and tells words with their places in reading order. It runs
//! under the limits of the process that starts it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::glyphs::MOST_PAGES;
use super::page::{Page, Piece, is_right_to_left};
use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::unfit::Unfit;

/// Words at most.
const MOST_WORDS: usize = 2_000_000;
/// Its remarks at most, in bytes; enough to tell a password from damage.
const REMARKS: u64 = 16 << 10;

/// What it says.
pub struct Words {
    /// The pages in their order.
    pub pages: Vec<Page>,
    /// From the document's properties.
    pub title: Option<String>,
}

/// Reads a document.
///
/// # Errors
/// When the program can't read it either.
pub fn read(program: &Path, bytes: &[u8]) -> Result<Words, Unfit> {
    let mut child = Command::new(program)
        .args(["-bbox-layout", "-enc", "UTF-8", "-l"])
        .arg((MOST_PAGES + 1).to_string())
        .args(["-", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| Unfit::Corrupt)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (words, remarks) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // It may end before it has read everything.
            let _ = stdin.map(|mut pipe| pipe.write_all(bytes));
        });
        let remarks = scope.spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = stderr {
                let _ = (&mut pipe).take(REMARKS).read_to_end(&mut text);
                let _ = std::io::copy(&mut pipe, &mut std::io::sink());
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        let words = stdout.map_or(Err(Unfit::Corrupt), |pipe| parse(std::io::BufReader::new(pipe)));
        // Whatever it still has to say isn't wanted.
        let _ = child.kill();
        (words, remarks.join().unwrap_or_default())
    });
    let _ = child.wait();
    match words {
        Ok(words) if !words.pages.is_empty() => Ok(words),
        Err(Unfit::Corrupt) | Ok(_) if remarks.contains("Incorrect password") => Err(Unfit::Encrypted),
        Ok(_) => Err(Unfit::Corrupt),
        Err(unfit) => Err(unfit),
    }
}

/// Reads its output: pages, flows, blocks, lines, words, each with a box.
fn parse(source: impl std::io::BufRead) -> Result<Words, Unfit> {
    let mut reader = Reader::from_reader(source);
    reader.config_mut().check_end_names = false;
    let mut words = Words {
        pages: Vec::new(),
        title: None,
    };
    let (mut buffer, mut text, mut size, mut count) = (Vec::new(), String::new(), 0, 0);
    let mut word: Option<[f64; 4]> = None;
    loop {
        buffer.clear();
        let Ok(event) = reader.read_event_into(&mut buffer) else {
            break;
        };
        match event {
            Event::Start(e) => match e.local_name().as_ref() {
                "page" => {
                    if words.pages.len() >= MOST_PAGES {
                        return Err(Unfit::TooManyPages { limit: MOST_PAGES });
                    }
                    words.pages.push(Page {
                        width: number(&e, "width"),
                        height: number(&e, "height"),
                        pieces: Vec::new(),
                    });
                }
                "word" => {
                    word = Some(["xMin", "yMin", "xMax", "yMax"].map(|n| number(&e, n)));
                    text.clear();
                }
                "title" => text.clear(),
                _ => {}
            },
            Event::Text(t) => text.push_str(&t),
            Event::GeneralRef(r) => match r.resolve_char_ref() {
                Ok(Some(c)) => text.push(c),
                _ => text.push_str(match &*r {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "",
                }),
            },
            Event::End(e) => match e.local_name().as_ref() {
                "word" => {
                    count += 1;
                    size += text.len();
                    if count > MOST_WORDS || size > MOST_TEXT {
                        return Err(Unfit::too_much_text());
                    }
                    if let (Some(b), Some(page)) = (word.take(), words.pages.last_mut()) {
                        page.pieces.push(piece(b, std::mem::take(&mut text)));
                    }
                }
                "title" => words.title = super::sensible_title(&text),
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(words)
}

/// A word. Its box is as high as its line, which is somewhat more than its letters' size.
fn piece([left, top, right, bottom]: [f64; 4], text: String) -> Piece {
    let (width, height) = (right - left, bottom - top);
    // Its words are as printed, from left to right.
    let text = if is_right_to_left(&text) {
        text.chars().rev().collect()
    } else {
        text
    };
    let letters = text.chars().count();
    if letters > 2 && height > 2.0 * width {
        return Piece::new((right, bottom), (0.0, -1.0), height, width * 0.85, text);
    }
    let size = height * 0.85;
    Piece::new((left, bottom - 0.2 * height), (1.0, 0.0), width, size, text)
}

fn number(element: &BytesStart, name: &str) -> f64 {
    let value = element
        .attributes()
        .flatten()
        .find(|a| a.key.as_ref() == name)
        .and_then(|a| a.value.parse::<f64>().ok());
    value.filter(|v| v.is_finite()).unwrap_or(0.0)
}
