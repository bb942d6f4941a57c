//! RTF: paragraphs, lists, tables, in the character sets of their time. Small enough that no
//! library was found worth it.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::escape::escape;
use super::office::is_left_over;
use super::writer::Writer;
use super::{Extracted, MOST_TEXT};
use crate::knowledge::sniff::Kind;
use crate::knowledge::unfit::Unfit;

/// Groups in groups at most.
const MOST_NESTED: usize = 2000;
/// The groups whose text isn't the document's.
const ASIDE: [&str; 32] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "listtable",
    "listoverridetable",
    "revtbl",
    "rsidtbl",
    "generator",
    "info",
    "pict",
    "object",
    "header",
    "headerl",
    "headerr",
    "headerf",
    "footer",
    "footerl",
    "footerr",
    "footerf",
    "fldinst",
    "annotation",
    "atnid",
    "atnauthor",
    "themedata",
    "colorschememapping",
    "datastore",
    "latentstyles",
    "xmlnstbl",
    "bkmkstart",
    "bkmkend",
    "pntext",
    "listtext",
];

/// What a group changes, and its end restores.
#[derive(Debug, Clone, Default)]
struct State {
    /// Its text isn't the document's.
    aside: bool,
    /// Its text is the title.
    title: bool,
    hidden: bool,
    /// How many characters stand in for one of Unicode's.
    stand_ins: usize,
    /// Whether the next word may say that all of it is aside.
    starred: bool,
}

struct Reading {
    out: Writer,
    size: usize,
    line: String,
    title: String,
    /// Bytes of the old character set that aren't decoded yet.
    bytes: Vec<u8>,
    charset: &'static Encoding,
    in_table: bool,
    cells: Vec<String>,
    rows: Vec<Vec<String>>,
    item: bool,
    level: Option<usize>,
    high: Option<u16>,
}

/// Reads a document.
///
/// # Errors
/// When it nests or says more than is taken in.
pub fn extract(bytes: &[u8]) -> Result<Extracted, Unfit> {
    let mut reading = Reading {
        out: Writer::default(),
        size: 0,
        line: String::new(),
        title: String::new(),
        bytes: Vec::new(),
        charset: WINDOWS_1252,
        in_table: false,
        cells: Vec::new(),
        rows: Vec::new(),
        item: false,
        level: None,
        high: None,
    };
    reading.run(bytes)?;
    reading.paragraph();
    reading.end_table();
    let title = reading.title.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Extracted {
        kind: Kind::Rtf,
        title: Some(title).filter(|t| !t.is_empty() && !is_left_over(t)),
        markdown: reading.out.finish()?,
        ..Extracted::default()
    })
}

impl Reading {
    fn run(&mut self, bytes: &[u8]) -> Result<(), Unfit> {
        let mut state = State {
            stand_ins: 1,
            ..State::default()
        };
        let mut above: Vec<State> = Vec::new();
        let mut skip = 0_usize;
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            at += 1;
            match byte {
                b'{' => {
                    self.flush(&state);
                    if above.len() >= MOST_NESTED {
                        return Err(Unfit::TooNested);
                    }
                    above.push(state.clone());
                    state.starred = false;
                    skip = 0;
                }
                b'}' => {
                    self.flush(&state);
                    match above.pop() {
                        Some(outer) => state = outer,
                        None => return Err(Unfit::Corrupt),
                    }
                    // What follows the outermost group is none of it.
                    if above.is_empty() {
                        return Ok(());
                    }
                    skip = 0;
                }
                b'\\' => {
                    let Some(next) = bytes.get(at).copied() else { break };
                    if next.is_ascii_alphabetic() {
                        let (word, number, end) = word(bytes, at);
                        at = end;
                        if word == "bin" {
                            at = at.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0));
                        } else if word == "u" {
                            self.flush(&state);
                            self.unicode(number.unwrap_or(0), &state);
                            skip = state.stand_ins;
                        } else {
                            self.flush(&state);
                            self.control(&word, number, &mut state)?;
                        }
                        continue;
                    }
                    at += 1;
                    match next {
                        b'\'' => {
                            let hex = bytes.get(at..at + 2).and_then(|h| std::str::from_utf8(h).ok());
                            let value = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
                            at += 2;
                            match value {
                                Some(_) if skip > 0 => skip -= 1,
                                Some(value) => self.bytes.push(value),
                                None => {}
                            }
                        }
                        b'*' => state.starred = true,
                        b'~' => self.bytes.push(b' '),
                        b'_' => self.bytes.push(b'-'),
                        b'\n' | b'\r' => {
                            self.flush(&state);
                            self.end_paragraph();
                        }
                        b'{' | b'}' | b'\\' => self.bytes.push(next),
                        _ => {}
                    }
                }
                b'\r' | b'\n' | 0 => {}
                _ if skip > 0 => skip -= 1,
                byte => self.bytes.push(byte),
            }
            if self.bytes.len() + self.line.len() + self.size > MOST_TEXT {
                self.flush(&state);
                if self.line.len() + self.size > MOST_TEXT {
                    return Err(Unfit::too_much_text());
                }
            }
        }
        self.flush(&state);
        // A file that was cut in the middle.
        if above.is_empty() {
            Ok(())
        } else {
            Err(Unfit::Corrupt)
        }
    }

    fn control(&mut self, word: &str, number: Option<i64>, state: &mut State) -> Result<(), Unfit> {
        match word {
            _ if ASIDE.contains(&word) => {
                state.aside = true;
                self.item |= word == "listtext" || word == "pntext";
            }
            "title" if state.aside => state.title = true,
            "shptxt" | "fldrslt" | "footnote" => state.aside = false,
            "ansicpg" => {
                let label = format!("windows-{}", number.unwrap_or(1252));
                self.charset = Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252);
            }
            "uc" => state.stand_ins = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(16),
            "v" => state.hidden = number != Some(0),
            "deleted" => state.hidden = number != Some(0),
            "plain" => state.hidden = false,
            "outlinelevel" => self.level = usize::try_from(number.unwrap_or(0)).ok().filter(|l| *l < 6),
            "intbl" => self.in_table = true,
            _ if state.aside => {}
            "pard" => {
                (self.in_table, self.level) = (false, None);
                self.item = false;
            }
            "par" | "sect" | "page" => self.end_paragraph(),
            "line" => self.line.push_str(if self.in_table { " " } else { "\\\n" }),
            "cell" | "nestcell" => {
                let cell = std::mem::take(&mut self.line);
                self.size += cell.len() + 3;
                self.cells.push(cell);
            }
            "row" | "nestrow" => {
                self.rows.push(std::mem::take(&mut self.cells));
                self.out.check()?;
            }
            "tab" => self.line.push(' '),
            "emdash" => self.line.push('—'),
            "endash" => self.line.push('–'),
            "lquote" => self.line.push('‘'),
            "rquote" => self.line.push('’'),
            "ldblquote" => self.line.push('“'),
            "rdblquote" => self.line.push('”'),
            "bullet" => self.line.push('•'),
            "emspace" | "enspace" => self.line.push(' '),
            // A group that newer programs know and we don't.
            _ if state.starred => state.aside = true,
            _ => {}
        }
        if state.starred && !matches!(word, "shptxt" | "fldrslt" | "footnote") {
            state.aside = true;
        }
        state.starred = false;
        Ok(())
    }

    /// Decodes what was gathered.
    fn flush(&mut self, state: &State) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let text = self.charset.decode_without_bom_handling(&bytes).0;
        self.add(&text, state);
    }

    fn add(&mut self, text: &str, state: &State) {
        if state.title {
            self.title.push_str(text);
        } else if !state.aside && !state.hidden {
            if self.line.is_empty() && !self.in_table {
                self.end_table();
            }
            self.line.push_str(&escape(text));
        }
    }

    /// A character by its number, in halves if it is beyond the first 65 536.
    fn unicode(&mut self, number: i64, state: &State) {
        let unit = (number.rem_euclid(65_536)) as u16;
        let units = match self.high.take() {
            Some(high) => vec![high, unit],
            None if (0xD800..0xDC00).contains(&unit) => {
                self.high = Some(unit);
                return;
            }
            None => vec![unit],
        };
        self.add(&String::from_utf16_lossy(&units), state);
    }

    fn end_paragraph(&mut self) {
        if self.in_table {
            self.line.push(' ');
        } else {
            self.paragraph();
        }
    }

    fn paragraph(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim().trim_end_matches('\\').trim_end();
        if line.is_empty() {
            return;
        }
        self.end_table();
        self.size += line.len() + 2;
        match (self.level, self.item) {
            (Some(level), _) => self.out.heading(level + 1, line),
            (None, true) => self.out.item(0, None, line),
            (None, false) => self.out.paragraph(line),
        }
        self.item = false;
    }

    fn end_table(&mut self) {
        if !self.cells.is_empty() {
            self.rows.push(std::mem::take(&mut self.cells));
        }
        let rows = std::mem::take(&mut self.rows);
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        // Rows of very different lengths would be mostly bars.
        self.size = self.size.saturating_add(rows.len().saturating_mul(width));
        if !rows.is_empty() && self.size <= MOST_TEXT {
            self.out.table(&rows);
        }
    }
}

/// A control word, its number, and where what follows it begins.
fn word(bytes: &[u8], start: usize) -> (String, Option<i64>, usize) {
    let letters = bytes[start..]
        .iter()
        .take(32)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    let word = String::from_utf8_lossy(&bytes[start..start + letters]).into_owned();
    let mut at = start + letters;
    let minus = bytes.get(at) == Some(&b'-');
    at += usize::from(minus);
    let digits = bytes[at..]
        .iter()
        .take(10)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let number = std::str::from_utf8(&bytes[at..at + digits])
        .ok()
        .and_then(|d| d.parse::<i64>().ok())
        .map(|n| if minus { -n } else { n });
    at += digits;
    // One blank belongs to the word.
    at += usize::from(bytes.get(at) == Some(&b' '));
    (word, number, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rtf: &str) -> Extracted {
        extract(rtf.as_bytes()).unwrap()
    }

    #[test]
    fn text_is_read_in_its_character_set_and_without_its_machinery() {
        let rtf = "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}{\\info{\\title R\\'fcckgabe}{\\author X}}{\\*\\generator Y;}\\pard\\outlinelevel0 Regeln\\par\\pard Gr\\'fc\\u223\\'dfe \\u8364?\\{4\\} {\\v secret}{\\field{\\*\\fldinst HYPERLINK \"x\"}{\\fldrslt here}}.\\par{\\listtext 1.\\tab}One\\par\\pard\\intbl A\\cell B\\cell\\row\\intbl 1\\cell 2\\cell\\row\\pard After\\u-10179?\\u-8704?\\par}";
        let read = read(rtf);
        assert_eq!(read.title.as_deref(), Some("Rückgabe"));
        assert_eq!(
            read.markdown,
            "# Regeln\n\nGrüße €{4} here.\n\n- One\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n\nAfter😀"
        );
    }

    #[test]
    fn what_is_cut_or_nested_is_refused() {
        assert_eq!(extract(b"{\\rtf1 text").unwrap_err(), Unfit::Corrupt);
        let deep = format!("{{\\rtf1 {}", "{".repeat(100_000));
        assert_eq!(extract(deep.as_bytes()).unwrap_err(), Unfit::TooNested);
        assert_eq!(
            extract(b"{\\rtf1 a\\bin999999999 b}").unwrap_err(),
            Unfit::Corrupt
        );
    }
}
