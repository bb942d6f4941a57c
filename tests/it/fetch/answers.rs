//! What a server answers: how much, how fast, with which status; and what is posted to it.

use super::*;

#[tokio::test]
async fn size_is_bounded_packed_and_unpacked() {
    let b = bench(|asked| match asked.path.as_str() {
        "/exact" => Page::new(200, vec![b'x'; 100_000]),
        "/long" => Page::new(200, vec![b'x'; 100_001]),
        "/endless" => Page::new(200, "").endless(vec![b'x'; 10_000]),
        "/bomb" => Page::new(200, gzip(&vec![0; 50 << 20])).with("content-encoding", "gzip"),
        "/packed" => Page::new(200, gzip(b"small")).with("content-encoding", "gzip"),
        "/flat" => {
            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
            zlib.write_all(b"flat").unwrap();
            Page::new(200, zlib.finish().unwrap()).with("content-encoding", "deflate")
        }
        "/nothing" => Page::new(200, "").with("content-encoding", "gzip"),
        "/broken" => Page::new(200, "no gzip at all").with("content-encoding", "gzip"),
        "/half" => {
            Page::new(200, &gzip(b"something longer than that")[..20]).with("content-encoding", "gzip")
        }
        "/brotli" => Page::new(200, "x").with("content-encoding", "br"),
        _ => Page::new(200, "half of it").claiming(5000),
    })
    .await;
    for (path, code) in [
        ("/long", "too_large"),
        ("/endless", "too_large"),
        ("/bomb", "too_large"),
        ("/broken", "bad_encoding"),
        ("/half", "bad_encoding"),
        ("/brotli", "bad_encoding"),
        ("/cut", "cut_off"),
    ] {
        let refused = b.refusal(&b.url(path)).await;
        assert_eq!(refused.code(), code, "{path}");
        assert_eq!(refused.is_permanent(), path != "/cut", "{path}");
    }
    for (path, text) in [("/packed", "small"), ("/flat", "flat"), ("/nothing", "")] {
        let got = b.fetcher.get(&b.url(path), &b.allowed).await.unwrap();
        assert_eq!(
            (got.body.len, got.body.sha256.as_slice()),
            (text.len() as u64, &hex::decode(sha(text.as_bytes())).unwrap()[..])
        );
        assert_eq!(got.body.read().await.unwrap(), text.as_bytes());
    }
    assert_eq!(
        b.fetcher
            .get(&b.url("/exact"), &b.allowed)
            .await
            .unwrap()
            .body
            .len,
        100_000
    );
    let small = b.fetcher.within(4).get(&b.url("/packed"), &b.allowed).await;
    assert_eq!(small.unwrap_err().reason, Reason::TooLarge(4));
    // Nothing stays on disk.
    assert_eq!(std::fs::read_dir(b.folder.path()).unwrap().count(), 0);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn time_is_bounded() {
    let mut b = bench(|asked| match asked.path.as_str() {
        "/silent" => Page::silence(),
        _ => Page::new(200, "begun").claiming(5000).endless(b"x".to_vec()),
    })
    .await;
    let shop = format!("shop.test:{}", b.server.port);
    let settings = FetchSettings {
        private: PrivateHosts::parse([shop.as_str()]).unwrap(),
        first_byte: Duration::from_millis(50),
        ..FetchSettings::new(b.folder.path().to_owned())
    };
    b.fetcher = Fetcher::with_lookup(settings.clone(), Arc::new(b.names.clone())).unwrap();
    let slow = b.refusal(&b.url("/silent")).await;
    assert_eq!((slow.code(), slow.is_permanent()), ("fetch_timeout", false));
    assert!(slow.to_string().contains("no answer"), "{slow}");

    let settings = FetchSettings {
        total: Duration::from_millis(300),
        max_bytes: u64::MAX,
        ..settings
    };
    b.fetcher = Fetcher::with_lookup(settings, Arc::new(b.names.clone())).unwrap();
    let slow = b.refusal(&b.url("/endless")).await;
    assert_eq!(slow.code(), "fetch_timeout");
    assert!(slow.to_string().contains("everything"), "{slow}");
}

#[tokio::test]
async fn statuses_say_whether_another_try_helps() {
    let b = bench(|asked| {
        let status = asked.path.trim_start_matches('/').parse().unwrap();
        Page::new(status, "no").with("retry-after", "7")
    })
    .await;
    for (status, code, permanent) in [
        (404, "gone", true),
        (410, "gone", true),
        (401, "not_public", true),
        (403, "not_public", true),
        (400, "server_refused", true),
        (429, "server_refused", false),
        (500, "server_refused", false),
        (503, "server_refused", false),
        (206, "server_refused", true),
        (204, "server_refused", true),
        (304, "server_refused", true),
    ] {
        let url = b.url(&format!("/{status}"));
        let refused = b.fetcher.get(&url, &b.allowed).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.is_permanent()),
            (code, permanent),
            "{status}"
        );
        assert_eq!(refused.status(), Some(status));
        if status != 304 {
            assert_eq!(refused.retry_after, Some(Duration::from_secs(7)));
        }
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = FetchSettings {
        private: PrivateHosts::parse([free.to_string().as_str()]).unwrap(),
        ..FetchSettings::new(b.folder.path().to_owned())
    };
    let fetcher = Fetcher::new(settings).unwrap();
    let origin = format!("http://{free}");
    let allowed = AllowList::new([&origin]).unwrap();
    let away = fetcher.get(&origin, &allowed).await.unwrap_err();
    assert_eq!((away.code(), away.is_permanent()), ("host_unreachable", false));
}

#[tokio::test]
async fn a_post_goes_to_the_address_and_nowhere_else() {
    let b = bench(|asked| match asked.path.as_str() {
        "/moved" => Page::new(307, "").with("location", "/elsewhere"),
        _ => Page::new(409, vec![b'y'; 200_000]).with("x-said", "no"),
    })
    .await;
    let post = |url: String| {
        let mut headers = HeaderMap::new();
        headers.insert("x-signature", "abc".parse().unwrap());
        let (fetcher, allowed) = (b.fetcher.clone(), b.allowed.clone());
        async move {
            let body = br#"{"a":1}"#.to_vec();
            fetcher
                .post(&url, &allowed, headers, body, Duration::from_secs(10))
                .await
        }
    };
    let answer = post(b.url("/hook")).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (409, MAX_ANSWER));
    assert_eq!(answer.headers["x-said"], "no");
    let asked = b.server.take_asked().remove(0);
    assert_eq!(
        (asked.method.as_str(), asked.body.as_slice()),
        ("POST", &br#"{"a":1}"#[..])
    );
    assert_eq!(asked.headers["x-signature"], "abc");

    assert_eq!(post(b.url("/moved")).await.unwrap().status, 307);
    assert_eq!(b.server.take_asked().len(), 1);
    let elsewhere = post(format!("http://127.0.0.1:{}/", b.server.port)).await;
    assert_eq!(elsewhere.unwrap_err().code(), "origin_not_allowed");
    b.server.now(|_| Page::silence());
    let url = b.url("/");
    let time = Duration::from_millis(50);
    let slow = b
        .fetcher
        .post(&url, &b.allowed, HeaderMap::new(), Vec::new(), time);
    assert_eq!(slow.await.unwrap_err().code(), "fetch_timeout");
}
