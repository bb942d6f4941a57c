//! What every command starts with: the database (its own, started or joined, or an
//! external one), brought to this version, and the master key.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::ExposeSecret;

use super::print::note;
use crate::agent::brain::Brain;
use crate::agent::brain::extractive::Extractive;
use crate::agent::brain::model::{Budget, ModelBrain};
use crate::agent::machine::ctx::Limits;
use crate::agent::{Agent, AgentSettings};
use crate::config::Config;
use crate::db::embedded::{self, Access, Embedded, EmbeddedSettings};
use crate::db::migrate::{self, MigrateError};
use crate::db::pool::Db;
use crate::db::sites;
use crate::domain::clock::{SharedClock, SystemClock};
use crate::domain::seal::MasterKey;
use crate::domain::site::Site;
use crate::gateway::Gateway;
use crate::guardrails::moderation::Moderation;
use crate::hands::Tool;
use crate::hands::adapters::shops::Shops;
use crate::hands::desk;
use crate::hands::kb_search::KbSearch;
use crate::hands::orders::{self, Stores};
use crate::hands::outside::Outside;
use crate::hands::registry::Registry;
use crate::hands::send_email::SendEmail;
use crate::inbox::mirror::Mirrors;
use crate::knowledge::base::Knowledge;
use crate::knowledge::fetch::Fetcher;
use crate::mail::smtp::Mailer;
use crate::models::embedders::Embedders;
use crate::models::openai::chat::OpenAiChat;
use crate::models::openai::moderation::Moderator;
use crate::models::provider::Provider;

/// The database's name in the own cluster.
const DATABASE: &str = "deskhand";
/// How long a command waits for another that is using the data folder.
const WAIT: Duration = Duration::from_secs(30);

/// An open database and what belongs to it.
pub struct Session {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Business time.
    pub clock: SharedClock,
    /// What opens secrets.
    pub master: Arc<MasterKey>,
    /// Models, limits, and what searches remember.
    pub knowledge: Arc<Knowledge>,
    /// The sites' shops, and which of them are left alone at the moment.
    pub shops: Arc<Shops>,
    /// What reaches addresses that sites name.
    pub fetcher: Fetcher,
    /// The own server, if it is one.
    pub embedded: Option<Embedded>,
}

/// Which logins the configuration gives; starts the own server where it names none.
pub struct Logins {
    /// The application's.
    pub app: String,
    /// The owner's.
    pub owner: Option<String>,
    /// The own server.
    pub embedded: Option<Embedded>,
}

/// How the own server is run.
///
/// # Errors
/// When no PostgreSQL is installed for it; the message says what to do.
pub fn embedded_settings(config: &Config) -> anyhow::Result<EmbeddedSettings> {
    let pg_dir = embedded::find_pg_dir(config.database.pg_dir.as_deref(), &config.cache_dir)?;
    Ok(EmbeddedSettings {
        data_dir: config.data_dir.clone(),
        pg_dir,
        durable: true,
        wait_for_lock: WAIT,
    })
}

fn fetcher(config: &Config) -> anyhow::Result<Fetcher> {
    Fetcher::new(config.fetching()).context("nothing can be fetched: no usable TLS")
}

/// The way out for mail, where a server is configured.
///
/// # Errors
/// When its password or certificate can't be read.
pub fn mailer(config: &Config) -> anyhow::Result<Option<Arc<Mailer>>> {
    let Some(settings) = config.mail_settings()? else {
        return Ok(None);
    };
    let mailer = Mailer::new(settings).map_err(|e| anyhow::anyhow!("the mail server can't be used: {e}"))?;
    Ok(Some(Arc::new(mailer)))
}

/// The knowledge base as it is configured.
///
/// # Errors
/// When a provider's key can't be read.
pub fn knowledge(config: &Config) -> anyhow::Result<Knowledge> {
    let embedders = Arc::new(Embedders::new(config.embedder_settings()?));
    let fetcher = fetcher(config)?;
    Ok(Knowledge::new(embedders, config.chunk_limits(), config.reading())
        .with_fetcher(fetcher)
        .with_scanner(config.scanner())
        .with_reranker(config.reranker())
        .with_copies(config.copies()))
}

impl Logins {
    /// Finds them.
    ///
    /// # Errors
    /// When the own server can't be started; the message says what to do.
    pub async fn find(config: &Config, access: Access) -> anyhow::Result<Self> {
        if let Some(url) = &config.database.url {
            let owner = config
                .database
                .owner_url
                .as_ref()
                .map(|u| u.expose_secret().to_owned());
            return Ok(Self {
                app: url.expose_secret().to_owned(),
                owner,
                embedded: None,
            });
        }
        let server = embedded::open(&embedded_settings(config)?, access).await?;
        Ok(Self {
            app: server.url(migrate::APP, DATABASE),
            owner: Some(server.url(migrate::OWNER, DATABASE)),
            embedded: Some(server),
        })
    }

    /// Applies what is missing; gives how many migrations that were.
    ///
    /// # Errors
    /// When the database isn't as it must be; the message says what to do.
    pub async fn migrate(&self) -> anyhow::Result<usize> {
        if let Some(server) = &self.embedded {
            migrate::bootstrap(
                &server.superuser_url(),
                &server.url("postgres", DATABASE),
                DATABASE,
            )
            .await?;
        }
        let owner = self
            .owner
            .as_ref()
            .context("the migrations run as the owner of the tables: set DATABASE_OWNER_URL to its login")?;
        let login = migrate::login_of(&self.app)?;
        Ok(migrate::migrate(owner, login.as_deref()).await?)
    }
}

impl Session {
    /// Opens the database. The own one is brought to this version by itself, an external
    /// one only where the owner's login is known.
    ///
    /// # Errors
    /// When something is missing; the message says what to do.
    pub async fn open(config: Config, access: Access) -> anyhow::Result<Self> {
        let logins = Logins::find(&config, access).await?;
        if let Err(error) = migrate::check(&logins.app).await {
            let can_mend = logins.owner.is_some()
                && !matches!(error, MigrateError::Unsafe { .. } | MigrateError::Ahead(_));
            if !can_mend {
                return Err(error.into());
            }
            let done = logins.migrate().await?;
            if done > 0 {
                note(&format!("Database: {done} migration(s) applied."));
            }
            migrate::check(&logins.app).await?;
        }
        let db = Db::connect(&logins.app, config.database.connections).await?;
        let master = Arc::new(config.master_key()?);
        let knowledge = Arc::new(knowledge(&config)?);
        let clock: SharedClock = Arc::new(SystemClock);
        let fetcher = fetcher(&config)?;
        let shops = Shops::new(
            db.clone(),
            Arc::clone(&clock),
            Arc::clone(&master),
            fetcher.clone(),
        );
        Ok(Self {
            config,
            db,
            clock,
            master,
            knowledge,
            shops: Arc::new(shops),
            fetcher,
            embedded: logins.embedded,
        })
    }

    /// Closes the pool, and stops the own server if this process started it.
    ///
    /// # Errors
    /// When the server doesn't stop.
    pub async fn close(self) -> anyhow::Result<()> {
        self.db.close().await;
        if let Some(server) = self.embedded {
            server.stop().await?;
        }
        Ok(())
    }

    /// What brings tickets to other systems.
    pub fn mirrors(&self) -> Arc<Mirrors> {
        Arc::new(Mirrors {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            master: Arc::clone(&self.master),
            fetcher: self.fetcher.clone(),
        })
    }

    /// The shops that the hands act in.
    pub fn stores(&self) -> Arc<dyn Stores> {
        Arc::clone(&self.shops) as Arc<dyn Stores>
    }

    /// The way out for mail, where a server is configured.
    ///
    /// # Errors
    /// When its password or certificate can't be read.
    pub fn mailer(&self) -> anyhow::Result<Option<Arc<Mailer>>> {
        mailer(&self.config)
    }

    /// The agent, with all tools and brains.
    ///
    /// # Errors
    /// When a tool's schema is none: a defect.
    pub fn agent(&self) -> anyhow::Result<Arc<Agent>> {
        self.agent_on(&self.providers()?)
    }

    /// Agent and gateway, on the same providers.
    ///
    /// # Errors
    /// When a tool's schema is none, or a provider can't be used.
    pub fn gateway(&self) -> anyhow::Result<(Arc<Agent>, Arc<Gateway>)> {
        let providers = self.providers()?;
        let agent = self.agent_on(&providers)?;
        let fetcher = fetcher(&self.config)?;
        let currency = self.config.agent.currency.clone();
        let gateway = Gateway::new(Arc::clone(&agent), providers, fetcher, currency);
        Ok((agent, gateway))
    }

    /// The configured providers of language models.
    ///
    /// # Errors
    /// When one can't be used; the message names it.
    pub fn providers(&self) -> anyhow::Result<Vec<Arc<Provider>>> {
        let mut providers = Vec::new();
        for settings in self.config.provider_settings()? {
            let chat = OpenAiChat::open(&settings)
                .map_err(|e| anyhow::anyhow!("the provider `{}` can't be used: {e}", settings.name))?;
            providers.push(Arc::new(Provider::new(settings, Arc::new(chat))));
        }
        Ok(providers)
    }

    /// The moderation endpoint, where one is configured.
    fn moderation(&self) -> anyhow::Result<Moderation> {
        let Some(settings) = self.config.moderation_settings()? else {
            return Ok(Moderation::none());
        };
        let moderator = Moderator::open(settings).map_err(anyhow::Error::msg)?;
        let closed = self.config.moderation.closed;
        Ok(Moderation::by(moderator, closed, Arc::clone(&self.clock)))
    }

    fn agent_on(&self, providers: &[Arc<Provider>]) -> anyhow::Result<Arc<Agent>> {
        let search = KbSearch(Arc::clone(&self.knowledge));
        let mails = self.config.mail_settings()?.is_some();
        self.agent_with(providers, Arc::clone(&self.clock), search, mails)
    }

    /// An agent with another clock, other models, or another search than visitors have; `mails` says
    /// whether it may count on mail being sent.
    ///
    /// # Errors
    /// When a tool's schema is none: a defect.
    pub fn agent_with(
        &self,
        providers: &[Arc<Provider>],
        clock: SharedClock,
        search: impl Tool,
        mails: bool,
    ) -> anyhow::Result<Arc<Agent>> {
        let a = &self.config.agent;
        let limits = Limits {
            plan_ms: a.plan_ms,
            tool_ms: a.tool_ms,
            first_ms: a.first_ms,
            stall_ms: a.stall_ms,
            cap_ms: a.turn_ms,
            ..Limits::default()
        };
        let mut registry = Registry::default();
        registry.add(search)?;
        orders::register(&mut registry, &self.stores(), mails)?;
        if mails {
            registry.add(SendEmail)?;
        }
        desk::register(&mut registry)?;
        registry.within(Duration::from_millis(a.tool_ms.into()));
        // The last: what sites connect takes no name that is here.
        registry.connect(Outside::new(
            self.db.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.master),
            self.fetcher.clone(),
        ));
        let budget = Budget {
            answer_tokens: a.answer_tokens,
            history_messages: a.history_messages,
            history_tokens: a.history_tokens,
            silence: Duration::from_millis(a.plan_ms.into()),
        };
        let mut brains: Vec<Arc<dyn Brain>> = Vec::new();
        for provider in providers {
            let clock = Arc::clone(&clock);
            brains.push(Arc::new(ModelBrain::new(
                Arc::clone(provider),
                registry.specs(),
                budget,
                clock,
            )));
        }
        brains.push(Arc::new(Extractive));
        let settings = AgentSettings {
            limits,
            turns_at_once: a.turns_at_once,
            day_cap_micro: i64::try_from(a.day_cap.0.0).unwrap_or(i64::MAX),
            moderation: Arc::new(self.moderation()?),
        };
        Ok(Agent::new(
            self.db.clone(),
            clock,
            registry,
            brains,
            Arc::clone(&self.master),
            Arc::clone(&self.knowledge),
            &settings,
        ))
    }

    /// The site of this slug or id; without one the only site, or the demo.
    ///
    /// # Errors
    /// When there is no such site, or none can be chosen; the message lists them.
    pub async fn site(&self, wanted: Option<&str>) -> anyhow::Result<Site> {
        let all = sites::list(&self.db).await?;
        let names = || all.iter().map(|s| s.slug.as_str()).collect::<Vec<_>>().join(", ");
        let found = match wanted {
            Some(wanted) => all
                .iter()
                .find(|s| s.slug == wanted || s.id.to_string() == wanted),
            None if all.len() == 1 => all.first(),
            None => all.iter().find(|s| s.slug == super::demo::SLUG),
        };
        match (found, wanted) {
            (Some(site), _) => Ok(site.clone()),
            (None, Some(wanted)) => anyhow::bail!("there is no site `{wanted}`; sites: {}", names()),
            (None, None) if all.is_empty() => {
                anyhow::bail!("there is no site yet; `deskhand site add URL` adds one")
            }
            (None, None) => anyhow::bail!("say which site with --site; sites: {}", names()),
        }
    }
}
