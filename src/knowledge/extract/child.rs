//! The inside of the process that reads one foreign file: limits first, then the file
//! from standard input, then the result as JSON to standard output.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use nix::unistd::{dup, dup2_stdout};
use serde::{Deserialize, Serialize};

use super::ocr::Programs;
use super::{Found, Pass, extract, limits};
use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::knowledge::unfit::Unfit;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "__read-document";
/// The stack on which foreign parsers recurse. Only what is used of it costs memory.
const STACK: usize = 256 << 20;

/// What the parent says before the file's bytes: one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// The file's name.
    pub name: String,
    /// Memory at most, in bytes.
    pub memory: u64,
    /// Processor time at most, in seconds.
    pub seconds: u64,
    /// The parent's process id.
    pub parent: i32,
    /// poppler's `pdftotext`, for the second pass.
    pub pdftotext: Option<PathBuf>,
    /// What reads pictures of pages, for the last pass.
    pub ocr: Option<Programs>,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The text.
    Found(Box<Found>),
    /// Why there is none.
    Unfit(Unfit),
}

/// Reads one file, as the parent orders.
#[must_use]
pub fn main() -> ExitCode {
    // The message of a panic may quote the file; its place says enough.
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map(|l| format!("{}:{}", l.file(), l.line()))
            .unwrap_or_default();
        let _ = writeln!(io::stderr(), "panic at {place}");
    }));
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    // Parsers print to standard output now and then; the result goes where they can't.
    let mut out = std::fs::File::from(dup(io::stdout())?);
    dup2_stdout(io::stderr())?;
    let mut input = io::BufReader::new(io::stdin());
    let mut line = String::new();
    (&mut input).take(64 << 10).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    limits::lower(
        order.memory.saturating_add(STACK as u64),
        order.seconds,
        order.parent,
    )?;
    let mut bytes = Vec::new();
    input.take(MAX_UPLOAD_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let reading = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let pass = match (&order.ocr, &order.pdftotext) {
            (Some(programs), _) => Pass::Pictures(programs),
            (None, Some(program)) => Pass::Second(program),
            (None, None) => Pass::First,
        };
        extract(&bytes, &order.name, pass)
    })?;
    let answer = match reading.join() {
        Ok(Ok(found)) => Answer::Found(Box::new(found)),
        Ok(Err(unfit)) => Answer::Unfit(unfit),
        Err(_) => Answer::Unfit(Unfit::Corrupt),
    };
    serde_json::to_writer(&mut out, &answer)?;
    out.flush()
}
