//! What people type: the page's examples as they are printed, and `deskhand docs`.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::process::Home;

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_pages_examples_work_as_printed() {
    let home = Home::new("byhand");
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let server = home.serve(&[("DESKHAND_SERVER_DEMO", "false")]);
    let page = include_str!("../../../docs/intake.md");
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|b| b.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() > 4, "the page has {} examples", blocks.len());
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_deskhand"));
    let known = home.command(&[]);
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", &blocks.concat()])
        .env_clear()
        .envs(known.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", binary.parent().unwrap().display()),
        )
        .env("DESKHAND", &server.base)
        .current_dir(&home.dir)
        .stdin(Stdio::null());
    let output = shell.output().unwrap();
    let (out, err) = text(&output);
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(out.matches("\"status_url\"").count(), 3, "three webhooks: {out}");
    assert!(out.contains("\"external_id\":\"12\""), "{out}");
    assert!(
        out.contains("\"heading_path\"") && out.contains("within 30 days"),
        "its passages: {out}"
    );
    // The page that was deleted isn't there; the file waits for a site that doesn't exist.
    let left = home.json(&["docs", "list", "--site", "shop", "--json"]);
    let ids: Vec<_> = left
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["external_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["12"], "{left:#}");
    assert!(server.stop().success());
}

#[test]
fn documents_are_seen_and_kept_in_order_from_the_command_line() {
    let home = Home::new("docs");
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let write = |name: &str, content: &[u8]| {
        let path = home.dir.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let lamps = write(
        "lamps.md",
        b"# Lamps\n\nLamps are wiped dry.\n\n## Brass\n\nNo alcohol on brass.",
    );
    assert!(home.run(&["ingest", &lamps]).status.success());
    let broken = write("broken.pdf", b"%PDF-1.7\nnothing of the kind");
    assert!(!home.run(&["ingest", &broken]).status.success());
    let list = home.json(&["docs", "list", "--json"]);
    let states: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["title"].as_str().unwrap(), d["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("Lamps", "live"), ("broken.pdf", "failed")], "{list:#}");
    let lamps_id = list[0]["id"].as_str().unwrap().to_owned();
    let (out, err) = text(&home.run(&["docs", "list"]));
    assert!(out.contains("damaged") && err.contains("STATE"), "{out}{err}");
    let shown = home.json(&["docs", "show", &lamps_id[..8], "--chunks", "--json"]);
    assert!(
        shown["passages"][0]["text"].as_str().unwrap().contains("wiped"),
        "{shown:#}"
    );
    let (out, _) = text(&home.run(&["docs", "show", &lamps_id, "--chunks"]));
    assert!(out.contains("tokens") && out.contains("No alcohol"), "{out}");

    // What failed is tried again, in vain; what isn't kept can't be.
    let again = home.run(&["docs", "reindex", "--failed", "--wait"]);
    let (out, err) = text(&again);
    assert_eq!(again.status.code(), Some(1), "{out}{err}");
    assert!(err.contains("damaged") && out.contains("1 failed"), "{out}{err}");
    let again = home.run(&["docs", "reindex", &lamps_id]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again).1.contains("hand it in again"));

    let (out, _) = text(&home.run(&["site", "settings", "shop"]));
    assert!(out.contains("require_review=false (default)"), "{out}");
    let wrong = home.run(&["site", "set", "shop", "require_review=perhaps"]);
    assert!(!wrong.status.success() && text(&wrong).1.contains("true or false"));
    assert!(
        home.run(&["site", "set", "shop", "require_review=true"])
            .status
            .success()
    );
    let desks = write("desks.md", b"# Desks\n\nDesks are oiled twice a year.");
    assert!(home.run(&["ingest", &desks]).status.success());
    let search = |word: &str| {
        let found = home.json(&["search", word, "--site", "shop", "--json"]);
        let passages = found["passages"].as_array().unwrap();
        // By meaning others may come, too.
        passages.iter().filter(|p| p.to_string().contains(word)).count()
    };
    assert_eq!((search("oiled"), search("wiped")), (0, 1));
    let waiting = home.json(&["docs", "list", "--state", "pending_review", "--json"]);
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting:#}");
    // What is approved is what was read.
    let desks_id = waiting[0]["id"].as_str().unwrap();
    let content = waiting[0]["content_hash"].as_str().unwrap();
    let unsaid = home.run(&["docs", "approve", desks_id]);
    assert_eq!(unsaid.status.code(), Some(2));
    assert!(text(&unsaid).1.contains("ID@CONTENT"), "{}", text(&unsaid).1);
    let (out, err) = text(&home.run(&["docs", "show", desks_id, "--chunks"]));
    assert!(out.contains("oiled"), "{out}");
    let command = err.split("deskhand ").nth(1).unwrap().trim().to_owned();
    let desks = write("desks.md", b"# Desks\n\nDesks are oiled three times a year.");
    assert!(home.run(&["ingest", &desks]).status.success());
    let words: Vec<&str> = command.split_whitespace().collect();
    let late = home.run(&words);
    assert_eq!(late.status.code(), Some(1), "{command}");
    assert!(text(&late).1.contains("another content"), "{}", text(&late).1);
    assert_eq!(search("oiled"), 0);
    let (_, err) = text(&home.run(&["docs", "show", desks_id]));
    let command = err.split("deskhand ").nth(1).unwrap().trim().to_owned();
    assert!(!command.contains(&content[..12]), "{command}");
    let words: Vec<&str> = command.split_whitespace().collect();
    assert!(home.run(&words).status.success(), "{command}");
    assert_eq!(search("oiled"), 1);
    let shelves = write("shelves.md", b"# Shelves\n\nShelves are varnished once.");
    assert!(home.run(&["ingest", &shelves]).status.success());
    assert_eq!(search("varnished"), 0);
    assert!(home.run(&["docs", "approve", "--all"]).status.success());
    assert_eq!(search("varnished"), 1);

    let removed = home.json(&["docs", "rm", &lamps_id, "--json"]);
    assert_eq!(removed[0]["counts"]["chunks"], shown["chunks"], "{removed:#}");
    assert_eq!(search("wiped"), 0);
    let again = home.run(&["docs", "rm", &lamps_id]);
    assert_eq!(again.status.code(), Some(1));
    for named in ["ffffffff-0000-0000-0000-000000000000", "zz", ""] {
        let unknown = home.run(&["docs", "show", named]);
        assert_eq!(unknown.status.code(), Some(2), "{named}");
    }
    let all: Value = home.json(&["docs", "list", "--state", "removed", "--json"]);
    assert_eq!(all.as_array().unwrap().len(), 1, "{all:#}");
}

/// What the pages mention is there: the program knows each command and its options.
#[test]
fn the_commands_that_the_pages_name_are_known() {
    let home = Home::new("pages");
    let pages = [
        include_str!("../../../docs/intake.md"),
        include_str!("../../../docs/crawl.md"),
        include_str!("../../../docs/documents.md"),
    ];
    let mut seen = 0;
    for command in pages
        .iter()
        .flat_map(|p| p.split('`'))
        .filter_map(|c| c.strip_prefix("deskhand "))
    {
        if command.contains('\n') {
            continue;
        }
        seen += 1;
        let words: Vec<&str> = command.split_whitespace().collect();
        let output = home.command(&words).arg("--help").output().unwrap();
        let (out, err) = text(&output);
        // With --help nothing is done; a word that isn't known is an error all the same.
        assert!(
            output.status.success() && out.contains("Usage:"),
            "`deskhand {command}`: {err}"
        );
    }
    assert!(seen > 10, "{seen}");
}
