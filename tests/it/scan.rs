//! Virus scanning against a server that speaks clamd's protocol, over both kinds of socket;
//! and against clamd itself where it is installed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use deskhand::domain::clock::SystemClock;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::ingest::{IngestError, Ingested, ingest};
use deskhand::knowledge::scan::{Clamd, ScanError, Scanner, Settings};
use deskhand::models::embedders::Embedders;
use sqlx::Row;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use crate::support::knowledge::{reading, settings};
use crate::support::process::Home;
use crate::support::scratch::{hand_in, raw, test_db};

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

async fn tells_good_from_bad(scanner: &Scanner, folder: &Path) {
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
    let file = folder.join("bad");
    std::fs::write(&file, &bad).unwrap();
    assert_eq!(scanner.scan_file(&file).await.unwrap_err().code(), "infected");
    std::fs::write(&file, b"good").unwrap();
    scanner.scan_file(&file).await.unwrap();
}

#[tokio::test]
async fn both_kinds_of_socket_tell_good_from_bad() {
    let home = Home::new("scan");
    let (tcp, server) = over_tcp().await;
    tells_good_from_bad(&scanner(tcp.clone()), &home.dir).await;
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
    tells_good_from_bad(&scanner(Clamd::Unix(path)), &home.dir).await;
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

/// Takes a content in where this scanner is configured.
async fn taken_in(clamd: Clamd, name: &str, bytes: &[u8]) -> (Result<Ingested, IngestError>, i64) {
    let (db, site) = test_db().await;
    let accepted = hand_in(&db, site, name, bytes).await;
    let embedders = Arc::new(Embedders::new(settings(None, "http://127.0.0.1:9")));
    let knowledge =
        Knowledge::new(embedders, ChunkLimits::default(), reading()).with_scanner(Some(scanner(clamd)));
    let upload = accepted.upload.unwrap();
    let done = ingest(
        &db,
        &SystemClock,
        &knowledge,
        site,
        upload,
        accepted.document,
        &|_, _| {},
    )
    .await;
    let chunks = sqlx::query("SELECT count(*) FROM chunks WHERE site_id = $1")
        .bind(site.0)
        .fetch_one(&mut raw(site).await)
        .await
        .unwrap()
        .get(0);
    (done, chunks)
}

#[tokio::test]
async fn only_what_was_found_clean_is_taken_in() {
    let home = Home::new("scan-ingest");
    let (clamd, server) = over_tcp().await;
    let (done, chunks) = taken_in(clamd.clone(), "good.md", b"# Returns\n\nThirty days.\n").await;
    assert!(done.is_ok() && chunks > 0, "{done:?}");

    let bad = [b"# Returns\n\n".as_slice(), MARK].concat();
    let (done, chunks) = taken_in(clamd, "bad.md", &bad).await;
    let error = done.unwrap_err();
    assert_eq!(
        (error.code(), error.is_permanent(), chunks),
        ("infected", true, 0)
    );
    drop(server);

    let nobody = Clamd::Unix(home.dir.join("nobody"));
    let (done, chunks) = taken_in(nobody, "good.md", b"# Returns\n\nThirty days.\n").await;
    let error = done.unwrap_err();
    assert_eq!(
        (error.code(), error.is_permanent(), chunks),
        ("scanner_away", false, 0)
    );
}

/// clamd itself, with one signature of our own instead of its database.
#[tokio::test]
async fn clamd_itself_is_understood_where_it_is_installed() {
    let program = Path::new("/usr/sbin/clamd");
    if !program.exists() {
        println!("clamd isn't installed here");
        return;
    }
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
