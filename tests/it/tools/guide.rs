//! The operator's guide, done as it is printed: its commands by the product's own binary, against
//! servers that do what the guide's do.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::http_tool::Erp;
use super::server::{Manner, McpServer, hotel};
use crate::support::process::Home;

/// The code blocks of a language, below a heading.
fn blocks(guide: &str, heading: &str, language: &str) -> Vec<String> {
    let section = guide.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .split(&format!("```{language}\n"))
        .skip(1)
        .map(|b| b.split("```").next().unwrap().to_owned())
        .collect()
}

/// Commands, each with what it prints.
fn commands(block: &str) -> Vec<(Vec<String>, String)> {
    let mut out: Vec<(Vec<String>, String)> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ deskhand ") {
            out.push((words(command), String::new()));
        } else if let Some((_, printed)) = out.last_mut() {
            printed.push_str(line);
            printed.push('\n');
        }
    }
    out
}

/// As a shell reads them, single quotes and nothing else.
fn words(command: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (i, piece) in command.split('\'').enumerate() {
        if i % 2 == 1 {
            out.push(piece.to_owned());
        } else {
            out.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    out
}

fn run(home: &Home, hosts: &str, section: &str, guide: &str) {
    let mut seen = 0;
    for (words, printed) in blocks(guide, section, "console").iter().flat_map(|b| commands(b)) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let done = home
            .command(&words)
            .env("DESKHAND_FETCH_ALLOW_PRIVATE", hosts)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{words:?}: {said}");
        if !printed.is_empty() {
            let result: Value = serde_json::from_slice(&done.stdout).unwrap();
            let wants: Value = serde_json::from_str(&printed).unwrap();
            assert_eq!(result, wants, "{words:?}");
        }
        seen += 1;
    }
    assert!(seen >= 3, "{section} has {seen} commands");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_works_as_printed() {
    let mcp = McpServer::start(hotel()).await;
    mcp.manner(Manner::Gives(json!({ "number": 17, "nights": 3 })));
    let erp = Erp::start().await;
    erp.answers(200, "application/json", r#"{"left": 12}"#);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/tools.md")).unwrap();
    let guide = BTreeMap::from([("127.0.0.1:8931", &mcp.host), ("127.0.0.1:8932", &erp.host)])
        .into_iter()
        .fold(guide, |text, (printed, real)| text.replace(printed, real));
    let hosts = format!("{},{}", mcp.host, erp.host);
    tokio::task::block_in_place(|| {
        let home = Home::new("guide");
        let added = home.run(&["site", "add", "https://shop.example", "--slug", "demo"]);
        assert!(added.status.success());
        let file = blocks(&guide, "An HTTP call", "json").remove(0);
        std::fs::write(home.dir.join("stock_level.json"), file).unwrap();
        std::fs::write(home.dir.join("key.txt"), "word\n").unwrap();
        run(&home, &hosts, "An MCP server", &guide);
        run(&home, &hosts, "An HTTP call", &guide);

        // What is connected is listed, switched and left alone like all others.
        let list = |of: &str| {
            let all = home.json(&["tools", "list", "demo", "--json"]);
            let rows = all["tools"].as_array().unwrap();
            rows.iter().find(|t| t["name"] == of).unwrap().clone()
        };
        let cancel = list("hotel_cancel_booking");
        assert_eq!(
            (&cancel["from"], &cancel["power"], &cancel["why"]),
            (
                &json!("mcp/hotel"),
                &json!("guarded"),
                &json!("not in mode assist")
            )
        );
        for name in ["stock_level", "list_orders"] {
            assert!(home.run(&["tools", "off", "demo", name]).status.success());
        }
        assert_eq!(list("stock_level")["why"], "switched off");
        let off = home.run(&["tools", "test", "demo", "stock_level", r#"{"sku": "A1"}"#]);
        assert!(
            String::from_utf8_lossy(&off.stderr).contains("DISABLED"),
            "{off:?}"
        );
        assert!(home.run(&["tools", "on", "demo", "stock_level"]).status.success());
        assert_eq!(list("stock_level")["on"], true);
        assert_eq!(list("list_orders")["why"], "switched off");
        let bad = home.run(&["tools", "test", "demo", "stock_level", r#"{"sku": 1}"#]);
        assert!(
            String::from_utf8_lossy(&bad.stderr).contains("type at `/sku`"),
            "{bad:?}"
        );
        assert!(
            !home
                .run(&["tools", "off", "demo", "nothing_like_it"])
                .status
                .success()
        );
    });
    assert_eq!(mcp.calls().len(), 1, "what is guarded wasn't called");
    assert_eq!(erp.got().len(), 1);
    mcp.finish().await;
    erp.finish().await;
}
