//! `deskhand migrate`

use std::process::ExitCode;

use super::print::line;
use super::session::Logins;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::migrate;

/// Brings the database to this version.
///
/// # Errors
/// When it can't; the message says what to do.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let logins = Logins::find(&config, Access::Attach).await?;
    let done = logins.migrate().await?;
    migrate::check(&logins.app).await?;
    if let Some(server) = logins.embedded {
        server.stop().await?;
    }
    line(&match done {
        0 => "The database is up to date.".to_owned(),
        n => format!("{n} migration(s) applied; the database is up to date."),
    });
    Ok(ExitCode::SUCCESS)
}
