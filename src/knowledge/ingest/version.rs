//! A version made of a content: read in a process of its own, given its title, tags and
//! language, and cut into passages; everything before the vectors and the transaction.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{IngestError, Progress, Stage, recipe};
use crate::db::versions::{NewChunk, NewVersion};
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{DocumentId, UploadId};
use crate::knowledge::accept::Named;
use crate::knowledge::base::Knowledge;
use crate::knowledge::chunk::{ChunkLimits, chunk};
use crate::knowledge::extract::Extracted;
use crate::knowledge::scan::Clean;
use crate::knowledge::unfit::Unfit;
use crate::knowledge::{blocks, embed, language};
use crate::models::embedder::Embedder;
use crate::models::tokens;

/// How long a file's text may take to be cut.
const CUTTING: Duration = Duration::from_secs(60);
/// How much of a text, in bytes, its language is told by.
const LANGUAGE_SHOWN: usize = 100_000;
/// The stack on which foreign parsers recurse. Only what is used of it costs memory.
const STACK: usize = 256 << 20;

/// What else a version is made of.
pub(super) struct Given {
    pub document: DocumentId,
    pub upload: UploadId,
    pub source: String,
    pub site_locale: Option<String>,
    pub limits: ChunkLimits,
    pub model: Option<Arc<dyn Embedder>>,
}

/// What vectors are made of, by its hash.
pub(super) type Texts = HashMap<String, String>;

/// Reads and cuts.
///
/// # Errors
/// When the content can't be read, or not just now.
pub(super) async fn prepare(
    knowledge: &Knowledge,
    mut named: Named,
    given: Given,
    progress: Progress<'_>,
) -> Result<(NewVersion, Texts), IngestError> {
    progress(Stage::Sniff, 0.0);
    if let Some(scanner) = &knowledge.scanner {
        progress(Stage::Scan, 0.0);
        // Closed: what nobody could scan isn't read.
        let Clean { .. } = scanner.scan(&named.bytes).await?;
    }
    fail::point(FailPoint::IngestScanned);
    progress(Stage::Extract, 0.0);
    let bytes = std::mem::take(&mut named.bytes);
    let extracted = knowledge.reader.read(&bytes, &named.name).await?;
    drop(bytes);
    fail::point(FailPoint::IngestExtracted);
    progress(Stage::Normalise, 0.0);
    let locale = given.site_locale.clone();
    let content = apart(move || Ok(normalise(named, extracted, locale.as_deref()))).await?;
    progress(Stage::Chunk, 0.0);
    Ok(apart(move || Ok(index(given, content))).await?)
}

/// What a content says of itself and what is said of it, brought together.
struct Normalised {
    title: String,
    tags: Vec<String>,
    lang: &'static str,
    extracted: Extracted,
    named: Named,
}

fn normalise(named: Named, extracted: Extracted, site_locale: Option<&str>) -> Normalised {
    let title = named
        .title
        .clone()
        .or_else(|| extracted.title.clone())
        .unwrap_or_else(|| title_of_name(&named.name));
    let mut tags = extracted.tags.clone();
    for tag in &named.labels.tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let declared = [
        named.labels.lang.as_deref(),
        extracted.lang.as_deref(),
        site_locale,
    ];
    // Its beginning shows its language, and the whole may be long.
    let sample = &extracted.markdown[..extracted.markdown.floor_char_boundary(LANGUAGE_SHOWN)];
    let lang = language::detect(&blocks::plain(sample), &declared);
    Normalised {
        title,
        tags,
        lang,
        extracted,
        named,
    }
}

/// What is stored. A chunk is found by the document's title and tags, the headings above
/// it, and its text without markup, each counted once.
fn index(given: Given, content: Normalised) -> (NewVersion, Texts) {
    let Normalised {
        title,
        tags,
        lang,
        extracted,
        named,
    } = content;
    let chunks = match &given.model {
        Some(model) => {
            let limits = given.limits.within(model.max_tokens(), model.count(&title));
            chunk(&extracted.markdown, limits, &|text| model.count(text))
        }
        None => chunk(&extracted.markdown, given.limits, &tokens::count),
    };
    let mut texts = Texts::new();
    let chunks = chunks
        .into_iter()
        .map(|c| {
            let above = c.heading_path.join("\n");
            let index_text = [&title, &tags.join("\n"), &above, &blocks::plain(&c.text)]
                .map(String::as_str)
                .join("\n");
            let embedded = embed::text_of(&given.source, &title, &c.heading_path, &c.text);
            let hash = embed::hash_of(&embedded);
            texts.insert(hash.clone(), embedded);
            NewChunk {
                hash,
                heading_path: c.heading_path,
                anchor: c.anchor,
                page: extracted
                    .page_at(c.start)
                    .and_then(|page| i32::try_from(page).ok()),
                index_text,
                text: c.text,
                tokens: i32::try_from(c.tokens).unwrap_or(i32::MAX),
            }
        })
        .collect();
    let version = NewVersion {
        document: given.document,
        upload: given.upload,
        sha256: named.sha256,
        recipe: recipe(given.limits),
        title,
        url: named.url.or(extracted.url),
        tags,
        given_tags: named.labels.tags,
        channels: named.labels.channels,
        lang: lang.to_owned(),
        markdown: extracted.markdown,
        chunks,
        models: Vec::new(),
        fetched: None,
    };
    (version, texts)
}

/// `late-or-lost_parcels.md` is about "Late or lost parcels".
fn title_of_name(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let words = stem.replace(['-', '_'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => name.to_owned(),
    }
}

/// Runs foreign parsers on a thread of their own: a panic and a time limit end there, and
/// deep recursion finds room.
async fn apart<T, F>(work: F) -> Result<T, Unfit>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Unfit> + Send + 'static,
{
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("extract".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody listens after the time limit. A panic drops the sender.
            let _ = tell.send(work());
        })
        .map_err(|_| Unfit::Corrupt)?;
    match tokio::time::timeout(CUTTING, told).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Unfit::Corrupt),
        Err(_) => Err(Unfit::TooSlow {
            seconds: CUTTING.as_secs(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_title_is_called_by_its_name() {
        assert_eq!(
            title_of_name("kb/late-or-lost_parcels.md"),
            "Late or lost parcels"
        );
        assert_eq!(title_of_name("README"), "README");
        assert_eq!(title_of_name(".md"), ".md");
    }

    #[tokio::test]
    async fn a_parser_that_panics_is_a_broken_file() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let result: Result<(), Unfit> = apart(|| panic!("parser")).await;
        std::panic::set_hook(hook);
        assert_eq!(result, Err(Unfit::Corrupt));
    }
}
