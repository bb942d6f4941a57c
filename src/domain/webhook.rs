//! What a WordPress site tells of its media and posts, as it stands on the wire, and what
//! that means for the knowledge base: a document's content, or its end. What isn't
//! public, or was left out, is an end.

mod never;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::site::is_locale;
use crate::domain::text::is_odd;
use crate::domain::time;

/// How far a webhook's timestamp may be from now.
pub const TOLERANCE: TimeDelta = TimeDelta::seconds(300);
/// The source of a site's media.
pub const WP_MEDIA: &str = "wp_media";
/// The source of a site's posts, pages and products.
pub const WP_POST: &str = "wp_post";
/// The longest URL and title, in characters.
const URL: usize = 2000;
const TITLE: usize = 500;
/// The most tags or channels, and the longest, in characters.
const NAMES: (usize, usize) = (32, 60);

/// A point in time, as PHP's `time()` or in RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub DateTime<Utc>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Instant;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970, or a time as RFC 3339 writes it")
            }
            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Instant, E> {
                let read = time::at(seconds).map(Instant);
                read.ok_or_else(|| E::invalid_value(Unexpected::Signed(seconds), &self))
            }
            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Instant, E> {
                self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Instant, E> {
                let read = time::read(text).map(Instant);
                read.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        from.deserialize_any(Either)
    }
}

/// A webhook's body. Fields that it doesn't know are passed over.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[expect(missing_docs, reason = "the names are the wire's own")]
pub struct Body {
    pub site_id: Uuid,
    pub timestamp: Instant,
    pub event: Option<String>,
    pub attachment_id: Option<u64>,
    pub file_url: Option<String>,
    pub mime_type: Option<String>,
    pub post_id: Option<u64>,
    pub post_type: Option<String>,
    pub status: Option<String>,
    pub password_protected: Option<bool>,
    pub members_only: Option<bool>,
    pub excluded: Option<bool>,
    pub title: Option<String>,
    pub url: Option<String>,
    #[serde(default, deserialize_with = "time::written_if_any")]
    pub modified_at: Option<DateTime<Utc>>,
    pub content: Option<String>,
    pub tags: Option<Vec<String>>,
    pub channels: Option<Vec<String>>,
    pub lang: Option<String>,
}

/// A field that isn't as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct BadField {
    /// A JSON pointer.
    pub pointer: &'static str,
    /// What may be given.
    pub detail: String,
}

/// What a webhook means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name on the wire.
    pub kind: &'static str,
    /// The document's source, and
    pub source: &'static str,
    /// its name there.
    pub external_id: String,
    /// When it happened at the site.
    pub at: DateTime<Utc>,
    /// Whether the site says when, or it is only known when it was signed.
    pub dated: bool,
    /// When it was signed.
    pub sent_at: DateTime<Utc>,
    /// What to do.
    pub change: Change,
}

/// What a webhook asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The document has this content now.
    Put(Box<Put>),
    /// It must not be answered from any more: a code says why.
    Remove(&'static str),
}

/// A document's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// A name for people; its ending hints at the type.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// The page to cite.
    pub url: Option<String>,
    /// Where the content is.
    pub content: Content,
    /// Words it is filed under.
    pub tags: Vec<String>,
    /// The channels that may answer from it; none: as before.
    pub channels: Option<Vec<String>>,
    /// The language that it is written in.
    pub lang: Option<String>,
}

/// Where a content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// To be fetched.
    Url(String),
    /// In the webhook: a page in HTML.
    Html(String),
    /// A picture that there may be text in, to be fetched where the site wants that read.
    Picture(String),
    /// Another picture, sound or video: there is nothing to read.
    NoText,
}

/// Pictures that text can be recognised in.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/tiff", "image/webp"];

/// The events by their names.
const KINDS: [&str; 7] = [
    "media.added",
    "media.updated",
    "media.deleted",
    "post.published",
    "post.updated",
    "post.trashed",
    "post.deleted",
];

impl Event {
    /// Reads a body.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn read(body: Body) -> Result<Self, BadField> {
        let kind = body.event.as_deref().unwrap_or("media.added");
        let kind = KINDS
            .into_iter()
            .find(|k| *k == kind)
            .ok_or_else(|| bad("/event", format!("One of {}.", KINDS.join(", "))))?;
        let Instant(sent_at) = body.timestamp;
        let at = body.modified_at.unwrap_or(sent_at);
        let dated = body.modified_at.is_some();
        if at > sent_at + TOLERANCE {
            return Err(bad(
                "/modified_at",
                "Later than `timestamp`; send it in UTC, with its offset.",
            ));
        }
        let is_media = kind.starts_with("media.");
        let (source, id, pointer) = if is_media {
            (WP_MEDIA, body.attachment_id, "/attachment_id")
        } else {
            (WP_POST, body.post_id, "/post_id")
        };
        let id = id
            .filter(|id| *id > 0)
            .ok_or_else(|| bad(pointer, "A number above 0."))?;
        let change = match end(kind, &body)? {
            // Whatever it is, it may always go.
            Some(why) => Change::Remove(why),
            None => {
                let post_type = body.post_type.as_deref().unwrap_or("post");
                if never::holds(post_type) {
                    return Err(bad("/post_type", format!("`{post_type}` is never taken in.")));
                }
                Change::Put(Box::new(put(body, is_media, id)?))
            }
        };
        Ok(Self {
            kind,
            source,
            external_id: id.to_string(),
            at,
            dated,
            sent_at,
            change,
        })
    }

    /// Whether it takes its document away.
    #[must_use]
    pub fn removes(&self) -> bool {
        matches!(self.change, Change::Remove(_))
    }

    /// The title that it gives.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        match &self.change {
            Change::Put(put) => put.title.as_deref(),
            Change::Remove(_) => None,
        }
    }
}

/// Whether two bodies tell the same, whenever each was signed: a repeat is signed anew.
#[must_use]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    let told = |raw: &[u8]| {
        let mut body: Value = serde_json::from_slice(raw).ok()?;
        body.as_object_mut()?.remove("timestamp");
        Some(body)
    };
    one == other || told(one).is_some_and(|one| told(other) == Some(one))
}

fn bad(pointer: &'static str, detail: impl Into<String>) -> BadField {
    BadField {
        pointer,
        detail: detail.into(),
    }
}

/// Why the document must go, if it must.
fn end(kind: &str, body: &Body) -> Result<Option<&'static str>, BadField> {
    if matches!(kind, "media.deleted" | "post.trashed" | "post.deleted") {
        return Ok(Some("deleted"));
    }
    if body.excluded == Some(true) {
        return Ok(Some("excluded"));
    }
    if kind.starts_with("media.") {
        // Media have no state of their own; what is said of one all the same is heeded.
        let private = body
            .status
            .as_deref()
            .is_some_and(|s| !["publish", "inherit"].contains(&s));
        let hidden = private || body.password_protected == Some(true) || body.members_only == Some(true);
        return Ok(hidden.then_some("not_public"));
    }
    // A field that is left out must not make a draft public.
    let status = body
        .status
        .as_deref()
        .ok_or_else(|| bad("/status", "The post's status, such as publish."))?;
    let locked = body
        .password_protected
        .ok_or_else(|| bad("/password_protected", "true or false."))?;
    let hidden = status != "publish" || locked || body.members_only == Some(true);
    Ok(hidden.then_some("not_public"))
}

fn put(body: Body, is_media: bool, id: u64) -> Result<Put, BadField> {
    let url = body.url.map(|url| web("/url", url)).transpose()?;
    let title = body
        .title
        .map(|t| t.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|t| !t.is_empty())
        .map(|t| t.chars().take(TITLE).collect());
    let tags = names("/tags", body.tags)?.unwrap_or_default();
    let channels = names("/channels", body.channels)?;
    if body.lang.as_ref().is_some_and(|l| !is_locale(l)) {
        return Err(bad("/lang", "A language tag such as `en` or `de-AT`."));
    }
    let (name, content) = if is_media {
        let file = body
            .file_url
            .ok_or_else(|| bad("/file_url", "Where the file is."))?;
        let file = web("/file_url", file)?;
        let mime = body.mime_type.as_deref().unwrap_or("");
        let mute = ["image/", "audio/", "video/"].iter().any(|m| mime.starts_with(m));
        let name = file_name(&file).unwrap_or_else(|| format!("attachment-{id}"));
        let content = if PICTURES.contains(&mime) {
            Content::Picture(file)
        } else if mute {
            Content::NoText
        } else {
            Content::Url(file)
        };
        (name, content)
    } else {
        let url = url
            .clone()
            .ok_or_else(|| bad("/url", "Where the post can be read."))?;
        let content = match body.content.filter(|c| !c.trim().is_empty()) {
            Some(html) => Content::Html(html),
            None => Content::Url(url),
        };
        (
            format!("{}-{id}.html", body.post_type.as_deref().unwrap_or("post")),
            content,
        )
    };
    Ok(Put {
        name,
        title,
        // A file without a page of its own is its own.
        url: url.or_else(|| match &content {
            Content::Url(file) | Content::Picture(file) => Some(file.clone()),
            Content::Html(_) | Content::NoText => None,
        }),
        content,
        tags,
        channels,
        lang: body.lang,
    })
}

/// The last part of a URL's path.
fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?.split_once("://")?.1;
    let (_, name) = path.rsplit_once('/')?;
    (!name.is_empty()).then(|| name.chars().take(200).collect())
}

fn web(pointer: &'static str, url: String) -> Result<String, BadField> {
    let lower = url.get(..8).unwrap_or(&url).to_ascii_lowercase();
    let rooted = lower.starts_with("https://") || lower.starts_with("http://");
    let odd = url.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control());
    if !rooted || odd || url.chars().count() > URL {
        return Err(bad(
            pointer,
            "An address that begins with https:// or http://, at most 2000 characters.",
        ));
    }
    Ok(url)
}

fn names(pointer: &'static str, names: Option<Vec<String>>) -> Result<Option<Vec<String>>, BadField> {
    let Some(names) = names else { return Ok(None) };
    let unfit = |n: &String| n.trim().is_empty() || n.chars().count() > NAMES.1 || n.contains(is_odd);
    if names.len() > NAMES.0 || names.iter().any(unfit) {
        return Err(bad(pointer, "At most 32, each of 1 to 60 characters."));
    }
    let mut names: Vec<String> = names.iter().map(|n| n.trim().to_owned()).collect();
    names.sort();
    names.dedup();
    Ok(Some(names))
}

#[cfg(test)]
mod tests;
