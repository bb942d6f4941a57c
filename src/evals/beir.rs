//! A retrieval test set in BEIR's form: `corpus.jsonl {_id, title, text}`,
//! `queries.jsonl {_id, text}` and `qrels.tsv` (query, document, grade).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The longest line, in bytes.
const MAX_LINE: usize = 8 << 20;
/// The most lines of a file.
const MAX_LINES: usize = 5_000_000;

/// Why a set can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A file is missing or can't be read.
    #[error("{0} can't be read: {1}")]
    File(PathBuf, std::io::Error),
    /// A line isn't what it should be.
    #[error("{file}, line {line}: {why}")]
    Line {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Nothing to measure.
    #[error("{0} judges no document of the corpus for any of the queries")]
    Empty(PathBuf),
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Document {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its title; may be empty, missing or null.
    #[serde(default, deserialize_with = "or_empty")]
    pub title: String,
    /// Its text.
    pub text: String,
}

fn or_empty<'de, D: Deserializer<'de>>(title: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(title).map(Option::unwrap_or_default)
}

/// A question, and which documents answer it how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its id.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Grades above zero by document.
    pub grades: HashMap<String, f64>,
}

/// A test set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// The documents.
    pub documents: Vec<Document>,
    /// The questions that have a judged document in the corpus.
    pub queries: Vec<Query>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// Reads a set.
///
/// # Errors
/// When a file is missing or a line is wrong; the message names it.
pub fn read(folder: &Path) -> Result<Set, SetError> {
    let documents: Vec<Document> = json_lines(&folder.join("corpus.jsonl"))?;
    let asked: Vec<Asked> = json_lines(&folder.join("queries.jsonl"))?;
    let path = folder.join("qrels.tsv");
    let mut ids: HashSet<&str> = HashSet::new();
    for (i, document) in documents.iter().enumerate() {
        if !ids.insert(&document.id) {
            return Err(SetError::Line {
                file: folder.join("corpus.jsonl"),
                line: i + 1,
                why: format!("the id {} is there twice", document.id),
            });
        }
    }
    let mut grades: BTreeMap<String, HashMap<String, f64>> = BTreeMap::new();
    for (n, line) in lines(&path)? {
        let wrong = |why: &str| SetError::Line {
            file: path.clone(),
            line: n,
            why: why.to_owned(),
        };
        let parts: Vec<&str> = line.split('\t').collect();
        let [query, document, grade] = parts[..] else {
            return Err(wrong("query, document and grade are expected, separated by tabs"));
        };
        let grade: f64 = match grade.trim().parse() {
            Ok(grade) => grade,
            // Mostly the first line names the columns.
            Err(_) if n == 1 => continue,
            Err(_) => return Err(wrong("the grade is no number")),
        };
        if grade > 0.0 && ids.contains(document) {
            grades
                .entry(query.to_owned())
                .or_default()
                .insert(document.to_owned(), grade);
        }
    }
    let queries: Vec<Query> = asked
        .into_iter()
        .filter_map(|q| {
            Some(Query {
                grades: grades.remove(&q.id)?,
                id: q.id,
                text: q.text,
            })
        })
        .collect();
    if queries.is_empty() {
        return Err(SetError::Empty(path));
    }
    Ok(Set { documents, queries })
}

fn json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, SetError> {
    let mut out = Vec::new();
    for (n, line) in lines(path)? {
        let value = serde_json::from_str(&line).map_err(|e| SetError::Line {
            file: path.to_owned(),
            line: n,
            why: e.to_string(),
        })?;
        out.push(value);
    }
    Ok(out)
}

/// The lines that aren't blank, with their numbers.
fn lines(path: &Path) -> Result<Vec<(usize, String)>, SetError> {
    let unread = |e| SetError::File(path.to_owned(), e);
    let mut reader = BufReader::new(File::open(path).map_err(unread)?);
    let mut out = Vec::new();
    for n in 1.. {
        let mut line = Vec::new();
        let mut bounded = std::io::Read::take(&mut reader, MAX_LINE as u64);
        if bounded.read_until(b'\n', &mut line).map_err(unread)? == 0 {
            break;
        }
        let wrong = |why: &str| SetError::Line {
            file: path.to_owned(),
            line: n,
            why: why.to_owned(),
        };
        if line.len() >= MAX_LINE {
            return Err(wrong("the line is longer than 8 MiB"));
        }
        if n > MAX_LINES {
            return Err(wrong("more than five million lines"));
        }
        let line = String::from_utf8(line).map_err(|_| wrong("it isn't UTF-8"))?;
        // No text has it, and the database takes none.
        let line = line.replace("\\u0000", " ");
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        if !line.trim().is_empty() {
            out.push((n, line));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(corpus: &str, queries: &str, qrels: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("corpus.jsonl", corpus),
            ("queries.jsonl", queries),
            ("qrels.tsv", qrels),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    const CORPUS: &str =
        "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"x\"}\n{\"_id\":\"d2\",\"title\":null,\"text\":\"y\"}\n";
    const QUERIES: &str = "{\"_id\":\"q1\",\"text\":\"?\"}\r\n\n{\"_id\":\"q2\",\"text\":\"!\"}\n";

    #[test]
    fn judged_queries_are_read_with_their_grades() {
        let dir = folder(
            CORPUS,
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq1\tgone\t1\n",
        );
        let set = read(dir.path()).unwrap();
        assert_eq!(set.documents.len(), 2);
        assert_eq!(set.queries.len(), 1);
        assert_eq!(set.queries[0].grades, HashMap::from([("d1".to_owned(), 2.0)]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |dir: &tempfile::TempDir| read(dir.path()).unwrap_err().to_string();
        assert!(says(&folder("{", QUERIES, "")).contains("corpus.jsonl, line 1"));
        assert!(says(&folder(CORPUS, QUERIES, "a\tb\t1\nq1 d1 1\n")).contains("line 2"));
        assert!(says(&folder(CORPUS, QUERIES, "q1\td1\t1\nq1\td1\tx\n")).contains("no number"));
        assert!(says(&folder(CORPUS, QUERIES, "q9\td1\t1\n")).contains("judges no document"));
        assert!(says(&tempfile::tempdir().unwrap()).contains("corpus.jsonl can't be read"));
    }
}
