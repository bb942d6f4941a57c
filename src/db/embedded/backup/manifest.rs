//! PostgreSQL's list of what it sent: every file of the cluster with size and SHA-256, and a
//! sum over the list itself. The log's files aren't in it: the server checks those when it
//! reads them.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Its name in the cluster.
pub(super) const NAME: &str = "backup_manifest";

/// A file as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub size: u64,
    pub sha256: String,
}

#[derive(Deserialize)]
struct List {
    #[serde(rename = "Files")]
    files: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "Path")]
    path: Option<String>,
    #[serde(rename = "Size")]
    size: u64,
    #[serde(rename = "Checksum-Algorithm")]
    algorithm: Option<String>,
    #[serde(rename = "Checksum")]
    sum: Option<String>,
}

/// Reads it, by path.
pub(super) fn read(text: &[u8]) -> Result<BTreeMap<String, Sent>, String> {
    // The last line holds the sum over all before it.
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let cut = body.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let told = std::str::from_utf8(&body[cut..])
        .ok()
        .and_then(|line| {
            line.strip_prefix("\"Manifest-Checksum\": \"")?
                .strip_suffix("\"}")
        })
        .ok_or("the list of files has no end")?;
    if hex::encode(Sha256::digest(&body[..cut])) != told {
        return Err("the list of files is damaged".to_owned());
    }
    let list: List =
        serde_json::from_slice(text).map_err(|e| format!("the list of files can't be read: {e}"))?;
    list.files
        .into_iter()
        .map(|item| {
            let path = item.path.ok_or("a file's name isn't UTF-8")?;
            match (item.algorithm.as_deref(), item.sum) {
                (Some("SHA256"), Some(sha256)) => Ok((
                    path,
                    Sent {
                        size: item.size,
                        sha256,
                    },
                )),
                _ => Err(format!("{path} has no SHA-256")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(files: &str) -> String {
        let body = format!(
            "{{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"Files\": [\n{files}\n],\n\"WAL-Ranges\": [],\n"
        );
        let sum = hex::encode(Sha256::digest(body.as_bytes()));
        format!("{body}\"Manifest-Checksum\": \"{sum}\"}}\n")
    }

    #[test]
    fn it_is_read_whole_or_not_at_all() {
        let file =
            r#"{ "Path": "base/1/2", "Size": 8192, "Checksum-Algorithm": "SHA256", "Checksum": "ab" }"#;
        let text = list(file);
        let read_back = read(text.as_bytes()).unwrap();
        assert_eq!(read_back["base/1/2"].size, 8192);
        let bent = text.replace("8192", "8193");
        assert!(read(bent.as_bytes()).is_err());
        assert!(read(&text.as_bytes()[..text.len() - 20]).is_err());
        assert!(read(b"").is_err());
        assert!(read(list(&file.replace("SHA256", "CRC32C")).as_bytes()).is_err());
    }
}
