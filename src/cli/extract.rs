//! `deskhand extract`: shows a file's text as ingestion would read it. It needs no database.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::print;
use crate::config::Config;
use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::knowledge::extract::reader::{ReadError, Reader};
use crate::knowledge::extract::{Extracted, reader};
use crate::knowledge::sniff::Kind;

/// What to read.
#[derive(clap::Args)]
pub struct Args {
    /// The file; `-` is standard input.
    file: PathBuf,
    /// For scripts: `{kind, title, text, pages, warnings}`, or `{code, detail}` with exit code 2.
    #[arg(long)]
    json: bool,
    /// Say on standard error how much memory this process took at its peak.
    #[arg(long)]
    usage: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    kind: Kind,
    title: Option<&'a str>,
    text: &'a str,
    /// How many; none for what has no pages.
    pages: Option<usize>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Refused {
    code: &'static str,
    detail: String,
}

/// Reads a file: exit code 2 when it can't be read.
///
/// # Errors
/// When the result can't be written.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let done = read(config.reading(), &args.file).await;
    if args.usage {
        print::note(&format!("peak memory: {} kB", peak_kb().unwrap_or(0)));
    }
    match done {
        Ok(extracted) => {
            show(&extracted, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(refused) => {
            if args.json {
                print::json(&refused)?;
            } else {
                print::note(&format!("deskhand: {} ({})", refused.detail, refused.code));
            }
            Ok(ExitCode::from(2))
        }
    }
}

async fn read(settings: reader::Settings, file: &Path) -> Result<Extracted, Refused> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let from = file.to_owned();
    let bytes = tokio::task::spawn_blocking(move || bytes_of(&from))
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|e| Refused {
            code: "unreadable",
            detail: format!("{} can't be opened: {e}.", file.display()),
        })?;
    Reader::new(settings)
        .read(&bytes, &name)
        .await
        .map_err(|error| Refused {
            code: match &error {
                ReadError::Unfit(unfit) => unfit.code(),
                ReadError::Process(_) => "reader",
            },
            detail: error.to_string(),
        })
}

/// One byte more than may be taken in is enough to know that it is too much.
fn bytes_of(file: &Path) -> std::io::Result<Vec<u8>> {
    let most = MAX_UPLOAD_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn show(extracted: &Extracted, json: bool) -> anyhow::Result<()> {
    if json {
        return print::json(&Shown {
            kind: extracted.kind,
            title: extracted.title.as_deref(),
            text: &extracted.markdown,
            pages: (!extracted.pages.is_empty()).then_some(extracted.pages.len()),
            warnings: &extracted.warnings,
        });
    }
    if let Some(title) = &extracted.title {
        print::line(&format!("# {title}\n"));
    }
    print::piece(&extracted.markdown);
    for warning in &extracted.warnings {
        print::note(warning);
    }
    Ok(())
}

/// The peak of this process's resident memory, in kB.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
