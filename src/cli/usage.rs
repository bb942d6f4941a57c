//! `deskhand usage`: what language models were asked and what that cost, today and over the
//! last days, by site, provider and model, and what is left of the day's cap.

use std::process::ExitCode;

use chrono::{NaiveDate, TimeDelta};
use serde::Serialize;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::model_calls::DayOfCalls;
use crate::db::{sites, spend, usage as recorded};
use crate::domain::site::Site;
use crate::gateway::usage as table;
use crate::models::price::Micros;

/// Whose, and how far back.
#[derive(clap::Args)]
pub struct Args {
    /// The site's slug or id (default: all).
    #[arg(long)]
    site: Option<String>,
    /// Of how many days, today included.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// For scripts; money is in millionths of the currency's unit.
    #[arg(long)]
    json: bool,
    /// A table for spreadsheets: a row for each day's turns, and one for each day and model.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Calls, and what they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Sum {
    calls: i64,
    tokens_in: i64,
    tokens_out: i64,
    cost_micro: i64,
}

impl Sum {
    fn add(&mut self, calls: &DayOfCalls) {
        self.calls += calls.calls;
        self.tokens_in += calls.tokens_in;
        self.tokens_out += calls.tokens_out;
        self.cost_micro += calls.cost_micro;
    }
}

/// One model's part.
#[derive(Debug, Serialize)]
struct OfModel {
    provider: String,
    model: String,
    #[serde(flatten)]
    sum: Sum,
}

/// One day.
#[derive(Debug, Serialize)]
struct Day {
    day: NaiveDate,
    #[serde(flatten)]
    sum: Sum,
    /// Counted against the cap: what calls cost, and what is set aside for calls that are
    /// under way or whose end nobody saw.
    spent_micro: i64,
    /// Whether the cap was reached.
    capped: bool,
    models: Vec<OfModel>,
}

/// One site.
#[derive(Debug, Serialize)]
struct Usage {
    site: String,
    currency: String,
    cap_micro: i64,
    cap_left_micro: i64,
    today: Day,
    /// All days together.
    period: Sum,
    models: Vec<OfModel>,
    /// Days with calls, newest first.
    days: Vec<Day>,
}

/// Shows it.
///
/// # Errors
/// When there is no such site or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = show(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn show(session: &Session, args: &Args) -> anyhow::Result<()> {
    let sites = match &args.site {
        Some(wanted) => vec![session.site(Some(wanted)).await?],
        None => sites::list(&session.db).await?,
    };
    if args.csv {
        return as_csv(session, &sites, args.days).await;
    }
    let mut all = Vec::with_capacity(sites.len());
    for site in &sites {
        all.push(of_site(session, site, args.days).await?);
    }
    if args.json {
        return print::json(&all);
    }
    if all.is_empty() {
        note("There is no site yet; `deskhand site add URL` adds one.");
    }
    for usage in &all {
        print(usage, args.days);
    }
    Ok(())
}

async fn as_csv(session: &Session, sites: &[Site], days: u16) -> anyhow::Result<()> {
    let today = session.clock.now().date_naive();
    let since = today - TimeDelta::days(i64::from(days) - 1);
    let mut found = Vec::with_capacity(sites.len());
    for site in sites {
        let mut tx = session.db.site(site.id).await?;
        let turns = recorded::turns(&mut tx, since, today).await?;
        found.push((
            site.slug.as_str(),
            turns,
            recorded::calls(&mut tx, since, today).await?,
        ));
    }
    let all: Vec<table::Usage<'_>> = found
        .iter()
        .map(|(site, turns, calls)| table::Usage { site, turns, calls })
        .collect();
    print::piece(&table::csv(&all, &session.config.agent.currency));
    Ok(())
}

async fn of_site(session: &Session, site: &Site, days: u16) -> anyhow::Result<Usage> {
    let today = session.clock.now().date_naive();
    let since = today - TimeDelta::days(i64::from(days) - 1);
    let mut tx = session.db.site(site.id).await?;
    let calls = recorded::calls(&mut tx, since, today).await?;
    let spent = spend::by_day(&mut tx, since).await?;
    drop(tx);
    let cap_micro = i64::try_from(session.config.agent.day_cap.0.0).unwrap_or(i64::MAX);
    let mut dates: Vec<NaiveDate> = calls
        .iter()
        .map(|c| c.day)
        .chain(spent.iter().map(|s| s.day))
        .collect();
    dates.sort_unstable_by(|a, b| b.cmp(a));
    dates.dedup();
    let day = |day| of_day(day, &calls, &spent);
    let today = day(today);
    let mut period = Sum::default();
    calls.iter().for_each(|c| period.add(c));
    Ok(Usage {
        site: site.slug.clone(),
        currency: session.config.agent.currency.clone(),
        cap_micro,
        cap_left_micro: (cap_micro - today.spent_micro).max(0),
        today,
        period,
        models: by_model(calls.iter()),
        days: dates.into_iter().map(day).collect(),
    })
}

fn of_day(day: NaiveDate, calls: &[DayOfCalls], spent: &[spend::Spent]) -> Day {
    let of_day = || calls.iter().filter(move |c| c.day == day);
    let mut sum = Sum::default();
    of_day().for_each(|c| sum.add(c));
    let row = spent.iter().find(|s| s.day == day);
    Day {
        day,
        sum,
        spent_micro: row.map_or(0, |s| s.micro),
        capped: row.is_some_and(|s| s.told_at.is_some()),
        models: by_model(of_day()),
    }
}

/// Dearest first.
fn by_model<'a>(calls: impl Iterator<Item = &'a DayOfCalls>) -> Vec<OfModel> {
    let mut models: Vec<OfModel> = Vec::new();
    for c in calls {
        let known = models
            .iter()
            .position(|m| m.provider == c.provider && m.model == c.model);
        let at = known.unwrap_or_else(|| {
            models.push(OfModel {
                provider: c.provider.clone(),
                model: c.model.clone(),
                sum: Sum::default(),
            });
            models.len() - 1
        });
        models[at].sum.add(c);
    }
    models.sort_by_key(|m| std::cmp::Reverse(m.sum.cost_micro));
    models
}

fn print(u: &Usage, days: u16) {
    line(&u.site);
    let capped = if u.today.capped {
        "; it was reached, answers come from the documents alone"
    } else {
        ""
    };
    line(&format!(
        "  today          {}; {} of {} {} left{capped}",
        said(&u.today.sum),
        money(u.cap_left_micro),
        money(u.cap_micro),
        u.currency,
    ));
    let open = u.today.spent_micro - u.today.sum.cost_micro;
    if open > 0 {
        line(&format!(
            "                 {} set aside for calls under way or cut off",
            money(open)
        ));
    }
    line(&format!("  last {days:>3} days  {}", said(&u.period)));
    for m in &u.models {
        line(&format!("    {} {}: {}", m.provider, m.model, said(&m.sum)));
    }
    for d in &u.days {
        let capped = if d.capped { ", cap reached" } else { "" };
        line(&format!("    {}  {}{capped}", d.day, said(&d.sum)));
    }
}

fn said(sum: &Sum) -> String {
    format!(
        "{} call(s), {} tokens in, {} out, cost {}",
        sum.calls,
        sum.tokens_in,
        sum.tokens_out,
        money(sum.cost_micro)
    )
}

fn money(micro: i64) -> String {
    Micros(u64::try_from(micro).unwrap_or(0)).to_string()
}
