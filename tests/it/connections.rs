//! Connections from the command line: made, listed and ended, without the secret ever being
//! shown, or readable in the database.

use std::io::Write as _;
use std::process::{Output, Stdio};

use crate::support::process::Home;
use crate::support::woo_server::{Fault, WooServer, order};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command with a text on standard input.
fn fed(home: &Home, args: &[&str], input: &str) -> Output {
    let mut child = home
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that fails early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn a_shop_is_connected_listed_and_ended() {
    let home = Home::new("connections");
    home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
    let secret = format!("ck_{0}:cs_{0}", "0a".repeat(20));
    let connect = ["connect", "shop", "woocommerce", "--secret-file", "-"];
    let made = fed(
        &home,
        &[&connect[..], &["url=https://shop.example/"]].concat(),
        &secret,
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(!(text(&made.stdout) + &text(&made.stderr)).contains(&secret));

    let listed = home.json(&["connections", "shop", "--json"]);
    assert_eq!(listed[0]["kind"], "woocommerce");
    assert_eq!(listed[0]["config"]["url"], "https://shop.example");
    assert_eq!(listed[0]["has_secret"], true);
    let plain = text(&home.run(&["connections", "shop"]).stdout);
    assert!(
        plain.contains("url=https://shop.example") && plain.contains("with a secret"),
        "{plain}"
    );
    assert!(!(listed.to_string() + &plain).contains(&secret[..10]));

    // Mistakes say what to do, and take nothing away.
    for (args, input, says) in [
        (vec!["url=https://shop.example"], "hunter2", "ck_…:cs_…"),
        (vec!["url=https://shop.example"], "", "needs a secret"),
        (vec!["url=shop.example"], secret.as_str(), "https://"),
        (vec![], secret.as_str(), "needs url="),
        (
            vec!["url=https://a.example", "--name", "b"],
            secret.as_str(),
            "without a name",
        ),
    ] {
        let failed = fed(&home, &[&connect[..], &args].concat(), input);
        let said = text(&failed.stderr);
        assert!(
            !failed.status.success() && said.contains(says),
            "{args:?}: {said}"
        );
        assert!(!said.contains("hunter2"));
    }
    let failed = home.run(&["connect", "shop", "shopify", "url=https://a.example"]);
    assert!(
        text(&failed.stderr).contains("there are: woocommerce"),
        "{}",
        text(&failed.stderr)
    );
    assert_eq!(home.json(&["connections", "shop", "--json"]), listed);
    let help = text(&home.run(&["connect", "--help"]).stdout);
    assert!(
        help.contains("woocommerce") && help.contains("ck_…:cs_…"),
        "{help}"
    );

    let ended = home.run(&["connections", "shop", "rm", "woocommerce"]);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    assert_eq!(
        home.json(&["connections", "shop", "--json"]),
        serde_json::json!([])
    );
    let again = home.run(&["connections", "shop", "rm", "woocommerce"]);
    assert!(
        text(&again.stderr).contains("has no connection"),
        "{}",
        text(&again.stderr)
    );
}

/// Against the contract server; what is said when something is wrong, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tried() {
    let woo = WooServer::start().await;
    woo.put(order(1_001, "anna.huber@example.com", "processing", "89.00"));
    let host = woo.host();
    let asked = tokio::task::spawn_blocking(move || {
        let home = Home::new("connections-test");
        home.json(&["site", "add", "https://shop.example", "--slug", "shop", "--json"]);
        let (url, secret) = (format!("url={}", woo.url()), woo.secret.clone());
        let connect = |secret: &str| {
            let args = ["connect", "shop", "woocommerce", &url, "--secret-file", "-"];
            let made = fed(&home, &args, secret);
            assert!(made.status.success(), "{}", text(&made.stderr));
        };
        let test = |allowed: &str| {
            let mut command = home.command(&["connections", "shop", "test", "woocommerce"]);
            let tried = command
                .env("DESKHAND_FETCH_ALLOW_PRIVATE", allowed)
                .output()
                .unwrap();
            (tried.status.success(), text(&tried.stdout) + &text(&tried.stderr))
        };
        connect(&secret);
        let (fine, said) = test(&host);
        assert!(
            fine && said.contains("Its 1 orders can be read. The key may change them too."),
            "{said}"
        );
        woo.read_only();
        let (fine, said) = test(&host);
        assert!(fine && said.contains("may only read"), "{said}");
        for (fault, says) in [
            (Fault::Html(403), "firewall"),
            (Fault::Html(404), "permalinks"),
            (Fault::Error(500, "x"), "failed"),
        ] {
            woo.fault("GET", fault);
            let (fine, said) = test(&host);
            assert!(!fine && said.contains(says), "{said}");
        }
        connect(&format!("ck_{0}:cs_{0}", "9f".repeat(20)));
        let (fine, said) = test(&host);
        assert!(!fine && said.contains("doesn't accept the key"), "{said}");
        // Where the operator hasn't allowed it, no key goes over plain HTTP.
        woo.take_asked();
        let (fine, said) = test("127.0.0.1:9");
        assert!(!fine && said.contains("https://"), "{said}");
        woo.take_asked()
    });
    assert!(asked.await.unwrap().is_empty());
}
