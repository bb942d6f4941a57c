//! What a text may be made of, wherever it comes from.

/// Whether a character belongs into no text: a control character other than a line's end
/// and a tab. A terminal would obey it.
#[must_use]
pub fn is_odd(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}
