//! Long texts in parts: for work whose time grows with the square of a text's length.

/// A part's length at most, in bytes.
pub const PART: usize = 32 << 10;

/// A text in parts of at most [`PART`] bytes, cut between paragraphs, lines or words where
/// there are any.
#[must_use]
pub fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > PART {
        let head = &rest[..rest.floor_char_boundary(PART)];
        let cut = ["\n\n", "\n", " "]
            .iter()
            .find_map(|end| head.rfind(end).filter(|at| *at > PART / 2))
            .unwrap_or(head.len());
        let (part, left) = rest.split_at(cut);
        parts.push(part);
        rest = left;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_short_and_nothing_is_lost() {
        let text = format!(
            "{}\n\n{}é{}",
            "a ".repeat(20_000),
            "b".repeat(PART - 1),
            "c".repeat(PART)
        );
        assert_eq!(parts(&text).concat(), text);
        assert!(parts(&text).iter().all(|p| p.len() <= PART));
        assert_eq!(parts("short"), ["short"]);
    }
}
