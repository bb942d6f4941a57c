//! Files of all kinds through the built binary, as an operator and ingestion read them:
//! in a process of its own, under limits, with no harm to the one that asks.

mod bombs;
mod damaged;
mod files;
mod ocr;
mod office;
mod process;
mod quality;
mod samples;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::process::Home;

/// What a file was read as.
struct Read {
    json: Value,
    exit: Option<i32>,
    /// The asking process's peak of memory, in kB.
    peak_kb: u64,
}

impl Read {
    fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }

    fn text(&self) -> &str {
        self.json["text"].as_str().unwrap_or("")
    }
}

fn shown(output: &Output) -> Read {
    let said = String::from_utf8_lossy(&output.stderr);
    let peak = said
        .lines()
        .find_map(|l| l.strip_prefix("peak memory: ")?.strip_suffix(" kB"))
        .unwrap_or_else(|| panic!("no peak in {said}"));
    Read {
        json: serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {said}")),
        exit: output.status.code(),
        peak_kb: peak.parse().unwrap(),
    }
}

/// Reads a file by the command, with these settings.
fn read(home: &Home, name: &str, bytes: &[u8], settings: &[(&str, &str)]) -> Read {
    let path: PathBuf = home.dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap();
    let mut command = home.command(&["extract", path, "--json", "--usage"]);
    shown(&command.envs(settings.iter().copied()).output().unwrap())
}

/// Reads what comes by standard input.
fn read_stdin(home: &Home, bytes: &[u8]) -> Read {
    let mut child = home
        .command(&["extract", "-", "--json", "--usage"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    shown(&child.wait_with_output().unwrap())
}

/// A PDF of these objects, the first of which is the catalogue. The second part of an
/// object is its stream.
fn pdf(objects: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (i, (dictionary, stream)) in objects.iter().enumerate() {
        places.push(out.len());
        let number = i + 1;
        if stream.is_empty() {
            out.extend(format!("{number} 0 obj\n{dictionary}\nendobj\n").bytes());
        } else {
            let dictionary = dictionary.trim_end_matches(">>");
            let length = stream.len();
            out.extend(format!("{number} 0 obj\n{dictionary} /Length {length} >>\nstream\n").bytes());
            out.extend_from_slice(stream);
            out.extend(b"\nendstream\nendobj\n");
        }
    }
    let table = out.len();
    let count = objects.len() + 1;
    out.extend(format!("xref\n0 {count}\n0000000000 65535 f \n").bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").bytes());
    }
    out.extend(format!("trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

/// A PDF of pages with this content, in one font.
fn pages(contents: &[&[u8]]) -> Vec<u8> {
    let kids: Vec<String> = (0..contents.len())
        .map(|i| format!("{} 0 R", 4 + 2 * i))
        .collect();
    let tree = format!(
        "<< /Type /Pages /Kids [{}] /Count {} >>",
        kids.join(" "),
        kids.len()
    );
    let numbers: Vec<String> = (0..contents.len())
        .map(|i| {
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R /Resources << /Font << /F 3 0 R >> >> >>",
                5 + 2 * i
            )
        })
        .collect();
    let mut objects: Vec<(&str, &[u8])> = vec![
        ("<< /Type /Catalog /Pages 2 0 R >>", b""),
        (&tree, b""),
        (
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            b"",
        ),
    ];
    for (page, content) in numbers.iter().zip(contents) {
        objects.push((page, b""));
        objects.push(("<< >>", content));
    }
    pdf(&objects)
}

/// A Word document with this body.
fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    zipped(&[("word/document.xml", document.as_bytes())])
}

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
