use super::*;

fn load(toml: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, toml).unwrap();
    let mut env: Vec<_> = env
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    env.push(("HOME".to_owned(), "/home/someone".to_owned()));
    Config::from_parts(Some(&file), env)
}

#[test]
fn defaults_are_complete_and_valid() {
    let c = load("", &[]).unwrap();
    assert_eq!(c.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(c.agent.first_ms, 6000);
    assert!(c.database.url.is_none());
}

#[test]
fn the_environment_wins_over_the_file() {
    let c = load(
        "[server]\nlisten = '127.0.0.1:1'",
        &[("DESKHAND_SERVER_LISTEN", "127.0.0.1:2")],
    )
    .unwrap();
    assert_eq!(c.server.listen.port(), 2);
    let c = load("[agent]\nplan_ms = 900", &[]).unwrap();
    assert_eq!(c.agent.plan_ms, 900);
    let c = load(
        "",
        &[("DESKHAND_AGENT_PLAN_MS", "800"), ("DESKHAND_MASTER_KEY", "0123")],
    )
    .unwrap();
    assert_eq!(c.agent.plan_ms, 800);
    assert!(c.secrets.master_key.is_some());
}

#[test]
fn the_collectors_headers_are_read_and_not_shown() {
    let c = load(
        "[telemetry]\notlp_endpoint = 'http://127.0.0.1:4318'",
        &[("DESKHAND_TELEMETRY_OTLP_HEADERS", "x-key=a=b, x-tenant = shop")],
    )
    .unwrap();
    let traces = c.traces().unwrap();
    let headers: Vec<(&str, &str)> = traces
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), secrecy::ExposeSecret::expose_secret(v)))
        .collect();
    assert_eq!(headers, [("x-key", "a=b"), ("x-tenant", "shop")]);
    assert!(!format!("{c:?}{traces:?}").contains("a=b"));
    assert!(load("", &[]).unwrap().traces().is_none());
    let error = load("[telemetry]\notlp_headers = 'secret-without-a-name'", &[]).unwrap_err();
    assert!(!error.to_string().contains("secret-without-a-name"), "{error}");
}

#[test]
fn mistakes_are_named() {
    for (toml, env, wants) in [
        (
            "[server]\nlisen = 'x'",
            vec![],
            vec!["server.lisen", "help config"],
        ),
        (
            "[server]\nlisten = 'x'",
            vec![],
            vec!["server.listen", "an address and a port"],
        ),
        (
            "[agent]\nplan_ms = 5",
            vec![],
            vec!["agent.plan_ms", "5", "100 to 60000"],
        ),
        (
            "[agent]\nplan_ms = 'soon'",
            vec![],
            vec!["agent.plan_ms", "100 to 60000"],
        ),
        (
            "",
            vec![("DESKHAND_SERVER_LISTN", "x")],
            vec!["DESKHAND_SERVER_LISTN", "DESKHAND_SERVER_LISTEN"],
        ),
        (
            "",
            vec![("DESKHAND_LOG_FORMAT", "xml")],
            vec!["log.format", "json"],
        ),
        ("", vec![("DESKHAND_LOG_FILTER", "a=b=c")], vec!["log.filter"]),
        (
            "[telemetry]\notlp_endpoint = 'collector:4318'",
            vec![],
            vec!["telemetry.otlp_endpoint", "http"],
        ),
        (
            "[telemetry]\nsample_ratio = 1.5",
            vec![],
            vec!["telemetry.sample_ratio", "1.5", "0 to 1"],
        ),
        (
            "[telemetry]\nmetrics = 'some'",
            vec![],
            vec!["telemetry.metrics", "loopback"],
        ),
        (
            "[telemetry]\notlp_headers = 'x-key: abc'",
            vec![],
            vec!["telemetry.otlp_headers", "name=value"],
        ),
        ("nonsense = ", vec![], vec!["c.toml"]),
    ] {
        let error = load(toml, &env).unwrap_err().to_string();
        for want in wants {
            assert!(error.contains(want), "`{error}` doesn't say `{want}`");
        }
    }
}

#[test]
fn every_key_is_in_the_reference_and_the_reference_is_in_the_docs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    assert_eq!(
        written,
        reference(),
        "run: deskhand help config > docs/configuration.md"
    );
}
