//! The widths of composite fonts, brought into the one form that pdf-extract reads rightly.
//! A font may give them as `first [w w w]` or as `first last w`; of the second form it takes
//! neither the end nor the width, so that letters have none and words fall apart.

use pdf_extract::{Dictionary, Document, Object};

/// Widths that are written out for a document at most: fonts have no more codes than this,
/// and few fonts of a document use ranges.
const MOST: usize = 1 << 20;
/// Codes of a font.
const CODES: i64 = 1 << 16;

/// Writes out the ranges of all composite fonts.
pub fn write_out(document: &mut Document) {
    let mut left = MOST;
    let mut changed = Vec::new();
    for (id, object) in &document.objects {
        let Ok(font) = object.as_dict() else { continue };
        let mut font = font.clone();
        let mut touched = mend(document, &mut font, &mut left);
        // What a font is made of mostly stands for itself, but needn't.
        if let Ok(Object::Array(below)) = font.get_mut(b"DescendantFonts") {
            for inline in below {
                if let Object::Dictionary(inline) = inline {
                    touched |= mend(document, inline, &mut left);
                }
            }
        }
        if touched {
            changed.push((*id, font));
        }
    }
    for (id, font) in changed {
        document.objects.insert(id, Object::Dictionary(font));
    }
}

/// Whether anything had to be changed.
fn mend(document: &Document, font: &mut Dictionary, left: &mut usize) -> bool {
    let composite = font
        .get(b"Subtype")
        .and_then(Object::as_name)
        .is_ok_and(|name| name.starts_with(b"CIDFontType"));
    if !composite {
        return false;
    }
    let mut touched = false;
    // A width with a fraction is taken for none.
    if let Some(width) = font.get(b"DW").ok().and_then(|w| number(document, w)) {
        #[expect(clippy::cast_possible_truncation, reason = "a width in thousandths")]
        let whole = width.round() as i64;
        font.set("DW", whole);
        touched = true;
    }
    let widths = font.get(b"W").ok().map(|w| resolved(document, w));
    if let Some(widths) = widths.and_then(|w| w.as_array().ok())
        && let Some(list) = listed(document, widths, left)
    {
        font.set("W", list);
        touched = true;
    }
    touched
}

/// The same widths, each range as a list; None when it is in that form already, or is damaged.
fn listed(document: &Document, widths: &[Object], left: &mut usize) -> Option<Vec<Object>> {
    let mut out = Vec::with_capacity(widths.len());
    let (mut at, mut ranges) = (0, false);
    while at + 1 < widths.len() {
        let first = code(document, &widths[at])?;
        if let Object::Array(list) = resolved(document, &widths[at + 1]) {
            ranges |= !matches!(widths[at + 1], Object::Array(_));
            out.extend([Object::Integer(first), Object::Array(list.clone())]);
            at += 2;
            continue;
        }
        let last = code(document, &widths[at + 1])?;
        let width = number(document, widths.get(at + 2)?)?;
        let many = usize::try_from(last - first + 1).unwrap_or(0);
        *left = left.checked_sub(many)?;
        #[expect(clippy::cast_possible_truncation, reason = "the file's own precision")]
        let width = Object::Real(width as f32);
        out.extend([Object::Integer(first), Object::Array(vec![width; many])]);
        ranges = true;
        at += 3;
    }
    ranges.then_some(out)
}

fn code(document: &Document, object: &Object) -> Option<i64> {
    let code = resolved(document, object).as_i64().ok()?;
    (0..CODES).contains(&code).then_some(code)
}

fn number(document: &Document, object: &Object) -> Option<f64> {
    match resolved(document, object) {
        #[expect(clippy::cast_precision_loss, reason = "a width in thousandths")]
        Object::Integer(n) => Some(*n as f64),
        Object::Real(n) => Some(f64::from(*n)),
        _ => None,
    }
}

fn resolved<'a>(document: &'a Document, object: &'a Object) -> &'a Object {
    document.dereference(object).map_or(object, |(_, object)| object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths_of(font: Dictionary) -> Option<Vec<Object>> {
        let mut document = Document::with_version("1.7");
        let id = document.add_object(font);
        write_out(&mut document);
        let font = document.get_object(id).unwrap().as_dict().unwrap();
        font.get(b"W").unwrap().as_array().ok().cloned()
    }

    fn font(widths: Vec<Object>) -> Dictionary {
        let mut font = Dictionary::new();
        font.set("Subtype", Object::Name(b"CIDFontType2".to_vec()));
        font.set("W", widths);
        font
    }

    #[test]
    fn ranges_of_widths_are_written_out_to_their_end() {
        let list = |widths: &[f32]| Object::Array(widths.iter().map(|w| Object::Real(*w)).collect());
        let given = vec![
            Object::Integer(0),
            list(&[750.0]),
            Object::Integer(68),
            Object::Integer(70),
            Object::Real(556.0),
        ];
        let wanted = vec![
            Object::Integer(0),
            list(&[750.0]),
            Object::Integer(68),
            list(&[556.0, 556.0, 556.0]),
        ];
        assert_eq!(widths_of(font(given)), Some(wanted));
    }

    #[test]
    fn damaged_and_endless_ranges_stay_as_they_are() {
        for odd in [
            vec![Object::Integer(1), Object::Integer(2)],
            vec![Object::Integer(-5), Object::Integer(2), Object::Integer(1)],
            vec![Object::Integer(1), Object::Integer(i64::MAX), Object::Integer(1)],
            vec![Object::Null],
        ] {
            assert_eq!(widths_of(font(odd.clone())), Some(odd));
        }
    }
}
