//! The command line as people and scripts use it: results on standard output, remarks on
//! standard error, exit codes, and mistakes that say what to do.

use serde_json::Value;

use crate::support::process::Home;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_newcomers_first_steps() {
    let home = Home::new("cli");
    // Nothing was set up: the first question makes everything, and is answered.
    let answer = home.json(&["ask", "How many days do I have to send something back?", "--json"]);
    assert!(
        answer["answer"].as_str().unwrap().contains("30 days"),
        "{answer:#}"
    );
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["brain"], "extractive");
    let first = &answer["citations"][0];
    for field in ["n", "title", "url", "chunk_id", "snippet", "score"] {
        assert!(!first[field].is_null(), "citations need `{field}`: {first:#}");
    }
    assert!(
        first["url"].as_str().unwrap().starts_with("/kb/returns"),
        "{first:#}"
    );
    assert!(
        answer["thread_id"].is_string() && answer["steps"].as_array().unwrap().len() > 3,
        "{answer:#}"
    );

    let plain = home.run(&["ask", "How many days do I have to send something back?"]);
    let plain = text(&plain.stdout);
    assert!(plain.contains("30 days") && plain.contains("\n[1] "), "{plain}");

    let found = home.json(&["search", "return label", "--json", "-k", "3"]);
    let hit = &found["passages"][0];
    assert!(
        hit["score"].as_f64().unwrap() > 0.0 && hit["snippet"].as_str().unwrap().contains("**"),
        "{hit:#}"
    );
    assert!(
        hit["terms"][0]["term"].is_string() && hit["terms"][0]["score"].is_number(),
        "{hit:#}"
    );

    let replay = home.run(&["replay", answer["turn_id"].as_str().unwrap()]);
    assert!(replay.status.success(), "{}", text(&replay.stderr));
    assert!(text(&replay.stdout).contains("same state"));

    let doctor = home.json(&["doctor", "--json"]);
    assert!(
        doctor.as_array().unwrap().iter().all(|c| c["state"] == "ok"),
        "{doctor:#}"
    );

    // A conversation, as somebody types it.
    let mut chat = home.command(&["chat"]);
    let mut chat = chat
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::Write as _;
    chat.stdin
        .take()
        .unwrap()
        .write_all(b"How many days do I have to send something back?\n\n/new\n/quit\n")
        .unwrap();
    let said = text(&chat.wait_with_output().unwrap().stdout);
    assert!(said.contains("30 days") && said.contains("[1]"), "{said}");
}

#[test]
fn sites_and_keys() {
    let home = Home::new("sites");
    let added = home.json(&["site", "add", "https://Shop.Example/", "--json"]);
    assert_eq!(added["slug"], "shop-example");
    assert_eq!(added["secret"].as_str().unwrap().len(), 64);
    let again = home.run(&["site", "add", "https://shop.example"]);
    assert!(
        !again.status.success() && text(&again.stderr).contains("--slug"),
        "{}",
        text(&again.stderr)
    );
    let bad = home.run(&["site", "add", "shop.example/path"]);
    assert!(
        text(&bad.stderr).contains("https://shop.example"),
        "{}",
        text(&bad.stderr)
    );
    let sites = home.json(&["site", "list", "--json"]);
    assert_eq!(sites[0]["origins"][0], "https://shop.example");
    assert!(!sites.to_string().contains(added["secret"].as_str().unwrap()));
    let rotated = home.json(&["site", "rotate", "shop-example", "--json"]);
    assert_ne!(rotated["secret"], added["secret"]);
    let keys = home.json(&["site", "keys", "shop-example", "--json"]);
    assert_eq!(keys.as_array().unwrap().len(), 2);
    assert!(
        keys[1]["not_after"].is_string() && keys[0]["not_after"].is_null(),
        "{keys:#}"
    );
    let revoke = home.run(&["site", "revoke", "shop-example", rotated["kid"].as_str().unwrap()]);
    assert!(revoke.status.success());
    // No other site's documents, no demo: the operator has a site of their own.
    let answer = home.json(&["ask", "How many days do I have to send something back?", "--json"]);
    assert_eq!(answer["citations"], Value::Array(vec![]), "{answer:#}");
    let unknown = home.run(&["ask", "hello", "--site", "nobody"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown.stderr).contains("shop-example"),
        "it lists the sites: {}",
        text(&unknown.stderr)
    );
}

#[test]
fn ingest_says_what_failed_and_why() {
    let home = Home::new("files");
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let folder = home.dir.join("docs");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("good.md", b"# Good\n\nThe zeppelin costs 7 euros.\n");
    write(
        "sub/latin1.txt",
        b"Caf\xe9 und Gr\xfc\xdfe: die Zitrone kostet 3 Euro. Der K\xe4se auch.\n",
    );
    write("empty.md", b"  \n");
    write("binary.md", &[0, 159, 146, 150, 255, 254, 1, 2, 3, 0, 0, 0, 7]);
    write("picture.png", b"\x89PNG\r\n\x1a\n0000");
    let done = home.run(&["ingest", folder.to_str().unwrap(), "--site", "shop"]);
    let said = text(&done.stdout) + &text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    for name in ["empty.md", "binary.md", "picture.png"] {
        assert!(said.contains(name), "{name} isn't named: {said}");
    }
    let found = home.json(&["search", "Zitrone", "--site", "shop", "--json"]);
    assert!(
        found["passages"][0]["text"].as_str().unwrap().contains("Käse"),
        "{found:#}"
    );
    // Again: what is in is unchanged.
    let again = text(
        &home
            .run(&[
                "ingest",
                folder.join("good.md").to_str().unwrap(),
                "--site",
                "shop",
            ])
            .stdout,
    );
    assert!(again.contains("unchanged"), "{again}");

    let nothing = home.dir.join("nothing");
    std::fs::create_dir_all(&nothing).unwrap();
    let empty = home.run(&["ingest", nothing.to_str().unwrap(), "--site", "shop"]);
    assert_eq!(empty.status.code(), Some(2), "{}", text(&empty.stderr));
    let missing = home.run(&["ingest", "/no/such/folder", "--site", "shop"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("/no/such/folder"));
}

#[test]
fn mistakes_say_what_to_do() {
    let home = Home::new("wrong");
    let with = |name: &str, value: &str| {
        let output = home.command(&["site", "list"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        text(&output.stderr)
    };
    assert!(with("DESKHAND_SERVER_LISTEN", "nowhere").contains("server.listen"));
    assert!(with("DESKHAND_SERVR_LISTEN", "x").contains("DESKHAND_SERVR_LISTEN"));
    assert!(with("DESKHAND_PG_DIR", "/nonexistent").contains("/nonexistent"));
    assert!(with("DESKHAND_CONFIG", "/nonexistent.toml").contains("/nonexistent.toml"));
    assert!(with("DATABASE_URL", "postgres://127.0.0.1:1/x").contains("can't be reached"));
    assert!(with("DESKHAND_MASTER_KEY", "short").contains("openssl rand -hex 32"));
    let empty = home.run(&["ask", " "]);
    assert!(text(&empty.stderr).contains("empty"));
    let long = home.run(&["ask", &"x".repeat(4_001)]);
    assert!(text(&long.stderr).contains("4000"));
    let reference = home.run(&["help", "config"]);
    assert!(text(&reference.stdout).contains("DESKHAND_MASTER_KEY"));
    let openapi: Value = serde_json::from_slice(&home.run(&["openapi"]).stdout).unwrap();
    for path in [
        "/api/agent/messages",
        "/api/agent/thread/{id}/events",
        "/api/agent/feedback",
        "/readyz",
    ] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
}

/// Search by meaning, pins, what found nothing, and another model, as an operator has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_mends_what_is_found() {
    use crate::support::model_folder::model_folder;
    let home = Home::new("mend");
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let page = home.dir.join("care.md");
    std::fs::write(
        &page,
        "# Lamp care\n\nWipe the shade with a dry cloth. Never use alcohol on brass.\n",
    )
    .unwrap();
    home.run(&["ingest", page.to_str().unwrap(), "--site", "shop"]);
    let asked = ["search", "how to clean a light", "--site", "shop", "--json"];
    assert_eq!(home.json(&asked)["model"], serde_json::Value::Null, "words alone");

    let spec = format!("local:{}", model_folder().display());
    let built = home.json(&["reindex", "--model", &spec, "--site", "shop", "--json"]);
    assert_eq!(built[0]["state"], "live", "{built:#}");
    let found = home.json(&asked);
    assert_eq!(found["passages"][0]["title"], "Lamp care");
    assert!(found["passages"][0]["parts"]["cosine"].as_f64().unwrap() > 0.3);
    let explained = home.run(&["search", "how to clean a light", "--site", "shop", "--explain"]);
    let said = String::from_utf8_lossy(&explained.stdout);
    assert!(said.contains("meaning") && said.contains("cosine"), "{said}");

    let question = "Do you repair lamps?";
    let pin = home.json(&[
        "pin",
        "add",
        "--question",
        question,
        "--answer",
        "Yes, in our workshop in Leeds.",
        "--source",
        "/kb/repair",
        "--site",
        "shop",
        "--json",
    ]);
    let first = home.json(&["search", "do you repair lamps", "--site", "shop", "--json"]);
    assert_eq!(first["passages"][0]["parts"]["pinned"], true, "{first:#}");
    assert_eq!(first["passages"][0]["url"], "/kb/repair");
    // Each process opens the model first, which takes its time on a busy machine.
    let ask = |question: &str| -> serde_json::Value {
        let mut command = home.command(&["ask", question, "--site", "shop", "--json"]);
        let patient = ["DESKHAND_AGENT_TOOL_MS", "DESKHAND_AGENT_FIRST_MS"].map(|key| (key, "30000"));
        let ran = command.envs(patient).output().unwrap();
        serde_json::from_slice(&ran.stdout).unwrap()
    };
    let answer = ask("do you repair lamps");
    assert!(
        answer["answer"].as_str().unwrap().contains("workshop in Leeds"),
        "{answer:#}"
    );
    assert_eq!(answer["citations"][0]["url"], "/kb/repair");
    let list = home.json(&["pin", "list", "--site", "shop", "--json"]);
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["question"]),
        (1, &serde_json::json!(question))
    );
    assert_eq!(list[0]["answer"], "Yes, in our workshop in Leeds.");
    assert_eq!(pin["change"], "added");
    let again = |answer: &str, more: &[&str]| {
        let mut arguments = vec![
            "pin",
            "add",
            "--question",
            "do you repair lamps",
            "--answer",
            answer,
        ];
        arguments.extend(more);
        arguments.extend(["--site", "shop", "--json"]);
        let changed = home.json(&arguments);
        (changed["change"].clone(), changed["source"].clone())
    };
    let (changed, unchanged) = (serde_json::json!("changed"), serde_json::json!("unchanged"));
    let source = serde_json::json!("/kb/repair");
    assert_eq!(again("Yes, in Hull.", &[]), (changed.clone(), source.clone()));
    assert_eq!(again("Yes, in Hull.", &[]), (unchanged, source));
    assert_eq!(
        again("Yes, in Hull.", &["--no-source"]),
        (changed, serde_json::Value::Null)
    );
    let shown = home.run(&["pin", "list", "--site", "shop"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Yes, in Hull."));
    let long = "a word ".repeat(600);
    let refused = home.run(&[
        "pin",
        "add",
        "--question",
        question,
        "--answer",
        &long,
        "--site",
        "shop",
    ]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(2) && said.contains("4000 characters"),
        "{said}"
    );
    // What is only code is an answer, too.
    again("```\nlamp --repair\n```", &[]);
    let answer = ask("do you repair lamps");
    assert!(
        answer["answer"].as_str().unwrap().contains("lamp --repair"),
        "{answer:#}"
    );

    for (filter, value, wants) in [
        ("--source", "web,file", "file, pin"),
        ("--channel", "nosuch", "widget, email, slack"),
        ("--tag", "nosuch", "has the tag `nosuch`"),
    ] {
        let refused = home.run(&["search", "lamps", filter, value, "--site", "shop"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && said.contains(wants), "{said}");
    }
    let id = pin["id"].as_str().unwrap();
    assert!(
        home.run(&["pin", "rm", &id[..13], "--site", "shop"])
            .status
            .success()
    );
    let gone = home.json(&["pin", "list", "--site", "shop", "--json"]);
    assert_eq!(gone.as_array().unwrap().len(), 0);
    let wrong = home.run(&["pin", "rm", "nothing", "--site", "shop"]);
    assert_eq!(wrong.status.code(), Some(2));

    for question in [
        "Do you sell garden furniture?",
        "do you sell garden furniture at all",
    ] {
        ask(question);
    }
    let gaps = home.json(&["gaps", "--site", "shop", "--json"]);
    assert_eq!(
        (gaps.as_array().unwrap().len(), &gaps[0]["count"]),
        (1, &serde_json::json!(2)),
        "{gaps:#}"
    );
    let missing = home.run(&["reindex", "--model", "local:/nowhere", "--site", "shop"]);
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        missing.status.code() == Some(2) && said.contains("/nowhere"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_measurement_leaves_nothing_behind() {
    let home = Home::new("eval-stopped");
    let set = home.dir.join("set");
    std::fs::create_dir(&set).unwrap();
    let corpus: String = (0..5_000)
        .map(|i| format!("{{\"_id\":\"d{i}\",\"title\":null,\"text\":\"Lamps of kind number{i}.\"}}\n"))
        .collect();
    std::fs::write(set.join("corpus.jsonl"), corpus).unwrap();
    std::fs::write(
        set.join("queries.jsonl"),
        "{\"_id\":\"q\",\"text\":\"number7\"}\n",
    )
    .unwrap();
    std::fs::write(set.join("qrels.tsv"), "q\td7\t1\n").unwrap();
    // A server of its own keeps the database up for both.
    let server = home.serve(&[]);
    let measuring = home
        .command(&["eval", "retrieval", "--data", set.to_str().unwrap()])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun = || {
        let sites = home.json(&["site", "list", "--json"]);
        let slugs = sites
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|s| s["slug"].as_str());
        slugs.filter(|s| s.starts_with("eval-")).count() == 1
    };
    while !begun() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let pid = i32::try_from(measuring.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGINT).unwrap();
    let ended = measuring.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        ended.status.code() == Some(2) && said.contains("removed again"),
        "{said}"
    );
    assert!(!begun(), "{said}");
    drop(server);
}
