//! The process that reads: what it gave up before it looks at the file, and that nothing
//! of it stays.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use deskhand::knowledge::extract::child::{Order, SUBCOMMAND, TEXTS};
use deskhand::knowledge::extract::reader::{ReadError, Reader, Settings};
use deskhand::knowledge::unfit::Unfit;

use crate::support::knowledge::reading;
use crate::support::process::Home;

fn alive(pid: &str) -> bool {
    // A zombie has ended; that nobody has asked how is another's business.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

/// Waits for the thing, not for a time; the test's own runner bounds it.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn limits_are_set_before_the_file_is_looked_at() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deskhand"))
        .arg(SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let order = Order {
        name: "a.md".into(),
        memory: 512 << 20,
        seconds: 7,
        parent: std::process::id().try_into().unwrap(),
        pdftotext: None,
        ocr: None,
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(&order).unwrap()).unwrap();
    stdin.write_all(b"\n# A\n\nte").unwrap();
    // It waits for the rest of the file.
    let limits = format!("/proc/{}/limits", child.id());
    let limit = |name: &str| {
        let text = std::fs::read_to_string(&limits).unwrap();
        let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    until(|| limit("Max address space") != "unlimited").await;
    assert_eq!(limit("Max core file size"), "0");
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(limit("Max open files"), "64");
    assert_eq!(limit("Max cpu time"), "7");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    stdin.write_all(b"xt\n").unwrap();
    drop(stdin);
    let said = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("\"markdown\":\"text\\n\""));
}

/// A program in the reader's place, which starts another and never ends.
fn endless(folder: &Path) -> Settings {
    let program = folder.join("endless");
    let pids = folder.join("pids");
    let script = format!(
        "#!/bin/sh\nsleep 100000 &\necho $$ $! > {0}.new\nmv {0}.new {0}\nwait\n",
        pids.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Settings {
        program,
        ..Settings::default()
    }
}

#[tokio::test]
async fn who_stops_waiting_ends_the_process_and_what_it_started() {
    let home = Home::new("extract-dropped");
    let pids = home.dir.join("pids");
    let reader = Reader::new(endless(&home.dir));
    tokio::select! {
        _ = reader.read(b"text", "a.md") => panic!("it never ends"),
        () = until(|| pids.exists()) => {}
    }
    for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
        until(|| !alive(pid)).await;
    }
}

#[tokio::test]
async fn what_takes_too_long_is_ended_whole() {
    let home = Home::new("extract-slow");
    let settings = Settings {
        time: Duration::from_secs(1),
        ..endless(&home.dir)
    };
    let done = Reader::new(settings).read(b"text", "a.md").await;
    assert!(
        matches!(&done, Err(ReadError::Unfit(Unfit::TooSlow { seconds: 1 }))),
        "{done:?}"
    );
    for pid in std::fs::read_to_string(home.dir.join("pids"))
        .unwrap()
        .split_whitespace()
    {
        until(|| !alive(pid)).await;
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let home = Home::new("extract-flood");
    let program = home.dir.join("flood");
    std::fs::write(&program, "#!/bin/sh\nexec yes\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let reader = Reader::new(Settings {
        program,
        ..Settings::default()
    });
    let done = reader.read(b"text", "a.md").await;
    assert!(
        matches!(&done, Err(ReadError::Unfit(Unfit::TooMuchText { .. }))),
        "{done:?}"
    );
}

/// The real program under another name, which notes how it was started, and may end at once.
fn noted(folder: &Path, first: &str) -> Settings {
    let program = folder.join("noted");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\n{first}\nexec {} \"$@\"\n",
        folder.join("starts").display(),
        env!("CARGO_BIN_EXE_deskhand"),
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Settings { program, ..reading() }
}

fn starts(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("starts")).unwrap();
    text.lines()
        .map(|l| l.strip_prefix(SUBCOMMAND).unwrap().trim().to_owned())
        .collect()
}

#[tokio::test]
async fn plain_texts_are_read_by_one_process_and_others_by_their_own() {
    let home = Home::new("extract-texts");
    let reader = Reader::new(noted(&home.dir, ""));
    for i in 0..5 {
        let (page, text) = (
            format!("<h1>A</h1><p>Number {i}.</p>"),
            format!("# A\n\nText {i}."),
        );
        assert_eq!(
            reader.read(page.as_bytes(), "a").await.unwrap().markdown,
            format!("Number {i}.\n")
        );
        assert_eq!(
            reader.read(text.as_bytes(), "a.md").await.unwrap().markdown,
            format!("Text {i}.\n")
        );
    }
    let empty = reader.read(b"<script>1</script>", "a.html").await;
    assert!(
        matches!(&empty, Err(ReadError::Unfit(Unfit::NoText))),
        "{empty:?}"
    );
    assert_eq!(starts(&home.dir), [TEXTS]);
    // What is only seen to be something else when it is looked at.
    let mail = reader.read(b"From: ada@lumen-oak.example\r\nTo: staff@lumen-oak.example\r\nSubject: Care\r\nMIME-Version: 1.0\r\n\r\nOil it.\r\n", "a.eml").await;
    assert!(mail.unwrap().markdown.contains("Oil it."));
    let pdf = reader.read(b"%PDF-1.7\n%%EOF not really", "a.pdf").await;
    assert!(matches!(&pdf, Err(ReadError::Unfit(Unfit::Corrupt))), "{pdf:?}");
    assert_eq!(starts(&home.dir), [TEXTS, "", ""]);
}

/// One that ends without a word says nothing about the text: another process is asked.
#[tokio::test]
async fn a_text_whose_process_ended_is_read_by_its_own() {
    let home = Home::new("extract-texts-ended");
    let reader = Reader::new(noted(&home.dir, "[ \"$2\" ] && exit 3"));
    for _ in 0..2 {
        let read = reader.read(b"# A\n\nText.", "a.md").await.unwrap();
        assert_eq!(read.markdown, "Text.\n");
    }
    assert_eq!(starts(&home.dir), [TEXTS, "", TEXTS, ""]);
}

#[tokio::test]
async fn a_process_that_cannot_start_is_no_fault_of_the_file() {
    let reader = Reader::new(Settings {
        program: "/nowhere/deskhand".into(),
        ..Settings::default()
    });
    let done = reader.read(b"text", "a.md").await;
    assert!(matches!(&done, Err(ReadError::Process(_))), "{done:?}");
}

#[tokio::test]
async fn many_files_at_once_wait_for_their_places() {
    let reader = Reader::new(reading());
    let all = (0..12).map(|i| {
        let text = format!("# A\n\nNumber {i}.\n");
        let reader = &reader;
        async move { reader.read(text.as_bytes(), "a.md").await.unwrap().markdown }
    });
    let read = futures::future::join_all(all).await;
    assert!(
        read.iter()
            .enumerate()
            .all(|(i, t)| *t == format!("Number {i}.\n"))
    );
}
