//! Which pages a run visits and which it takes in.

use std::io::Write as _;

use chrono::TimeDelta;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::site::{Bench, html, linked};
use crate::support::web_server::Page;

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn links_are_followed_within_bounds() {
    let b = Bench::start().await;
    b.put(
        "/help/",
        linked(
            "Help",
            &[
                "a",
                "a#part",
                "a?utm_source=mail",
                "/help/b.html",
                "/elsewhere",
                "http://10.0.0.1/help/",
                "/help/picture.png",
                "/help/blog/1",
                "mailto:x@example.com",
            ],
        ),
    );
    b.put("/help/a", linked("A", &["deep/1"]));
    b.put("/help/b.html", linked("B", &["/help/"]));
    b.put("/help/deep/1", linked("One", &["2"]));
    b.put("/help/deep/2", linked("Two", &["3"]));
    b.put("/help/blog/1", linked("Blog", &[]));
    let id = b
        .add("/help/", |bounds| {
            bounds.max_depth = 2;
            bounds.exclude = vec!["/help/blog/".to_owned()];
        })
        .await;
    let (outcome, counts) = b.run(id).await;
    assert_eq!((outcome.as_str(), counts.taken), ("done", 4));
    assert_eq!(
        b.known().await,
        ["/help/", "/help/a", "/help/b.html", "/help/deep/1"]
    );
    assert_eq!(b.asked(), ["/help/", "/help/a", "/help/b.html", "/help/deep/1"]);
    assert_eq!(b.server.connections(), 1, "one connection a host");
    let found = "SELECT title FROM documents WHERE external_id LIKE '%/help/a'";
    assert_eq!(b.app.text(found).await, "A");
    b.app.finish().await;
}

#[tokio::test]
async fn what_a_site_asks_for_is_heeded() {
    let b = Bench::start().await;
    let robots = "User-agent: *\nDisallow: /secret\nSitemap: /map.xml\n";
    b.put("/robots.txt", Page::new(200, robots));
    b.put(
        "/",
        linked(
            "Home",
            &[
                "/secret/x",
                "/hidden",
                "/unfollowed",
                "/header",
                "/members",
                "/account",
                "/copy",
                "/old",
                "/file",
            ],
        ),
    );
    b.put(
        "/map.xml",
        Page::new(
            200,
            format!(
                "<urlset><url><loc>{}</loc></url></urlset>",
                b.server.url("/listed")
            ),
        ),
    );
    b.put("/listed", linked("Listed", &[]));
    b.put("/secret/x", linked("Secret", &[]));
    b.put(
        "/hidden",
        html("<meta name=robots content=noindex><a href=/beyond>x</a>"),
    );
    b.put("/beyond", linked("Beyond", &[]));
    b.put(
        "/unfollowed",
        html("<meta name=robots content=nofollow><p>Read me, but go no further.</p><a href=/further>x</a>"),
    );
    b.put("/further", linked("Further", &[]));
    b.put("/header", linked("Header", &[]).with("x-robots-tag", "noindex"));
    b.put(
        "/members",
        html("<form class=post-password-form><input type=password></form>"),
    );
    b.put(
        "/account",
        Page::new(302, "").with("location", "/wp-login.php?redirect_to=x"),
    );
    b.put(
        "/copy",
        html("<link rel=canonical href='/original'><p>The same words.</p>"),
    );
    b.put(
        "/original",
        html("<link rel=canonical href='/original'><p>The same words.</p>"),
    );
    b.put("/old", Page::moved("/new"));
    b.put("/new", linked("New", &[]));
    b.put(
        "/file",
        Page::new(200, "{}").with("content-type", "application/json"),
    );
    let id = b.add("/", |_| {}).await;
    let (outcome, _) = b.run(id).await;
    assert_eq!(outcome, "done");
    assert_eq!(
        b.known().await,
        ["/", "/beyond", "/listed", "/new", "/original", "/unfollowed"]
    );
    assert!(
        !b.asked()
            .iter()
            .any(|p| p.starts_with("/secret") || p == "/further" || p == "/wp-login.php")
    );
    assert_eq!(
        b.problems(id).await,
        pairs(&[
            ("/account", "not_public"),
            ("/copy", "duplicate"),
            ("/file", "no_text"),
            ("/header", "noindex"),
            ("/hidden", "noindex"),
            ("/members", "not_public"),
            ("/old", "moved"),
            ("/secret/x", "robots"),
        ])
    );

    // What was public and isn't any more goes with the next run; so does what moves away.
    b.put("/beyond", html("<meta name=robots content=noindex>"));
    b.put("/unfollowed", Page::new(401, "sign in"));
    b.put("/new", Page::moved("/newest"));
    b.put("/newest", linked("Newest", &[]));
    b.put("/listed", Page::moved("https://elsewhere.example/"));
    assert_eq!(b.run(id).await.0, "done");
    assert_eq!(b.known().await, ["/", "/newest", "/original"]);
    b.app.finish().await;
}

#[tokio::test]
async fn two_pages_that_each_name_the_other_are_one() {
    let b = Bench::start().await;
    b.put(
        "/",
        html("<link rel=canonical href=/b><a href=/b>b</a><p>Words of the first.</p>"),
    );
    b.put(
        "/b",
        html("<link rel=canonical href=/><p>Words of the second.</p>"),
    );
    let id = b.add("/", |_| {}).await;
    b.run(id).await;
    assert_eq!(b.known().await, ["/b"]);
    b.app.finish().await;
}

#[tokio::test]
async fn pages_that_came_another_way_are_not_taken_twice() {
    let b = Bench::start().await;
    b.app
        .know(&[("known.md", "# Known\n\nIt is known already.")])
        .await;
    let url = b.server.url("/known");
    b.app.bend(&format!("UPDATE documents SET url = '{url}'")).await;
    b.put("/", linked("Home", &["/known"]));
    b.put("/known", linked("Known", &[]));
    let id = b.add("/", |_| {}).await;
    b.run(id).await;
    assert_eq!(b.known().await, ["/"]);
    assert_eq!(b.problems(id).await, pairs(&[("/known", "known_otherwise")]));
    b.app.finish().await;
}

#[tokio::test]
async fn sitemaps_are_read_packed_and_in_lists() {
    let b = Bench::start().await;
    let url = |path: &str| b.server.url(path);
    let index = format!(
        "<sitemapindex><sitemap><loc>{}</loc></sitemap><sitemap><loc>https://elsewhere.example/s.xml</loc></sitemap></sitemapindex>",
        url("/pages.xml.gz")
    );
    let list = |changed: &str| {
        let entry = |path: &str| format!("<url><loc>{}</loc><lastmod>{changed}</lastmod></url>", url(path));
        let list = format!(
            "<urlset>{}{}{}</urlset>",
            entry("/one"),
            entry("/two?x=1&amp;y=2"),
            entry("/cart/")
        );
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(list.as_bytes()).unwrap();
        Page::new(200, gzip.finish().unwrap()).with("content-type", "application/gzip")
    };
    b.put("/sitemap.xml", Page::new(200, index));
    b.put("/pages.xml.gz", list("2026-11-01"));
    b.put("/one", linked("One", &["/unlisted"]));
    b.put("/two?x=1&y=2", linked("Two", &[]));
    b.put("/unlisted", linked("Unlisted", &[]));
    let id = b.add("/sitemap.xml", |_| {}).await;
    assert_eq!(b.run(id).await.0, "done");
    assert_eq!(b.known().await, ["/one", "/two?x=1&y=2"]);

    // What the list says is unchanged isn't even asked for, for a week.
    let (_, counts) = b.run(id).await;
    assert_eq!(
        (counts.unchanged, b.asked()),
        (2, vec!["/pages.xml.gz".to_owned(), "/sitemap.xml".to_owned()])
    );
    b.put("/one", linked("One anew", &[]));
    b.put("/pages.xml.gz", list("2026-11-20"));
    let (_, counts) = b.run(id).await;
    assert_eq!((counts.taken, counts.unchanged), (1, 1));
    b.app.clock.advance(TimeDelta::days(8));
    b.run(id).await;
    assert!(b.asked().contains(&"/one".to_owned()));
    b.app.finish().await;
}

#[tokio::test]
async fn a_crawl_has_a_number_of_pages() {
    let b = Bench::start().await;
    let links: Vec<String> = (0..30).map(|n| format!("/{n:02}")).collect();
    b.put(
        "/",
        linked("Home", &links.iter().map(String::as_str).collect::<Vec<_>>()),
    );
    for link in &links {
        b.put(link, linked(link, &[]));
    }
    let id = b.add("/", |bounds| bounds.max_pages = 5).await;
    let (outcome, counts) = b.run(id).await;
    assert_eq!((outcome.as_str(), counts.visited), ("page_limit", 5));
    let known = b.known().await;
    assert_eq!(known.len(), 5);
    // What is gone goes all the same.
    b.remove(&known[1]);
    b.run(id).await;
    assert_eq!(b.known().await.len(), 4);
    assert!(!b.known().await.contains(&known[1]), "{known:?}");
    // A site of more pages than the limit that is lowered: what was visited tells of itself.
    b.app.bend("UPDATE crawls SET max_pages = 3").await;
    let known = b.known().await;
    b.remove(&known[1]);
    assert_eq!(b.run(id).await.0, "page_limit");
    assert!(!b.known().await.contains(&known[1]), "{known:?}");
    b.app.finish().await;
}
