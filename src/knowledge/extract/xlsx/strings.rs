//! The strings that cells share.

use quick_xml::events::Event;

use crate::knowledge::extract::MOST_TEXT;
use crate::knowledge::extract::package::Stream;
use crate::knowledge::extract::xml::reference;
use crate::knowledge::unfit::Unfit;

/// Strings at most, and all their text: a workbook may hold many that no visible cell shows.
const MOST_STRINGS: usize = 4_000_000;
const MOST_BYTES: usize = 4 * MOST_TEXT;

/// All of them, one behind the other.
#[derive(Debug, Default)]
pub struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    /// Reads the part.
    ///
    /// # Errors
    /// When it is damaged or too large.
    pub fn read(mut source: Stream<'_>) -> Result<Self, Unfit> {
        let mut strings = Self::default();
        let mut buffer = Vec::new();
        // In an item, in a text, and in its pronunciation.
        let (mut in_item, mut in_text, mut spoken) = (false, false, false);
        loop {
            buffer.clear();
            match source.read_event_into(&mut buffer).map_err(|_| Unfit::Corrupt)? {
                Event::Start(e) => match e.local_name().as_ref() {
                    "si" => in_item = true,
                    "t" => in_text = in_item && !spoken,
                    "rPh" => spoken = true,
                    _ => {}
                },
                Event::Empty(e) if e.local_name().as_ref() == "si" => strings.ends.push(strings.text.len()),
                Event::End(e) => match e.local_name().as_ref() {
                    "si" => {
                        in_item = false;
                        strings.ends.push(strings.text.len());
                    }
                    "t" => in_text = false,
                    "rPh" => spoken = false,
                    _ => {}
                },
                Event::Text(t) if in_text => strings.text.push_str(&t),
                Event::CData(t) if in_text => strings.text.push_str(&t),
                Event::GeneralRef(r) if in_text => strings.text.push_str(&reference(&r)),
                Event::Eof => break,
                _ => {}
            }
            if strings.ends.len() > MOST_STRINGS || strings.text.len() > MOST_BYTES {
                return Err(Unfit::too_much_text());
            }
        }
        Ok(strings)
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |i| self.ends[i]);
        self.text.get(start..end)
    }
}
