//! Writing to the terminal: results to standard output, remarks to standard error, so
//! that a script that reads the one isn't disturbed by the other.

use std::borrow::Cow;
use std::io::Write as _;

use crate::domain::text::is_odd;

/// A text without what a terminal would obey: documents and visitors' words are shown too.
fn harmless(text: &str) -> Cow<'_, str> {
    if text.contains(is_odd) {
        Cow::Owned(text.replace(is_odd, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A line of the result. A reader that has gone (`| head`) is no error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", harmless(text));
}

/// A piece of the result, shown at once.
pub fn piece(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{}", harmless(text));
    let _ = out.flush();
}

/// A remark.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", harmless(text));
}

/// A question, with the cursor behind it.
pub fn ask(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{}", harmless(text));
    let _ = out.flush();
}

/// A result for scripts.
///
/// # Errors
/// When it can't be serialised.
pub fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}
