//! What reads and scans files beside our own readers: poppler, tesseract with its languages,
//! and the virus scanner where one is configured.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Report, State};
use crate::config::Config;

/// For a program to say what it is.
const TIME: Duration = Duration::from_secs(10);

/// All of them.
pub(super) async fn check(config: &Config, report: &mut Report) {
    poppler(config, report).await;
    recognition(config, report).await;
    let Some(scanner) = config.scanner() else {
        return report.ok(
            "virus scanner",
            "none configured (`scan.clamd`): files aren't scanned",
        );
    };
    match scanner.ping().await {
        Ok(()) => report.ok("virus scanner", "clamd answers"),
        Err(error) => report.add(
            "virus scanner",
            State::Broken,
            format!("{}: no file is taken in meanwhile", error.cause()),
            Some("start clamd, or mend `scan.clamd`"),
        ),
    }
}

async fn poppler(config: &Config, report: &mut Report) {
    const PART: &str = "pdf";
    const MEND: Option<&str> = Some("Debian: `apt-get install poppler-utils`");
    let Some(program) = &config.programs.pdftotext else {
        let detail = "pdftotext isn't on the PATH: PDFs that our own reader gives up on fail";
        return report.add(PART, State::Warning, detail, MEND);
    };
    match said(program, &["-v"]).await {
        Ok(words) => {
            let version = words.lines().next().unwrap_or_default();
            report.ok(PART, format!("{} ({version})", program.display()));
        }
        Err(why) => report.add(PART, State::Broken, why, MEND),
    }
}

async fn recognition(config: &Config, report: &mut Report) {
    const PART: &str = "ocr";
    let wanted = config.knowledge.ocr_languages.as_str();
    if wanted == "none" {
        return report.ok(
            PART,
            "switched off (`knowledge.ocr_languages`): scanned pages are refused",
        );
    }
    let packages: Vec<String> = wanted
        .split('+')
        .map(|l| format!("tesseract-ocr-{}", l.replace('_', "-")))
        .collect();
    let mend = format!(
        "Debian: `apt-get install tesseract-ocr poppler-utils {}`; or set `knowledge.ocr_languages` to `none`",
        packages.join(" ")
    );
    let Some(tesseract) = &config.programs.tesseract else {
        let detail = "tesseract isn't on the PATH: scanned pages and pictures aren't read";
        return report.add(PART, State::Warning, detail, Some(&mend));
    };
    if config.programs.pdftoppm.is_none() {
        let detail = "pdftoppm isn't on the PATH: scanned pages and pictures aren't read";
        return report.add(PART, State::Warning, detail, Some(&mend));
    }
    let known = match said(tesseract, &["--list-langs"]).await {
        Ok(known) => known,
        Err(why) => return report.add(PART, State::Broken, why, Some(&mend)),
    };
    let missing: Vec<&str> = wanted
        .split('+')
        .filter(|language| !known.lines().any(|line| line.trim() == *language))
        .collect();
    if missing.is_empty() {
        report.ok(PART, format!("{}, reads {wanted}", tesseract.display()));
    } else {
        let detail = format!("tesseract has no data for {}", missing.join(" and "));
        report.add(PART, State::Warning, detail, Some(&mend));
    }
}

/// What a program prints, on either stream.
async fn said(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let running = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(TIME, running)
        .await
        .map_err(|_| format!("{} doesn't answer", program.display()))?
        .map_err(|e| format!("{} can't be started: {e}", program.display()))?;
    if !output.status.success() {
        return Err(format!("{} fails: {}", program.display(), output.status));
    }
    let both = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&both).into_owned())
}
