//! Connects to the mail server and logs in; sends nothing.

use super::{Report, State};
use crate::cli::session;
use crate::config::Config;
use crate::mail::smtp::{MailError, Stage};

pub(super) async fn check(config: &Config, report: &mut Report) {
    let part = "mail";
    let mailer = match session::mailer(config) {
        Ok(Some(mailer)) => mailer,
        Ok(None) => {
            return report.ok(
                part,
                "none: no one-time codes, no replies and no notices by mail (set mail.url and mail.from)",
            );
        }
        Err(error) => {
            return report.add(
                part,
                State::Broken,
                format!("{error:#}"),
                Some("`deskhand help config` says what each key takes"),
            );
        }
    };
    let server = mailer.server();
    match mailer.check().await {
        Ok(true) => report.ok(
            part,
            format!("{server} takes the login, encrypted; `deskhand mail test` sends one"),
        ),
        Ok(false) => report.ok(
            part,
            format!("{server} takes mail; it is on this machine and not encrypted"),
        ),
        Err(error) => {
            let detail = format!("{server}: {}", error.words);
            report.add(part, State::Broken, detail, Some(mend(&error)));
        }
    }
}

/// What helps.
pub(super) fn mend(error: &MailError) -> &'static str {
    match error.stage {
        Stage::Connect => {
            "check host and port in mail.url, and that this machine may connect there; some hosters close port 25 and 587"
        }
        Stage::Tls => {
            "use the server's own name in mail.url, `smtps://` with port 465 where it has no STARTTLS, and mail.ca_file for an authority of your own"
        }
        Stage::Login => "check the user in mail.url and mail.password; some providers want an app password",
        Stage::Mail => {
            "see what the server says; it may not let this sender (mail.from) write, or refuse the address"
        }
        Stage::Letter => "check the address",
    }
}
