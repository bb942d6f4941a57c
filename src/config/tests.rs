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
    // Without an endpoint its time is no reason to refuse a shorter turn.
    assert!(load("[agent]\nfirst_ms = 1000", &[]).is_ok());
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
            "[moderation]\nurl = 'http://moderation.example/v1'",
            vec![],
            vec!["moderation.url", "http to a public host", "https"],
        ),
        (
            "[moderation]\nurl = 'https://moderation.example/v1'\nms = 4000",
            vec![],
            vec!["moderation.ms", "4000", "agent.first_ms"],
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

const OLLAMA: &str =
    "[[providers]]\nname = 'here'\nbase_url = 'http://127.0.0.1:11434/v1'\nmodel = 'llama3.2'\nfree = true\n";

#[test]
fn providers_come_from_the_file_in_its_order() {
    use secrecy::ExposeSecret as _;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "from-file\n").unwrap();
    let toml = format!(
        "{OLLAMA}[[providers]]\nname = 'openai'\napi_key_file = '{}'\nplan_model = 'small'\ndraft_model = 'large'\n\
         input_price = '0.15'\noutput_price = 0.6\nplan_temperature = 0\nfirst_ms = 3000\n\
         [[providers]]\nname = 'z'\nkind = 'azure'\nbase_url = 'https://x.openai.azure.com'\nmodel = 'd'\n\
         api_key_env = 'SOME_KEY'\ninput_price = 1\noutput_price = '2'",
        file.display()
    );
    let all = load(&toml, &[("SOME_KEY", "from-env")])
        .unwrap()
        .provider_settings()
        .unwrap();
    let names: Vec<&str> = all.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["here", "openai", "z"]);
    let keys: Vec<&str> = all
        .iter()
        .map(|p| p.api_key.as_ref().map_or("", |k| k.expose_secret()))
        .collect();
    assert_eq!(keys, ["", "from-file", "from-env"]);
    assert!(all[0].price.is_free());
    let openai = &all[1];
    assert_eq!(
        (openai.plan_model.as_str(), openai.draft_model.as_str()),
        ("small", "large")
    );
    assert_eq!((openai.price.input.0, openai.price.output.0), (150_000, 600_000));
    assert!(openai.plan_temperature == 0.0 && openai.draft_temperature == 0.5);
    assert_eq!(openai.times.first.as_millis(), 3000);
    assert_eq!(
        (all[2].price.input.0, all[2].price.output.0),
        (1_000_000, 2_000_000)
    );
    assert!(!format!("{all:?}").contains("from-"), "keys aren't shown");
}

#[test]
fn one_provider_comes_from_the_environment_and_goes_first() {
    let env = [
        ("DESKHAND_PROVIDER_MODEL", "123"),
        ("DESKHAND_PROVIDER_API_KEY", "456"),
        ("DESKHAND_PROVIDER_INPUT_PRICE", "0.15"),
        ("DESKHAND_PROVIDER_OUTPUT_PRICE", "1"),
        ("DESKHAND_PROVIDER_KIND", ""),
        ("DESKHAND_AGENT_DAY_CAP", "2.5"),
    ];
    let config = load(OLLAMA, &env).unwrap();
    assert_eq!(config.agent.day_cap.0.0, 2_500_000);
    let all = config.provider_settings().unwrap();
    assert_eq!((all[0].name.as_str(), all[1].name.as_str()), ("main", "here"));
    assert_eq!(
        (all[0].base_url.as_str(), all[0].plan_model.as_str()),
        ("https://api.openai.com/v1", "123")
    );
    assert_eq!(all[0].price.input.0, 150_000);
    assert!(load("", &[]).unwrap().provider_settings().unwrap().is_empty());
}

#[test]
fn mistakes_in_providers_are_named_by_place_and_key() {
    let with = |change: &str| format!("{OLLAMA}{change}");
    for (toml, wants) in [
        (with("nmae = 'x'"), vec!["providers.0.nmae", "help config"]),
        (
            with("kind = 'anthropic'"),
            vec!["providers.0.kind", "`openai` or `azure`"],
        ),
        (
            with("plan_temperature = 3"),
            vec!["providers.0.plan_temperature", "0 to 2"],
        ),
        (
            with("plan_temperature = 'hot'"),
            vec!["providers.0.plan_temperature", "0 to 2"],
        ),
        (with("input_price = 1"), vec!["providers.0.free", "input_price"]),
        (with("call_ms = 5"), vec!["providers.0.call_ms", "100 to 600000"]),
        (
            with("context_tokens = 5"),
            vec!["providers.0.context_tokens", "2000"],
        ),
        (
            with("api_key = 'a'\napi_key_env = 'B'"),
            vec!["providers.0.api_key", "more than once"],
        ),
        (
            with("api_key_env = 'NOT_SET'"),
            vec!["providers.0.api_key_env", "NOT_SET"],
        ),
        (with(OLLAMA), vec!["providers.1.name", "here"]),
        (
            OLLAMA.replace("here", "extractive"),
            vec!["providers.0.name", "extractive"],
        ),
        (OLLAMA.replace("here", "Here!"), vec!["providers.0.name"]),
        (
            OLLAMA.replace("name = 'here'", ""),
            vec!["providers.0.name", "not set"],
        ),
        (
            OLLAMA.replace("model = 'llama3.2'", ""),
            vec!["providers.0.plan_model", "model"],
        ),
        (OLLAMA.replace("llama3.2", "a b"), vec!["providers.0.model"]),
        (
            OLLAMA.replace("free = true", ""),
            vec!["providers.0.input_price", "spending cap", "free = true"],
        ),
        (
            OLLAMA.replace("free = true", "input_price = 0\noutput_price = 0"),
            vec!["providers.0.input_price", "spending cap", "free = true"],
        ),
        (
            format!("[agent]\nanswer_tokens = 4000\n{OLLAMA}context_tokens = 5000\n"),
            vec!["providers.0.context_tokens", "agent.answer_tokens", "5500"],
        ),
        (
            OLLAMA.replace("free = true", "input_price = 'x'\noutput_price = 1"),
            vec!["providers.0.input_price", "six decimals"],
        ),
        (
            OLLAMA.replace("free = true", "input_price = 1\noutput_price = -1"),
            vec!["providers.0.output_price", "six decimals"],
        ),
        (
            OLLAMA.replace("http://127", "ftp://127"),
            vec!["providers.0.base_url", "https"],
        ),
        (
            OLLAMA.replace("127.0.0.1", "api.example.com"),
            vec!["providers.0.base_url", "plain_http"],
        ),
        (
            OLLAMA.replace("http://", "http://me:pass@"),
            vec!["providers.0.base_url", "user"],
        ),
        (
            OLLAMA.replace("/v1", "/v1?key=1"),
            vec!["providers.0.base_url", "query"],
        ),
        ("[provider]\nfree = true".to_owned(), vec!["provider.plan_model"]),
        (
            "[agent]\nday_cap = 'much'".to_owned(),
            vec!["agent.day_cap", "six decimals"],
        ),
        (
            "[agent]\ncurrency = 'euro'".to_owned(),
            vec!["agent.currency", "EUR"],
        ),
        (
            "[fetch]\nallow_private = ['127.0.0.1']".to_owned(),
            vec!["fetch.allow_private", "host and a port"],
        ),
        (
            "[fetch]\ntotal_ms = 10".to_owned(),
            vec!["fetch.total_ms", "1000 to"],
        ),
        (
            "[agent]\nanswer_tokens = 1".to_owned(),
            vec!["agent.answer_tokens", "50 to 8000"],
        ),
    ] {
        let error = load(&toml, &[]).map(|_| ()).unwrap_err().to_string();
        for want in wants {
            assert!(error.contains(want), "`{error}` doesn't say `{want}`");
        }
        assert!(!error.contains("pass"), "{error}");
    }
    let error = load("", &[("DESKHAND_PROVIDER_MODLE", "x")])
        .unwrap_err()
        .to_string();
    assert!(error.contains("DESKHAND_PROVIDER_MODEL"), "{error}");
    for near in [
        "localhost",
        "ollama",
        "10.1.2.3",
        "192.168.0.7",
        "[::1]",
        "[fd00::1]",
        "gpu.internal",
    ] {
        assert!(load(&OLLAMA.replace("127.0.0.1", near), &[]).is_ok(), "{near}");
    }
    for far in [
        "8.8.8.8",
        "169.254.169.254",
        "[2001:db8::1]",
        "172.32.0.1",
        "internal.example",
    ] {
        assert!(load(&OLLAMA.replace("127.0.0.1", far), &[]).is_err(), "{far}");
    }
    let allowed = OLLAMA.replace("127.0.0.1", "8.8.8.8") + "plain_http = true";
    assert!(load(&allowed, &[]).is_ok());
}

#[test]
fn private_hosts_come_as_a_list_or_as_text() {
    let hosts = |toml: &str, env: &[(&str, &str)]| load(toml, env).unwrap().fetching().private;
    let url = |text: &str| reqwest::Url::parse(text).unwrap();
    assert!(!hosts("", &[]).names(&url("http://127.0.0.1:80/")));
    let listed = hosts("[fetch]\nallow_private = ['127.0.0.1:81', 'wp:80']", &[]);
    let told = hosts("", &[("DESKHAND_FETCH_ALLOW_PRIVATE", "127.0.0.1:81, wp:80")]);
    assert_eq!(listed, told);
    assert!(told.names(&url("http://127.0.0.1:81/")) && told.names(&url("http://wp/x")));
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
