//! Which of PostgreSQL's text search configurations a text belongs to.

use whatlang::Lang;

/// The configuration that takes words as they are.
pub const SIMPLE: &str = "simple";

/// How much of a text is looked at, in bytes.
const SAMPLE: usize = 20_000;

/// The configuration of a text: what its words show, else the first that is known of what
/// it and its site say about it (BCP 47 tags), else [`SIMPLE`].
#[must_use]
pub fn detect(text: &str, declared: &[Option<&str>]) -> &'static str {
    let sample = &text[..text.floor_char_boundary(SAMPLE)];
    let shown = whatlang::detect(sample).filter(whatlang::Info::is_reliable);
    shown
        .and_then(|info| of_language(info.lang()))
        .or_else(|| declared.iter().flatten().find_map(|tag| of_tag(tag)))
        .unwrap_or(SIMPLE)
}

/// The configuration of a BCP 47 tag's language.
#[must_use]
pub fn of_tag(tag: &str) -> Option<&'static str> {
    let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
    TAGS.iter()
        .find(|(t, _)| *t == primary)
        .map(|(_, config)| *config)
}

const TAGS: [(&str, &str); 24] = [
    ("en", "english"),
    ("de", "german"),
    ("fr", "french"),
    ("es", "spanish"),
    ("it", "italian"),
    ("pt", "portuguese"),
    ("nl", "dutch"),
    ("da", "danish"),
    ("sv", "swedish"),
    ("nb", "norwegian"),
    ("no", "norwegian"),
    ("fi", "finnish"),
    ("hu", "hungarian"),
    ("ro", "romanian"),
    ("ru", "russian"),
    ("tr", "turkish"),
    ("ar", "arabic"),
    ("el", "greek"),
    ("ca", "catalan"),
    ("id", "indonesian"),
    ("ga", "irish"),
    ("lt", "lithuanian"),
    ("eu", "basque"),
    ("hy", "armenian"),
];

fn of_language(lang: Lang) -> Option<&'static str> {
    let config = match lang {
        Lang::Eng => "english",
        Lang::Deu => "german",
        Lang::Fra => "french",
        Lang::Spa => "spanish",
        Lang::Ita => "italian",
        Lang::Por => "portuguese",
        Lang::Nld => "dutch",
        Lang::Dan => "danish",
        Lang::Swe => "swedish",
        Lang::Nob => "norwegian",
        Lang::Fin => "finnish",
        Lang::Hun => "hungarian",
        Lang::Ron => "romanian",
        Lang::Rus => "russian",
        Lang::Tur => "turkish",
        Lang::Ara => "arabic",
        Lang::Ell => "greek",
        Lang::Cat => "catalan",
        Lang::Ind => "indonesian",
        Lang::Lit => "lithuanian",
        Lang::Hye => "armenian",
        _ => return None,
    };
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_go_before_what_a_page_claims() {
        let german = "Sie können die meisten Waren innerhalb von 30 Tagen zurücksenden. Das Geld erhalten Sie \
                      innerhalb von fünf Werktagen nach Eingang der Rücksendung zurück.";
        assert_eq!(detect(german, &[Some("en-US")]), "german");
        let english = "You can send most things back within thirty days, and you get your money back within \
                       five working days of their arrival.";
        assert_eq!(detect(english, &[]), "english");
        assert_eq!(detect("E27", &[None, Some("de-AT")]), "german");
        assert_eq!(detect("E27", &[Some("x-klingon"), None]), SIMPLE);
        assert_eq!(detect("4.90", &[]), SIMPLE);
    }
}
