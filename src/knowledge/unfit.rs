//! Why a content can't be taken into the knowledge base: for programs a code, for the
//! site's owner a sentence that says what to do.

/// Why a content is unfit; trying it again doesn't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No bytes, or blanks only.
    #[error("The file is empty.")]
    Empty,
    /// More than the limit.
    #[error("The file is larger than {limit_mb} MB. Please split it into smaller ones.")]
    TooLarge {
        /// The limit in MiB.
        limit_mb: usize,
    },
    /// A type that is known, but can't be read.
    #[error("The file is {what}, which can't be read. Please save it as Markdown, HTML or plain text.")]
    UnsupportedType {
        /// With its article, for example `a PDF document`.
        what: String,
    },
    /// Binary content of no known type.
    #[error(
        "The file doesn't hold text, although its name may say so. Please check that it is the right one."
    )]
    NotText,
    /// Text with bytes that its character set doesn't have.
    #[error(
        "The file says that it is written in {charset}, but parts of it aren't. Please save it again as UTF-8."
    )]
    Undecodable {
        /// The character set.
        charset: String,
    },
    /// Readable, but nothing in it to answer from.
    #[error("No text was found in the file. A page that is only images or scripts can't be searched.")]
    NoText,
    /// HTML whose elements stand in each other deeper than any real page's.
    #[error("The page's elements are nested too deeply. Please save it from a browser and try again.")]
    TooNested,
    /// The parser gave up on it.
    #[error("The file is damaged, so that it can't be read. Please save it again and retry.")]
    Broken,
    /// The time limit passed.
    #[error("Reading the file took longer than {seconds} seconds. Please split it into smaller ones.")]
    TookTooLong {
        /// The limit.
        seconds: u64,
    },
}

impl Unfit {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge { .. } => "too_large",
            Self::UnsupportedType { .. } => "unsupported_type",
            Self::NotText => "not_text",
            Self::Undecodable { .. } => "undecodable",
            Self::NoText => "no_text",
            Self::TooNested => "too_nested",
            Self::Broken => "broken",
            Self::TookTooLong { .. } => "took_too_long",
        }
    }
}
