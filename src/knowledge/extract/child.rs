//! The inside of the process that reads foreign files: limits first, then a file from standard
//! input, then the result as JSON to standard output. One that reads plain text reads several
//! files, one after the other; what holds other files or pictures is read by a process of its own.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use nix::unistd::{alarm, dup, dup2_stdout};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ocr::Programs;
use super::{Found, Pass, extract, limits, plain};
use crate::domain::document::MAX_UPLOAD_BYTES;
use crate::knowledge::unfit::Unfit;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "__read-document";
/// Beside it: that files of plain text come, until none comes any more.
pub const TEXTS: &str = "texts";
/// The stack on which foreign parsers recurse. Only what is used of it costs memory.
const STACK: usize = 256 << 20;
/// A line of JSON from the parent, in bytes.
const LINE: u64 = 64 << 10;
/// After so many seconds without a file it isn't needed any more.
const IDLE: u32 = 30;

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

/// What it says to one that reads texts, once, before the first of them: one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Terms {
    /// Memory at most, in bytes.
    pub memory: u64,
    /// Processor time for each at most, in seconds.
    pub seconds: u64,
    /// The parent's process id.
    pub parent: i32,
}

/// What it says before each text: one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Next {
    /// The file's name.
    pub name: String,
    /// How many bytes it has.
    pub length: usize,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The text.
    Found(Box<Found>),
    /// Why there is none.
    Unfit(Unfit),
    /// It is no plain text: a process of its own reads it.
    Apart,
}

/// Reads one file, or texts, as the parent orders.
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
    let done = if std::env::args_os().nth(2).is_some_and(|a| a == TEXTS) {
        texts()
    } else {
        one()
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the answers go. Parsers print to standard output now and then; the result goes where
/// they can't.
fn answers() -> io::Result<std::fs::File> {
    let out = std::fs::File::from(dup(io::stdout())?);
    dup2_stdout(io::stderr())?;
    Ok(out)
}

/// A line from the parent; none when it says no more.
fn line<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = String::new();
    if input.take(LINE).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

/// Does it on a stack with room for recursion; a panic is a broken file.
fn apart(work: impl FnOnce() -> Answer + Send + 'static) -> io::Result<Answer> {
    let reading = std::thread::Builder::new().stack_size(STACK).spawn(work)?;
    Ok(reading.join().unwrap_or(Answer::Unfit(Unfit::Corrupt)))
}

fn told(read: Result<Found, Unfit>) -> Answer {
    match read {
        Ok(found) => Answer::Found(Box::new(found)),
        Err(unfit) => Answer::Unfit(unfit),
    }
}

fn one() -> io::Result<()> {
    let mut out = answers()?;
    let mut input = io::BufReader::new(io::stdin());
    let order: Order = line(&mut input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    limits::lower(order.memory.saturating_add(STACK as u64), order.parent)?;
    limits::allow_once(order.seconds)?;
    let mut bytes = Vec::new();
    input.take(MAX_UPLOAD_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let answer = apart(move || {
        let pass = match (&order.ocr, &order.pdftotext) {
            (Some(programs), _) => Pass::Pictures(programs),
            (None, Some(program)) => Pass::Second(program),
            (None, None) => Pass::First,
        };
        told(extract(&bytes, &order.name, pass))
    })?;
    serde_json::to_writer(&mut out, &answer)?;
    out.flush()
}

/// Each text has the same time as if it were alone. Memory is that of all together.
fn texts() -> io::Result<()> {
    let mut out = io::BufWriter::new(answers()?);
    let mut input = io::BufReader::new(io::stdin());
    let terms: Terms = line(&mut input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    limits::lower(terms.memory.saturating_add(STACK as u64), terms.parent)?;
    loop {
        alarm::set(IDLE);
        let Some(next) = line::<Next>(&mut input)? else {
            return Ok(());
        };
        alarm::cancel();
        limits::allow(terms.seconds)?;
        if next.length > MAX_UPLOAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; next.length];
        input.read_exact(&mut bytes)?;
        let answer = apart(move || plain(&bytes, &next.name).map_or(Answer::Apart, told))?;
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
}
