//! The keys of a provider of language models, as they stand in `[provider]` and in each
//! `[[providers]]`, with their environment variables for the one in `[provider]`.

/// One key.
pub struct ProviderKey {
    /// In the file.
    pub name: &'static str,
    /// In the environment, where there is one.
    pub env: Option<&'static str>,
    /// Whether a value from the environment is text even where it looks like a number.
    pub text: bool,
    /// What holds when nothing is set, for the reference.
    pub default: &'static str,
    /// What may be given.
    pub allowed: &'static str,
    /// What it does.
    pub doc: &'static str,
}

const fn text(
    name: &'static str,
    env: &'static str,
    default: &'static str,
    allowed: &'static str,
    doc: &'static str,
) -> ProviderKey {
    ProviderKey {
        name,
        env: Some(env),
        text: true,
        default,
        allowed,
        doc,
    }
}

const fn value(
    name: &'static str,
    env: &'static str,
    default: &'static str,
    allowed: &'static str,
    doc: &'static str,
) -> ProviderKey {
    ProviderKey {
        text: false,
        ..text(name, env, default, allowed, doc)
    }
}

/// What prices may be.
pub const PRICE: &str = "an amount with up to six decimals, for example \"0.15\", up to 100000";

/// All of them, in the order of the reference.
pub const PROVIDER_KEYS: &[ProviderKey] = &[
    text(
        "name",
        "DESKHAND_PROVIDER_NAME",
        "main",
        "1 to 64 of a–z, 0–9, `.`, `_` and `-`; not `extractive`; each once",
        "What turns, logs and `doctor` call it. In `[[providers]]` it must be set.",
    ),
    text(
        "kind",
        "DESKHAND_PROVIDER_KIND",
        "openai",
        "`openai` or `azure`",
        "The protocol: OpenAI's, which Ollama, vLLM and the compatible endpoints of Anthropic, Google and Mistral speak too, or Azure's form of it. Azure's own addresses are recognised.",
    ),
    text(
        "base_url",
        "DESKHAND_PROVIDER_BASE_URL",
        "https://api.openai.com/v1",
        "an https URL without user, query and fragment; http to this machine or a private network, elsewhere with `plain_http`",
        "The address up to and without `/chat/completions`; with Azure, the resource's.",
    ),
    value(
        "plain_http",
        "DESKHAND_PROVIDER_PLAIN_HTTP",
        "false",
        "true or false",
        "Allows http to any host: the key and what visitors write go unencrypted.",
    ),
    text(
        "api_version",
        "DESKHAND_PROVIDER_API_VERSION",
        "2024-10-21",
        "a version, for example `2024-10-21`",
        "Azure's `api-version`.",
    ),
    text(
        "api_key",
        "DESKHAND_PROVIDER_API_KEY",
        "",
        "a provider's key; at most one of `api_key`, `api_key_file` and `api_key_env`",
        "Sent as a bearer token, to Azure as `api-key`.",
    ),
    text(
        "api_key_file",
        "DESKHAND_PROVIDER_API_KEY_FILE",
        "",
        "a file that holds the key",
        "Instead of `api_key`.",
    ),
    ProviderKey {
        name: "api_key_env",
        env: None,
        text: true,
        default: "",
        allowed: "the name of an environment variable that is set",
        doc: "Instead of `api_key`: the variable that holds the key.",
    },
    text(
        "model",
        "DESKHAND_PROVIDER_MODEL",
        "",
        "a model's name there, up to 200 characters without blanks (Azure: a deployment)",
        "The model that plans and drafts, unless the next two say otherwise. One of the three must be set for each.",
    ),
    text(
        "plan_model",
        "DESKHAND_PROVIDER_PLAN_MODEL",
        "",
        "as `model`",
        "The model that plans: it must be able to call tools.",
    ),
    text(
        "draft_model",
        "DESKHAND_PROVIDER_DRAFT_MODEL",
        "",
        "as `model`",
        "The model that writes answers.",
    ),
    value(
        "plan_temperature",
        "DESKHAND_PROVIDER_PLAN_TEMPERATURE",
        "0.2",
        "0 to 2",
        "Of planning. Models that take none get none.",
    ),
    value(
        "draft_temperature",
        "DESKHAND_PROVIDER_DRAFT_TEMPERATURE",
        "0.5",
        "0 to 2",
        "Of answers.",
    ),
    value(
        "input_price",
        "DESKHAND_PROVIDER_INPUT_PRICE",
        "",
        PRICE,
        "What a million tokens sent cost, in `agent.currency`. With two models, the dearer one's. Without prices no spending cap can hold, so they must be set unless it is `free`.",
    ),
    value(
        "output_price",
        "DESKHAND_PROVIDER_OUTPUT_PRICE",
        "",
        PRICE,
        "What a million tokens written cost.",
    ),
    value(
        "free",
        "DESKHAND_PROVIDER_FREE",
        "false",
        "true or false; true only without prices",
        "Nothing is charged by the token: a server of your own.",
    ),
    value(
        "context_tokens",
        "DESKHAND_PROVIDER_CONTEXT_TOKENS",
        "32000",
        "2000 to 10000000",
        "What the models read and write at most in one call, in tokens.",
    ),
    value(
        "connect_ms",
        "DESKHAND_PROVIDER_CONNECT_MS",
        "5000",
        "100 to 60000",
        "Time for a connection, in milliseconds.",
    ),
    value(
        "first_ms",
        "DESKHAND_PROVIDER_FIRST_MS",
        "15000",
        "100 to 300000",
        "Time from the request to the answer's first piece, in milliseconds. A turn's own limits may end it earlier.",
    ),
    value(
        "idle_ms",
        "DESKHAND_PROVIDER_IDLE_MS",
        "20000",
        "100 to 300000",
        "Time between two pieces, in milliseconds.",
    ),
    value(
        "call_ms",
        "DESKHAND_PROVIDER_CALL_MS",
        "60000",
        "100 to 600000",
        "Time for a whole call, in milliseconds.",
    ),
];

/// What stands before them in the reference.
pub const INTRODUCTION: &str = r#"
## Language models

Without any, answers are put together from the documents' own sentences. Each `[[providers]]` is a provider
that may be asked; they are asked in their order, the next when one fails. One alone can stand under
`[provider]`, or come from the environment; beside `[[providers]]` it is asked first. `deskhand doctor`
calls each.

```toml
[[providers]]
name = "openai"
api_key_env = "OPENAI_API_KEY"
plan_model = "gpt-4.1-mini"
draft_model = "gpt-4.1"
input_price = "2.00"
output_price = "8.00"

[[providers]]
name = "here"
base_url = "http://127.0.0.1:11434/v1"
model = "llama3.2"
free = true
```

| key | environment (for `[provider]`) | default | allowed | what it does |
|---|---|---|---|---|
"#;
