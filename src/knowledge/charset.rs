//! From bytes to text: byte order mark, UTF-8, UTF-16, the page's own word, and at last
//! a guess. Bytes that no character set explains are refused rather than mangled.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::knowledge::unfit::Unfit;

/// How far into a page its `<meta charset>` may stand (the HTML standard's limit).
const META_WITHIN: usize = 1024;
/// One control character in so many is more than text has.
const CONTROLS_ONE_IN: usize = 500;

/// Reads bytes as text. `html` says whether a `<meta charset>` counts.
///
/// # Errors
/// [`Unfit::NotText`] for binary content, [`Unfit::Undecodable`] for text that breaks its
/// own character set's rules.
pub fn decode(bytes: &[u8], html: bool) -> Result<String, Unfit> {
    let text = decode_any(bytes, html)?;
    let controls = text.chars().filter(|c| is_odd_control(*c)).count();
    if controls * CONTROLS_ONE_IN > text.chars().count() {
        return Err(Unfit::NotText);
    }
    Ok(if controls == 0 {
        text
    } else {
        text.chars().filter(|c| !is_odd_control(*c)).collect()
    })
}

fn is_odd_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{85}')
}

fn decode_any(bytes: &[u8], html: bool) -> Result<String, Unfit> {
    if let Some((encoding, bom)) = Encoding::for_bom(bytes) {
        return strict(encoding, &bytes[bom..]);
    }
    if bytes.contains(&0) {
        let encoding = utf16_without_mark(bytes).ok_or(Unfit::NotText)?;
        return strict(encoding, bytes).map_err(|_| Unfit::NotText);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    if let Some(encoding) = html.then(|| declared(bytes)).flatten()
        && encoding != UTF_8
        && let Ok(text) = strict(encoding, bytes)
    {
        return Ok(text);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    strict(detector.guess(None, Utf8Detection::Deny), bytes)
}

fn strict(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, Unfit> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| Unfit::Undecodable {
            charset: encoding.name().to_owned(),
        })
}

/// UTF-16 of mostly Latin text has a zero in every second byte.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.len() < 4 || bytes.len() % 2 == 1 {
        return None;
    }
    let zeros = |offset| bytes.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let pairs = bytes.len() / 2;
    if odd * 3 > pairs && even * 50 < pairs {
        Some(UTF_16LE)
    } else if even * 3 > pairs && odd * 50 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// What `<meta charset=…>` or `<meta http-equiv … content="…; charset=…">` says.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(META_WITHIN)];
    let head: String = head.iter().map(|b| b.to_ascii_lowercase() as char).collect();
    let after = head.split("charset").skip(1).find_map(|rest| {
        rest.trim_start()
            .strip_prefix('=')
            .map(|v| v.trim_start_matches([' ', '"', '\'']))
    })?;
    let label: String = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c))
        .collect();
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_the_character_set_that_it_is_written_in() {
        let text = "Rücksendung für 4,90 € – 30 Tage ab Lieferung, größere Möbel ausgenommen.";
        let utf16 = |big: bool, mark: bool| -> Vec<u8> {
            let mark = mark.then_some(0xFEFF);
            mark.into_iter()
                .chain(text.encode_utf16())
                .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
                .collect()
        };
        let latin = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        let with_mark = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for (name, bytes) in [
            ("UTF-8", text.as_bytes().to_vec()),
            ("UTF-8 with mark", with_mark),
            ("UTF-16LE with mark", utf16(false, true)),
            ("UTF-16BE with mark", utf16(true, true)),
            ("UTF-16LE", utf16(false, false)),
            ("UTF-16BE", utf16(true, false)),
            ("windows-1252", latin),
        ] {
            assert_eq!(decode(&bytes, false).as_deref(), Ok(text), "{name}");
        }
    }

    #[test]
    fn a_page_names_its_own_character_set() {
        // Greek in ISO-8859-7: too short to be guessed.
        let page = |head: &str| [head.as_bytes(), b"<p>\xcb\xdc\xec\xf0\xe1</p>"].concat();
        for head in [
            "<meta charset=\"iso-8859-7\">",
            "<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset = ISO-8859-7'>",
        ] {
            assert!(decode(&page(head), true).unwrap().contains("Λάμπα"), "{head}");
        }
    }

    #[test]
    fn what_is_not_text_is_refused() {
        let noise: Vec<u8> = (0..4000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        assert_eq!(decode(&noise, false), Err(Unfit::NotText));
        assert_eq!(decode(b"text\0with\0zeros", false), Err(Unfit::NotText));
        // A UTF-8 mark, and then bytes that aren't.
        let lie = decode(b"\xef\xbb\xbfgr\xfcn", false).unwrap_err();
        assert_eq!(lie.code(), "corrupt");
        assert!(lie.to_string().contains("UTF-8"), "{lie}");
    }

    #[test]
    fn a_stray_control_character_is_dropped() {
        let text = format!("{}\u{b}{}", "a lamp ".repeat(200), "\u{c}the end");
        let read = decode(text.as_bytes(), false).unwrap();
        assert!(!read.contains('\u{b}') && read.contains("the end"), "{read}");
    }
}
