//! Backup and restore with the product's own binary: taken while conversations are held,
//! restored into an empty folder, asked; and everything that must be refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::process::Home;

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asks on the demo page until it is told to stop; gives how many were answered.
async fn visitor(base: String, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(40))
        .build()
        .unwrap();
    let minted: Value = client
        .post(format!("{base}/demo/token"))
        .header("origin", &base)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    while !stop.load(Ordering::SeqCst) {
        let body = json!({ "message_id": Uuid::now_v7(), "user_msg": "How much does a return label cost?" });
        let sent = client
            .post(format!("{base}/api/agent/messages"))
            .bearer_auth(minted["token"].as_str().unwrap())
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(sent.status(), 200);
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// How many turns the demo has had, as its server says.
async fn turns(home: &Home) -> i64 {
    let key = home.run(&["site", "api-key", "demo"]);
    let key = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    let server = home.serve(&[]);
    let usage: Value = reqwest::Client::builder()
        .build()
        .unwrap()
        .get(format!("{}/api/usage", server.base))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(server.stop().success());
    let days = usage["days"].as_array().unwrap();
    days.iter().map(|d| d["turns"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_restored_and_answers() {
    let home = Home::new("backup");
    // The demo is made where there is no site yet.
    home.json(&["search", "returns", "--json"]);
    let secret = home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let key = home.run(&["site", "api-key", "shop"]);
    let server = home.serve(&[]);
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = tokio_util::task::TaskTracker::new();
    for _ in 0..3 {
        load.spawn(visitor(
            server.base.clone(),
            Arc::clone(&stop),
            Arc::clone(&answered),
        ));
    }
    while answered.load(Ordering::SeqCst) < 5 {
        assert!(!load.is_empty(), "nobody asks any more");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let before = answered.load(Ordering::SeqCst);
    let file = home.dir.join("deskhand.zip");
    let file = file.to_str().unwrap().to_owned();
    let made = tokio::task::block_in_place(|| home.json(&["backup", &file, "--with-master-key", "--json"]));
    stop.store(true, Ordering::SeqCst);
    load.close();
    load.wait().await;
    let after = answered.load(Ordering::SeqCst);
    assert!(after > before, "nothing was asked while it was made");
    assert!(server.stop().success());
    assert!(made["files"].as_u64().unwrap() > 500, "{made:#}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds a key");

    let other = Home::new("restored");
    let restored = other.json(&["restore", &file, "--json"]);
    assert_eq!(restored["sites"], json!(["demo", "shop"]), "{restored:#}");
    // It answers from the same documents, and opens the same secrets.
    let answer = other.json(&["ask", "How much does a return label cost?", "--json"]);
    assert!(answer["answer"].as_str().unwrap().contains("4.90"), "{answer:#}");
    let same = other.run(&["site", "api-key", "shop"]);
    assert_eq!(same.stdout, key.stdout, "{}", said(&same));
    assert!(secret["kid"].is_string());
    // Whole as it was at one moment: everything that was answered before it began is there.
    let restored = turns(&other).await;
    let whole = turns(&home).await;
    assert_eq!(whole, i64::try_from(after).unwrap());
    let before = i64::try_from(before).unwrap();
    // The one that was asked from the command line counts too.
    assert!(
        (before + 1..=whole + 1).contains(&restored),
        "{before} before it, {whole} in all, {restored} restored"
    );
    let doctor = other.json(&["doctor", "--json"]);
    assert!(
        doctor.as_array().unwrap().iter().all(|c| c["state"] != "broken"),
        "{doctor:#}"
    );

    // Never over something that is there.
    let again = other.run(&["restore", &file]);
    assert!(!again.status.success());
    assert!(said(&again).contains("not empty"), "{}", said(&again));
    let over = home.run(&["backup", &file]);
    assert!(said(&over).contains("is there already"), "{}", said(&over));
}

#[test]
fn without_the_key_and_with_damage_nothing_is_restored() {
    let home = Home::new("backup2");
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let folder = home.dir.join("backups");
    std::fs::create_dir(&folder).unwrap();
    let made = home.json(&["backup", folder.to_str().unwrap(), "--json"]);
    let file = made["file"].as_str().unwrap().to_owned();
    assert!(file.ends_with(".zip") && Path::new(&file).parent() == Some(&folder));
    let whole = home.run(&["restore", "--check", &file]);
    assert!(whole.status.success(), "{}", said(&whole));

    let other = Home::new("restored2");
    let keyless = other.run(&["restore", &file]);
    assert!(said(&keyless).contains("--master-key"), "{}", said(&keyless));
    let wrong = other.dir.join("wrong.key");
    std::fs::write(&wrong, "07".repeat(32)).unwrap();
    std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let refused = other.run(&["restore", &file, "--master-key", wrong.to_str().unwrap()]);
    assert!(said(&refused).contains("not the one"), "{}", said(&refused));
    assert!(!other.dir.join("data/postgres").exists(), "something was written");

    // Each kind of damage is found, and leaves nothing behind.
    let key = home.dir.join("data/master.key");
    let bytes = std::fs::read(&file).unwrap();
    let bent = other.dir.join("bent.zip");
    for (what, damage) in [
        ("cut off", bytes[..bytes.len() / 2].to_vec()),
        ("a flipped bit", {
            let mut bytes = bytes.clone();
            // In a file's data, since its head has fields that nobody needs; many files are empty.
            let middle = bytes.len() / 2;
            let length = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            let data = (middle..bytes.len() - 4)
                .filter(|&at| bytes[at..].starts_with(b"PK\x03\x04"))
                .map(|head| head + 30 + length(head + 26) + length(head + 28))
                .find(|&data| !bytes[data..data + 64].windows(2).any(|two| two == b"PK"))
                .unwrap();
            bytes[data + 6] ^= 4;
            bytes
        }),
        ("no archive", b"hello".to_vec()),
        ("empty", Vec::new()),
    ] {
        std::fs::write(&bent, damage).unwrap();
        let path = bent.to_str().unwrap();
        let refused = other.run(&["restore", path, "--master-key", key.to_str().unwrap()]);
        assert!(!refused.status.success(), "{what}");
        assert!(
            said(&refused).contains("can't be restored"),
            "{what}: {}",
            said(&refused)
        );
        assert!(!other.dir.join("data/postgres").exists(), "{what}");
        assert!(!other.dir.join("data/postgres.new").exists(), "{what}");
    }
    let done = other.run(&["restore", &file, "--master-key", key.to_str().unwrap()]);
    assert!(done.status.success(), "{}", said(&done));
    let key_of = |home: &Home| {
        let told = home.run(&["site", "api-key", "shop"]);
        assert!(told.status.success(), "{}", said(&told));
        told.stdout
    };
    assert_eq!(key_of(&other), key_of(&home));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_after_a_backup_is_erased_again_by_a_restore() {
    let home = Home::new("backup3");
    let server = home.serve(&[]);
    let client = reqwest::Client::builder().build().unwrap();
    let minted = client
        .post(format!("{}/demo/token", server.base))
        .header("origin", &server.base);
    let minted: Value = minted.send().await.unwrap().json().await.unwrap();
    let asked = client
        .post(format!("{}/api/agent/messages", server.base))
        .bearer_auth(minted["token"].as_str().unwrap())
        .json(&json!({ "message_id": Uuid::now_v7(), "user_msg": "I am anna.huber@example.com. What is a return label?" }))
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 200);
    assert!(server.stop().success());
    let file = home.dir.join("old.zip");
    let file = file.to_str().unwrap();
    home.json(&["backup", file, "--with-master-key", "--json"]);
    let threads = |home: &Home| {
        let would = home.json(&[
            "erase",
            "--email",
            "anna.huber@example.com",
            "--dry-run",
            "--json",
        ]);
        would[0]["would_remove"]["threads"].as_i64().unwrap()
    };
    assert_eq!(threads(&home), 1);
    home.json(&["erase", "--email", "anna.huber@example.com", "--yes", "--json"]);
    assert_eq!(threads(&home), 0);
    let journal = home.dir.join("data/erasures.jsonl");
    let said_there = std::fs::read_to_string(&journal).unwrap();
    assert!(!said_there.contains("anna"), "{said_there}");

    let without = Home::new("restored3");
    let restored = without.run(&["restore", file]);
    assert!(said(&restored).contains("--erasures"), "{}", said(&restored));
    assert_eq!(threads(&without), 1, "the backup holds what was erased later");
    let with = Home::new("restored4");
    let restored = with.json(&["restore", file, "--erasures", journal.to_str().unwrap(), "--json"]);
    assert_eq!(restored["erased_again"], 1, "{restored:#}");
    assert_eq!(threads(&with), 0);
    let kept = std::fs::read_to_string(with.dir.join("data/erasures.jsonl")).unwrap();
    assert_eq!(kept, said_there, "the next restore needs it too");
    // A later backup knows of the erasure; the folder it is restored into must as well, for the older one.
    let later = home.dir.join("later.zip");
    let later = later.to_str().unwrap();
    home.json(&["backup", later, "--with-master-key", "--json"]);
    let moved = Home::new("restored6");
    let restored = moved.json(&[
        "restore",
        later,
        "--erasures",
        journal.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(restored["erased_again"], 0, "{restored:#}");
    let kept = std::fs::read_to_string(moved.dir.join("data/erasures.jsonl")).unwrap();
    assert_eq!(kept, said_there);
    let lost = Home::new("restored5");
    let refused = lost.run(&["restore", file, "--erasures", "/nowhere/erasures.jsonl"]);
    assert!(
        !refused.status.success() && !lost.dir.join("data/postgres").exists(),
        "{}",
        said(&refused)
    );
}
