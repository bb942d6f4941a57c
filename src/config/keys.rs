//! Every key of the configuration in one table: its name in the file, its environment
//! variables, its default, what is allowed and what it does. `deskhand help config`
//! and `docs/configuration.md` are printed from it.

use super::moderation_keys::MODERATION_KEYS;

/// One key.
pub struct Key {
    /// In the file: `section.name`.
    pub path: &'static str,
    /// In the environment; the first is the usual one.
    pub env: &'static [&'static str],
    /// None: there is no value until one is set.
    pub default: Option<&'static str>,
    /// Whether a value from the environment is text even where it looks like a number.
    pub text: bool,
    /// What may be given.
    pub allowed: &'static str,
    /// What it does.
    pub doc: &'static str,
}

pub(super) const fn key(
    path: &'static str,
    env: &'static [&'static str],
    default: Option<&'static str>,
    allowed: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        path,
        env,
        default,
        text: false,
        allowed,
        doc,
    }
}

pub(super) const fn text(
    path: &'static str,
    env: &'static [&'static str],
    default: Option<&'static str>,
    allowed: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        path,
        env,
        default,
        text: true,
        allowed,
        doc,
    }
}

/// Variables of ours that are no configuration: they choose the file, or serve the tests.
pub(super) const OTHER_VARIABLES: &[&str] = &[
    "DESKHAND_CONFIG",
    "DESKHAND_DATA",
    "DESKHAND_E2E_URL",
    "DESKHAND_SCREENSHOTS",
    "DESKHAND_FAIL_POINT",
];

/// Those of a part that has its own table come after these.
pub fn all() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(MODERATION_KEYS)
}

/// Most of them, in the order of the reference.
const KEYS: &[Key] = &[
    text(
        "data_dir",
        &["DESKHAND_DATA_DIR"],
        None,
        "a folder; default as root `/var/lib/deskhand`, else `$XDG_DATA_HOME/deskhand` (`~/.local/share/deskhand`)",
        "Where the own PostgreSQL, its log and the master key live.",
    ),
    text(
        "server.listen",
        &["DESKHAND_SERVER_LISTEN"],
        Some("127.0.0.1:8080"),
        "an address and a port",
        "Where the server listens. Put a TLS proxy in front before it leaves the machine.",
    ),
    key(
        "server.demo",
        &["DESKHAND_SERVER_DEMO"],
        Some("true"),
        "true or false",
        "Serve the demo shop at `/`. It is only served while the server listens on a loopback address.",
    ),
    key(
        "server.drain_seconds",
        &["DESKHAND_SERVER_DRAIN_SECONDS"],
        Some("20"),
        "0 to 600",
        "How long a stop waits for turns, streams and jobs under way.",
    ),
    text(
        "database.url",
        &["DATABASE_URL", "DESKHAND_DATABASE_URL"],
        None,
        "a `postgres://` URL",
        "The application's login. Not set: deskhand starts its own PostgreSQL in `data_dir`. The role must not own tables, nor be a superuser.",
    ),
    text(
        "database.owner_url",
        &["DATABASE_OWNER_URL", "DESKHAND_DATABASE_OWNER_URL"],
        None,
        "a `postgres://` URL",
        "The owner's login, for migrations of an external database only.",
    ),
    key(
        "database.connections",
        &["DESKHAND_DATABASE_CONNECTIONS"],
        Some("20"),
        "2 to 500",
        "Database connections of this process at most.",
    ),
    text(
        "database.pg_dir",
        &["DESKHAND_PG_DIR"],
        None,
        "a folder with `bin/postgres`",
        "The PostgreSQL installation (with pgvector 0.8 or later) that the own server runs from. Not set: the newest in the cache folder, where `./dev setup` puts one.",
    ),
    text(
        "secrets.master_key",
        &["DESKHAND_MASTER_KEY"],
        None,
        "32 bytes in hex or Base64",
        "Seals all other secrets at rest.",
    ),
    text(
        "secrets.master_key_file",
        &["DESKHAND_MASTER_KEY_FILE"],
        None,
        "a file that holds the key",
        "Used when `secrets.master_key` isn't set. With the own PostgreSQL a key is made in `data_dir/master.key` at the first start.",
    ),
    key(
        "agent.plan_ms",
        &["DESKHAND_AGENT_PLAN_MS"],
        Some("2500"),
        "100 to 60000",
        "Time for planning, in milliseconds.",
    ),
    key(
        "agent.tool_ms",
        &["DESKHAND_AGENT_TOOL_MS"],
        Some("3000"),
        "100 to 60000",
        "Time for one tool with its retries, in milliseconds.",
    ),
    key(
        "agent.first_ms",
        &["DESKHAND_AGENT_FIRST_MS"],
        Some("6000"),
        "500 to 120000",
        "Time from the message to the first released sentence or closing text, in milliseconds.",
    ),
    key(
        "agent.stall_ms",
        &["DESKHAND_AGENT_STALL_MS"],
        Some("4000"),
        "500 to 120000",
        "Time between two sentences, in milliseconds.",
    ),
    key(
        "agent.turn_ms",
        &["DESKHAND_AGENT_TURN_MS"],
        Some("60000"),
        "1000 to 600000",
        "Time for a whole turn, in milliseconds.",
    ),
    key(
        "agent.turns_at_once",
        &["DESKHAND_AGENT_TURNS_AT_ONCE"],
        Some("256"),
        "1 to 100000",
        "Turns at once in this process; one more is answered with 503 and Retry-After.",
    ),
    key(
        "agent.streams_at_once",
        &["DESKHAND_AGENT_STREAMS_AT_ONCE"],
        Some("5000"),
        "1 to 1000000",
        "Open event streams at once in this process; one more is answered with 503 and Retry-After.",
    ),
    key(
        "agent.answer_tokens",
        &["DESKHAND_AGENT_ANSWER_TOKENS"],
        Some("800"),
        "50 to 8000",
        "A language model's answer at most, in tokens.",
    ),
    key(
        "agent.history_messages",
        &["DESKHAND_AGENT_HISTORY_MESSAGES"],
        Some("10"),
        "0 to 100",
        "Earlier messages of the thread that a language model reads at most.",
    ),
    key(
        "agent.history_tokens",
        &["DESKHAND_AGENT_HISTORY_TOKENS"],
        Some("6000"),
        "0 to 200000",
        "The same in tokens; the oldest go first.",
    ),
    key(
        "agent.day_cap",
        &["DESKHAND_AGENT_DAY_CAP"],
        Some("5.00"),
        "an amount with up to six decimals, for example \"5.00\"",
        "What a site may spend on language models in a day, in `agent.currency`. When it is spent, answers are put together from the documents' own sentences.",
    ),
    text(
        "agent.currency",
        &["DESKHAND_AGENT_CURRENCY"],
        Some("USD"),
        "a currency's three letters, for example `EUR`",
        "What providers' prices and caps are in.",
    ),
    key(
        "knowledge.chunk_tokens",
        &["DESKHAND_KNOWLEDGE_CHUNK_TOKENS"],
        Some("512"),
        "64 to 8000",
        "A chunk's length at most, in tokens.",
    ),
    key(
        "knowledge.chunk_overlap",
        &["DESKHAND_KNOWLEDGE_CHUNK_OVERLAP"],
        Some("80"),
        "at most half of knowledge.chunk_tokens",
        "What two neighbouring chunks of one section share, in tokens.",
    ),
    text(
        "embeddings.model",
        &["DESKHAND_EMBEDDINGS_MODEL"],
        Some("local:all-minilm-l6-v2"),
        "`local:FOLDER`, `openai:MODEL` or `none`",
        "The model that a new site's passages and questions get their vectors from. `deskhand reindex --model` changes it for sites that have some. `none`: search by words alone.",
    ),
    text(
        "embeddings.folder",
        &["DESKHAND_EMBEDDINGS_FOLDER"],
        None,
        "a folder",
        "Where a local model's name is looked for. Not set: the cache folder, where `./dev setup` and `deskhand doctor --fix` put the default one.",
    ),
    key(
        "embeddings.threads",
        &["DESKHAND_EMBEDDINGS_THREADS"],
        Some("0"),
        "0 to 256",
        "Threads of a local model; 0: one a core.",
    ),
    text(
        "embeddings.base_url",
        &["DESKHAND_EMBEDDINGS_BASE_URL"],
        Some("https://api.openai.com/v1"),
        "an http or https URL",
        "The endpoint of `openai:` models; any that speaks OpenAI's protocol.",
    ),
    text(
        "embeddings.api_key",
        &["DESKHAND_EMBEDDINGS_API_KEY"],
        None,
        "a provider's key",
        "Sent to `embeddings.base_url` as a bearer token.",
    ),
    text(
        "embeddings.api_key_file",
        &["DESKHAND_EMBEDDINGS_API_KEY_FILE"],
        None,
        "a file that holds the key",
        "Used when `embeddings.api_key` isn't set.",
    ),
    key(
        "embeddings.dimensions",
        &["DESKHAND_EMBEDDINGS_DIMENSIONS"],
        None,
        "1 to 4000",
        "Asks an `openai:` model for vectors of this length. Not set: the model's own.",
    ),
    text(
        "embeddings.reranker",
        &["DESKHAND_EMBEDDINGS_RERANKER"],
        None,
        "a folder with a BERT cross-encoder of one label",
        "Looks at the question and each of the best 16 passages together and puts them in order. Not set: they stay as words and vectors rank them.",
    ),
    key(
        "embeddings.query_ms",
        &["DESKHAND_EMBEDDINGS_QUERY_MS"],
        Some("1500"),
        "50 to 10000",
        "How long a question may wait for its vector from an `openai:` model, in milliseconds; after that it is searched by words alone.",
    ),
    key(
        "knowledge.extract_seconds",
        &["DESKHAND_KNOWLEDGE_EXTRACT_SECONDS"],
        Some("30"),
        "2 to 600",
        "Time for reading one file, in seconds. What takes longer is refused as `too_slow`.",
    ),
    key(
        "knowledge.extract_memory_mb",
        &["DESKHAND_KNOWLEDGE_EXTRACT_MEMORY_MB"],
        Some("1024"),
        "128 to 65536",
        "Memory for reading one file, in MB. What takes more is refused as `too_much_memory`.",
    ),
    text(
        "fetch.allow_private",
        &["DESKHAND_FETCH_ALLOW_PRIVATE"],
        Some(""),
        "`host:port`, several with commas between",
        "Hosts on this machine or its network that sites' content may be fetched from, and results be sent to, for example `127.0.0.1:8081`. Everything else that doesn't lead to a public address is refused. Metadata services are never reached.",
    ),
    key(
        "fetch.connect_ms",
        &["DESKHAND_FETCH_CONNECT_MS"],
        Some("5000"),
        "100 to 60000",
        "Time for connecting to a server to fetch from, in milliseconds.",
    ),
    key(
        "fetch.first_byte_ms",
        &["DESKHAND_FETCH_FIRST_BYTE_MS"],
        Some("15000"),
        "100 to 300000",
        "Time from a request to the beginning of its answer, in milliseconds.",
    ),
    key(
        "fetch.total_ms",
        &["DESKHAND_FETCH_TOTAL_MS"],
        Some("120000"),
        "1000 to 1800000",
        "Time for fetching one file or page, redirects included, in milliseconds.",
    ),
    text(
        "knowledge.ocr_languages",
        &["DESKHAND_KNOWLEDGE_OCR_LANGUAGES"],
        Some("deu+eng"),
        "tesseract's names of languages with + between, or `none`",
        "The languages that text is recognised in (OCR) when a PDF's pages are pictures. It takes `tesseract` with these languages and poppler's `pdftoppm`. `none`: such files are refused.",
    ),
    key(
        "knowledge.ocr_seconds",
        &["DESKHAND_KNOWLEDGE_OCR_SECONDS"],
        Some("120"),
        "10 to 3600",
        "Time for recognising the text of one file, in seconds. Pages that come after it are left out, and a warning says so.",
    ),
    key(
        "knowledge.ocr_pages",
        &["DESKHAND_KNOWLEDGE_OCR_PAGES"],
        Some("100"),
        "1 to 1000",
        "Pages of one file whose text is recognised at most.",
    ),
    text(
        "scan.clamd",
        &["DESKHAND_SCAN_CLAMD"],
        None,
        "a host and a port, or the path of a socket",
        "The ClamAV daemon that looks for viruses in each file before it is read, for example `127.0.0.1:3310` or `/run/clamav/clamd.ctl`. When it is away, files wait. Not set: files aren't scanned.",
    ),
    key(
        "scan.seconds",
        &["DESKHAND_SCAN_SECONDS"],
        Some("30"),
        "1 to 600",
        "Time for scanning one file, in seconds.",
    ),
    key(
        "knowledge.copies_mb",
        &["DESKHAND_KNOWLEDGE_COPIES_MB"],
        Some("1024"),
        "0 to 1000000",
        "Memory that this process may take for what searches read of the sites that are asked about, in MB: about 1.3 KB a passage with vectors of 384 dimensions, so the default is enough for 700 000. The site that wasn't asked about for the longest time goes first. What has no room is searched in the database, more slowly; 0: everything.",
    ),
    text(
        "mail.url",
        &["DESKHAND_MAIL_URL"],
        None,
        "`smtp://user@host:587` (encrypted by STARTTLS, else nothing is sent) or `smtps://user@host:465`",
        "The mail server that one-time codes, staff's replies and notices go out by. Only a server on this machine may be without encryption. Not set: no mail is sent.",
    ),
    text(
        "mail.password",
        &["DESKHAND_MAIL_PASSWORD"],
        None,
        "the password of the user in `mail.url`",
        "Sent to the mail server only once the connection is encrypted, unless it is on this machine.",
    ),
    text(
        "mail.password_file",
        &["DESKHAND_MAIL_PASSWORD_FILE"],
        None,
        "a file that holds the password",
        "Used when `mail.password` isn't set.",
    ),
    text(
        "mail.from",
        &["DESKHAND_MAIL_FROM"],
        None,
        "an address, or a name with one: `Lumen & Oak <shop@example.com>`",
        "The sender. Mail of a site carries the site's name before this address.",
    ),
    text(
        "mail.ca_file",
        &["DESKHAND_MAIL_CA_FILE"],
        None,
        "a file with a certificate, PEM",
        "An authority to trust besides the system's, for a mail server of your own.",
    ),
    key(
        "mail.seconds",
        &["DESKHAND_MAIL_SECONDS"],
        Some("30"),
        "5 to 300",
        "Time for handing one mail to the server, in seconds. What fails is tried again for about a day.",
    ),
    key(
        "mail.reply_minutes",
        &["DESKHAND_MAIL_REPLY_MINUTES"],
        Some("3"),
        "1 to 1440",
        "When a reply of staff was read by nobody for so many minutes, it is mailed to the visitor, if they left an address.",
    ),
    key(
        "jobs.at_once",
        &["DESKHAND_JOBS_AT_ONCE"],
        Some("4"),
        "1 to 256",
        "Background jobs at once in this process: on documents, and of all other kinds as many.",
    ),
    text(
        "log.filter",
        &["DESKHAND_LOG_FILTER"],
        Some("warn,deskhand=info"),
        "tracing's directives, for example `info` or `deskhand=debug,warn`",
        "What `serve` and `worker` log. Message texts, addresses and keys never are.",
    ),
    text(
        "log.tool_filter",
        &["DESKHAND_LOG_TOOL_FILTER"],
        Some("warn"),
        "tracing's directives, for example `info` or `deskhand=debug,warn`",
        "What commands that run for a moment log. Message texts, addresses and keys never are.",
    ),
    text(
        "log.format",
        &["DESKHAND_LOG_FORMAT"],
        Some("text"),
        "`text` or `json`",
        "How log lines look.",
    ),
    text(
        "telemetry.otlp_endpoint",
        &["DESKHAND_TELEMETRY_OTLP_ENDPOINT"],
        None,
        "an http or https URL; empty: none",
        "The OTLP/HTTP address of a collector of traces, for example `http://127.0.0.1:4318`; `/v1/traces` is added where it is missing. Not set: no traces.",
    ),
    text(
        "telemetry.otlp_headers",
        &["DESKHAND_TELEMETRY_OTLP_HEADERS"],
        None,
        "`name=value`, several with commas between",
        "Sent to the collector with each request, for example its key.",
    ),
    text(
        "telemetry.service_name",
        &["DESKHAND_TELEMETRY_SERVICE_NAME"],
        Some("deskhand"),
        "1 to 100 characters",
        "What this service is called in traces.",
    ),
    key(
        "telemetry.sample_ratio",
        &["DESKHAND_TELEMETRY_SAMPLE_RATIO"],
        Some("1.0"),
        "0 to 1",
        "The share of traces that is exported. The trace's id decides, so that all services with the same share keep the same traces.",
    ),
    text(
        "telemetry.metrics",
        &["DESKHAND_TELEMETRY_METRICS"],
        Some("loopback"),
        "`loopback`, `all` or `off`",
        "Who gets `/metrics`: callers on this machine that came through no proxy, everybody, or nobody.",
    ),
];
