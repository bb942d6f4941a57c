//! Takes in what a webhook tells: a document's new content, which then waits for ingestion,
//! or its end. The newest event wins, whatever came first; at the same time the end does.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::db::documents::{self, Met};
use crate::db::inbound::{self, Ended};
use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::uploads::{self, Content, Labels, Upload};
use crate::db::versions::Failure;
use crate::db::{freshness, removal, sites, withdrawal};
use crate::domain::clock::Clock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{DocumentId, EventId, JobId, SiteId, UploadId};
use crate::domain::webhook::{self, Change, Event, Put};
use crate::knowledge::accept::{self, Named};
use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::ingest;

/// What taking an event in came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// This is to be ingested.
    Waits(UploadId),
    /// There is nothing more to do; a code says why.
    Done(&'static str),
}

/// Takes an event in, in one transaction; doing it again gives the same. `job` is the one that
/// does so.
///
/// # Errors
/// When the database refuses or is away.
pub async fn take(
    db: &Db,
    clock: &dyn Clock,
    limits: ChunkLimits,
    site: SiteId,
    document: DocumentId,
    event: EventId,
    job: JobId,
) -> DbResult<Taken> {
    let mut tx = db.site(site).await?;
    // The document before its events, as in a removal: else the two could deadlock.
    documents::lock(&mut tx, document).await?;
    let Some(pending) = inbound::begin(&mut tx, event).await? else {
        return Ok(Taken::Done("forgotten"));
    };
    let taken = match (pending.open, pending.upload, pending.raw) {
        (false, ..) => Taken::Done("done"),
        (true, Some(upload), _) => Taken::Waits(upload),
        (true, None, None) => end(&mut tx, event, Ended::Discarded, "removed", clock.now()).await?,
        (true, None, Some(raw)) => match read(&raw) {
            Some(told) => follow(&mut tx, clock.now(), limits, event, told, job).await?,
            // It was read when it came; a version that reads otherwise took it in.
            None => end(&mut tx, event, Ended::Failed, "unreadable", clock.now()).await?,
        },
    };
    tx.commit().await?;
    fail::point(FailPoint::EventTaken);
    Ok(taken)
}

/// Reads it as it was read when it came: of a field that is there twice the last one counts.
fn read(raw: &[u8]) -> Option<Event> {
    let body: serde_json::Value = serde_json::from_slice(raw).ok()?;
    let body: webhook::Body = serde_json::from_value(body).ok()?;
    Event::read(body).ok()
}

async fn end(
    tx: &mut SiteTx,
    event: EventId,
    how: Ended,
    why: &'static str,
    now: DateTime<Utc>,
) -> DbResult<Taken> {
    inbound::end(tx, event, how, Some(why)).await?;
    if how == Ended::Processed {
        freshness::synced(tx, now).await?;
    }
    Ok(Taken::Done(why))
}

async fn follow(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    limits: ChunkLimits,
    event: EventId,
    told: Event,
    job: JobId,
) -> DbResult<Taken> {
    let met = documents::meet(tx, now, told.source, &told.external_id).await?;
    let older = met.event_at.is_some_and(|newest| told.at < newest);
    match told.change {
        _ if older => {
            if met.deleted || met.hidden {
                inbound::forget_content(tx, event).await?;
            }
            end(tx, event, Ended::Discarded, "superseded", now).await
        }
        Change::Remove(why) => {
            fail::point(FailPoint::RemovalBegun);
            if removal::remove(tx, now, met.id, Some(told.at), Some(job))
                .await?
                .is_none()
            {
                // There is nothing of it; what was sent before its end must not begin it.
                documents::ended(tx, met.id, told.at).await?;
                inbound::supersede_failed(tx, met.id, Some(event)).await?;
            }
            // A draft may come with its content, though it must not be taken in.
            inbound::forget_content(tx, event).await?;
            end(tx, event, Ended::Processed, why, now).await
        }
        Change::Put(put) => {
            let ended = met.event_at == Some(told.at) && (met.deleted || met.hidden);
            if ended {
                inbound::forget_content(tx, event).await?;
                return end(tx, event, Ended::Discarded, "superseded", now).await;
            }
            if met.hidden {
                // What was to be removed before this came must not be seen again.
                removal::remove(tx, now, met.id, met.event_at, Some(job)).await?;
            }
            wait(tx, now, limits, event, met, told.at, *put).await
        }
    }
}

async fn wait(
    tx: &mut SiteTx,
    now: DateTime<Utc>,
    limits: ChunkLimits,
    event: EventId,
    met: Met,
    at: DateTime<Utc>,
    put: Put,
) -> DbResult<Taken> {
    let content = readable(tx, put.content).await?;
    let title = put.title.as_deref().unwrap_or(&put.name);
    let address = match &content {
        webhook::Content::Url(url) => Some(url.as_str()),
        // What else the content can be had from, if it must be made anew some day.
        webhook::Content::Html(_) => put.url.as_deref(),
        webhook::Content::Picture(_) | webhook::Content::NoText => None,
    };
    documents::renew(tx, met.id, at, title, address).await?;
    inbound::supersede_failed(tx, met.id, Some(event)).await?;
    let labels = Labels {
        tags: put.tags,
        channels: put.channels,
        lang: put.lang.clone(),
    };
    let upload = match content {
        webhook::Content::Picture(_) | webhook::Content::NoText => {
            let failure = Failure {
                code: "unsupported_type",
                detail: match content {
                    webhook::Content::Picture(_) => {
                        "Pictures are only read where the site asks for it (its setting read_pictures): most are of products."
                    }
                    _ => "Pictures, sound and video hold no text to answer from.",
                },
                sha256: None,
                recipe: &ingest::recipe(limits),
            };
            uploads::forget(tx, met.id).await?;
            // Whatever was live before: the site has something else there now.
            withdrawal::withdraw(tx, now, met.id, None, &failure).await?;
            return end(tx, event, Ended::Discarded, "unsupported_type", now).await;
        }
        webhook::Content::Url(url) => {
            let upload = Upload {
                name: put.name,
                title: put.title,
                url: put.url,
                content: Content::Fetch(url),
                labels,
            };
            uploads::put(tx, met.id, &upload).await?
        }
        webhook::Content::Html(html) => {
            let lang = match put.lang {
                Some(lang) => Some(lang),
                None => sites::own(tx).await?.map(|site| site.locale),
            };
            let bytes = page(put.title.as_deref(), lang.as_deref(), &html).into_bytes();
            let named = Named {
                sha256: Sha256::digest(&bytes).to_vec(),
                bytes,
                name: put.name,
                title: put.title,
                url: put.url,
                labels,
            };
            let live = documents::live(tx, met.id).await?;
            match accept::store(tx, met.id, live.as_ref(), named, limits).await? {
                Some(upload) => upload,
                None => return end(tx, event, Ended::Processed, "unchanged", now).await,
            }
        }
    };
    inbound::made(tx, event, upload).await?;
    Ok(Taken::Waits(upload))
}

/// A content, with a picture as a file like others where the site wants them read.
async fn readable(tx: &mut SiteTx, content: webhook::Content) -> DbResult<webhook::Content> {
    Ok(match content {
        webhook::Content::Picture(url) if sites::settings(tx).await?.read_pictures() => {
            webhook::Content::Url(url)
        }
        other => other,
    })
}

/// A post's content as a page: all of it is what the page is about.
fn page(title: Option<&str>, lang: Option<&str>, html: &str) -> String {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    };
    let lang = lang.map_or(Cow::Borrowed(""), |l| {
        Cow::Owned(format!(" lang=\"{}\"", escape(l)))
    });
    let title = escape(title.unwrap_or(""));
    format!(
        "<!doctype html>\n<html{lang}><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><main><article>\n<h1>{title}</h1>\n{html}\n</article></main></body></html>\n"
    )
}

/// Says how the ingestion of what an event brought ended. If well, the site's knowledge is as its
/// source has it.
///
/// # Errors
/// When the database refuses or is away.
pub async fn close(
    db: &Db,
    clock: &dyn Clock,
    site: SiteId,
    event: EventId,
    failure: Option<&str>,
) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    let how = match failure {
        None => Ended::Processed,
        Some(_) => Ended::Failed,
    };
    inbound::end(&mut tx, event, how, failure).await?;
    if failure.is_none() {
        freshness::synced(&mut tx, clock.now()).await?;
    }
    tx.commit().await
}

/// Has a document made anew: of what waits already, of what can be fetched, or of what its last
/// webhook brought; none when its content isn't to be had any more.
///
/// # Errors
/// When the database refuses or is away.
pub async fn again(tx: &mut SiteTx, document: DocumentId) -> DbResult<Option<UploadId>> {
    if !documents::lock(tx, document).await? {
        return Ok(None);
    }
    let newest = inbound::newest_content(tx, document).await?;
    inbound::supersede_failed(tx, document, None).await?;
    if let Some(waits) = uploads::waiting(tx, document).await? {
        return Ok(Some(waits));
    }
    let told = newest.as_deref().and_then(read).map(|event| event.change);
    let lang = sites::own(tx).await?.map(|site| site.locale);
    let upload = match told {
        Some(Change::Put(put)) => {
            let content = match readable(tx, put.content).await? {
                webhook::Content::Picture(_) | webhook::Content::NoText => return Ok(None),
                webhook::Content::Url(url) => Content::Fetch(url),
                webhook::Content::Html(html) => {
                    let lang = put.lang.clone().or(lang);
                    let bytes = page(put.title.as_deref(), lang.as_deref(), &html).into_bytes();
                    Content::Bytes {
                        sha256: Sha256::digest(&bytes).to_vec(),
                        bytes,
                    }
                }
            };
            Upload {
                name: put.name,
                title: put.title,
                url: put.url,
                content,
                labels: Labels {
                    tags: put.tags,
                    channels: put.channels,
                    lang: put.lang,
                },
            }
        }
        _ => {
            let (Some(address), Some(live)) = (
                documents::fetched_from(tx, document).await?,
                documents::live(tx, document).await?,
            ) else {
                return Ok(None);
            };
            Upload {
                name: address.rsplit('/').next().unwrap_or("page").to_owned(),
                title: Some(live.title),
                url: live.url,
                content: Content::Fetch(address),
                labels: Labels {
                    tags: live.given_tags,
                    channels: Some(live.channels),
                    lang: None,
                },
            }
        }
    };
    documents::outdate(tx, document).await?;
    Ok(Some(uploads::put(tx, document, &upload).await?))
}
