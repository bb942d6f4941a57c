//! Fetching for sites: every refusal that keeps a site's content from reaching what it must
//! not, against real servers and names that lead wherever the test wants.

mod answers;

use std::collections::HashMap;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deskhand::knowledge::fetch::allow::{AllowList, PrivateHosts};
use deskhand::knowledge::fetch::error::{FetchError, Reason};
use deskhand::knowledge::fetch::resolve::Lookup;
use deskhand::knowledge::fetch::validators::Validators;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher, MAX_ANSWER};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use futures::future::BoxFuture;
use reqwest::header::HeaderMap;

use crate::support::web_server::{Page, WebServer};

/// Names that lead where they are told to; each look-up takes the next answer, the last one
/// stays.
#[derive(Default, Clone)]
struct Names(Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>);

impl Names {
    fn is(&self, name: &str, answers: &[&[&str]]) -> &Self {
        let read = |a: &&[&str]| a.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers.iter().map(read).collect();
        self.0.lock().unwrap().insert(name.to_owned(), answers);
        self
    }
}

impl Lookup for Names {
    fn addresses(&self, host: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let mut names = self.0.lock().unwrap();
        let found = names.get_mut(&host).map(|answers| {
            if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            }
        });
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

struct Bench {
    server: WebServer,
    names: Names,
    fetcher: Fetcher,
    allowed: AllowList,
    folder: tempfile::TempDir,
}

/// A server at `shop.test`, which the operator lets the program reach.
async fn bench(page: impl Fn(&crate::support::web_server::Asked) -> Page + Send + Sync + 'static) -> Bench {
    let server = WebServer::start(page).await;
    let folder = tempfile::tempdir().unwrap();
    let names = Names::default();
    names.is("shop.test", &[&["127.0.0.1"]]);
    let shop = format!("shop.test:{}", server.port);
    let settings = FetchSettings {
        private: PrivateHosts::parse([shop.as_str()]).unwrap(),
        max_bytes: 100_000,
        ..FetchSettings::new(folder.path().to_owned())
    };
    let fetcher = Fetcher::with_lookup(settings, Arc::new(names.clone())).unwrap();
    let allowed = AllowList::new([format!("http://{shop}")]).unwrap();
    Bench {
        server,
        names,
        fetcher,
        allowed,
        folder,
    }
}

impl Bench {
    fn url(&self, path: &str) -> String {
        format!("http://shop.test:{}{path}", self.server.port)
    }

    async fn refusal(&self, url: &str) -> FetchError {
        self.fetcher
            .get(url, &self.allowed)
            .await
            .map(|f| f.final_url)
            .unwrap_err()
    }

    /// The refusal of a URL on an origin that the site may be fetched from.
    async fn refused_though_allowed(&self, url: &str) -> FetchError {
        let origin = reqwest::Url::parse(url).unwrap().origin().ascii_serialization();
        let allowed = AllowList::new([origin]).unwrap();
        self.fetcher
            .get(url, &allowed)
            .await
            .map(|f| f.final_url)
            .unwrap_err()
    }
}

#[tokio::test]
async fn a_page_comes_with_what_is_said_of_it() {
    let b = bench(|_| {
        Page::html("<p>Hello</p>")
            .with("etag", "\"1\"")
            .with("last-modified", "Sat, 21 Nov 2026 01:00:00 GMT")
    })
    .await;
    let got = b.fetcher.get(&b.url("/a?b=c"), &b.allowed).await.unwrap();
    assert_eq!(got.final_url.as_str(), b.url("/a?b=c"));
    assert_eq!(got.content_type.as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(got.validators.etag.as_deref(), Some("\"1\""));
    assert_eq!(hex::encode(got.body.sha256), sha(b"<p>Hello</p>"));
    let known = got.validators.clone();
    assert_eq!(got.body.read().await.unwrap(), b"<p>Hello</p>");
    let asked = b.server.take_asked().remove(0);
    assert_eq!(asked.path, "/a?b=c");
    assert!(asked.headers["user-agent"].starts_with("deskhand/"));
    assert!(!asked.headers.contains_key("referer"));

    b.server.now(|asked| {
        let same = asked.headers.get("if-none-match").map(String::as_str) == Some("\"1\"")
            && asked.headers["if-modified-since"].starts_with("Sat");
        if same {
            Page::new(304, "")
        } else {
            Page::html("new")
        }
    });
    let url = b.url("/a");
    assert!(
        b.fetcher
            .get_if_changed(&url, &b.allowed, &known)
            .await
            .unwrap()
            .is_none()
    );
    let other = Validators {
        etag: Some("\"0\"".to_owned()),
        ..known
    };
    let new = b
        .fetcher
        .get_if_changed(&url, &b.allowed, &other)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(new.body.read().await.unwrap(), b"new");
    // One connection for all of it.
    assert_eq!(b.server.connections(), 1);
}

fn sha(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

#[tokio::test]
async fn what_a_url_itself_shows_is_refused_before_anybody_is_asked() {
    let b = bench(|_| Page::html("x")).await;
    for (url, code) in [
        ("shop", "bad_url"),
        ("http://", "bad_url"),
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("ftp://shop.test/", "scheme_not_allowed"),
        ("gopher://shop.test/", "scheme_not_allowed"),
        ("data:text/plain,x", "scheme_not_allowed"),
        ("http://elsewhere.test/", "origin_not_allowed"),
        ("http://shop.test/", "origin_not_allowed"),
        ("http://127.0.0.1/", "origin_not_allowed"),
    ] {
        let refused = b.refusal(url).await;
        assert_eq!((refused.code(), refused.is_permanent()), (code, true), "{url}");
    }
    let with_user = b.url("/").replace("shop.test", "shop.test@shop.test");
    assert_eq!(b.refusal(&with_user).await.code(), "user_in_url");
    let long = b.url(&format!("/{}", "x".repeat(3000)));
    assert_eq!(b.refusal(&long).await.code(), "bad_url");
    assert_eq!(b.server.connections(), 0);
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_in_every_spelling() {
    let b = bench(|_| Page::html("secret")).await;
    let port = b.server.port;
    // On this machine's own port, where somebody would answer.
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        let refused = b.refused_though_allowed(&format!("http://{host}:{port}/")).await;
        assert_eq!(refused.code(), "address_not_allowed", "{host}");
    }
    assert_eq!(b.server.connections(), 0);
}

#[tokio::test]
async fn names_are_judged_by_every_address_that_they_lead_to() {
    let b = bench(|_| Page::html("secret")).await;
    let port = b.server.port;
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["1.1.1.1", "127.0.0.1"],
        &["::ffff:10.0.0.1"],
        &["169.254.169.254"],
    ] {
        b.names.is("inside.test", &[addresses]);
        let refused = b
            .refused_though_allowed(&format!("http://inside.test:{port}/"))
            .await;
        assert_eq!(refused.code(), "address_not_allowed", "{addresses:?}");
    }
    let unknown = b
        .refused_though_allowed(&format!("http://nobody.test:{port}/"))
        .await;
    assert_eq!((unknown.code(), unknown.is_permanent()), ("host_unknown", false));
    assert_eq!(b.server.connections(), 0);

    // Named by the operator: private addresses, but never metadata services.
    b.names.is("shop.test", &[&["169.254.169.254"]]);
    assert_eq!(b.refusal(&b.url("/")).await.code(), "address_not_allowed");
    b.names.is("shop.test", &[&["127.0.0.1"]]);
    assert!(b.fetcher.get(&b.url("/"), &b.allowed).await.is_ok());
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_checked_each_time() {
    let b = bench(|_| Page::html("secret")).await;
    let port = b.server.port;
    // Public when it is looked at first, this machine from then on: whoever checks one
    // look-up and connects by another would reach the server.
    b.names.is("rebind.test", &[&["192.0.2.1"], &["127.0.0.1"]]);
    let url = format!("http://rebind.test:{port}/");
    for _ in 0..3 {
        assert_eq!(b.refused_though_allowed(&url).await.code(), "address_not_allowed");
    }
    assert_eq!(b.server.connections(), 0);
}

#[tokio::test]
async fn redirects_are_judged_like_first_addresses() {
    let b = bench(|asked| match asked.path.as_str() {
        "/start" => Page::moved("/middle"),
        "/middle" => Page::new(302, "").with("location", "end?x#y"),
        path if path.starts_with("/end") => Page::html("arrived"),
        "/loop" => Page::moved("/loop"),
        "/nowhere" => Page::new(302, ""),
        path => Page::moved(path.trim_start_matches("/to/")),
    })
    .await;
    let got = b.fetcher.get(&b.url("/start"), &b.allowed).await.unwrap();
    assert_eq!(got.final_url.as_str(), b.url("/end?x"));
    let port = b.server.port;
    for (to, code) in [
        (format!("http://127.0.0.1:{port}/"), "origin_not_allowed"),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "origin_not_allowed",
        ),
        ("//elsewhere.test/".to_owned(), "origin_not_allowed"),
        ("file:///etc/passwd".to_owned(), "scheme_not_allowed"),
        (format!("http://u:p@shop.test:{port}/"), "user_in_url"),
    ] {
        assert_eq!(b.refusal(&b.url(&format!("/to/{to}"))).await.code(), code, "{to}");
    }
    b.server.take_asked();
    assert_eq!(b.refusal(&b.url("/loop")).await.code(), "too_many_redirects");
    assert_eq!(b.server.take_asked().len(), 6);
    assert_eq!(b.refusal(&b.url("/nowhere")).await.code(), "too_many_redirects");

    let told = b
        .fetcher
        .without_redirects()
        .get(&b.url("/start"), &b.allowed)
        .await
        .unwrap_err();
    let Reason::Redirect {
        to: Some(to),
        followed: 0,
    } = told.reason
    else {
        panic!("{told:?}")
    };
    assert_eq!(to.as_str(), b.url("/middle"));
}

#[tokio::test]
async fn a_redirect_on_an_allowed_origin_may_still_lead_inside() {
    let b = bench(|_| Page::moved("http://10.0.0.1:8080/admin")).await;
    let mut allowed = b.allowed.clone();
    allowed.add("http://10.0.0.1:8080").unwrap();
    let refused = b.fetcher.get(&b.url("/"), &allowed).await.unwrap_err();
    assert_eq!(refused.code(), "address_not_allowed");
}

#[tokio::test]
async fn ports_of_other_services_are_refused() {
    let b = bench(|_| Page::html("x")).await;
    for port in [22, 25, 110, 443 + 22] {
        let refused = b.refused_though_allowed(&format!("http://1.1.1.1:{port}/")).await;
        assert_eq!(refused.code(), "port_not_allowed");
    }
}

#[tokio::test]
async fn the_systems_names_are_judged_too() {
    let b = bench(|_| Page::html("secret")).await;
    let fetcher = Fetcher::new(FetchSettings::new(b.folder.path().to_owned())).unwrap();
    let origin = format!("http://localhost:{}", b.server.port);
    let allowed = AllowList::new([&origin]).unwrap();
    let refused = fetcher.get(&origin, &allowed).await.unwrap_err();
    assert_eq!(refused.code(), "address_not_allowed");
    assert_eq!(b.server.connections(), 0);
}
