//! Takes out the thoughts that some models write in front of an answer, as
//! `<think>…</think>`, where their server doesn't. They are not for the visitor.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// What is known of the answer's beginning.
#[derive(Debug, Default)]
pub enum Thoughts {
    /// Nothing, or too little to tell.
    #[default]
    Unknown,
    /// So much of it may be the beginning of the mark.
    Perhaps(String),
    /// Inside; the end of what was read, in which the closing mark may have begun.
    Inside(String),
    /// Past them, before the answer's first letter.
    Between,
    /// In the answer.
    Past,
}

impl Thoughts {
    /// What of a piece belongs to the answer.
    pub fn strip(&mut self, piece: String) -> String {
        match std::mem::replace(self, Self::Past) {
            Self::Past => piece,
            Self::Unknown => self.begin(piece),
            Self::Perhaps(before) => self.begin(before + &piece),
            Self::Inside(before) => self.inside(&(before + &piece)),
            Self::Between => self.between(&piece),
        }
    }

    /// What was held back and turned out to be text.
    pub fn rest(&mut self) -> String {
        match std::mem::replace(self, Self::Past) {
            Self::Perhaps(held) => held,
            _ => String::new(),
        }
    }

    fn begin(&mut self, text: String) -> String {
        let start = text.trim_start();
        if let Some(inside) = start.strip_prefix(OPEN) {
            return self.inside(inside);
        }
        if OPEN.starts_with(start) {
            *self = Self::Perhaps(text);
            return String::new();
        }
        text
    }

    fn inside(&mut self, text: &str) -> String {
        if let Some((_, after)) = text.split_once(CLOSE) {
            return self.between(after);
        }
        let keep = text.ceil_char_boundary(text.len().saturating_sub(CLOSE.len()));
        *self = Self::Inside(text[keep..].to_owned());
        String::new()
    }

    fn between(&mut self, text: &str) -> String {
        let text = text.trim_start();
        *self = if text.is_empty() {
            Self::Between
        } else {
            Self::Past
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&str]) -> String {
        let mut thoughts = Thoughts::default();
        let mut out: String = pieces.iter().map(|p| thoughts.strip((*p).to_owned())).collect();
        out.push_str(&thoughts.rest());
        out
    }

    #[test]
    fn only_thoughts_in_front_go() {
        for (text, wants) in [
            ("plain", "plain"),
            ("<think>hm</think>\n\nYes.", "Yes."),
            ("\n<think>hm</think>Yes.", "Yes."),
            ("<think></think>Yes. <think>no</think>", "Yes. <think>no</think>"),
            ("<thing>", "<thing>"),
            ("<thi", "<thi"),
            ("<think>never ends", ""),
            ("", ""),
            (" a ", " a "),
        ] {
            assert_eq!(read(&[text]), wants, "{text}");
        }
    }

    proptest! {
        #[test]
        fn however_it_is_cut(
            text in prop::sample::select(vec!["", "\n<think>ö hm < / </thin </think>\n\n", "<thi"]),
            tail in "\\PC{0,20}",
            cuts in prop::collection::vec(0..60_usize, 0..8),
        ) {
            let text = format!("{text}{tail}");
            let mut places: Vec<usize> = cuts.iter().map(|c| text.floor_char_boundary((*c).min(text.len()))).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<&str> = places.windows(2).map(|p| &text[p[0]..p[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&text]));
        }
    }
}
