//! E-mails: who wrote what to whom and when, the text, and the attachments' names and, where
//! they can be read, their text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Address, DateTime, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::escape::escape;
use super::writer::{Writer, one_line};
use super::{Extracted, Pass, html, text};
use crate::knowledge::sniff::Kind;
use crate::knowledge::sniff::email::is_email;
use crate::knowledge::unfit::Unfit;

/// E-mails in e-mails that are read.
const DEEPEST: usize = 3;
/// Attachments that are read, and whose names are told.
const MOST_READ: usize = 20;
const MOST_NAMED: usize = 100;
/// Addresses of a header that are told.
const MOST_ADDRESSES: usize = 10;
/// Pictures in a signature aren't worth a warning: attachments without a name, or of these kinds.
const SILENT: [&str; 4] = ["image", "audio", "video", "font"];

/// Reads an e-mail.
///
/// # Errors
/// When it is none, or says more than is taken in.
pub fn extract(bytes: &[u8]) -> Result<Extracted, Unfit> {
    // The line before the headers that some programs keep.
    let bytes = match bytes.strip_prefix(b"From ") {
        Some(rest) => rest
            .iter()
            .position(|b| *b == b'\n')
            .map_or(rest, |i| &rest[i + 1..]),
        None => bytes,
    };
    let message = MessageParser::default().parse(bytes).ok_or(Unfit::Corrupt)?;
    let mut out = Writer::default();
    let mut reading = Reading {
        warnings: Vec::new(),
        read: 0,
    };
    reading.message(&message, 0, &mut out)?;
    Ok(Extracted {
        kind: Kind::Email,
        title: message.subject().map(one_line).filter(|s| !s.is_empty()),
        markdown: out.finish()?,
        warnings: reading.warnings,
        ..Extracted::default()
    })
}

struct Reading {
    warnings: Vec<String>,
    /// How many attachments were read.
    read: usize,
}

impl Reading {
    fn message(&mut self, message: &Message, depth: usize, out: &mut Writer) -> Result<(), Unfit> {
        headers(message, out);
        for part in message.text_body.iter().filter_map(|id| message.part(*id)) {
            let markdown = match &part.body {
                PartType::Text(body) => plain(body),
                PartType::Html(body) => html::part(body)?,
                _ => continue,
            };
            out.block(markdown.trim());
            out.check()?;
        }
        let attachments: Vec<&MessagePart> = message.attachments().collect();
        let mut names = Vec::new();
        for part in attachments {
            let name = part.attachment_name().map(one_line).filter(|n| !n.is_empty());
            if let Some(name) = name.as_ref().filter(|_| names.len() < MOST_NAMED) {
                names.push(escape(name));
            }
            if self.read >= MOST_READ {
                continue;
            }
            self.read += 1;
            if self.read == MOST_READ {
                self.warnings
                    .push(format!("Only the first {MOST_READ} attachments were read."));
            }
            self.attachment(part, name, depth, out)?;
            out.check()?;
        }
        if !names.is_empty() {
            out.paragraph(&format!("Attachments: {}", names.join(", ")));
        }
        Ok(())
    }

    fn attachment(
        &mut self,
        part: &MessagePart,
        name: Option<String>,
        depth: usize,
        out: &mut Writer,
    ) -> Result<(), Unfit> {
        let kind = part.content_type().map_or("", |t| t.ctype()).to_ascii_lowercase();
        if let PartType::Message(inner) = &part.body {
            if depth >= DEEPEST {
                self.warnings
                    .push("E-mails in e-mails in e-mails were left out.".to_owned());
                self.warnings.dedup();
                return Ok(());
            }
            let subject = inner.subject().map(one_line).filter(|s| !s.is_empty());
            let title = subject.or(name).unwrap_or_else(|| "E-mail".to_owned());
            out.heading(2, &escape(&title));
            return self.message(inner, depth + 1, out);
        }
        let shown = name.clone().unwrap_or_else(|| "attachment".to_owned());
        if SILENT.contains(&kind.as_str()) {
            return Ok(());
        }
        let bytes = part.contents();
        // A parser that gives up on an attachment leaves the e-mail to be read.
        let read = catch_unwind(AssertUnwindSafe(|| attached(bytes, &shown)));
        match read.unwrap_or(Err(Unfit::Corrupt)) {
            Ok(read) => {
                out.heading(2, &escape(&shown));
                if let Some(title) = read.title.filter(|t| *t != shown) {
                    out.paragraph(&escape(&title));
                }
                out.block(read.markdown.trim());
                self.warnings.extend(read.warnings);
            }
            // Nothing was lost.
            Err(Unfit::Empty | Unfit::NoText) => {}
            Err(unfit) => self
                .warnings
                .push(format!("The attachment {shown} was left out. {unfit}")),
        }
        Ok(())
    }
}

/// An attachment's text. E-mails as plain files among them aren't opened further.
fn attached(bytes: &[u8], name: &str) -> Result<Extracted, Unfit> {
    if is_email(bytes, name) {
        return Err(Unfit::UnsupportedType {
            what: "an e-mail within an e-mail".to_owned(),
        });
    }
    match super::extract(bytes, name, Pass::First) {
        Ok(found) => Ok(found.extracted),
        // Logos and signatures, mostly: they aren't worth recognising.
        Err(Unfit::Picture) => Err(Unfit::UnsupportedType {
            what: "an image".to_owned(),
        }),
        Err(unfit) => Err(unfit),
    }
}

/// Who, to whom, when.
fn headers(message: &Message, out: &mut Writer) {
    for (name, value) in [
        ("From", message.from().map(addresses)),
        ("To", message.to().map(addresses)),
        ("Date", message.date().filter(|d| d.is_valid()).map(shown)),
    ] {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            out.item(0, None, &format!("{name}: {}", escape(&value)));
        }
    }
}

/// A date as its writer had it.
fn shown(date: &DateTime) -> String {
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}",
        date.year, date.month, date.day, date.hour, date.minute
    )
}

fn addresses(list: &Address) -> String {
    let shown = list.iter().take(MOST_ADDRESSES).filter_map(|a| {
        let name = a.name().map(one_line).filter(|n| !n.is_empty());
        let address = a.address().map(one_line);
        match (name, address) {
            (Some(name), Some(address)) if name != address => Some(format!("{name} ({address})")),
            (name, address) => name.or(address),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A plain body: its first line is no title here.
fn plain(body: &str) -> String {
    let read = text::extract(&format!("\u{200b}\n\n{body}"));
    read.markdown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_read_with_its_head_and_its_attachments() {
        let mail = "From: =?utf-8?q?J=C3=B6rg?= <j@shop.example>\r\nTo: a@x.example, b@x.example\r\nSubject: Your\r\n order\r\nDate: Fri, 27 Nov 2026 10:22:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>It is <b>here</b>.</p>\r\n--x\r\nContent-Type: text/csv; name=\"prices.csv\"\r\nContent-Disposition: attachment; filename=\"prices.csv\"\r\n\r\nLamp,Price\r\nS,4\r\n--x\r\nContent-Type: application/zip; name=\"a.zip\"\r\nContent-Disposition: attachment; filename=\"a.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@x.example\r\nSubject: Inner\r\n\r\nBefore.\r\n--x--\r\n";
        let read = extract(mail.as_bytes()).unwrap();
        assert_eq!(read.title.as_deref(), Some("Your order"));
        assert_eq!(
            read.markdown,
            "- From: Jörg (j@shop.example)\n- To: a@x.example, b@x.example\n- Date: 2026-11-27 10:22\n\nIt is **here**.\n\n\
             ## prices.csv\n\n| Lamp | Price |\n| --- | --- |\n| S | 4 |\n\n## Inner\n\n- From: c@x.example\n\nBefore.\n\n\
             Attachments: prices.csv, a.zip"
        );
        assert_eq!(read.warnings.len(), 1, "{:?}", read.warnings);
        assert!(read.warnings[0].contains("a.zip"), "{:?}", read.warnings);
    }
}
