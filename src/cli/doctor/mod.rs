//! `deskhand doctor`: checks each part, and says how to mend it.

mod mail;
mod moderation;
mod providers;
mod reading;

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::model;
use crate::cli::print::{self, line};
use crate::cli::session::{Logins, embedded_settings};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::jobs;
use crate::db::migrate;
use crate::db::models::SiteModels;
use crate::db::pool::Db;
use crate::db::{documents, freshness, models, refused, sites};
use crate::domain::job::JobState;
use crate::domain::keys::open_root;
use crate::knowledge::embed;
use crate::mail::smtp::MailError;
use crate::models::embedder::{EmbedError, ModelSpec, Purpose};
use crate::models::embedders::Embedders;
use crate::models::local::DEFAULT;

/// How to report.
#[derive(clap::Args)]
pub struct Args {
    /// Mend what can be mended: fetch the default embedding model where it is missing or damaged.
    #[arg(long)]
    fix: bool,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Space below which the data folder is said to be short of it, in bytes.
const LITTLE_SPACE: u64 = 1 << 30;
/// Days after which a key should be replaced.
const OLD_KEY_DAYS: i64 = 90;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Broken,
}

#[derive(Debug, Serialize)]
struct Check {
    part: String,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Default)]
struct Report(Vec<Check>);

impl Report {
    fn add(&mut self, part: &str, state: State, detail: impl Into<String>, mend: Option<&str>) {
        self.0.push(Check {
            part: part.into(),
            state,
            detail: detail.into(),
            mend: mend.map(str::to_owned),
        });
    }

    fn ok(&mut self, part: &str, detail: impl Into<String>) {
        self.add(part, State::Ok, detail, None);
    }

    fn worst(&self) -> bool {
        self.0.iter().any(|c| c.state == State::Broken)
    }
}

/// What helps when the mail server doesn't take a mail.
pub(super) fn mend_mail(error: &MailError) -> &'static str {
    mail::mend(error)
}

/// Checks; exits with 1 when something is broken.
///
/// # Errors
/// When the report can't be printed.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    report.ok("configuration", "every key and value is known");
    embeddings(&config, args.fix, &mut report).await;
    providers::check(&config, &mut report).await;
    moderation::check(&config, &mut report).await;
    reading::check(&config, &mut report).await;
    mail::check(&config, &mut report).await;
    examine(&config, &mut report).await;
    if args.json {
        print::json(&report.0)?;
    } else {
        for c in &report.0 {
            let mark = match c.state {
                State::Ok => "ok     ",
                State::Warning => "warning",
                State::Broken => "BROKEN ",
            };
            line(&format!("{mark}  {:<14} {}", c.part, c.detail));
            if let Some(mend) = &c.mend {
                line(&format!("{:24} → {mend}", ""));
            }
        }
    }
    Ok(if report.worst() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The model that a new site begins with; it is opened and asked.
async fn embeddings(config: &Config, fix: bool, report: &mut Report) {
    let part = "embeddings";
    let settings = match config.embedder_settings() {
        Ok(settings) => settings,
        Err(e) => return report.add(part, State::Broken, e.to_string(), None),
    };
    let Some(spec) = settings.model.clone() else {
        return report.ok(part, "switched off: search is by words alone");
    };
    let folder = settings.folder.clone();
    let default = spec == ModelSpec::Local(DEFAULT.to_owned());
    let mut fetched = "";
    let there = folder.join(DEFAULT).join("model.safetensors").is_file();
    let damaged = there && Embedders::new(settings.clone()).get(&spec, None).await.is_err();
    if fix && default && (!there || damaged) {
        print::note("Fetching the embedding model (80 MB).");
        match model::fetch(&folder).await {
            Ok(_) => fetched = ", fetched now",
            Err(e) => return report.add(part, State::Broken, format!("{e:#}"), None),
        }
    }
    let embedders = Embedders::new(settings);
    let asked = async {
        let embedder = embedders.get(&spec, None).await?;
        let texts = vec!["Does it work?".to_owned()];
        embedder.embed(texts, Purpose::Query).await?;
        Ok::<_, EmbedError>(embedder)
    };
    match asked.await {
        Ok(e) => report.ok(
            part,
            format!("{}, {} dimensions{fetched}", e.name(), e.dimensions()),
        ),
        Err(e) if default && !fix => report.add(
            part,
            State::Warning,
            format!("{e}; search is by words alone"),
            Some("`deskhand doctor --fix`"),
        ),
        Err(e) => report.add(part, State::Broken, e.to_string(), None),
    }
}

async fn examine(config: &Config, report: &mut Report) {
    if config.database.url.is_none() {
        match embedded_settings(config) {
            Ok(s) => report.ok("postgresql", format!("own, from {}", s.pg_dir.display())),
            Err(e) => {
                return report.add(
                    "postgresql",
                    State::Broken,
                    e.to_string(),
                    Some("run `./dev setup`, or set DESKHAND_PG_DIR or DATABASE_URL"),
                );
            }
        }
        space(config, report);
    }
    let logins = match Logins::find(config, Access::Attach).await {
        Ok(logins) => logins,
        Err(e) => return report.add("database", State::Broken, format!("{e:#}"), None),
    };
    match migrate::check(&logins.app).await {
        Ok(()) => report.ok(
            "database",
            "reached, on this version, and row security binds the login",
        ),
        Err(e) => {
            report.add(
                "database",
                State::Broken,
                e.to_string(),
                Some("run `deskhand migrate`"),
            );
            return stop(logins).await;
        }
    }
    match Db::connect(&logins.app, 2).await {
        Ok(db) => {
            contents(config, &db, report).await;
            db.close().await;
        }
        Err(e) => report.add("database", State::Broken, e.to_string(), None),
    }
    stop(logins).await;
}

async fn stop(logins: Logins) {
    if let Some(server) = logins.embedded
        && let Err(e) = server.stop().await
    {
        print::note(&format!("{e}"));
    }
}

fn space(config: &Config, report: &mut Report) {
    // The folder itself may not be there yet.
    let there = config.data_dir.ancestors().find(|p| p.exists());
    let Some(stat) = there.and_then(|p| nix::sys::statvfs::statvfs(p).ok()) else {
        return;
    };
    let free = stat.blocks_available() * stat.fragment_size();
    let said = format!("{}, {:.1} GiB free", config.data_dir.display(), free_gib(free));
    if free < LITTLE_SPACE {
        report.add(
            "data folder",
            State::Warning,
            said,
            Some("free some space, or set data_dir to another disk"),
        );
    } else {
        report.ok("data folder", said);
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, with one decimal")]
fn free_gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

async fn contents(config: &Config, db: &Db, report: &mut Report) {
    let master = match config.master_key() {
        Ok(key) => key,
        Err(e) => return report.add("master key", State::Broken, e.to_string(), None),
    };
    report.ok("master key", "there");
    let all = match sites::list(db).await {
        Ok(all) => all,
        Err(e) => return report.add("sites", State::Broken, e.to_string(), None),
    };
    if all.is_empty() {
        report.add(
            "sites",
            State::Warning,
            "none yet",
            Some("`deskhand serve` makes the demo; `deskhand site add URL` adds yours"),
        );
    }
    let settings = match config.embedder_settings() {
        Ok(settings) => settings,
        Err(e) => return report.add("embeddings", State::Broken, e.to_string(), None),
    };
    let embedders = Embedders::new(settings);
    for site in all {
        if let Err(e) = one_site(&embedders, db, &master, &site, report).await {
            report.add(&site.slug, State::Broken, e.to_string(), None);
        }
    }
    match jobs::counts(db).await {
        Ok(counts) => {
            let of = |state: JobState| counts.get(state.as_str()).copied().unwrap_or(0);
            let (waiting, dead) = (of(JobState::Waiting), of(JobState::Dead));
            let said = format!("{waiting} waiting, {dead} failed for good");
            if dead > 0 {
                let mend = "`deskhand jobs list --state dead` says why; `deskhand jobs retry --all-dead` tries again";
                report.add("jobs", State::Warning, said, Some(mend));
            } else {
                report.ok("jobs", said);
            }
        }
        Err(e) => report.add("jobs", State::Broken, e.to_string(), None),
    }
}

/// The models that a site is searched by, or will be.
async fn site_models(embedders: &Embedders, known: &SiteModels, part: &str, report: &mut Report) {
    if let Some(live) = &known.live
        && let Err(e) = embed::open(embedders, live).await
    {
        let detail = format!("searched by words alone: {e}");
        report.add(
            part,
            State::Broken,
            detail,
            Some("put the model's own files back, or `deskhand reindex --model …` to another one"),
        );
    }
    if let Some(next) = &known.next {
        report.add(
            part,
            State::Warning,
            format!("the vectors of {} are being built", next.name),
            Some("`deskhand jobs list` says how far they are; `deskhand reindex` names another model"),
        );
    }
}

async fn one_site(
    embedders: &Embedders,
    db: &Db,
    master: &crate::domain::seal::MasterKey,
    site: &crate::domain::site::Site,
    report: &mut Report,
) -> anyhow::Result<()> {
    use crate::domain::clock::Clock as _;
    let now = crate::domain::clock::SystemClock.now();
    let mut tx = db.site(site.id).await?;
    let root = sites::current_root(&mut tx, now).await?;
    let keys = sites::keys(&mut tx).await?;
    let documents = documents::count_live(&mut tx).await?;
    let known = models::of_site(&mut tx).await?;
    let standing = freshness::look(&mut tx).await?;
    let refused = refused::since(&mut tx, now.date_naive() - chrono::TimeDelta::days(1)).await?;
    tx.commit().await?;
    let part = format!("site {}", site.slug);
    site_models(embedders, &known, &part, report).await;
    match root {
        None => report.add(
            &part,
            State::Broken,
            "no valid secret",
            Some(&format!("`deskhand site rotate {}`", site.slug)),
        ),
        Some((kid, sealed)) => match open_root(master, site.id, &kid, &sealed) {
            Err(e) => report.add(
                &part,
                State::Broken,
                e.to_string(),
                Some("use the master key that the site's secret was sealed with, or `deskhand site rotate`"),
            ),
            Ok(_) => {
                let age = keys
                    .iter()
                    .find(|k| k.kid == kid)
                    .map_or(0, |k| (now - k.not_before).num_days());
                if age > OLD_KEY_DAYS {
                    report.add(
                        &part,
                        State::Warning,
                        format!("its secret is {age} days old"),
                        Some(&format!("`deskhand site rotate {}`", site.slug)),
                    );
                } else {
                    report.ok(&part, "its secret opens");
                }
            }
        },
    }
    if site.origins.is_empty() {
        report.add(
            &part,
            State::Warning,
            "no origin: no page may talk to it",
            Some(&format!("`deskhand site origins {} https://…`", site.slug)),
        );
    }
    if documents == 0 {
        report.add(
            &part,
            State::Warning,
            "no documents: nothing to answer from, so questions go to people",
            Some(&format!("`deskhand ingest PATH --site {}`", site.slug)),
        );
    } else {
        report.ok(&part, format!("{documents} documents"));
    }
    let wrong: i64 = refused.iter().map(|r| r.n).sum();
    if wrong > 0 {
        report.add(
            &part,
            State::Warning,
            format!("{wrong} webhook(s) with a wrong signature came since yesterday"),
            Some(&format!(
                "`deskhand events refused --site {0}` says from where; if it is the site itself, its plugin has another \
                 secret: `deskhand site rotate {0}` makes a new one to paste",
                site.slug
            )),
        );
    }
    let old = standing.max_age_hours.filter(|hours| {
        let oldest = now - chrono::TimeDelta::hours((*hours).into());
        documents > 0 && standing.newest.is_none_or(|newest| newest < oldest)
    });
    if let Some(hours) = old {
        report.add(
            &part,
            State::Warning,
            format!("its knowledge is more than {hours} hours old, so questions go to people"),
            Some(&format!(
                "`deskhand crawl run --site {0}`, `deskhand ingest PATH --site {0}`, or `deskhand site set {0} max_age_hours=…`",
                site.slug
            )),
        );
    }
    Ok(())
}
