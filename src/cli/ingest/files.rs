//! Which files a command line names: walks folders, and says of each file that it leaves
//! out why.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::document::MAX_UPLOAD_BYTES;

/// Endings of files that are worth a try; what is in them decides.
const ENDINGS: [&str; 22] = [
    "md", "markdown", "mdown", "mdx", "html", "htm", "xhtml", "txt", "text", "csv", "tsv", "pdf", "docx",
    "pptx", "xlsx", "xlsm", "odt", "ods", "odp", "epub", "eml", "rtf",
];
/// Those of pictures, whose text can be recognised. In a folder they belong to its pages.
const PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "webp"];

/// A file to take in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its path in the folder that was named, with `/`; of a file that was named, its name.
    pub name: String,
}

/// A file that isn't taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Which one.
    pub path: String,
    /// A sentence.
    pub reason: String,
}

impl Refused {
    /// With a reason.
    pub fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self {
            path: path.display().to_string(),
            reason: reason.into(),
        }
    }
}

/// What a walk came upon.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// To take in, in the order of their names.
    pub found: Vec<Found>,
    /// What somebody wanted and can't have: missing, unreadable, too large, twice.
    pub failed: Vec<Refused>,
    /// What lies in a folder beside the documents.
    pub skipped: Vec<Refused>,
}

/// Walks the paths. Hidden files and folders are left out unless they are named; links are
/// followed within the folder that was named, and each folder is entered once.
#[must_use]
pub fn walk(paths: &[PathBuf]) -> Walked {
    let mut walk = Walk::default();
    for path in paths {
        match fs::metadata(path) {
            Err(e) => walk.out.failed.push(Refused::new(path, reason(&e))),
            Ok(meta) if meta.is_dir() => {
                let before = (walk.out.found.len(), walk.out.failed.len());
                walk.root = fs::canonicalize(path).unwrap_or_default();
                walk.folder(path, "", &meta);
                if before == (walk.out.found.len(), walk.out.failed.len()) {
                    walk.out
                        .failed
                        .push(Refused::new(path, "The folder holds no file that can be read."));
                }
            }
            Ok(meta) => match path.file_name().and_then(|n| n.to_str()) {
                Some(name) => {
                    let name = name.to_owned();
                    walk.file(path, name, &meta, true);
                }
                None => walk.out.failed.push(Refused::new(path, NOT_UTF8)),
            },
        }
    }
    walk.out
}

const NOT_UTF8: &str = "Its name isn't valid UTF-8.";

#[derive(Default)]
struct Walk {
    out: Walked,
    entered: HashSet<(u64, u64)>,
    names: HashSet<String>,
    /// The folder that was named: what a link inside leads out of it to isn't the site's.
    root: PathBuf,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, meta: &fs::Metadata) {
        // A link to a folder above would otherwise lead round for ever.
        if !self.entered.insert((meta.dev(), meta.ino())) {
            return;
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(e) => return self.out.failed.push(Refused::new(folder, reason(&e))),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                self.out.failed.push(Refused::new(&path, NOT_UTF8));
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            if !fs::canonicalize(&path).is_ok_and(|real| real.starts_with(&self.root))
                && path.is_symlink()
                && path.exists()
            {
                self.out
                    .skipped
                    .push(Refused::new(&path, "It is a link that leads out of the folder."));
                continue;
            }
            // Follows links; one that leads nowhere is an error.
            match fs::metadata(&path) {
                Err(e) => self.out.failed.push(Refused::new(&path, reason(&e))),
                Ok(meta) if meta.is_dir() => self.folder(&path, &format!("{prefix}{name}/"), &meta),
                Ok(meta) => self.file(&path, format!("{prefix}{name}"), &meta, false),
            }
        }
    }

    fn file(&mut self, path: &Path, name: String, meta: &fs::Metadata, named: bool) {
        let list = if named {
            &mut self.out.failed
        } else {
            &mut self.out.skipped
        };
        if !meta.is_file() {
            // Opening a pipe would wait for its writer.
            return list.push(Refused::new(path, "It is no ordinary file."));
        }
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .map(str::to_ascii_lowercase);
        let ending = ending.as_deref().unwrap_or_default();
        if PICTURES.contains(&ending) && !named {
            let why = "A picture; name it by itself to have the text in it recognised.";
            return list.push(Refused::new(path, why));
        }
        if !ENDINGS.contains(&ending) && !PICTURES.contains(&ending) {
            let kinds = "PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx), OpenDocument (.odt, .ods, .odp), EPUB, \
                         e-mails (.eml), RTF, CSV, HTML, Markdown (.md, .mdx), text (.txt) and pictures (.png, .jpg, \
                         .tiff, .webp) can be read";
            return list.push(Refused::new(path, format!("Its type isn't supported; {kinds}.")));
        }
        if meta.len() > MAX_UPLOAD_BYTES as u64 {
            return self.out.failed.push(Refused::new(path, too_large()));
        }
        if !self.names.insert(name.clone()) {
            let reason = format!("Another file is called {name} too; take in the folder above both instead.");
            return self.out.failed.push(Refused::new(path, reason));
        }
        self.out.found.push(Found {
            path: path.to_owned(),
            name,
        });
    }
}

/// Reads a file, but never more than may be taken in: it may have grown since the walk.
///
/// # Errors
/// A sentence that says why not.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let most = MAX_UPLOAD_BYTES as u64 + 1;
    fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|e| reason(&e))?;
    if bytes.len() > MAX_UPLOAD_BYTES {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn too_large() -> String {
    format!("The file is larger than {} MB.", MAX_UPLOAD_BYTES >> 20)
}

fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "There is no such file or folder.".to_owned(),
        ErrorKind::PermissionDenied => "You may not read it.".to_owned(),
        _ => format!("It can't be read: {error}."),
    }
}

/// The part of a file's URL that comes after the prefix: its name without the ending, in the
/// characters that a URL has.
#[must_use]
pub fn slug(name: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() => stem,
        _ => name,
    };
    let mut slug = String::with_capacity(stem.len());
    for c in stem.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '/' | '-' | '_' | '.' => slug.push(c),
            c if c.is_ascii() => {
                if !slug.ends_with('-') {
                    slug.push('-');
                }
            }
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    slug.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    slug
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(found: &[Found]) -> Vec<&str> {
        found.iter().map(|f| f.name.as_str()).collect()
    }

    fn ends(refused: &[Refused]) -> Vec<(&str, &str)> {
        refused
            .iter()
            .map(|r| (r.path.rsplit('/').next().unwrap(), r.reason.as_str()))
            .collect()
    }

    #[test]
    fn a_folder_is_walked_in_order_and_says_what_it_leaves_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("shipping/.git")).unwrap();
        for file in [
            "b.md",
            "A.HTML",
            "shipping/eu.txt",
            ".hidden.md",
            "shipping/.git/x.md",
            "logo.png",
            "README",
        ] {
            fs::write(root.join(file), "x").unwrap();
        }
        fs::File::create(root.join("huge.md"))
            .unwrap()
            .set_len(MAX_UPLOAD_BYTES as u64 + 1)
            .unwrap();
        fs::File::create(root.join("just.md"))
            .unwrap()
            .set_len(MAX_UPLOAD_BYTES as u64)
            .unwrap();
        fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9.md")), "x").unwrap();
        symlink("nowhere.md", root.join("dangling.md")).unwrap();
        symlink("b.md", root.join("link.md")).unwrap();
        symlink("..", root.join("shipping/up")).unwrap();
        nix::unistd::mkfifo(&root.join("pipe.md"), nix::sys::stat::Mode::S_IRWXU).unwrap();

        let walked = walk(&[root.to_owned()]);
        assert_eq!(
            names(&walked.found),
            ["A.HTML", "b.md", "just.md", "link.md", "shipping/eu.txt"]
        );
        let failed = ends(&walked.failed);
        assert_eq!(failed.len(), 3, "{failed:?}");
        assert!(
            failed.contains(&("dangling.md", "There is no such file or folder.")),
            "{failed:?}"
        );
        assert!(
            failed.contains(&("huge.md", "The file is larger than 20 MB.")),
            "{failed:?}"
        );
        assert!(failed.iter().any(|f| f.1 == NOT_UTF8), "{failed:?}");
        let skipped = ends(&walked.skipped);
        assert_eq!(
            skipped.iter().map(|s| s.0).collect::<Vec<_>>(),
            ["README", "logo.png", "pipe.md"]
        );
        assert!(
            skipped[0].1.contains("isn't supported") && skipped[2].1.contains("no ordinary file"),
            "{skipped:?}"
        );
    }

    #[test]
    fn what_is_named_must_be_there_and_fit() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for sub in ["a", "b", "empty"] {
            fs::create_dir(root.join(sub)).unwrap();
        }
        for file in [
            "a/same.md",
            "b/same.md",
            ".named.md",
            "logo.gif",
            "scan.PNG",
            "talk.pptx",
            "empty/logo.png",
        ] {
            fs::write(root.join(file), "x").unwrap();
        }
        let paths = [
            "a",
            "b",
            ".named.md",
            "scan.PNG",
            "talk.pptx",
            "logo.gif",
            "empty",
            "missing.md",
        ]
        .map(|p| root.join(p));
        let walked = walk(&paths);
        assert_eq!(
            names(&walked.found),
            ["same.md", ".named.md", "scan.PNG", "talk.pptx"]
        );
        assert_eq!(walked.found[0].path, root.join("a/same.md"));
        let failed = ends(&walked.failed);
        assert_eq!(
            failed.iter().map(|f| f.0).collect::<Vec<_>>(),
            ["same.md", "logo.gif", "empty", "missing.md"]
        );
        assert_eq!(
            ends(&walked.skipped)[0].0,
            "logo.png",
            "the folder's own says why it is empty"
        );
    }

    #[test]
    fn a_file_that_has_grown_is_not_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grown.md");
        let file = fs::File::create(&path).unwrap();
        file.set_len(MAX_UPLOAD_BYTES as u64).unwrap();
        assert_eq!(read(&path).unwrap().len(), MAX_UPLOAD_BYTES);
        file.set_len(MAX_UPLOAD_BYTES as u64 + 1).unwrap();
        assert_eq!(read(&path).unwrap_err(), "The file is larger than 20 MB.");
        assert_eq!(
            read(dir.path()).unwrap_err().split(':').next(),
            Some("It can't be read")
        );
    }

    #[test]
    fn slugs_are_what_a_url_can_hold() {
        for (name, want) in [
            ("returns.md", "returns"),
            ("Late or  lost (parcels).html", "late-or-lost-parcels-"),
            ("shipping/EU.v2.txt", "shipping/eu.v2"),
            ("straße.md", "stra%C3%9Fe"),
            (".md", ".md"),
            ("v1.2/readme", "v1.2/readme"),
        ] {
            assert_eq!(slug(name), want);
        }
    }
}
