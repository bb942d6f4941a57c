//! `deskhand site set` and `site settings`: what a site's owner can choose.

use serde_json::{Map, json};

use super::super::print::{self, line};
use super::super::session::Session;
use crate::db::{hours, sites};
use crate::domain::hours::Hours;
use crate::domain::settings::{HOURS, SETTINGS, parse};

/// Sets all of them or none.
pub(super) async fn set(session: &Session, site: &str, given: &[String]) -> anyhow::Result<()> {
    let settings = given
        .iter()
        .map(|text| parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let site = session.site(Some(site)).await?;
    let mut tx = session.db.site(site.id).await?;
    for (key, value) in &settings {
        if *key == HOURS
            && let Some(set) = value.as_str().and_then(|text| text.parse::<Hours>().ok())
            && !hours::knows_zone(&mut tx, &set.zone).await?
        {
            anyhow::bail!(
                "there is no time zone `{}`; write one such as Europe/Vienna",
                set.zone
            );
        }
        sites::set_setting(&mut tx, key, value).await?;
    }
    let now = sites::settings(&mut tx).await?;
    tx.commit().await?;
    for setting in SETTINGS
        .iter()
        .filter(|s| settings.iter().any(|(key, _)| *key == s.key))
    {
        line(&format!(
            "{}: {}={}",
            site.slug,
            setting.key,
            now.shown(setting).0
        ));
    }
    Ok(())
}

/// Shows them.
pub(super) async fn show(session: &Session, site: &str, as_json: bool) -> anyhow::Result<()> {
    let site = session.site(Some(site)).await?;
    let mut tx = session.db.site(site.id).await?;
    let now = sites::settings(&mut tx).await?;
    tx.commit().await?;
    if as_json {
        let all: Map<_, _> = SETTINGS
            .iter()
            .map(|s| {
                let (value, set) = now.shown(s);
                (s.key.to_owned(), json!({ "value": value, "set": set }))
            })
            .collect();
        return print::json(&all);
    }
    for setting in SETTINGS {
        let (value, set) = now.shown(setting);
        let mark = if set { "" } else { " (default)" };
        line(&format!("{}={value}{mark}", setting.key));
        line(&format!("    {}: {}", setting.kind.allowed(), setting.about));
    }
    Ok(())
}
