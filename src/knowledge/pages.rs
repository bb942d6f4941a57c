//! A document as a page: the text that the knowledge base holds, as safe HTML, with an
//! anchor at each heading so that a citation opens at its section.

use std::collections::HashSet;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};

use super::blocks;
use crate::db::documents;
use crate::db::pool::{DbResult, SiteTx};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// Sanitised HTML.
    pub html: String,
    /// When this version became live.
    pub updated_at: DateTime<Utc>,
}

/// The page of the document with this URL.
///
/// # Errors
/// When the database does.
pub async fn by_url(tx: &mut SiteTx, url: &str) -> DbResult<Option<Page>> {
    let article = documents::article(tx, url).await?;
    Ok(article.map(|a| Page {
        html: html(&a.title, &a.markdown),
        title: a.title,
        updated_at: a.updated_at,
    }))
}

/// Markdown as HTML that holds no scripts, styles or foreign addresses but links. The
/// title's own heading is left out: the page shows the title itself.
#[must_use]
pub fn html(title: &str, markdown: &str) -> String {
    let first = markdown.trim_start();
    let rest = first
        .strip_prefix("# ")
        .and_then(|t| t.strip_prefix(title))
        .filter(|t| t.starts_with('\n'));
    let mut options = blocks::options();
    options.extension.header_id_prefix = Some(String::new());
    let clean = sanitiser().clean(&comrak::markdown_to_html(rest.unwrap_or(first), &options));
    without_empty_links(&clean.to_string())
}

/// A heading's own link has no text: a reader of the screen would hear "link" and no more.
fn without_empty_links(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find("<a ") {
        let (before, link) = rest.split_at(start);
        out.push_str(before);
        match link.find('>') {
            Some(end) if link[end + 1..].starts_with("</a>") => rest = &link[end + 1 + "</a>".len()..],
            Some(end) => {
                out.push_str(&link[..=end]);
                rest = &link[end + 1..];
            }
            None => {
                rest = link;
                break;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Sanitising comes last, after everything that makes HTML.
fn sanitiser() -> &'static ammonia::Builder<'static> {
    static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
        let mut builder = ammonia::Builder::default();
        builder
            .rm_tags(["img", "map", "area"])
            .add_tag_attributes("a", ["id"])
            .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
            .link_rel(Some("noopener noreferrer nofollow"));
        for heading in ["h1", "h2", "h3", "h4", "h5", "h6"] {
            builder.add_tag_attributes(heading, ["id"]);
        }
        builder
    });
    &SANITISER
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn what_could_run_or_load_is_gone_and_anchors_stay() {
        let page = html(
            "T",
            "# T\n\n## What it costs\n\n<script>x()</script><img src=x onerror=y()>\n\nSee [a](javascript:z()) and [b](https://b.example).\n\n<p style='x'>c</p>",
        );
        for gone in ["<script", "onerror", "javascript:", "<img", "style=", "<h1"] {
            assert!(!page.contains(gone), "{gone} in {page}");
        }
        assert!(
            page.contains("<h2 id=\"what-it-costs\">What it costs</h2>"),
            "{page}"
        );
        assert!(page.contains("https://b.example"), "{page}");
    }
}
