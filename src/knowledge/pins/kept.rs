//! The pins that a site has: adding one, which takes its answer in at once, listing and
//! removing them.

use serde::Serialize;
use uuid::Uuid;

use crate::db::documents;
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::clock::Clock;
use crate::domain::document::{NewUpload, PIN};
use crate::domain::ids::{DocumentId, SiteId};
use crate::domain::text::is_odd;
use crate::knowledge::accept::accept;
use crate::knowledge::base::Knowledge;
use crate::knowledge::ingest::{IngestError, ingest};
use crate::knowledge::words::words;

/// The longest question, in characters.
pub const QUESTION: usize = 500;
/// The longest answer, in characters; and the longest word in it.
pub const ANSWER: usize = 4_000;
/// See `ANSWER`.
pub const WORD: usize = 1_000;

/// A pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// The document that it is.
    pub id: DocumentId,
    /// As it was asked.
    pub question: String,
    /// What is answered, in Markdown; none before it was taken in.
    pub answer: Option<String>,
    /// Where visitors can read more.
    pub source: Option<String>,
    /// Whether a new answer to it waits for being taken in.
    pub waiting: bool,
}

/// What to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPin<'a> {
    /// In visitors' words; blanks don't count.
    pub question: &'a str,
    /// Markdown.
    pub answer: &'a str,
    /// Where visitors can read more.
    pub source: NewSource<'a>,
}

/// Where visitors can read more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewSource<'a> {
    /// What the pin has already, if it is there.
    Kept,
    /// Nowhere.
    None,
    /// An absolute URL or a path of the site.
    At(&'a str),
}

/// What became of a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// There was none for the question.
    Added,
    /// Its answer or source is another now.
    Changed,
    /// It was so already.
    Unchanged,
}

/// Why a pin can't be added or removed.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The question.
    #[error("the question must have words, and no more than {QUESTION} characters")]
    Question,
    /// Either.
    #[error("question and answer must not have control characters")]
    Control,
    /// The answer.
    #[error(
        "the answer must have words, and no more than {ANSWER} characters (this has {0}), none of its words more than \
         {WORD}; put longer texts on a page and name it with --source"
    )]
    Answer(usize),
    /// It can't be made searchable.
    #[error("the answer can't be taken in: {0}")]
    Unfit(#[source] IngestError),
    /// Somebody removed it in the same moment.
    #[error("the pin was removed meanwhile")]
    Gone,
    /// Nothing was named.
    #[error("say which pin; `deskhand pin list` shows their ids")]
    Unnamed,
    /// What was named is no pin's id, or the beginning of several.
    #[error("{} pins begin with `{named}`; `deskhand pin list` shows them",
        if *found == 0 { "no".to_owned() } else { found.to_string() })]
    Ambiguous {
        /// As it was given.
        named: String,
        /// How many it fits.
        found: usize,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds a pin, or changes the answer to the same question; it is searched at once.
///
/// # Errors
/// See [`PinError`].
pub async fn add(
    db: &Db,
    clock: &dyn Clock,
    knowledge: &Knowledge,
    site: SiteId,
    new: NewPin<'_>,
) -> Result<(Pin, Change), PinError> {
    let question = new.question.split_whitespace().collect::<Vec<_>>().join(" ");
    if !question.chars().any(char::is_alphanumeric) || question.chars().count() > QUESTION {
        return Err(PinError::Question);
    }
    if question.contains(is_odd) || new.answer.contains(is_odd) {
        return Err(PinError::Control);
    }
    let length = new.answer.chars().count();
    let long_word = new.answer.split_whitespace().any(|w| w.chars().count() > WORD);
    if !new.answer.chars().any(char::is_alphanumeric) || length > ANSWER || long_word {
        return Err(PinError::Answer(length));
    }
    // The same question has one answer, however it is written.
    let external_id = same(&question);
    let mut tx = db.site(site).await?;
    let before = list(&mut tx).await?;
    let before = before.into_iter().find(|pin| same(&pin.question) == external_id);
    drop(tx);
    let source = match new.source {
        NewSource::Kept => before.as_ref().and_then(|pin| pin.source.clone()),
        NewSource::None => None,
        NewSource::At(address) => Some(address.to_owned()),
    };
    let upload = NewUpload {
        source: PIN.to_owned(),
        external_id,
        name: "pin.md".to_owned(),
        bytes: new.answer.as_bytes().to_vec(),
        url: source,
        title: Some(question),
    };
    let mut tx = db.site(site).await?;
    // A content that comes without an address keeps the one it had: here it is to have none.
    if let Some(pin) = before
        .as_ref()
        .filter(|pin| pin.source.is_some() && upload.url.is_none())
    {
        documents::unlink(&mut tx, pin.id).await?;
    }
    let accepted = accept(&mut tx, upload, knowledge.limits).await?;
    tx.commit().await?;
    if let Some(upload) = accepted.upload {
        let told = &|_, _| {};
        if let Err(error) = ingest(db, clock, knowledge, site, upload, accepted.document, told).await {
            // A pin that never was one must not stay on the list.
            let mut tx = db.site(site).await?;
            if !documents::has_live(&mut tx, accepted.document).await? {
                documents::delete(&mut tx, clock.now(), accepted.document).await?;
            }
            tx.commit().await?;
            return Err(PinError::Unfit(error));
        }
    }
    let mut tx = db.site(site).await?;
    let all = list(&mut tx).await?;
    let added = all.into_iter().find(|pin| pin.id == accepted.document);
    let added = added.ok_or(PinError::Gone)?;
    let change = match before {
        None => Change::Added,
        Some(before) if (&before.answer, &before.source) == (&added.answer, &added.source) => {
            Change::Unchanged
        }
        Some(_) => Change::Changed,
    };
    Ok((added, change))
}

/// What makes two questions the same: their words, in any case and with any marks.
fn same(question: &str) -> String {
    let words: Vec<String> = words(question).into_iter().map(|w| w.lower).collect();
    words.join(" ").chars().take(1000).collect()
}

/// The site's pins, by question.
///
/// # Errors
/// When the database refuses or is away.
pub async fn list(tx: &mut SiteTx) -> DbResult<Vec<Pin>> {
    let rows = documents::of_source(tx, PIN).await?;
    let pins = rows.into_iter().map(|row| Pin {
        id: row.id,
        question: row.title,
        answer: row.markdown.map(|text| text.trim_end().to_owned()),
        source: row.url,
        waiting: row.waiting,
    });
    Ok(pins.collect())
}

/// Removes the pin whose id is named, or begins like that, and gives it.
///
/// # Errors
/// See [`PinError`].
pub async fn remove(db: &Db, clock: &dyn Clock, site: SiteId, named: &str) -> Result<Pin, PinError> {
    let wanted = named.trim().to_lowercase();
    if wanted.is_empty() {
        return Err(PinError::Unnamed);
    }
    let mut tx = db.site(site).await?;
    let fits = |p: &Pin| p.id.to_string().starts_with(&wanted) || Uuid::parse_str(&wanted) == Ok(p.id.0);
    let mut found = list(&mut tx).await?;
    found.retain(fits);
    let count = found.len();
    let (Some(pin), 1) = (found.pop(), count) else {
        return Err(PinError::Ambiguous {
            named: named.to_owned(),
            found: count,
        });
    };
    documents::delete(&mut tx, clock.now(), pin.id).await?;
    tx.commit().await?;
    Ok(pin)
}
