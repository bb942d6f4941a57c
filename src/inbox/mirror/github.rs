//! A ticket as an issue of a GitHub repository: made once, since an issue that may have been made
//! is looked for by its mark before another one is; what changes is told in a comment, which has a
//! mark too, and closes or reopens the issue.

use chrono::SecondsFormat;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Leaving, MirrorError, Mirrors, TIME, allowed, judge};
use crate::db::connections::Connection;
use crate::db::mirrors::{self, Begun, Sent};
use crate::domain::ids::SiteId;
use crate::domain::ticket::TicketState;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::{Exchange, Fetcher};

/// Where the API is unless the connection says otherwise.
const API: &str = "https://api.github.com";
/// The label of all issues that are made here, which they are found by.
const LABEL: &str = "deskhand";
/// What is kept of an answer, and pages of issues that are looked through.
const MOST: usize = 8 << 20;
const PAGES: usize = 10;
const PER_PAGE: usize = 100;
/// The longest body of an issue or a comment, in characters.
const LONGEST: usize = 60_000;

/// A repository.
pub struct GitHub<'a> {
    fetcher: &'a Fetcher,
    base: String,
    labels: Vec<String>,
    headers: HeaderMap,
    allowed: AllowList,
}

impl<'a> GitHub<'a> {
    /// By a connection's settings.
    ///
    /// # Errors
    /// When they can't be used.
    pub fn of(fetcher: &'a Fetcher, to: &Connection, token: &SecretString) -> Result<Self, MirrorError> {
        let api = to.config["api"].as_str().unwrap_or(API).trim_end_matches('/');
        let repo = to.config["repo"].as_str().unwrap_or_default();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| MirrorError::new("secret", "The token can't be sent.", true))?;
        bearer.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
        let own = to.config["labels"].as_str().unwrap_or_default();
        let labels = std::iter::once(LABEL)
            .chain(
                own.split(',')
                    .map(str::trim)
                    .filter(|l| !l.is_empty() && *l != LABEL),
            )
            .map(str::to_owned)
            .collect();
        Ok(Self {
            fetcher,
            base: format!("{api}/repos/{repo}"),
            labels,
            headers,
            allowed: allowed(api)?,
        })
    }

    /// Whether the repository can be reached and has issues.
    ///
    /// # Errors
    /// When it can't; the message says why.
    pub async fn check(&self) -> Result<String, MirrorError> {
        let repo = self.ask(Method::GET, "", None).await?;
        if repo["has_issues"] == json!(false) {
            return Err(MirrorError::new(
                "no_issues",
                "The repository has issues switched off.",
                true,
            ));
        }
        if repo.pointer("/permissions/push") == Some(&json!(false))
            && repo.pointer("/permissions/triage") == Some(&json!(false))
        {
            return Err(MirrorError::new(
                "no_permission",
                "The token may read the repository, but not write issues there.",
                true,
            ));
        }
        Ok(repo["full_name"].as_str().unwrap_or_default().to_owned())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, MirrorError> {
        let url = format!("{}{path}", self.base);
        let mut headers = self.headers.clone();
        let body = match body {
            Some(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                serde_json::to_vec(body).map_err(|_| unreadable())?
            }
            None => Vec::new(),
        };
        let exchange = Exchange {
            method,
            url: &url,
            headers,
            body,
            most: MOST,
            time: TIME,
        };
        let answer = self.fetcher.exchange(exchange, &self.allowed).await?;
        judge(&answer, "GitHub")?;
        serde_json::from_slice(&answer.body).map_err(|_| unreadable())
    }

    /// Makes the issue, or tells it what has changed.
    pub(super) async fn mirror(
        &self,
        mirrors: &Mirrors,
        site: SiteId,
        leaving: &Leaving,
        begun: &Begun,
        to: &Connection,
    ) -> Result<Sent, MirrorError> {
        let known = match &begun.remote_ref {
            Some(number) => Some(Sent {
                remote_ref: Some(number.clone()),
                remote_url: None,
            }),
            None if begun.in_doubt => self.find(leaving).await?,
            None => None,
        };
        let Some(issue) = known else {
            let made = self.make(leaving).await?;
            if leaving.ticket.state == TicketState::Resolved {
                self.set_state(&made, true).await?;
            }
            return Ok(made);
        };
        if begun.remote_ref.is_none() {
            // What follows may fail; the issue is known from now on.
            let mut tx = mirrors.db.site(site).await?;
            mirrors::found(&mut tx, leaving.ticket.id, (&to.kind, &to.name), &issue).await?;
            tx.commit().await?;
        }
        if begun.sent_rev > 0 {
            self.tell(&issue, leaving, begun).await?;
        }
        self.set_state(&issue, leaving.ticket.state == TicketState::Resolved)
            .await?;
        Ok(issue)
    }

    async fn make(&self, leaving: &Leaving) -> Result<Sent, MirrorError> {
        let t = &leaving.ticket;
        let about = if t.subject.is_empty() {
            &t.reason
        } else {
            &t.subject
        };
        let mut lines = vec![t.body.clone()];
        if let Some(summary) = &t.summary {
            lines.push(format!("**Summary:** {summary}"));
        }
        lines.push(format!(
            "| priority | category | source |\n|---|---|---|\n| {} | {} | {} |",
            t.priority.as_str(),
            t.category,
            t.source
        ));
        lines.retain(|l| !l.trim().is_empty());
        let body = format!("{}\n\n{}", cut(&lines.join("\n\n")), mark(leaving, None));
        let issue =
            json!({ "title": format!("[{}] {about}", t.ticket), "body": body, "labels": self.labels });
        sent(&self.ask(Method::POST, "/issues", Some(&issue)).await?)
    }

    /// The issue that has this ticket's mark.
    async fn find(&self, leaving: &Leaving) -> Result<Option<Sent>, MirrorError> {
        let mark = mark(leaving, None);
        let since = leaving.ticket.created_at - chrono::TimeDelta::minutes(10);
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        for page in 1..=PAGES {
            let path =
                format!("/issues?state=all&labels={LABEL}&since={since}&per_page={PER_PAGE}&page={page}");
            let issues = self.ask(Method::GET, &path, None).await?;
            let issues = issues.as_array().ok_or_else(unreadable)?;
            let body = |issue: &&Value| issue["body"].as_str().is_some_and(|b| b.contains(&mark));
            if let Some(issue) = issues.iter().find(body) {
                return sent(issue).map(Some);
            }
            if issues.len() < PER_PAGE {
                break;
            }
        }
        Ok(None)
    }

    /// A comment about a change, once.
    async fn tell(&self, issue: &Sent, leaving: &Leaving, begun: &Begun) -> Result<(), MirrorError> {
        let t = &leaving.ticket;
        let number = issue.remote_ref.as_deref().unwrap_or_default();
        let mark = mark(leaving, Some(t.rev));
        if begun.in_doubt {
            let since =
                (begun.at - chrono::TimeDelta::minutes(10)).to_rfc3339_opts(SecondsFormat::Secs, true);
            let path = format!("/issues/{number}/comments?since={since}&per_page={PER_PAGE}");
            let comments = self.ask(Method::GET, &path, None).await?;
            let told = |c: &Value| c["body"].as_str().is_some_and(|b| b.contains(&mark));
            if comments.as_array().ok_or_else(unreadable)?.iter().any(told) {
                return Ok(());
            }
        }
        let mut lines: Vec<String> = leaving
            .notes
            .iter()
            .filter(|n| n.at > begun.at)
            .map(|n| format!("The customer added:\n\n> {}", n.text.replace('\n', "\n> ")))
            .collect();
        let who = t.assignee.as_deref().unwrap_or("nobody");
        lines.push(format!(
            "{}: {}, priority {}, category {}, assigned to {who}.",
            t.ticket,
            t.state.as_str(),
            t.priority.as_str(),
            t.category
        ));
        let body = format!("{}\n\n{mark}", cut(&lines.join("\n\n")));
        let path = format!("/issues/{number}/comments");
        self.ask(Method::POST, &path, Some(&json!({ "body": body })))
            .await?;
        Ok(())
    }

    async fn set_state(&self, issue: &Sent, closed: bool) -> Result<(), MirrorError> {
        let number = issue.remote_ref.as_deref().unwrap_or_default();
        let to = if closed {
            json!({ "state": "closed", "state_reason": "completed" })
        } else {
            json!({ "state": "open" })
        };
        self.ask(Method::PATCH, &format!("/issues/{number}"), Some(&to))
            .await?;
        Ok(())
    }
}

fn unreadable() -> MirrorError {
    MirrorError::new("unreadable", "GitHub's answer can't be read.", false)
}

/// What an issue or a comment is recognised by; it isn't shown.
fn mark(leaving: &Leaving, rev: Option<i32>) -> String {
    let id = leaving.ticket.id;
    match rev {
        Some(rev) => format!("<!-- deskhand:ticket/{id}@{rev} -->"),
        None => format!("<!-- deskhand:ticket/{id} -->"),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).chain(['…']).collect()
    }
}

fn sent(issue: &Value) -> Result<Sent, MirrorError> {
    let number = issue["number"].as_u64().ok_or_else(unreadable)?;
    Ok(Sent {
        remote_ref: Some(number.to_string()),
        remote_url: issue["html_url"].as_str().map(str::to_owned),
    })
}
