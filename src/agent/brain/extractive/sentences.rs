//! Sentences of a passage: prose is split where a reader would, a list item stands with
//! the line that introduces it, a table row with its header. Markup is gone.

use crate::knowledge::blocks::{Block, blocks};

/// In what a sentence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A paragraph.
    Prose,
    /// A list.
    Item,
    /// A numbered list; its item's place within the list, from 0.
    Step(usize),
    /// A table.
    Row,
}

/// A sentence that can stand by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// Plain text on one line.
    pub text: String,
    /// In what it stands.
    pub form: Form,
    /// The number of the section in its passage, from 0; it changes with each heading.
    pub section: usize,
    /// The paragraph, list or table within its passage, from 0.
    pub block: usize,
    /// Its place in the section, from 0.
    pub place: usize,
}

/// A passage as sentences and the headings inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Speech {
    /// The heading of each section that has one inside the passage; the first section is
    /// what stands before any heading.
    pub headings: Vec<Option<String>>,
    /// In order.
    pub sentences: Vec<Spoken>,
}

/// Reads a passage.
#[must_use]
pub fn speech(markdown: &str) -> Speech {
    let mut out = Speech {
        headings: vec![None],
        sentences: Vec::new(),
    };
    let mut block = 0;
    let mut place = 0;
    // The line that introduces the list under way, and the items so far.
    let mut lead: Option<String> = None;
    let mut items = 0;
    let mut row_before = false;
    let pieces = blocks(markdown);
    for (i, piece) in pieces.iter().cloned().enumerate() {
        let row = matches!(piece, Block::Row { .. });
        let goes_on = row && row_before || matches!(piece, Block::Item { .. }) && items > 0;
        if !goes_on {
            block += 1;
        }
        row_before = row;
        let section = out.headings.len() - 1;
        let mut say = |text: String, form: Form| {
            if text.contains(char::is_alphanumeric) {
                out.sentences.push(Spoken {
                    text,
                    form,
                    section,
                    block,
                    place,
                });
                place += 1;
            }
        };
        match piece {
            Block::Heading { text, .. } => {
                out.headings.push(Some(text));
                (lead, items, place) = (None, 0, 0);
            }
            Block::Paragraph(text) => {
                let sentences = split(&text);
                lead = sentences.last().filter(|s| s.ends_with(':')).cloned();
                items = 0;
                for sentence in sentences {
                    // What only introduces a list or names a table says nothing without it.
                    let names_table = matches!(pieces.get(i + 1), Some(Block::Row { .. }))
                        && !sentence.ends_with(['.', '!', '?']);
                    if lead.as_ref() != Some(&sentence) && !names_table {
                        say(sentence, Form::Prose);
                    }
                }
            }
            Block::Item { text, numbered } => {
                let form = if numbered { Form::Step(items) } else { Form::Item };
                say(introduced(lead.as_deref(), &text), form);
                items += 1;
            }
            Block::Row { headers, cells } => say(row_as_sentence(&headers, &cells), Form::Row),
            Block::Code(_) => (lead, items) = (None, 0),
        }
    }
    out
}

/// `Lumen sells:` and `lamps,` are `Lumen sells: lamps`; an item that is a sentence needs
/// no introduction.
fn introduced(lead: Option<&str>, item: &str) -> String {
    let item = item.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = item.trim_end_matches([',', ';']).to_owned();
    match lead {
        Some(lead) if !item.ends_with(['.', '!', '?']) || starts_small(&item) => format!("{lead} {bare}"),
        _ => bare,
    }
}

fn starts_small(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_lowercase)
}

/// `Norway: Cost €19.90; Free from –`
fn row_as_sentence(headers: &[String], cells: &[String]) -> String {
    let first = cells.first().map_or("", String::as_str);
    let says_nothing = |cell: &str| !cell.contains(char::is_alphanumeric);
    let rest: Vec<String> = cells
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, cell)| !says_nothing(cell))
        .map(|(i, cell)| {
            let header = headers.get(i).map_or("", String::as_str);
            format!("{header} {cell}").trim().to_owned()
        })
        .collect();
    if says_nothing(first) || rest.is_empty() {
        return [first.to_owned(), rest.join("; ")].concat();
    }
    let colon = if first.ends_with([':', '?']) { "" } else { ":" };
    format!("{first}{colon} {}", rest.join("; "))
}

/// Words before a full stop that doesn't end a sentence, in lower case.
const ABBREVIATIONS: [&str; 44] = [
    "e.g", "i.e", "etc", "approx", "no", "nos", "mr", "mrs", "ms", "dr", "prof", "st", "vs", "inc", "ltd",
    "co", "corp", "dept", "fig", "tel", "min", "max", "incl", "excl", "ca", "z.b", "z. b", "d.h", "d. h",
    "bzw", "nr", "usw", "ggf", "evtl", "inkl", "exkl", "zzgl", "str", "ing", "mag", "abs", "art", "u.a",
    "bspw",
];

/// What follows a day's number and its full stop in German.
const MONTHS: [&str; 13] = [
    "Januar",
    "Jänner",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// Splits a paragraph into sentences. A line break that the author set ends one too.
#[must_use]
pub fn split(paragraph: &str) -> Vec<String> {
    paragraph.lines().flat_map(split_line).collect()
}

fn split_line(line: &str) -> Vec<String> {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let chars: Vec<(usize, char)> = line.char_indices().collect();
    let mut out = Vec::new();
    let mut from = 0;
    let mut i = 0;
    while i < chars.len() {
        let (at, c) = chars[i];
        i += 1;
        if !matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            continue;
        }
        // `?!`, `...`, and what closes the sentence: quotes and brackets.
        while let Some((_, '.' | '!' | '?' | '…' | '"' | '\'' | '”' | '“' | '’' | '»' | ')' | ']')) =
            chars.get(i)
        {
            i += 1;
        }
        let end = chars.get(i).map_or(line.len(), |(at, _)| *at);
        let rest = &line[end..];
        let wide = matches!(c, '。' | '！' | '？');
        if rest.is_empty() || wide || (rest.starts_with(' ') && ends(&line[from..at], c, rest.trim_start())) {
            let sentence = line[from..end].trim();
            if !sentence.is_empty() {
                out.push(sentence.to_owned());
            }
            from = end;
        }
    }
    let tail = line[from..].trim();
    if !tail.is_empty() {
        out.push(tail.to_owned());
    }
    out
}

/// Whether a mark after `before` and a blank ends the sentence, `after` being what follows.
fn ends(before: &str, mark: char, after: &str) -> bool {
    let Some(next) = after
        .chars()
        .find(|c| !matches!(c, '"' | '“' | '„' | '«' | '‘' | '(' | '['))
    else {
        return true;
    };
    if next.is_lowercase() {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let word = before.rsplit([' ', '(', '„', '“', '"']).next().unwrap_or(before);
    let lower = word.to_lowercase();
    // "J. Smith", "am 14. Mai", "z. B."
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let day = !word.is_empty() && word.len() <= 2 && word.chars().all(|c| c.is_ascii_digit());
    let short = ABBREVIATIONS.contains(&lower.as_str())
        && !(lower == "etc" || lower == "usw" || lower == "no" && !next.is_ascii_digit());
    !(initial || short || (day && MONTHS.iter().any(|m| after.starts_with(m))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stop_is_not_always_an_end() {
        for (paragraph, want) in [
            ("One. Two! Three? Four", vec!["One.", "Two!", "Three?", "Four"]),
            (
                "A label costs €4.90. It is sent by e-mail.",
                vec!["A label costs €4.90.", "It is sent by e-mail."],
            ),
            (
                "We are open Mon–Fri 9:00–17:00. Call us.",
                vec!["We are open Mon–Fri 9:00–17:00.", "Call us."],
            ),
            (
                "Write to hello@lumen-oak.example. We answer.",
                vec!["Write to hello@lumen-oak.example.", "We answer."],
            ),
            (
                "See https://x.example/a.html?b=1. Then go on.",
                vec!["See https://x.example/a.html?b=1.", "Then go on."],
            ),
            (
                "Use wax, e.g. Hard-wax oil. No soap, etc. Dry it.",
                vec!["Use wax, e.g. Hard-wax oil.", "No soap, etc.", "Dry it."],
            ),
            (
                "Ask Dr. J. Huber at no. 5. He knows.",
                vec!["Ask Dr. J. Huber at no. 5.", "He knows."],
            ),
            ("Is it so? No. It is not.", vec!["Is it so?", "No.", "It is not."]),
            (
                "Wir öffnen am 14. Mai, z. B. Montags. Bis dann!",
                vec!["Wir öffnen am 14. Mai, z. B. Montags.", "Bis dann!"],
            ),
            (
                "He said \"Stop.\" Then he left (at last). Done.",
                vec!["He said \"Stop.\"", "Then he left (at last).", "Done."],
            ),
            ("Wait... what? yes.", vec!["Wait... what? yes."]),
            ("Line one\nLine two.", vec!["Line one", "Line two."]),
            ("  ", vec![]),
        ] {
            assert_eq!(split(paragraph), want, "{paragraph}");
        }
    }

    #[test]
    fn nothing_of_the_text_is_lost_or_changed() {
        for page in [
            include_str!("../../../../kb/returns.md"),
            include_str!("../../../../kb/warranty.md"),
        ] {
            for block in blocks(page) {
                if let Block::Paragraph(text) = block {
                    assert_eq!(split(&text).join(" "), text);
                }
            }
        }
    }

    fn spoken(markdown: &str) -> Vec<String> {
        speech(markdown).sentences.into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn list_items_stand_with_what_introduces_them() {
        assert_eq!(
            spoken(
                "The work includes:\n\n- choosing **boards**,\n- oiling.\n\nNot in it:\n\n- Bulbs can't be returned.\n"
            ),
            [
                "The work includes: choosing boards",
                "The work includes: oiling.",
                "Bulbs can't be returned.",
            ]
        );
        assert_eq!(
            spoken("Do this.\n\n1. Open it;\n2. Close it.\n"),
            ["Do this.", "Open it", "Close it."]
        );
    }

    #[test]
    fn table_rows_stand_with_their_header() {
        let table = "What it costs\n\n| Country | Cost | Free |\n|---|---|---|\n| Austria | €4.90 | from €80 |\n| Norway | €19.90 | – |\n";
        assert_eq!(
            spoken(table),
            ["Austria: Cost €4.90; Free from €80", "Norway: Cost €19.90"]
        );
    }

    #[test]
    fn sentences_know_their_section() {
        let speech = speech("Before.\n\n## Costs?\n\nOne. Two.\n\nThree.\n\n### Time\n\n1. a b\n2. c d\n");
        assert_eq!(
            speech.headings,
            [None, Some("Costs?".into()), Some("Time".into())]
        );
        let places: Vec<_> = speech
            .sentences
            .iter()
            .map(|s| (s.section, s.place, s.form))
            .collect();
        assert_eq!(
            places,
            [
                (0, 0, Form::Prose),
                (1, 0, Form::Prose),
                (1, 1, Form::Prose),
                (1, 2, Form::Prose),
                (2, 0, Form::Step(0)),
                (2, 1, Form::Step(1)),
            ]
        );
        let blocks: Vec<_> = speech.sentences.iter().map(|s| s.block).collect();
        assert!(
            blocks[1] == blocks[2] && blocks[2] != blocks[3] && blocks[4] == blocks[5],
            "{blocks:?}"
        );
    }
}
