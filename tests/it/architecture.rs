//! The rules of the house, read from the source: who may import whom, which part may use
//! which library, how files begin and how long they may be. A rule that turns out wrong
//! is changed here and in ARCHITECTURE.md, in the open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// Each room's rank; it may import from lower ranks and from itself.
const RANKS: &[(&str, u8)] = &[
    ("telemetry", 0),
    ("domain", 0),
    ("db", 1),
    ("models", 1),
    ("guardrails", 2),
    ("mail", 2),
    ("knowledge", 3),
    ("hands", 4),
    ("agent", 5),
    ("privacy", 5),
    ("inbox", 6),
    ("gateway", 6),
    ("events", 6),
    ("triage", 6),
    ("evals", 7),
    ("jobs", 8),
    ("http", 9),
    ("config", 10),
    ("cli", 11),
    ("allocator", 11),
    ("main", 12),
];

/// A library, and the only places that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["http/"]),
    ("utoipa_axum", &["http/"]),
    ("tower_http", &["http/"]),
    ("hyper", &["http/"]),
    ("sqlx", &["db/"]),
    ("async_openai", &["models/openai/"]),
    ("opentelemetry", &["telemetry/"]),
    ("opentelemetry_otlp", &["telemetry/"]),
    ("opentelemetry_sdk", &["telemetry/"]),
    ("tracing_opentelemetry", &["telemetry/"]),
    ("metrics_exporter_prometheus", &["telemetry/"]),
    ("clap", &["cli/"]),
    ("figment", &["config"]),
    ("anyhow", &["cli/", "main.rs"]),
    ("lettre", &["mail/"]),
    ("mimalloc", &["allocator.rs"]),
];

const LONGEST_FILE: usize = 500;

struct Source {
    path: String,
    room: String,
    text: String,
    paths: Vec<Vec<String>>,
    reexports: Vec<Vec<String>>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = walkdir::WalkDir::new(&root)
        .sort_by_file_name()
        .into_iter()
        .map(Result::unwrap);
    let rust = files
        .filter(|f| f.path().extension().is_some_and(|e| e == "rs"))
        .map(walkdir::DirEntry::into_path);
    rust.filter(|p| !p.ends_with("lib.rs"))
        .map(|p| read(&root, p))
        .collect()
}

fn read(root: &Path, file: PathBuf) -> Source {
    let text = std::fs::read_to_string(&file).unwrap();
    let path = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    let room = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
    let mut found = Paths::default();
    found.visit_file(&syn::parse_file(&text).unwrap_or_else(|e| panic!("{path}: {e}")));
    Source {
        path,
        room,
        text,
        paths: found.all,
        reexports: found.reexports,
    }
}

#[derive(Default)]
struct Paths {
    all: Vec<Vec<String>>,
    reexports: Vec<Vec<String>>,
}

fn flatten(tree: &syn::UseTree, before: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    match tree {
        syn::UseTree::Path(p) => {
            before.push(p.ident.to_string());
            flatten(&p.tree, before, out);
            before.pop();
        }
        syn::UseTree::Group(g) => g.items.iter().for_each(|t| flatten(t, before, out)),
        syn::UseTree::Name(n) => out.push([before.as_slice(), &[n.ident.to_string()]].concat()),
        syn::UseTree::Rename(n) => out.push([before.as_slice(), &[n.ident.to_string()]].concat()),
        syn::UseTree::Glob(_) => out.push(before.clone()),
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut here = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut here);
        if !matches!(item.vis, syn::Visibility::Inherited) {
            self.reexports.extend(here.iter().cloned());
        }
        self.all.extend(here);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.all
            .push(path.segments.iter().map(|s| s.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.visit_path(&mac.path);
    }
}

fn rank(room: &str) -> Option<u8> {
    RANKS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, rank)| *rank)
}

/// The other room that a path leads to, if it does.
fn target<'a>(source: &Source, path: &'a [String]) -> Option<&'a str> {
    let [first, second, ..] = path else { return None };
    let room = if first == "crate" || first == "deskhand" {
        second.as_str()
    } else {
        return None;
    };
    (room != source.room && rank(room).is_some()).then_some(room)
}

#[test]
fn imports_go_leftward_only() {
    let mut wrong = Vec::new();
    for source in sources() {
        let own = rank(&source.room).unwrap_or_else(|| panic!("src/{} is in no known room", source.path));
        for path in &source.paths {
            if let Some(other) = target(&source, path)
                && other != "telemetry"
                && rank(other).is_some_and(|r| r >= own)
            {
                wrong.push(format!("src/{}: {}", source.path, path.join("::")));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "against the order of the rooms:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn libraries_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    for source in sources() {
        for path in &source.paths {
            let home = HOMES
                .iter()
                .find(|(library, _)| path.first().is_some_and(|p| p == library));
            if let Some((library, homes)) = home
                && path.len() > 1
                && !homes.iter().any(|h| source.path.starts_with(h))
            {
                wrong.push(format!("src/{} uses {library}; only {homes:?} may", source.path));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_config_reads_the_environment() {
    let reads = ["var", "vars", "var_os", "vars_os"];
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.room != "config") {
        for path in &source.paths {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            if let ["std", "env", name] | ["env", name] = names.as_slice()
                && reads.contains(name)
                && !source.path.contains("tests")
            {
                wrong.push(format!("src/{}: {}", source.path, names.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_room_reexports_another() {
    let mut wrong = Vec::new();
    for source in sources() {
        for path in &source.reexports {
            if let Some(other) = target(&source, path) {
                wrong.push(format!("src/{} re-exports {other}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn modules_say_what_they_are_for_and_stay_short() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!(
                "src/{} has {lines} lines; at most {LONGEST_FILE}",
                source.path
            ));
        }
        let is_test = source.path.contains("/tests") || source.path.ends_with("tests.rs");
        if !source.text.starts_with("//!") && !is_test {
            wrong.push(format!(
                "src/{} doesn't begin with what it is for (//!)",
                source.path
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_order_in_lib_is_the_order_here() {
    // A room that exists must have a rank; ranks of rooms to come are allowed.
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let rooms: BTreeMap<_, _> = lib
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(|room| (room, rank(room)))
        .collect();
    assert!(rooms.len() >= 8, "lib.rs lists too few rooms: {rooms:?}");
    assert!(rooms.values().all(Option::is_some), "{rooms:?}");
}
