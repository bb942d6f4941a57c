//! Virus scanning against a server that speaks clamd's protocol, over both kinds of socket;
//! against clamd itself, and as a stage of taking documents in.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use deskhand::domain::document::NewUpload;
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::ingest::ingest;
use deskhand::knowledge::scan::{Clamd, ScanError, Scanner, Settings};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use crate::support::app::{Setup, TestApp};
use crate::support::process::Home;

const MARK: &[u8] = b"deskhand-test-signature";
/// The server takes no more of a file than this.
const MOST: usize = 1 << 20;

fn scanner(clamd: Clamd) -> Scanner {
    Scanner::new(Settings {
        clamd,
        time: Duration::from_secs(20),
    })
}

/// One conversation as clamd leads it.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut command = Vec::new();
    loop {
        match stream.read_u8().await? {
            0 => break,
            byte => command.push(byte),
        }
    }
    if command == b"zPING" {
        return stream.write_all(b"PONG\0").await;
    }
    assert_eq!(command, b"zINSTREAM");
    let mut file = Vec::new();
    loop {
        let length = stream.read_u32().await? as usize;
        if length == 0 {
            break;
        }
        if file.len() + length > MOST {
            return stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await;
        }
        let start = file.len();
        file.resize(start + length, 0);
        stream.read_exact(&mut file[start..]).await?;
    }
    let found = file.windows(MARK.len()).any(|w| w == MARK);
    let answer: &[u8] = if found {
        b"stream: Test.Mark FOUND\0"
    } else {
        b"stream: OK\0"
    };
    stream.write_all(answer).await
}

/// The server ends when the set is dropped.
async fn over_tcp() -> (Clamd, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = serve(stream).await;
        }
    });
    (Clamd::Tcp(address), server)
}

async fn tells_good_from_bad(scanner: &Scanner) {
    scanner.ping().await.unwrap();
    scanner.scan(b"").await.unwrap();
    scanner.scan(&vec![b'a'; 300_000]).await.unwrap();
    // The mark lies across two pieces.
    let mut bad = vec![b'a'; (64 << 10) - 5];
    bad.extend_from_slice(MARK);
    let error = scanner.scan(&bad).await.unwrap_err();
    assert_eq!(
        (error.code(), error.is_permanent()),
        ("infected", true),
        "{error}"
    );
    assert!(error.to_string().contains("Test.Mark"), "{error}");
}

#[tokio::test]
async fn both_kinds_of_socket_tell_good_from_bad() {
    let home = Home::new("scan");
    let (tcp, server) = over_tcp().await;
    tells_good_from_bad(&scanner(tcp.clone())).await;
    // More than it takes: it answers and hangs up in the middle.
    let error = scanner(tcp).scan(&vec![b'a'; 4 * MOST]).await.unwrap_err();
    assert_eq!(error.code(), "scanner_away");
    drop(server);

    let path = home.dir.join("clamd.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = serve(stream).await;
        }
    });
    tells_good_from_bad(&scanner(Clamd::Unix(path))).await;
    drop(server);
}

#[tokio::test]
async fn who_is_away_hangs_up_or_says_nothing_lets_nothing_through() {
    let home = Home::new("scan-away");
    let nowhere = scanner(Clamd::Unix(home.dir.join("nobody")))
        .scan(b"x")
        .await
        .unwrap_err();
    assert_eq!((nowhere.code(), nowhere.is_permanent()), ("scanner_away", false));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Clamd::Tcp(listener.local_addr().unwrap().to_string());
    let mut server = JoinSet::new();
    server.spawn(async move {
        // The first is hung up on, the others hear nothing.
        drop(listener.accept().await);
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    let hung_up = scanner(address.clone())
        .scan(&vec![b'a'; 1 << 20])
        .await
        .unwrap_err();
    assert_eq!(hung_up.code(), "scanner_away");
    let silent = Scanner::new(Settings {
        clamd: address,
        time: Duration::from_millis(200),
    });
    let error = silent.scan(b"x").await.unwrap_err();
    assert!(
        matches!(&error, ScanError::Away { why } if why.contains("no answer")),
        "{error:?}"
    );
    drop(server);
}

/// Nothing of an infected file is read, and while the scanner is away files wait.
#[tokio::test]
async fn a_document_is_read_only_once_it_is_scanned() {
    let (tcp, server) = over_tcp().await;
    let knowing = |clamd| {
        let plain = crate::support::knowledge::words_alone();
        let plain = std::sync::Arc::into_inner(plain).unwrap();
        std::sync::Arc::new(plain.with_scanner(Some(scanner(clamd))))
    };
    let app = TestApp::with(Setup {
        knowledge: knowing(tcp),
        ..Setup::default()
    })
    .await;
    let take = async |knowledge: &Knowledge, name: &str, text: &[u8]| {
        let mut tx = app.db.site(app.site.id).await.unwrap();
        let new = NewUpload {
            source: "file".to_owned(),
            external_id: name.to_owned(),
            name: name.to_owned(),
            bytes: text.to_vec(),
            url: None,
            title: None,
        };
        let accepted = accept(&mut tx, new, knowledge.limits).await.unwrap();
        tx.commit().await.unwrap();
        let told = |_, _| {};
        let (clock, site) = (app.clock.as_ref(), app.site.id);
        let upload = accepted.upload.unwrap();
        ingest(&app.db, clock, knowledge, site, upload, accepted.document, &told).await
    };
    let bad = [b"# Returns ".as_slice(), MARK].concat();
    let infected = take(&app.knowledge, "bad.md", &bad).await.unwrap_err();
    assert_eq!((infected.code(), infected.is_permanent()), ("infected", true));
    take(&app.knowledge, "good.md", b"# Returns\n\nThirty days.")
        .await
        .unwrap();
    let home = Home::new("scan-stage");
    let away = knowing(Clamd::Unix(home.dir.join("nobody")));
    let waits = take(&away, "later.md", b"# Later\n\nText.").await.unwrap_err();
    assert_eq!((waits.code(), waits.is_permanent()), ("scanner_away", false));
    assert_eq!(
        app.count("SELECT count(*) FROM versions WHERE state = 'live'")
            .await,
        1
    );
    assert_eq!(
        app.text("SELECT failure_code FROM versions WHERE state = 'failed'")
            .await,
        "infected"
    );
    drop(server);
    app.finish().await;
}

/// clamd itself, with one signature of our own instead of its database.
#[tokio::test]
async fn clamd_itself_is_understood() {
    let program = ["/usr/sbin/clamd", "/usr/local/sbin/clamd", "/usr/bin/clamd"]
        .map(Path::new)
        .into_iter()
        .find(|p| p.exists())
        .expect("clamd is missing; ./dev setup installs it");
    let home = Home::new("scan-clamd");
    let socket = home.dir.join("clamd.sock");
    std::fs::create_dir(home.dir.join("db")).unwrap();
    let signature = format!("Test.Mark:0:*:{}\n", hex::encode(MARK));
    std::fs::write(home.dir.join("db/own.ndb"), signature).unwrap();
    let settings = format!(
        "LocalSocket {}\nDatabaseDirectory {}\nForeground yes\nStreamMaxLength 1M\n",
        socket.display(),
        home.dir.join("db").display()
    );
    let file = home.dir.join("clamd.conf");
    std::fs::write(&file, settings).unwrap();
    let mut clamd = Command::new(program)
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let scanner = scanner(Clamd::Unix(socket));
    let ready = async {
        while scanner.ping().await.is_err() {
            assert!(clamd.try_wait().unwrap().is_none(), "clamd ended by itself");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let ready = tokio::time::timeout(Duration::from_secs(60), ready).await;
    if ready.is_ok() {
        let error = scanner.scan(&[b"text ".as_slice(), MARK].concat()).await;
        let fine = scanner.scan(b"text").await;
        let large = scanner.scan(&vec![b'a'; 4 << 20]).await;
        clamd.kill().unwrap();
        clamd.wait().unwrap();
        assert!(
            matches!(&error, Err(ScanError::Infected { finding }) if finding.contains("Test.Mark")),
            "{error:?}"
        );
        assert!(fine.is_ok(), "{fine:?}");
        assert!(
            matches!(&large, Err(ScanError::Away { why }) if why.contains("StreamMaxLength")),
            "{large:?}"
        );
    } else {
        let _ = clamd.kill();
        let _ = clamd.wait();
        panic!("clamd never answered");
    }
}
