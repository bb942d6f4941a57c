//! How much of other people's documents is read: against another tool's text of the same
//! files, and for strings that must and must not appear. Runs where `DESKHAND_DATA` names
//! the folder with them; what it prints is shown with `--nocapture`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use deskhand::knowledge::extract::Extracted;
use deskhand::knowledge::extract::reader::{Reader, Settings};

use crate::support::knowledge::reading;

/// What half of the files and nine of ten reach at least.
const MEDIAN: f64 = 0.95;
const TENTH: f64 = 0.85;
/// The same where the other tool adds what a chart was made from, which stands in the cells
/// already, and leaves out numbers of slides without a title.
const TENTH_WITH_CHARTS: f64 = 0.80;

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn data() -> Option<PathBuf> {
    std::env::var_os("DESKHAND_DATA").map(|d| PathBuf::from(d).join("documents"))
}

/// With poppler where it is installed, and without.
fn reader(pdftotext: bool) -> Reader {
    let program = Path::new("/usr/bin/pdftotext");
    Reader::new(Settings {
        pdftotext: (pdftotext && program.exists()).then(|| program.to_owned()),
        ..reading()
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Title and text, as the other tools write them.
fn whole(read: &Extracted) -> String {
    format!("# {}\n\n{}", read.title.as_deref().unwrap_or(""), read.markdown)
}

/// Words and how often, without Markdown's marks.
fn words(text: &str) -> HashMap<String, usize> {
    let mut plain = String::new();
    let mut rest = text;
    // Comments stand for pictures, and addresses aren't text.
    while let Some(at) = rest.find(['<', ']', '\\']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let skipped = if rest.starts_with("<!--") {
            rest.find("-->").map(|i| i + 3)
        } else if rest.starts_with("](") {
            rest.find(')').map(|i| i + 1)
        } else {
            None
        };
        if rest.starts_with('<') || rest.starts_with("](") {
            plain.push(' ');
        }
        rest = &rest[skipped.unwrap_or(1)..];
    }
    plain.push_str(rest);
    let plain = plain
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let mut words = HashMap::new();
    for word in plain
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| !w.is_empty())
    {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}

/// The harmonic mean of precision and recall over words.
fn f1(got: &str, want: &str) -> f64 {
    let (got, want) = (words(got), words(want));
    let shared: usize = got
        .iter()
        .map(|(word, n)| (*n).min(want.get(word).copied().unwrap_or(0)))
        .sum();
    let all = got.values().sum::<usize>() + want.values().sum::<usize>();
    if all == 0 {
        1.0
    } else {
        2.0 * shared as f64 / all as f64
    }
}

#[test]
fn words_are_compared_without_marks() {
    assert!(
        (f1(
            "# A [link](http://x) and\\_this <!-- image -->",
            "a link and_this"
        ) - 1.0)
            .abs()
            < 1e-9
    );
    assert!((f1("a b", "a c") - 0.5).abs() < 1e-9);
}

#[tokio::test]
async fn documents_are_read_as_another_tool_reads_them() {
    let Some(data) = data() else { return };
    let mut low = Vec::new();
    for (format, pdftotext) in [
        ("pdf", true),
        ("pdf", false),
        ("docx", true),
        ("html", true),
        ("md", true),
        ("pptx", true),
        ("xlsx", true),
        ("odf", true),
        ("csv", true),
    ] {
        let reader = reader(pdftotext);
        let folder = data.join("docling").join(format);
        let mut scores = Vec::new();
        for file in files(&folder.join("sources")) {
            let stem = if format == "pdf" {
                file.file_stem().unwrap().to_string_lossy().into_owned()
            } else {
                name(&file)
            };
            let Ok(want) = std::fs::read_to_string(folder.join(format!("groundtruth/{stem}.md"))) else {
                continue;
            };
            // Comments are for those who write a document, not for those who read it.
            let want = want.lines().filter(|l| !l.starts_with("[author: "));
            let want = want.collect::<Vec<_>>().join("\n");
            let read = reader.read(&std::fs::read(&file).unwrap(), &name(&file)).await;
            let got = read.map(|r| whole(&r)).unwrap_or_else(|e| {
                println!("{format} {stem}: {e}");
                String::new()
            });
            scores.push((f1(&got, &want), stem));
        }
        scores.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (score, stem) in &scores {
            println!("{format:5} {score:.3} {stem}");
        }
        let (median, tenth) = (scores[scores.len() / 2].0, scores[scores.len() / 10].0);
        let without = if pdftotext { "" } else { " without pdftotext" };
        println!(
            "{format}{without}: {} files, median {median:.3}, tenth percentile {tenth:.3}\n",
            scores.len()
        );
        let least = match format {
            "pptx" | "xlsx" => TENTH_WITH_CHARTS,
            _ => TENTH,
        };
        if median < MEDIAN || tenth < least {
            low.push(format!("{format}{without}: {median:.3} {tenth:.3}"));
        }
    }
    assert!(low.is_empty(), "{low:?}");
}

/// Strings that another tool's users expect and we leave out on purpose: pictures as data,
/// titles of links, and where a search engine's detours lead.
const NOT_OURS: [&str; 5] = [
    "data:image/",
    "\"Bill Gates\")",
    "](https://en.wikipedia.org/wiki/Microsoft",
    "https://www.bing.com/ck/a?!&&p=",
    "data:image/svg",
];

#[tokio::test]
async fn what_must_appear_does_and_what_must_not_does_not() {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join("markitdown/expected.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let reader = reader(true);
    let flat = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut checked = 0;
    for case in cases {
        let file = case["filename"].as_str().unwrap();
        if ![".pdf", ".docx", ".html", ".pptx", ".xlsx", ".csv", ".epub"]
            .iter()
            .any(|e| file.ends_with(e))
        {
            continue;
        }
        let bytes = std::fs::read(data.join("markitdown/test_files").join(file)).unwrap();
        let read = flat(&whole(&reader.read(&bytes, file).await.unwrap()));
        let strings = |key: &str| -> Vec<String> {
            let list = case[key].as_array().unwrap();
            let all = list.iter().map(|s| s.as_str().unwrap().to_owned());
            all.filter(|s| !NOT_OURS.iter().any(|n| s.contains(n))).collect()
        };
        for wanted in strings("must_include") {
            // Pictures stand for their descriptions, and items begin with another mark.
            let wanted = wanted
                .trim_start_matches("![")
                .replace("](Picture4.jpg)", "")
                .trim_end_matches(']')
                .replace("* A", "- A");
            assert!(read.contains(&flat(&wanted)), "{file}: {wanted}");
            checked += 1;
        }
        for unwanted in strings("must_not_include") {
            assert!(!read.contains(&unwanted), "{file}: {unwanted}");
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
}

/// Its fonts give widths as ranges, and it sets each letter by itself.
#[tokio::test]
async fn words_set_letter_by_letter_stay_whole() {
    let Some(data) = data() else { return };
    let file = data.join("pypdf-samples/011-google-doc-document/google-doc-document.pdf");
    let bytes = std::fs::read(&file).unwrap();
    let read = reader(false).read(&bytes, &name(&file)).await.unwrap();
    let text = whole(&read);
    for words in [
        "Example document",
        "Beautiful is better than ugly.",
        "Special cases aren't special enough to break the rules.",
        "Indonesia",
        "273.879.750",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn bad_documents_end_as_text_or_with_a_reason() {
    let Some(data) = data() else { return };
    let reader = reader(true);
    let codes = [
        "encrypted",
        "corrupt",
        "empty",
        "too_large",
        "too_slow",
        "too_much_memory",
        "unsupported_type",
    ];
    let manifest = std::fs::read_to_string(data.join("pdfjs-bad/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let locked = |file: &str| {
        let entry = &manifest[file];
        // No reader at hand sees this one's lock, only an empty page.
        file != "issue15893_reduced.pdf"
            && entry["kind"] == "encrypted"
            && entry["password"].as_str().is_some_and(|p| !p.is_empty())
    };
    for folder in ["pdfjs-bad", "pypdf-samples", "mammoth", "markitdown", "docling"] {
        for file in files(&data.join(folder)) {
            let file_name = name(&file);
            match reader.read(&std::fs::read(&file).unwrap(), &file_name).await {
                Ok(read) => println!("{folder} {file_name}: {} bytes", read.markdown.len()),
                Err(deskhand::knowledge::extract::reader::ReadError::Unfit(unfit)) => {
                    println!("{folder} {file_name}: {}", unfit.code());
                    assert!(codes.contains(&unfit.code()), "{file_name}: {unfit:?}");
                    if locked(&file_name) {
                        assert_eq!(unfit.code(), "encrypted", "{file_name}");
                    }
                }
                Err(other) => panic!("{file_name}: {other}"),
            }
        }
    }
}
