//! What a text is written in, by its commonest words.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A text's tongue, as far as the rules need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    English,
    German,
    /// Neither, or it can't be told.
    Other,
}

const ENGLISH: &str = "the is are was you your we our it to of for from with can can't and not this that have has will be on by i \
    an at or as if they don't there any all please my me no only";
const GERMAN: &str = "der die das ist sind sie ihr ihre wir unser unsere und nicht mit von zu den dem ein eine einen kann können für \
    auf im kein keine wird werden es ich haben hat nach oder auch bitte sich innerhalb ab nur zum zur gilt kostet gibt liefern";
const FOREIGN: &str = "le la les des une est et vous nous pour dans sur avec pas el los las es y por con una su para che il di per \
    non sono della het een van niet voor zijn nie jest na się och att det är på som ikke og til o os um não em é";
/// The longest of them, in bytes.
const LONGEST: usize = 10;

/// How many common words of each a text has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    english: usize,
    german: usize,
    foreign: usize,
    /// A letter that neither English nor German has.
    strange: bool,
    umlaut: bool,
}

impl Tally {
    /// Counts a text's.
    pub fn of(text: &str) -> Self {
        static WORDS: LazyLock<HashMap<&str, [bool; 3]>> = LazyLock::new(|| {
            let mut all: HashMap<&str, [bool; 3]> = HashMap::new();
            for (n, list) in [ENGLISH, GERMAN, FOREIGN].into_iter().enumerate() {
                for word in list.split_whitespace() {
                    all.entry(word).or_default()[n] = true;
                }
            }
            all
        });
        let mut tally = Self::default();
        let mut lower = String::with_capacity(2 * LONGEST);
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '\'') {
            if word.is_empty() || word.len() > LONGEST {
                continue;
            }
            lower.clear();
            lower.extend(word.chars().flat_map(char::to_lowercase));
            if let Some([english, german, foreign]) = WORDS.get(lower.as_str()) {
                tally.english += usize::from(*english);
                tally.german += usize::from(*german);
                tally.foreign += usize::from(*foreign);
            }
        }
        if !text.is_ascii() {
            tally.strange = text
                .chars()
                .any(|c| c.is_alphabetic() && !c.is_ascii() && !"äöüßÄÖÜé".contains(c));
            tally.umlaut = text.contains(['ä', 'ö', 'ü', 'ß']);
        }
        tally
    }

    /// Counts of two texts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            english: self.english + other.english,
            german: self.german + other.german,
            foreign: self.foreign + other.foreign,
            strange: self.strange || other.strange,
            umlaut: self.umlaut || other.umlaut,
        }
    }

    /// What the text is written in.
    pub fn tongue(self) -> Tongue {
        let Self {
            english,
            german,
            foreign,
            strange,
            umlaut,
        } = self;
        if foreign > english.max(german) || (strange && english == 0 && german == 0) {
            Tongue::Other
        } else if german > english || (german == english && umlaut) {
            Tongue::German
        } else {
            Tongue::English
        }
    }
}

/// What a text is written in.
pub fn tongue(text: &str) -> Tongue {
    Tally::of(text).tongue()
}
