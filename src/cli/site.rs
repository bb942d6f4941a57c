//! `deskhand site`: sites and their keys. A secret is shown once, when it is made.

mod settings;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Subcommand, ValueEnum};
use rand::Rng;
use serde::Serialize;

use super::print::{json, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::sites;
use crate::domain::ids::SiteId;
use crate::domain::keys::{Alg, Purpose, RootSecret, open_root, owner_of};
use crate::domain::rules::Rules;
use crate::domain::site::{BadOrigin, Mode, Site, is_locale, is_slug, normalise_origin};

/// How long the old secret stays valid after a rotation.
const GRACE: TimeDelta = TimeDelta::hours(24);

/// What to do with sites.
#[derive(Subcommand)]
pub enum Command {
    /// Add a site, and print its id and secret.
    Add {
        /// The site's address, for example https://shop.example
        url: String,
        /// Its short name here (default: made from the address).
        #[arg(long)]
        slug: Option<String>,
        /// Its name, for people (default: the host).
        #[arg(long)]
        name: Option<String>,
        /// Its language.
        #[arg(long, default_value = "en")]
        locale: String,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// List the sites.
    List {
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Set the origins whose pages may talk to this server.
    Origins {
        /// Slug or id.
        site: String,
        /// All of them, for example https://shop.example https://www.shop.example
        #[arg(required = true)]
        origins: Vec<String>,
    },
    /// List a site's keys.
    Keys {
        /// Slug or id.
        site: String,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Make a new secret and print it; the old one stays valid for a day.
    Rotate {
        /// Slug or id.
        site: String,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Print the API key that a server of the site's own shows at `/rag/query`. It comes
    /// from the current secret and ends with it.
    ApiKey {
        /// Slug or id.
        site: String,
    },
    /// Print the key that signs the site's webhooks. It comes from the current secret and ends
    /// with it.
    WebhookKey {
        /// Slug or id.
        site: String,
    },
    /// Set how far the agent may go: shadow (staff send), assist (no refunds, no address
    /// changes), full (these too, each with the visitor's yes).
    Mode {
        /// Slug or id.
        site: String,
        /// How far.
        #[arg(value_parser = ["shadow", "assist", "full"])]
        mode: String,
    },
    /// Set what the site's owner can choose, for example require_review=true.
    Set {
        /// Slug or id.
        site: String,
        /// key=value; nothing after the = takes a setting back to its default.
        #[arg(required = true)]
        settings: Vec<String>,
    },
    /// Show what can be set, and what is.
    Settings {
        /// Slug or id.
        site: String,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// End a key now.
    Revoke {
        /// Slug or id.
        site: String,
        /// The key's id, as `site keys` lists it.
        kid: String,
    },
    /// Register a public key that signs the site's tokens.
    AddKey {
        /// Slug or id.
        site: String,
        /// The algorithm that its tokens must use.
        #[arg(long, value_enum)]
        alg: PublicAlg,
        /// The public key, PEM.
        #[arg(long)]
        public_key: PathBuf,
        /// The id that tokens name it by.
        #[arg(long)]
        kid: String,
    },
}

/// Algorithms of registered public keys.
#[derive(Clone, Copy, ValueEnum)]
pub enum PublicAlg {
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

#[derive(Serialize)]
struct NewSecret {
    site_id: SiteId,
    slug: String,
    kid: String,
    secret: String,
}

/// Runs one.
///
/// # Errors
/// When it can't; the message says what to do.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

/// A WordPress may be in a folder: browsers and this house know it by its origin.
fn origin_of(address: &str) -> Result<String, BadOrigin> {
    let scheme = address.find("://").map_or(0, |at| at + 3);
    let end = address[scheme..].find(['/', '?', '#']);
    normalise_origin(end.map_or(address, |end| &address[..scheme + end]))
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add {
            url,
            slug,
            name,
            locale,
            json,
        } => {
            let origin = origin_of(&url)?;
            let host = origin.split("://").nth(1).unwrap_or(&origin).to_owned();
            let slug = slug.unwrap_or_else(|| slug_of(&host));
            let secret = add(session, &slug, &name.unwrap_or(host), vec![origin], &locale).await?;
            show(&secret, json)
        }
        Command::List { json: true } => json(&sites::list(&session.db).await?),
        Command::List { json: false } => {
            let all = sites::list(&session.db).await?;
            if all.is_empty() {
                note("There is no site yet; `deskhand site add URL` adds one.");
            }
            for s in all {
                line(&format!(
                    "{:<20} {}  {:<7} {}",
                    s.slug,
                    s.id,
                    s.mode.as_str(),
                    s.origins.join(" ")
                ));
            }
            Ok(())
        }
        Command::Origins { site, origins } => {
            let site = session.site(Some(&site)).await?;
            let origins = origins
                .iter()
                .map(|o| normalise_origin(o))
                .collect::<Result<Vec<_>, _>>()?;
            let mut tx = session.db.site(site.id).await?;
            sites::set_origins(&mut tx, &origins).await?;
            tx.commit().await?;
            line(&format!("{}: {}", site.slug, origins.join(" ")));
            Ok(())
        }
        Command::Keys { site, json: as_json } => keys(session, &site, as_json).await,
        Command::Rotate { site, json } => {
            let site = session.site(Some(&site)).await?;
            let mut tx = session.db.site(site.id).await?;
            let (kid, secret) = new_root(session, &mut tx).await?;
            let ended = sites::retire_root_keys(&mut tx, &kid, session.clock.now() + GRACE).await?;
            tx.commit().await?;
            show(
                &NewSecret {
                    site_id: site.id,
                    slug: site.slug,
                    kid,
                    secret,
                },
                json,
            )?;
            note(&format!(
                "{ended} older secret(s) stay valid for 24 hours; `deskhand site revoke` ends one at once."
            ));
            Ok(())
        }
        Command::ApiKey { site } => {
            let (kid, key) = current_key(session, &site, Purpose::Api).await?;
            line(&format!("{kid}.{key}"));
            Ok(())
        }
        Command::WebhookKey { site } => {
            let (_, key) = current_key(session, &site, Purpose::Webhook).await?;
            line(&key);
            Ok(())
        }
        Command::Mode { site, mode } => {
            let site = session.site(Some(&site)).await?;
            let wanted = Mode::parse(&mode).context("no such mode")?;
            let mut tx = session.db.site(site.id).await?;
            sites::set_mode(&mut tx, wanted).await?;
            tx.commit().await?;
            line(&format!("{} is in mode {mode} now.", site.slug));
            Ok(())
        }
        Command::Set { site, settings } => settings::set(session, &site, &settings).await,
        Command::Settings { site, json } => settings::show(session, &site, json).await,
        Command::Revoke { site, kid } => {
            let site = session.site(Some(&site)).await?;
            let mut tx = session.db.site(site.id).await?;
            let found = sites::revoke_key(&mut tx, &kid, session.clock.now()).await?;
            tx.commit().await?;
            anyhow::ensure!(
                found,
                "{} has no key `{kid}`; `deskhand site keys {}` lists them",
                site.slug,
                site.slug
            );
            line(&format!(
                "{kid} is no longer valid. Running servers stop taking it within five seconds."
            ));
            Ok(())
        }
        Command::AddKey {
            site,
            alg,
            public_key,
            kid,
        } => add_key(session, &site, alg, &public_key, &kid).await,
    }
}

/// The id of a site's current secret, and the key for a purpose that comes from it, in hex.
async fn current_key(session: &Session, site: &str, purpose: Purpose) -> anyhow::Result<(String, String)> {
    let site = session.site(Some(site)).await?;
    let mut tx = session.db.site(site.id).await?;
    let root = sites::current_root(&mut tx, session.clock.now()).await?;
    tx.commit().await?;
    let (kid, sealed) = root.with_context(|| {
        format!(
            "{} has no secret; `deskhand site rotate {}` makes one",
            site.slug, site.slug
        )
    })?;
    let root = open_root(&session.master, site.id, &kid, &sealed)?;
    let key = hex::encode(root.derive(site.id, purpose).expose());
    Ok((kid, key))
}

async fn keys(session: &Session, site: &str, as_json: bool) -> anyhow::Result<()> {
    let site = session.site(Some(site)).await?;
    let mut tx = session.db.site(site.id).await?;
    let keys = sites::keys(&mut tx).await?;
    tx.commit().await?;
    if as_json {
        return json(&keys);
    }
    let now = session.clock.now();
    for k in keys {
        let state = match k.not_after {
            None => "valid".to_owned(),
            Some(end) if end <= now => format!("ended {}", end.format("%Y-%m-%d %H:%M UTC")),
            Some(end) => format!("valid until {}", end.format("%Y-%m-%d %H:%M UTC")),
        };
        line(&format!("{:<24} {:<6} {:<6} {state}", k.kid, k.purpose, k.alg));
    }
    Ok(())
}

async fn add_key(
    session: &Session,
    site: &str,
    alg: PublicAlg,
    public_key: &std::path::Path,
    kid: &str,
) -> anyhow::Result<()> {
    let pem = std::fs::read_to_string(public_key).with_context(|| public_key.display().to_string())?;
    let (alg, usable) = match alg {
        PublicAlg::Rs256 => (
            Alg::RS256,
            jsonwebtoken::DecodingKey::from_rsa_pem(pem.as_bytes()).is_ok(),
        ),
        PublicAlg::Es256 => (
            Alg::ES256,
            jsonwebtoken::DecodingKey::from_ec_pem(pem.as_bytes()).is_ok(),
        ),
    };
    anyhow::ensure!(
        usable && pem.contains("PUBLIC KEY"),
        "{} holds no public key for {} in PEM",
        public_key.display(),
        alg.as_str()
    );
    let site = session.site(Some(site)).await?;
    let mut tx = session.db.site(site.id).await?;
    sites::add_token_key(&mut tx, kid, alg, &pem)
        .await
        .with_context(|| {
            format!(
                "the key `{kid}` can't be added: an id has 8 to 64 letters, digits, - or _, and is used once"
            )
        })?;
    tx.commit().await?;
    line(&format!(
        "{}: tokens signed with {kid} ({}) are valid now.",
        site.slug,
        alg.as_str()
    ));
    Ok(())
}

/// Adds a site with its first secret.
///
/// # Errors
/// When the slug is taken or no slug.
pub(super) async fn add_site(
    session: &Session,
    slug: &str,
    name: &str,
    origins: Vec<String>,
    locale: &str,
) -> anyhow::Result<(Site, String, String)> {
    anyhow::ensure!(
        is_slug(slug),
        "`{slug}` can't be a site's --slug: 1 to 63 lower-case letters, digits and -"
    );
    anyhow::ensure!(
        is_locale(locale),
        "`{locale}` is no language tag; write one such as en or de-AT"
    );
    let site = Site {
        id: SiteId::new(),
        slug: slug.to_owned(),
        name: name.to_owned(),
        origins,
        mode: Mode::Assist,
        locale: locale.to_owned(),
        rules: Rules::default(),
        created_at: session.clock.now(),
    };
    let mut tx = session.db.site(site.id).await?;
    if let Err(error) = sites::insert(&mut tx, &site).await {
        anyhow::ensure!(
            !error.is_unique_violation(),
            "there is a site `{slug}` already; give this one another --slug"
        );
        return Err(error.into());
    }
    let (kid, secret) = new_root(session, &mut tx).await?;
    tx.commit().await?;
    Ok((site, kid, secret))
}

async fn add(
    session: &Session,
    slug: &str,
    name: &str,
    origins: Vec<String>,
    locale: &str,
) -> anyhow::Result<NewSecret> {
    let (site, kid, secret) = add_site(session, slug, name, origins, locale).await?;
    Ok(NewSecret {
        site_id: site.id,
        slug: site.slug,
        kid,
        secret,
    })
}

async fn new_root(session: &Session, tx: &mut crate::db::pool::SiteTx) -> anyhow::Result<(String, String)> {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    let mut tail = [0_u8; 9];
    rand::rng().fill_bytes(&mut tail);
    let kid = format!("dk_{}", hex::encode(tail));
    let root = RootSecret::new(bytes);
    let sealed = session.master.seal(&owner_of(tx.site(), &kid), root.expose())?;
    sites::add_root_key(tx, &kid, &sealed).await?;
    Ok((kid, hex::encode(root.expose())))
}

fn show(secret: &NewSecret, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return json(secret);
    }
    line(&format!("Site    {} ({})", secret.site_id, secret.slug));
    line(&format!("Key id  {}", secret.kid));
    line(&format!("Secret  {}", secret.secret));
    note("The secret is shown this once. It belongs into wp-config.php, not into a page.");
    Ok(())
}

fn slug_of(host: &str) -> String {
    let slug: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .chars()
        .take(60)
        .collect();
    if slug.is_empty() { "site".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_in_a_folder_is_known_by_its_origin() {
        for address in [
            "https://shop.example",
            "https://Shop.example/blog/",
            "https://shop.example:443?p=1",
        ] {
            assert_eq!(
                origin_of(address).as_deref(),
                Ok("https://shop.example"),
                "{address}"
            );
        }
        assert!(origin_of("shop.example/blog").is_err());
        assert!(origin_of("ftp://shop.example").is_err());
    }
}
