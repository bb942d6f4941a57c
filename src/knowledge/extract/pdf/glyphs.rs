//! The first reader: pdf-extract, which tells each character with its place and size.
//! It panics on much that other programs forgive, so each page is read for itself.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{Document, MediaBox, Object, OutputDev, OutputError, Transform};

use super::page::{Page, Piece};
use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::unfit::Unfit;

/// Pages at most.
pub const MOST_PAGES: usize = 5_000;

/// What came out of it.
pub struct Glyphs {
    /// The pages in their order.
    pub pages: Vec<Page>,
    /// Which pages couldn't be read, from 1.
    pub failed: Vec<usize>,
    /// How many characters have no meaning in the file.
    pub unmapped: usize,
    /// From the document's properties.
    pub title: Option<String>,
    /// From there too.
    pub keywords: Option<String>,
    /// Whether the file speaks of a lock that the reader hasn't seen.
    pub locked: bool,
}

/// Reads a document.
///
/// # Errors
/// When it is locked or damaged.
pub fn read(bytes: &[u8]) -> Result<Glyphs, Unfit> {
    let mut document = Document::load_mem(bytes).map_err(|e| refused(&e))?;
    if document.is_encrypted() {
        document.decrypt("").map_err(|e| refused(&e))?;
    }
    super::widths::write_out(&mut document);
    let count = document.get_pages().len();
    if count > MOST_PAGES {
        return Err(Unfit::TooManyPages { limit: MOST_PAGES });
    }
    let mut out = Glyphs {
        pages: Vec::with_capacity(count),
        failed: Vec::new(),
        unmapped: 0,
        title: property(&document, b"Title").and_then(|t| super::sensible_title(&t)),
        keywords: property(&document, b"Keywords"),
        locked: document.encryption_state.is_none() && bytes.windows(9).any(|w| w == b"/Encrypt "),
    };
    let mut text = 0;
    for number in 1..=count {
        let mut device = Device::default();
        let done = catch_unwind(AssertUnwindSafe(|| {
            pdf_extract::output_doc_page(&document, &mut device, u32::try_from(number).unwrap_or(u32::MAX))
        }));
        if !matches!(done, Ok(Ok(()))) {
            out.failed.push(number);
        }
        out.unmapped += device.unmapped;
        text += device.text;
        if text > MOST_TEXT {
            return Err(Unfit::too_much_text());
        }
        out.pages.push(device.page);
    }
    Ok(out)
}

fn refused(error: &pdf_extract::Error) -> Unfit {
    match error {
        pdf_extract::Error::Decryption(_) | pdf_extract::Error::UnsupportedSecurityHandler(_) => {
            Unfit::Encrypted
        }
        pdf_extract::Error::InvalidPassword => Unfit::Encrypted,
        _ => Unfit::Corrupt,
    }
}

/// One of the document's properties.
fn property(document: &Document, name: &[u8]) -> Option<String> {
    let resolved = |object: &Object| match object {
        Object::Reference(id) => document.get_object(*id).ok().cloned(),
        other => Some(other.clone()),
    };
    let info = resolved(document.trailer.get(b"Info").ok()?)?;
    let text = resolved(info.as_dict().ok()?.get(name).ok()?)?;
    let text = pdf_extract::decode_text_string(&text).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[derive(Default)]
struct Device {
    page: Page,
    flip: Option<(f64, f64)>,
    unmapped: usize,
    text: usize,
}

impl OutputDev for Device {
    fn begin_page(
        &mut self,
        _number: u32,
        media_box: &MediaBox,
        _art_box: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.page.width = media_box.urx - media_box.llx;
        self.page.height = media_box.ury - media_box.lly;
        self.flip = Some((media_box.llx, media_box.ury));
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        spacing: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        let (left, top) = self.flip.unwrap_or((0.0, 0.0));
        // Along the line and across it, in the page's own units, y downwards.
        let along = (place.m11 * font_size, -place.m12 * font_size);
        let size = (place.m21.hypot(place.m22) * font_size).abs();
        let numbers = [along.0, along.1, size, place.m31, place.m32, width];
        if numbers.iter().any(|n| !n.is_finite()) {
            return Ok(());
        }
        if text
            .chars()
            .any(|c| c == '\u{fffd}' || ('\u{e000}'..='\u{f8ff}').contains(&c))
        {
            self.unmapped += 1;
        }
        // A character without any meaning is mostly a list's mark.
        let text = if text.is_empty() { "\u{f0b7}" } else { text };
        self.text += text.len();
        if self.text > MOST_TEXT {
            return Err(OutputError::FormatError(std::fmt::Error));
        }
        let scale = along.0.hypot(along.1);
        // Spacing is in units of the text's space, not of its size.
        let advance = width * scale + spacing.max(0.0) * place.m11.hypot(place.m12);
        self.page.pieces.push(Piece::new(
            (place.m31 - left, top - place.m32),
            along,
            advance,
            size,
            text.to_owned(),
        ));
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}
