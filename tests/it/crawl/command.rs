//! `deskhand crawl` and a server that is killed in the middle of a run, with the product's
//! own binary and data folder.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::process::Home;
use crate::support::web_server::{Asked, Page, WebServer};

fn answer(asked: &Asked) -> Page {
    match asked.path.as_str() {
        "/" => {
            let links: String = (0..8).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
            Page::html(&format!("<h1>Lamps</h1><p>All of our lamps.</p>{links}"))
        }
        "/robots.txt" => Page::new(404, ""),
        path => match path[1..].parse::<u8>() {
            Ok(n) => Page::html(&format!("<h1>Lamp {n}</h1><p>Its cable is {n} metres long.</p>")),
            Err(_) => Page::new(404, ""),
        },
    }
}

/// A home with a site, which may be fetched from if `allowed`.
async fn home(name: &str, allowed: bool) -> (Home, WebServer, Vec<(String, String)>) {
    let server = WebServer::start(answer).await;
    let home = Home::new(name);
    home.json(&["site", "add", &server.url(""), "--slug", "shop", "--json"]);
    let pair = format!("127.0.0.1:{}", server.port);
    let environment = if allowed {
        vec![("DESKHAND_FETCH_ALLOW_PRIVATE".to_owned(), pair)]
    } else {
        Vec::new()
    };
    (home, server, environment)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_crawl_is_added_run_listed_and_removed() {
    let (home, server, environment) = home("crawl-command", true).await;
    let url = server.url("/");
    let refused = home.run(&["crawl", "add", &url, "--run"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        said.contains("address_not_allowed") && said.contains("allow it by name"),
        "{said}"
    );
    assert_eq!(server.connections(), 0);

    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command
            .envs(environment.iter().map(|(k, v)| (k, v)))
            .output()
            .unwrap()
    };
    let done = run(&["crawl", "run", &url, "--json"]);
    let shown: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (done.status.code(), shown[0]["pages"]["taken"].as_i64()),
        (Some(0), Some(9)),
        "{shown}"
    );
    let answer = run(&["ask", "--site", "shop", "How long is the cable of lamp 5?"]);
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(
        answer.contains("5 metres") && answer.contains(&server.url("/5")),
        "{answer}"
    );
    let list = String::from_utf8(run(&["crawl", "list"]).stdout).unwrap();
    assert!(list.contains("done at") && list.contains("9 taken in"), "{list}");

    let wrong = run(&["crawl", "add", "https://elsewhere.example/"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        !wrong.status.success() && said.contains("fetch_origins"),
        "{said}"
    );
    assert!(run(&["crawl", "rm", &url]).status.success());
    let left = home.json(&["crawl", "list", "--json"]);
    assert_eq!(left, serde_json::json!([]));
    let answer = run(&["ask", "--site", "shop", "How long is the cable of lamp 5?"]);
    assert!(!String::from_utf8_lossy(&answer.stdout).contains("5 metres"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_killed_server_goes_on_with_its_crawl() {
    let (home, server, environment) = home("crawl-kill", true).await;
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (&**k, &**v)).collect();
    home.json(&["crawl", "add", &server.url("/"), "--delay", "0", "--json"]);
    let (asked, _never) = server.hold("/4");
    let running = home.serve(&environment);
    let key = String::from_utf8(home.run(&["site", "api-key", "shop"]).stdout).unwrap();
    let key = key.split_whitespace().last().unwrap().to_owned();
    let client = reqwest::Client::builder().build().unwrap();
    let crawls = async |base: &str| -> Value {
        let list = client.get(format!("{base}/api/crawls")).bearer_auth(&key);
        list.send().await.unwrap().json().await.unwrap()
    };
    let id = crawls(&running.base).await["crawls"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let run = client
        .post(format!("{}/api/crawls/{id}/run", running.base))
        .bearer_auth(&key);
    assert_eq!(run.send().await.unwrap().status(), 202);
    asked.await.unwrap();
    running.kill();

    let running = home.serve(&environment);
    let mut last = Value::Null;
    for _ in 0..600 {
        last = crawls(&running.base).await["crawls"][0].take();
        if last["state"] == "idle" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        (last["outcome"].as_str(), last["pages"]["visited"].as_i64()),
        (Some("done"), Some(9)),
        "{last}"
    );
    let mut times = BTreeMap::new();
    for path in server.take_paths() {
        *times.entry(path).or_insert(0) += 1;
    }
    times.remove("/robots.txt");
    let twice: Vec<_> = times.iter().filter(|(_, n)| **n != 1).collect();
    assert_eq!((times.len(), twice), (9, vec![(&"/4".to_owned(), &2)]));
    assert!(running.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_pages_commands_work_as_printed() {
    let (home, server, environment) = home("crawl-page", true).await;
    let listed = format!("<urlset><url><loc>{}</loc></url></urlset>", server.url("/1"));
    server.now(move |asked| match asked.path.as_str() {
        "/help/" => Page::html("<h1>Help</h1><p>Ask us anything.</p>"),
        "/sitemap.xml" => Page::new(200, listed.clone()),
        _ => answer(asked),
    });
    let page = include_str!("../../../docs/crawl.md");
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|b| b.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 2);
    // The address is the only thing in it that is each reader's own.
    let script = blocks.concat().replace("https://shop.example", &server.url(""));
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_deskhand"));
    let known = home.command(&[]);
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", &script])
        .env_clear()
        .envs(known.get_envs().filter_map(|(k, v)| Some((k, v?))))
        .envs(environment.iter().map(|(k, v)| (k, v)))
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", binary.parent().unwrap().display()),
        )
        .current_dir(&home.dir)
        .stdin(std::process::Stdio::null());
    let output = shell.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    let left = home.json(&["crawl", "list", "--json"]);
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    assert!(
        left[0]["url"].as_str().unwrap().ends_with("/sitemap.xml"),
        "{left}"
    );
}
