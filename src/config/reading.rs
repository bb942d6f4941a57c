//! How files are read and scanned: limits, the programs that help, the scanner.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Config, ConfigError, paths};
use crate::knowledge::extract::{ocr, reader};
use crate::knowledge::scan::{self, Scanner};

/// Programs that the system may have.
#[derive(Debug, Default)]
pub struct Programs {
    /// poppler's second reader of PDF.
    pub pdftotext: Option<PathBuf>,
    /// poppler's program that draws pages.
    pub pdftoppm: Option<PathBuf>,
    /// What recognises text.
    pub tesseract: Option<PathBuf>,
}

impl Programs {
    pub(super) fn find(environment: &[(String, String)]) -> Self {
        let program = |name| paths::program(name, environment);
        Self {
            pdftotext: program("pdftotext"),
            pdftoppm: program("pdftoppm"),
            tesseract: program("tesseract"),
        }
    }
}

/// `[scan]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// Where clamd listens; none: files aren't scanned.
    pub clamd: Option<String>,
    /// Time for scanning one file.
    pub seconds: u64,
}

impl Config {
    pub(super) fn validate_reading(&self) -> Result<(), ConfigError> {
        let k = &self.knowledge;
        for (key, got, allowed, text) in [
            (
                "knowledge.extract_seconds",
                k.extract_seconds,
                2..=600,
                "2 to 600",
            ),
            (
                "knowledge.extract_memory_mb",
                k.extract_memory_mb,
                128..=65_536,
                "128 to 65536",
            ),
            ("knowledge.ocr_seconds", k.ocr_seconds, 10..=3600, "10 to 3600"),
            ("knowledge.ocr_pages", k.ocr_pages as u64, 1..=1000, "1 to 1000"),
            ("scan.seconds", self.scan.seconds, 1..=600, "1 to 600"),
        ] {
            if !allowed.contains(&got) {
                return Err(ConfigError::Range {
                    key,
                    got: got.to_string(),
                    allowed: text,
                });
            }
        }
        let is_language = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !k.ocr_languages.split('+').all(is_language) {
            return Err(ConfigError::Range {
                key: "knowledge.ocr_languages",
                got: format!("`{}`", k.ocr_languages),
                allowed: "tesseract's names of languages with + between, or `none`",
            });
        }
        if let Some(clamd) = self
            .scan
            .clamd
            .as_ref()
            .filter(|c| c.parse::<scan::Clamd>().is_err())
        {
            return Err(ConfigError::Range {
                key: "scan.clamd",
                got: format!("`{clamd}`"),
                allowed: "a host and a port, or the path of a socket",
            });
        }
        Ok(())
    }

    /// How files are read.
    #[must_use]
    pub fn reading(&self) -> reader::Settings {
        reader::Settings {
            pdftotext: self.programs.pdftotext.clone(),
            ocr: self.recognition(),
            time: Duration::from_secs(self.knowledge.extract_seconds),
            memory_mb: self.knowledge.extract_memory_mb,
            ..reader::Settings::default()
        }
    }

    /// What recognises text, where all of it is here and it is wanted.
    fn recognition(&self) -> Option<ocr::Programs> {
        let k = &self.knowledge;
        (k.ocr_languages != "none").then_some(())?;
        Some(ocr::Programs {
            pdftoppm: self.programs.pdftoppm.clone()?,
            tesseract: self.programs.tesseract.clone()?,
            languages: k.ocr_languages.clone(),
            pages: k.ocr_pages,
            time: Duration::from_secs(k.ocr_seconds),
        })
    }

    /// Who scans files, where somebody is named.
    #[must_use]
    pub fn scanner(&self) -> Option<Scanner> {
        let clamd = self.scan.clamd.as_ref()?.parse().ok()?;
        Some(Scanner::new(scan::Settings {
            clamd,
            time: Duration::from_secs(self.scan.seconds),
        }))
    }
}
