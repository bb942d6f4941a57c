//! What a file is that holds others: a ZIP archive, by the names in it, or one of
//! Microsoft's older ones, by the name of its main stream.

use std::io::Cursor;

use super::{Content, unsupported};
use crate::knowledge::unfit::Unfit;

/// How many names of an archive are looked at.
const NAMES: usize = 20_000;
/// An entry of the older container's list, in bytes; each begins at a multiple of it.
const ENTRY: usize = 128;

/// What a ZIP archive is, by what is in it.
pub fn packed(bytes: &[u8]) -> Result<Content, Unfit> {
    let Ok(archive) = zip::ZipArchive::new(Cursor::new(bytes)) else {
        // An archive that is cut has lost its list, but each part has its name.
        const PARTS: [&[u8]; 6] = [
            b"[Content_Types].xml",
            b"word/document",
            b"xl/workbook",
            b"ppt/presentation",
            b"mimetypeapplication/",
            b"META-INF/container.xml",
        ];
        let says = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
        return Err(if PARTS.into_iter().any(says) {
            Unfit::Corrupt
        } else {
            unsupported("an archive")
        });
    };
    let names: Vec<String> = archive
        .file_names()
        .take(NAMES)
        .map(|n| n.trim_start_matches('/').replace('\\', "/").to_lowercase())
        .collect();
    let has = |part: &str| names.iter().any(|n| n.starts_with(part));
    if has("word/") {
        return Ok(Content::Docx);
    }
    if has("xl/workbook.bin") {
        return Err(old("an Excel workbook in binary form (.xlsb)", "Excel (.xlsx)"));
    }
    if has("xl/") {
        return Ok(Content::Xlsx);
    }
    if has("ppt/") {
        return Ok(Content::Pptx);
    }
    if has("meta-inf/container.xml") || names.iter().any(|n| n.ends_with(".opf")) {
        return Ok(Content::Epub);
    }
    if has("content.xml") || (has("encrypted-package") && has("meta-inf/manifest.xml")) {
        return Ok(Content::OpenDocument);
    }
    if has("index/") && names.iter().any(|n| n.ends_with(".iwa")) {
        return Err(old(
            "a file of Apple's Pages, Numbers or Keynote",
            "Word (.docx), Excel (.xlsx) or PDF",
        ));
    }
    Err(unsupported("an archive"))
}

fn old(what: &str, save_as: &str) -> Unfit {
    Unfit::OldFormat {
        what: what.to_owned(),
        save_as: save_as.to_owned(),
    }
}

/// What a file in Microsoft's older container is, by the name of its main stream.
pub fn compound(bytes: &[u8]) -> Unfit {
    const STREAMS: [(&str, &str, &str); 6] = [
        ("WordDocument", "an older Word document (.doc)", "Word (.docx)"),
        (
            "PowerPoint Document",
            "an older PowerPoint presentation (.ppt)",
            "PowerPoint (.pptx)",
        ),
        ("Workbook", "an older Excel workbook (.xls)", "Excel (.xlsx)"),
        ("Book", "an older Excel workbook (.xls)", "Excel (.xlsx)"),
        (
            "__properties_version1.0",
            "an Outlook message (.msg)",
            "an e-mail (.eml)",
        ),
        ("Quill", "a Publisher file (.pub)", "PDF"),
    ];
    let wide = |name: &str| -> Vec<u8> { name.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    // A locked .docx is one of these, with its real content in a stream of this name.
    let locked = wide("EncryptedPackage");
    if bytes.windows(locked.len()).any(|w| w == locked) {
        return Unfit::Encrypted;
    }
    // The list of streams has a name, then zeros up to 64 bytes, then the name's length.
    let place = |name: &str| {
        let name = [wide(name), vec![0, 0]].concat();
        let length = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
        bytes
            .chunks_exact(ENTRY)
            .position(|e| e.starts_with(&name) && e[64..66] == length)
    };
    // What is embedded in it comes after it.
    let found = STREAMS
        .into_iter()
        .filter_map(|(name, what, save_as)| Some((place(name)?, what, save_as)))
        .min_by_key(|(place, ..)| *place);
    match found {
        Some((_, what, save_as)) => old(what, save_as),
        None => unsupported("an older Office file"),
    }
}
