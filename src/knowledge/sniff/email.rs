//! Whether a content is an e-mail, which begins with headers and may go on with anything.

use super::ends_in;

/// How much of an e-mail's headers are looked at.
const HEADERS_WITHIN: usize = 16 << 10;

/// Whether it is an e-mail: it begins with headers, among them such as programs write.
#[must_use]
pub fn is_email(bytes: &[u8], name: &str) -> bool {
    const USUAL: [&str; 7] = ["from", "to", "subject", "date", "sender", "reply-to", "cc"];
    const BY_PROGRAMS: [&str; 7] = [
        "message-id",
        "mime-version",
        "received",
        "return-path",
        "delivered-to",
        "dkim-signature",
        "x-mailer",
    ];
    let head = &bytes[..bytes.len().min(HEADERS_WITHIN)];
    let (mut usual, mut by_programs) = (0, 0);
    for (i, line) in head.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let continues = line.starts_with(b" ") || line.starts_with(b"\t");
        if line.is_empty() {
            break;
        }
        if (continues && i > 0) || (i == 0 && line.starts_with(b"From ")) {
            continue;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            // The last line may be cut.
            if head.len() < bytes.len() && usual + by_programs > 0 {
                break;
            }
            return false;
        };
        let field = line[..colon].to_ascii_lowercase();
        if field.is_empty() || !field.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-') {
            return false;
        }
        let field = String::from_utf8_lossy(&field);
        usual += usize::from(USUAL.contains(&&*field));
        by_programs += usize::from(BY_PROGRAMS.contains(&&*field));
    }
    let named = ends_in(name, &["eml"]);
    usual + by_programs > 0 && (named || (usual >= 2 && by_programs >= 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::sniff::{Content, sniff};

    #[test]
    fn an_email_is_one_by_its_headers() {
        let mail = b"Received: by x\r\n\tfor y\r\nFrom: a@x.example\r\nSubject: Hi\r\n\r\nHello";
        assert_eq!(sniff(mail, "x"), Ok(Content::Email));
        assert!(is_email(b"Subject: Hi\n\nHello", "a.EML"));
        for text in [
            "From: us\nTo: you\n\nThirty days.",
            "Note: call us\nDate: today",
            "Just text",
        ] {
            assert!(!is_email(text.as_bytes(), "a.txt"), "{text}");
        }
    }
}
