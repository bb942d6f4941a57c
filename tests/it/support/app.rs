//! A deskhand of the test's own: a database from the template, a site with a key, a
//! server on a port of its own. `finish` checks that nothing is left over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use deskhand::agent::brain::Brain;
use deskhand::agent::brain::extractive::Extractive;
use deskhand::agent::machine::ctx::Limits;
use deskhand::agent::{Agent, AgentSettings, turns};
use deskhand::db::pool::Db;
use deskhand::db::sites;
use deskhand::domain::clock::{Clock, ShiftedClock};
use deskhand::domain::document::NewUpload;
use deskhand::domain::ids::{SiteId, VisitorId};
use deskhand::domain::keys::{Purpose, RootSecret, owner_of};
use deskhand::domain::seal::MasterKey;
use deskhand::domain::site::{Mode, Site};
use deskhand::gateway::Gateway;
use deskhand::guardrails::moderation::Moderation;
use deskhand::hands::adapters::shops::Shops;
use deskhand::hands::desk;
use deskhand::hands::kb_search::KbSearch;
use deskhand::hands::orders::{self, Stores};
use deskhand::hands::outside::Outside;
use deskhand::hands::registry::Registry;
use deskhand::hands::send_email::SendEmail;
use deskhand::http::auth::token::{self, Claims};
use deskhand::http::metrics::Access;
use deskhand::http::notices;
use deskhand::http::state::{App, HttpSettings};
use deskhand::http::{router, server};
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::fetch::allow::PrivateHosts;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher};
use deskhand::knowledge::ingest::ingest;
use deskhand::models::provider::Provider;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::knowledge::words_alone;
use super::postgres::{self, Urls};
use super::sse::{self, Event};

pub const ORIGIN: &str = "https://shop.example";

/// A site as its WordPress plugin knows it.
pub struct TestSite {
    pub id: SiteId,
    pub kid: String,
    pub root: RootSecret,
}

impl TestSite {
    pub async fn add(db: &Db, master: &MasterKey, slug: &str, origins: &[&str], now: DateTime<Utc>) -> Self {
        let id = SiteId::new();
        let site = Site {
            id,
            slug: slug.to_owned(),
            name: format!("Shop {slug}"),
            origins: origins.iter().map(|o| (*o).to_owned()).collect(),
            mode: Mode::Assist,
            locale: "en".to_owned(),
            rules: deskhand::domain::rules::Rules::default(),
            created_at: now,
        };
        let kid = format!("dk_{}", Uuid::new_v4().simple());
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()]
            .concat()
            .try_into()
            .unwrap();
        let root = RootSecret::new(bytes);
        let mut tx = db.site(id).await.unwrap();
        sites::insert(&mut tx, &site).await.unwrap();
        let sealed = master.seal(&owner_of(id, &kid), root.expose()).unwrap();
        sites::add_root_key(&mut tx, &kid, &sealed).await.unwrap();
        tx.commit().await.unwrap();
        Self { id, kid, root }
    }

    /// A token as the plugin mints it.
    pub fn token(&self, visitor: VisitorId, expires_at: DateTime<Utc>) -> String {
        self.signed(&Claims::new(self.id, visitor, ORIGIN, expires_at))
    }

    /// What the site's own server shows.
    pub fn api_key(&self) -> String {
        let key = self.root.derive(self.id, Purpose::Api);
        format!("{}.{}", self.kid, hex::encode(key.expose()))
    }

    pub fn signed(&self, claims: &Claims) -> String {
        token::mint(&self.root, &self.kid, claims).unwrap()
    }
}

pub struct TestApp {
    pub urls: Urls,
    pub db: Db,
    pub clock: Arc<ShiftedClock>,
    pub master: Arc<MasterKey>,
    pub site: TestSite,
    pub agent: Arc<Agent>,
    pub base: String,
    pub client: reqwest::Client,
    pub knowledge: Arc<Knowledge>,
    pub gateway: Arc<Gateway>,
    /// The sites' shops, whatever the tools were given in their place.
    pub shops: Arc<Shops>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a test changes of the usual set-up.
pub struct Setup {
    pub limits: Limits,
    pub brains: Vec<Arc<dyn Brain>>,
    pub turns_at_once: usize,
    pub streams_at_once: usize,
    pub sweep: bool,
    pub knowledge: Arc<Knowledge>,
    pub day_cap_micro: i64,
    /// Who is asked about what is written; by default the closed rules alone.
    pub moderation: Moderation,
    /// Where orders are; the sites' own shops where nothing else is given.
    pub stores: Option<Arc<dyn Stores>>,
    /// Of AI jobs that need no conversation.
    pub providers: Vec<Arc<Provider>>,
    /// `host:port` of servers on this machine that may be called.
    pub callbacks: Vec<String>,
    /// Whether mail can be sent.
    pub mails: bool,
    /// How long a turn waits for a change in a shop, where it isn't as usual.
    pub changes: Option<Duration>,
}

/// Time enough for what a busy machine does meanwhile: the clocks of a turn are looked at by
/// tests that set them. Only tools have as long as usual, since shops that stay silent are waited for.
pub fn patient() -> Limits {
    Limits {
        plan_ms: 120_000,
        first_ms: 120_000,
        stall_ms: 120_000,
        cap_ms: 240_000,
        close_ms: 120_000,
        ..Limits::default()
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: patient(),
            brains: vec![Arc::new(Extractive)],
            turns_at_once: 64,
            streams_at_once: 64,
            sweep: true,
            knowledge: words_alone(),
            day_cap_micro: 1_000_000,
            moderation: Moderation::none(),
            stores: None,
            providers: Vec::new(),
            callbacks: Vec::new(),
            mails: false,
            changes: None,
        }
    }
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let urls = postgres::database().await;
        let clock = Arc::new(ShiftedClock::default());
        let master = Arc::new(MasterKey::new([7; 32]));
        let db = Db::connect(&urls.app, 10).await.unwrap();
        let site = TestSite::add(&db, &master, "shop", &[ORIGIN], clock.now()).await;
        Self::serve(urls, db, clock, master, site, setup).await
    }

    /// A second replica on the same database.
    pub async fn replica(&self, setup: Setup) -> Self {
        let urls = Urls {
            app: self.urls.app.clone(),
            owner: self.urls.owner.clone(),
            superuser: self.urls.superuser.clone(),
            name: String::new(),
        };
        let db = Db::connect(&urls.app, 10).await.unwrap();
        let root = RootSecret::new(*self.site.root.expose());
        let site = TestSite {
            id: self.site.id,
            kid: self.site.kid.clone(),
            root,
        };
        Self::serve(
            urls,
            db,
            Arc::clone(&self.clock),
            Arc::clone(&self.master),
            site,
            setup,
        )
        .await
    }

    async fn serve(
        urls: Urls,
        db: Db,
        clock: Arc<ShiftedClock>,
        master: Arc<MasterKey>,
        site: TestSite,
        setup: Setup,
    ) -> Self {
        let mut registry = Registry::default();
        registry.add(KbSearch(Arc::clone(&setup.knowledge))).unwrap();
        let private = setup.callbacks.iter().map(String::as_str);
        let fetcher = FetchSettings {
            private: PrivateHosts::parse(private).unwrap(),
            ..FetchSettings::new(std::env::temp_dir())
        };
        let fetcher = Fetcher::new(fetcher).unwrap();
        let shops = Arc::new(Shops::new(
            db.clone(),
            clock.clone(),
            Arc::clone(&master),
            fetcher.clone(),
        ));
        let own = || Arc::clone(&shops) as Arc<dyn Stores>;
        let stores = setup.stores.unwrap_or_else(own);
        orders::register(&mut registry, &stores, setup.mails).unwrap();
        if setup.mails {
            registry.add(SendEmail).unwrap();
        }
        desk::register(&mut registry).unwrap();
        let private = setup.callbacks.iter().map(String::as_str);
        let fetcher = FetchSettings {
            private: PrivateHosts::parse(private).unwrap(),
            ..FetchSettings::new(std::env::temp_dir())
        };
        let fetcher = Fetcher::new(fetcher).unwrap();
        registry.within(Duration::from_millis(setup.limits.tool_ms.into()));
        if let Some(limit) = setup.changes {
            registry.changes_within(limit);
        }
        registry.connect(Outside::new(
            db.clone(),
            clock.clone(),
            Arc::clone(&master),
            fetcher.clone(),
        ));
        let knowledge = Arc::clone(&setup.knowledge);
        let settings = AgentSettings {
            limits: setup.limits,
            turns_at_once: setup.turns_at_once,
            day_cap_micro: setup.day_cap_micro,
            moderation: Arc::new(setup.moderation),
        };
        let agent = Agent::new(
            db.clone(),
            clock.clone(),
            registry,
            setup.brains,
            Arc::clone(&master),
            Arc::clone(&setup.knowledge),
            &settings,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let http = HttpSettings {
            listen,
            demo: Some(site.id),
            streams_at_once: setup.streams_at_once,
            metrics: Access::Loopback,
            erasures: None,
        };
        let gateway = Gateway::new(Arc::clone(&agent), setup.providers, fetcher, "EUR".to_owned());
        let app = App::new(
            Arc::clone(&agent),
            Arc::clone(&gateway),
            Arc::clone(&knowledge),
            http,
            stop.clone(),
        );
        let tasks = TaskTracker::new();
        tasks.spawn(notices::listen(Arc::clone(&agent), stop.clone()));
        if setup.sweep {
            tasks.spawn(turns::sweep(Arc::clone(&agent), stop.clone()));
        }
        tasks.spawn(server::serve(
            listener,
            router::router(app),
            stop.clone(),
            Duration::from_secs(5),
        ));
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(180))
            .build()
            .unwrap();
        Self {
            urls,
            db,
            clock,
            master,
            site,
            agent,
            base: base(listen),
            client,
            knowledge,
            gateway,
            shops,
            stop,
            tasks,
        }
    }

    pub fn token(&self, visitor: VisitorId) -> String {
        self.site.token(visitor, self.clock.now() + TimeDelta::minutes(5))
    }

    pub fn post(&self, path: &str, token: &str) -> reqwest::RequestBuilder {
        self.client
            .post(format!("{}{path}", self.base))
            .bearer_auth(token)
    }

    pub fn get(&self, path: &str, token: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.base)).bearer_auth(token)
    }

    /// Sends a message and takes the answer as JSON.
    pub async fn ask(&self, token: &str, text: &str, thread: Option<&str>) -> Value {
        let response = self
            .post("/api/agent/messages", token)
            .json(&message(text, thread))
            .send()
            .await
            .unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{body:#}");
        body
    }

    /// Sends a message and takes the answer as a stream, to its end.
    pub async fn stream(&self, token: &str, body: &Value) -> Vec<Event> {
        let request = self
            .post("/api/agent/messages", token)
            .header("accept", "text/event-stream")
            .json(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        sse::read_all(response).await
    }

    /// Takes documents in: accepted, then what their jobs would do.
    pub async fn know(&self, documents: &[(&str, &str)]) {
        for (name, text) in documents {
            self.know_bytes(name, text.as_bytes().to_vec()).await;
        }
    }

    /// The same for a document of any kind.
    pub async fn know_bytes(&self, name: &str, bytes: Vec<u8>) {
        let mut tx = self.db.site(self.site.id).await.unwrap();
        let new = NewUpload {
            source: "file".to_owned(),
            external_id: name.to_owned(),
            name: name.to_owned(),
            bytes,
            url: Some(format!("/kb/{}", name.split('.').next().unwrap())),
            title: None,
        };
        let accepted = accept(&mut tx, new, self.knowledge.limits).await.unwrap();
        tx.commit().await.unwrap();
        if let Some(upload) = accepted.upload {
            let (clock, site) = (self.clock.as_ref(), self.site.id);
            let told = |_, _| {};
            ingest(
                &self.db,
                clock,
                &self.knowledge,
                site,
                upload,
                accepted.document,
                &told,
            )
            .await
            .unwrap();
        }
    }

    /// Runs one statement as the superuser: what a test needs to see or bend.
    pub async fn bend(&self, statement: &str) {
        postgres::admin(&self.urls.superuser, statement).await;
    }

    /// One text, as the superuser.
    pub async fn text(&self, query: &str) -> String {
        use sqlx::{AssertSqlSafe, ConnectOptions, Row};
        let options: sqlx::postgres::PgConnectOptions = self.urls.superuser.parse().unwrap();
        let mut conn = options.connect().await.unwrap();
        let row = sqlx::query(AssertSqlSafe(query)).fetch_one(&mut conn).await;
        row.unwrap_or_else(|e| panic!("{query}: {e}")).get(0)
    }

    /// One number, as the superuser.
    pub async fn count(&self, query: &str) -> i64 {
        use sqlx::{AssertSqlSafe, ConnectOptions, Row};
        let options: sqlx::postgres::PgConnectOptions = self.urls.superuser.parse().unwrap();
        let mut conn = options.connect().await.unwrap();
        let row = sqlx::query(AssertSqlSafe(query)).fetch_one(&mut conn).await;
        row.unwrap_or_else(|e| panic!("{query}: {e}")).get(0)
    }

    /// Stops the server; turns under way are let go.
    pub async fn stop(&self) {
        self.agent.let_go().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }

    /// Stops, and checks that nothing is left over.
    pub async fn finish(self) {
        let drained = tokio::time::timeout(Duration::from_secs(20), self.agent.drain()).await;
        assert!(
            drained.is_ok(),
            "turns are still under way: {}",
            self.agent.running()
        );
        assert_eq!(
            self.count("SELECT count(*) FROM turns WHERE finished_at IS NULL")
                .await,
            0,
            "unfinished turns"
        );
        assert_eq!(
            self.count("SELECT count(*) FROM jobs WHERE state = 'running'")
                .await,
            0,
            "running jobs"
        );
        let twice =
            "SELECT count(*) FROM (SELECT 1 FROM thread_events WHERE type = 'done' AND turn_id IS NOT NULL
                     GROUP BY turn_id HAVING count(*) > 1) x";
        assert_eq!(self.count(twice).await, 0, "a turn is done twice");
        self.stop().await;
        if !self.urls.name.is_empty() {
            let admin = self.urls.superuser.replace(&self.urls.name, "postgres");
            postgres::admin(&admin, &format!("DROP DATABASE {} WITH (FORCE)", self.urls.name)).await;
        }
    }
}

fn base(listen: SocketAddr) -> String {
    format!("http://{listen}")
}

pub fn message(text: &str, thread: Option<&str>) -> Value {
    let mut body = json!({ "message_id": Uuid::now_v7(), "user_msg": text });
    if let Some(thread) = thread {
        body["thread_id"] = json!(thread);
    }
    body
}
