//! The parts of a file that is a ZIP archive, read under limits that count what is really
//! inflated, not what the archive claims. Nothing of it is ever written to the disk.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{BufReader, Cursor, Read};

use quick_xml::Reader;

use super::xml::{self, Node};
use crate::knowledge::unfit::Unfit;

/// What all parts of one file may inflate to, in bytes.
const MOST_INFLATED: u64 = 256 << 20;
/// Entries of the archive at most.
const MOST_ENTRIES: usize = 20_000;

/// An opened archive.
pub struct Package<'a> {
    archive: RefCell<zip::ZipArchive<Cursor<&'a [u8]>>>,
    /// Where each part is, by its name as people mean it: some programs write names in
    /// other letters, or with the other slash.
    places: HashMap<String, usize>,
    inflated: Cell<u64>,
}

/// A part that is read in passing.
pub type Stream<'a> = Reader<BufReader<Box<dyn Read + 'a>>>;

impl<'a> Package<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// When it is no archive, or one with too many entries.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Unfit> {
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unfit::Corrupt)?;
        if archive.len() > MOST_ENTRIES {
            return Err(Unfit::Inflates);
        }
        let places = (0..archive.len())
            .filter_map(|i| Some((plain(archive.name_for_index(i)?), i)))
            .collect();
        Ok(Self {
            archive: RefCell::new(archive),
            places,
            inflated: Cell::new(0),
        })
    }

    /// The names of its entries, in small letters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Whether there is such a part.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(&plain(name))
    }

    /// A part as a tree; None where it isn't there.
    ///
    /// # Errors
    /// When it can't be read, or is larger than anybody writes.
    pub fn part(&self, name: &str) -> Result<Option<Node>, Unfit> {
        self.with(name, |source| xml::tree(source))
    }

    /// A part's bytes; None where it isn't there.
    ///
    /// # Errors
    /// As [`Package::part`].
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Unfit> {
        self.with(name, |mut source| {
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes).map_err(|_| Unfit::Corrupt)?;
            Ok(bytes)
        })
    }

    /// Reads a part in passing, for those that would be too large as trees.
    ///
    /// # Errors
    /// As [`Package::part`], and what the one who reads it says.
    pub fn stream<T>(
        &self,
        name: &str,
        read: impl FnOnce(Stream<'_>) -> Result<T, Unfit>,
    ) -> Result<Option<T>, Unfit> {
        self.with(name, |source| read(Reader::from_reader(BufReader::new(source))))
    }

    fn with<T>(
        &self,
        name: &str,
        read: impl FnOnce(Box<dyn Read + '_>) -> Result<T, Unfit>,
    ) -> Result<Option<T>, Unfit> {
        let Some(place) = self.places.get(&plain(name)) else {
            return Ok(None);
        };
        let mut archive = self.archive.borrow_mut();
        let file = archive.by_index(*place).map_err(|e| match e {
            zip::result::ZipError::UnsupportedArchive(zip::result::ZipError::PASSWORD_REQUIRED) => {
                Unfit::Encrypted
            }
            _ => Unfit::Corrupt,
        })?;
        if file.encrypted() {
            return Err(Unfit::Encrypted);
        }
        let done = read(Box::new(Counted {
            inner: file,
            inflated: &self.inflated,
        }));
        if self.inflated.get() > MOST_INFLATED {
            return Err(Unfit::Inflates);
        }
        done.map(Some)
    }
}

/// A part's name as people mean it.
fn plain(name: &str) -> String {
    name.trim_start_matches(['/', '\\'])
        .replace('\\', "/")
        .to_lowercase()
}

/// Where a reference in a part leads, `..` and all; it can't lead out of the archive.
pub fn resolve(part: &str, target: &str) -> String {
    let (folder, target) = match target.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => (part.rsplit_once('/').map_or("", |(folder, _)| folder), target),
    };
    let mut steps: Vec<&str> = Vec::new();
    for step in folder.split('/').chain(target.split('/')) {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// Counts what comes out, and ends at the limit.
struct Counted<'a, R> {
    inner: R,
    inflated: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.inflated.set(self.inflated.get() + read as u64);
        if self.inflated.get() > MOST_INFLATED {
            return Err(std::io::Error::other("inflates to too much"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn references_stay_in_the_archive() {
        assert_eq!(
            resolve("ppt/slides/slide1.xml", "../charts/c.xml"),
            "ppt/charts/c.xml"
        );
        assert_eq!(resolve("ppt/slides/s.xml", "/xl/./a.xml"), "xl/a.xml");
        assert_eq!(resolve("a.opf", "../../../etc/passwd"), "etc/passwd");
    }
}
