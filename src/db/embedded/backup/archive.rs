//! The archive that is written: a ZIP with the cluster's files, their SHA-256 and the facts.
//! Every file is hashed as it passes.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::manifest::Sent;
use super::{CLUSTER, FACTS, Facts, SUMS};

/// A file of this size needs the format's larger numbers.
const LARGE: u64 = u32::MAX as u64 - 65_536;
/// Fast; pages of a database shrink well all the same.
const LEVEL: i64 = 2;

/// An archive under way.
pub(super) struct Archive<W: Write + Seek> {
    zip: ZipWriter<W>,
    /// SHA-256 and size by name.
    sums: BTreeMap<String, (String, u64)>,
}

fn options(size: Option<u64>) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .unix_permissions(0o600)
        .large_file(size.is_some_and(|s| s >= LARGE))
}

impl<W: Write + Seek> Archive<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            zip: ZipWriter::new(out),
            sums: BTreeMap::new(),
        }
    }

    pub(super) fn folder(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default().unix_permissions(0o700);
        Ok(self.zip.add_directory(name, options)?)
    }

    /// Adds a file; one of a given size must have exactly that.
    pub(super) fn add(&mut self, name: &str, body: &mut dyn Read, size: Option<u64>) -> io::Result<()> {
        self.zip.start_file(name, options(size))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 128 * 1024];
        let mut copied = 0_u64;
        loop {
            let got = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(got) => got,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            hasher.update(&buffer[..got]);
            self.zip.write_all(&buffer[..got])?;
            copied += got as u64;
        }
        if size.is_some_and(|size| size != copied) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let sum = hex::encode(hasher.finalize());
        self.sums.insert(name.to_owned(), (sum, copied));
        Ok(())
    }

    /// Compares the cluster's files with what the server says it sent.
    pub(super) fn compare(&self, sent: &BTreeMap<String, Sent>) -> Result<(), String> {
        for (path, want) in sent {
            match self.sums.get(&format!("{CLUSTER}{path}")) {
                None => return Err(format!("{path} didn't come")),
                Some((sum, size)) if *sum != want.sha256 || *size != want.size => {
                    return Err(format!("{path} came changed"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Adds sums and facts, and ends it.
    pub(super) fn finish(mut self, facts: &Facts) -> io::Result<W> {
        let mut sums = String::new();
        for (name, (sum, _)) in &self.sums {
            sums.push_str(&format!("{sum}  {name}\n"));
        }
        self.add(SUMS, &mut sums.as_bytes(), None)?;
        let facts = serde_json::to_string_pretty(facts)?;
        self.add(FACTS, &mut facts.as_bytes(), None)?;
        Ok(self.zip.finish()?)
    }
}
