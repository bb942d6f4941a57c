//! The process that reads: what it gave up before it looks at the file, and that nothing
//! of it stays.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use deskhand::knowledge::extract::child::{Order, SUBCOMMAND};
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
