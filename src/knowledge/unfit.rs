//! Why a content can't be taken into the knowledge base: for programs a code, for the
//! site's owner a sentence that says what to do.

use serde::{Deserialize, Serialize};

/// Text at most, in MiB, as [`Unfit::too_much_text`] says it.
const TEXT_MB: usize = 16;

/// Why a content is unfit; trying it again doesn't help. The codes are a closed list:
/// `encrypted`, `corrupt`, `empty`, `unsupported_type`, `too_large`, `too_slow`,
/// `too_much_memory`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// No bytes, or blanks only.
    #[error("The file is empty.")]
    Empty,
    /// Readable, but nothing in it to answer from.
    #[error("No text was found in the file. A page that is only images or scripts can't be searched.")]
    NoText,
    /// Pages without text: pictures of it, most likely; and nothing here that reads pictures.
    #[error(
        "No text was found on the document's pages: they seem to be scanned. To read them, tesseract (with its \
         languages) and poppler-utils have to be installed on deskhand's server; or please run text recognition \
         (OCR) on the file first, or give its text."
    )]
    Scanned,
    /// Pages without text, in whose pictures none was recognised either.
    #[error(
        "No text was found on the document's pages, and none was recognised in their pictures. Please scan them \
         again more clearly, or give their text."
    )]
    Illegible,
    /// A picture by itself, and nothing here that reads pictures.
    #[error(
        "The file is a picture. To read the text in it, tesseract (with its languages) and poppler-utils have to be \
         installed on deskhand's server; or please give its text in another form."
    )]
    Picture,
    /// A picture in which no text was recognised.
    #[error(
        "No text was recognised in the picture. If there is some, please give a larger or clearer picture, or the \
         text itself."
    )]
    Wordless,
    /// Locked by a password.
    #[error(
        "The file is protected by a password. Please save it without one, or give its text in another form."
    )]
    Encrypted,
    /// More bytes than the limit.
    #[error("The file is larger than {limit_mb} MB. Please split it into smaller ones.")]
    TooLarge {
        /// The limit in MiB.
        limit_mb: usize,
    },
    /// More text than the limit.
    #[error("The file holds more than {limit_mb} MB of text. Please split it into smaller ones.")]
    TooMuchText {
        /// The limit in MiB.
        limit_mb: usize,
    },
    /// More pages than the limit.
    #[error("The document has more than {limit} pages. Please split it into smaller ones.")]
    TooManyPages {
        /// The limit.
        limit: usize,
    },
    /// Small when packed, and unreasonably large when unpacked.
    #[error(
        "What is packed in the file is far too large to be a document. Please save it again with the \
         program that made it, or split it."
    )]
    Inflates,
    /// A type that is known, but can't be read.
    #[error(
        "The file is {what}, which can't be read. Please save it as PDF, as an Office or OpenDocument file, or \
         as HTML, Markdown or plain text."
    )]
    UnsupportedType {
        /// With its article, for example `an Excel table`.
        what: String,
    },
    /// A type of which there is a newer one that can be read.
    #[error("The file is {what}, which can't be read. Please open it and save it as {save_as}.")]
    OldFormat {
        /// With its article, for example `an older Word document (.doc)`.
        what: String,
        /// For example `Word (.docx)`.
        save_as: String,
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
    /// Elements that stand in each other deeper than in any real document.
    #[error(
        "The file's elements are nested too deeply. Please save it again with the program that made it, \
         or give its text in another form."
    )]
    TooNested,
    /// The parser gave up on it.
    #[error("The file is damaged, so that it can't be read. Please save it again and retry.")]
    Corrupt,
    /// The time limit passed.
    #[error("Reading the file took longer than {seconds} seconds. Please split it into smaller ones.")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// The memory limit was reached.
    #[error(
        "Reading the file took more than {limit_mb} MB of memory. Please split it into smaller ones, or \
         save it again in a simpler form."
    )]
    TooMuchMemory {
        /// The limit in MiB.
        limit_mb: u64,
    },
}

impl Unfit {
    /// More text than is taken in.
    #[must_use]
    pub fn too_much_text() -> Self {
        Self::TooMuchText { limit_mb: TEXT_MB }
    }

    /// Text at most, in bytes.
    #[must_use]
    pub const fn most_text() -> usize {
        TEXT_MB << 20
    }

    /// Whether it is something else than a document that everybody can read, and not just a damaged
    /// or unwieldy one: what was made of an older content then tells nothing of it any more.
    #[must_use]
    pub fn is_another_thing(&self) -> bool {
        // That this machine reads no pictures tells nothing of the file.
        matches!(self.code(), "unsupported_type" | "encrypted") && !matches!(self, Self::Picture)
    }

    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoText | Self::Scanned | Self::Illegible | Self::Wordless => "empty",
            Self::Encrypted => "encrypted",
            Self::TooLarge { .. } | Self::TooMuchText { .. } | Self::TooManyPages { .. } | Self::Inflates => {
                "too_large"
            }
            Self::UnsupportedType { .. } | Self::OldFormat { .. } | Self::NotText | Self::Picture => {
                "unsupported_type"
            }
            Self::Undecodable { .. } | Self::TooNested | Self::Corrupt => "corrupt",
            Self::TooSlow { .. } => "too_slow",
            Self::TooMuchMemory { .. } => "too_much_memory",
        }
    }
}
