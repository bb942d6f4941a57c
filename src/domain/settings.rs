//! What a site's owner can set: one table of keys, and the settings as the house reads
//! them. Stored as JSON in `sites.settings`; a key that isn't there has its default.

mod share;

use serde_json::{Map, Value};

use crate::domain::address::is_email;
use crate::domain::hours::Hours;
use crate::domain::money::{Currency, Money};
use crate::domain::notice::NoticeKind;
use crate::domain::site::normalise_origin;
use crate::domain::sla::{self, Sla};
use crate::domain::text::is_odd;

/// What a setting's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// Hours; 0 switches it off.
    Hours,
    /// Web origins with commas between.
    Origins,
    /// Days, from 1.
    Days,
    /// An amount of money, as a plain decimal.
    Amount,
    /// Short names with commas between, or `none`.
    Names,
    /// A share: percent, or a decimal from 0 to 1. Kept in whole percent.
    Share,
    /// E-mail addresses with commas between, at most so many, or `none`.
    Emails(usize),
    /// Kinds of notices with commas between, or `none`.
    Notices,
    /// Opening hours, or `always`.
    Week,
    /// Minutes to answer within, by category and priority.
    Sla,
    /// A sentence or two for visitors.
    Words,
}

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name on the command line and in the database.
    pub key: &'static str,
    /// What may be given.
    pub kind: Kind,
    /// What holds when nothing was set.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// Documents are searched only once somebody has approved them.
pub const REQUIRE_REVIEW: &str = "require_review";

/// Origins beside the site's own that its content may be fetched from.
pub const FETCH_ORIGINS: &str = "fetch_origins";
/// How old the knowledge may get before the agent leaves questions to people.
pub const MAX_AGE_HOURS: &str = "max_age_hours";

/// Days from delivery within which an order may be paid back.
pub const REFUND_WINDOW_DAYS: &str = "refund_window_days";
/// The states in which it may.
pub const REFUND_STATES: &str = "refund_states";
/// Categories that are never paid back.
pub const REFUND_EXCLUDED: &str = "refund_excluded";
/// The amount above which staff approve.
pub const REFUND_SOFT_LIMIT: &str = "refund_soft_limit";
/// Whether staff approve every refund.
pub const REFUND_APPROVE_ALL: &str = "refund_approve_all";
/// Tools that the agent may not use.
pub const TOOLS_OFF: &str = "tools_off";
/// Days that conversations are kept after the last word.
pub const KEEP_TRANSCRIPTS: &str = "keep_transcripts_days";
/// Days that webhooks and mail are kept as they came.
pub const KEEP_EVENTS: &str = "keep_events_days";
/// Days that tickets are kept after they were resolved.
pub const KEEP_TICKETS: &str = "keep_tickets_days";
/// Days that the audit is kept.
pub const KEEP_AUDIT: &str = "keep_audit_days";
/// Whether pictures of the media library are read.
pub const READ_PICTURES: &str = "read_pictures";
/// When somebody is in.
pub const HOURS: &str = "hours";
/// What is said when nobody is.
pub const AWAY: &str = "away";
/// Within how many minutes a person is to answer.
pub const SLA: &str = "sla";
/// Stands for the next opening in [`AWAY`].
pub const OPENS: &str = "{opens}";

/// Where staff get their notices.
pub const STAFF_EMAILS: &str = "staff_emails";
/// What staff don't want to be told of.
pub const NOTICES_OFF: &str = "notices_off";
/// Where answers to the site's mail go.
pub const REPLY_TO: &str = "reply_to";

/// How well the best passage must fit a question for the agent to answer it.
pub const CONFIDENCE: &str = "confidence";

/// All of them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: REQUIRE_REVIEW,
        kind: Kind::Bool,
        default: "false",
        about: "new and changed documents are searched only once they are approved (`deskhand docs approve`)",
    },
    Setting {
        key: FETCH_ORIGINS,
        kind: Kind::Origins,
        default: "",
        about: "origins beside the site's own that its content may be fetched and crawled from, such as https://docs.shop.example",
    },
    Setting {
        key: MAX_AGE_HOURS,
        kind: Kind::Hours,
        default: "0",
        about: "when the knowledge wasn't brought up to date for so many hours, questions go to people; 0: it may be of any age",
    },
    Setting {
        key: CONFIDENCE,
        kind: Kind::Share,
        default: "0",
        about: "how well the best passage must fit a question (percent, as `deskhand search` shows it); below it a person answers; 0: the agent says itself when it finds nothing",
    },
    Setting {
        key: REFUND_WINDOW_DAYS,
        kind: Kind::Days,
        default: "30",
        about: "days from delivery within which an order may be paid back",
    },
    Setting {
        key: REFUND_STATES,
        kind: Kind::Names,
        default: "completed,processing",
        about: "the states of orders that may be paid back",
    },
    Setting {
        key: REFUND_EXCLUDED,
        kind: Kind::Names,
        default: "made-to-measure,gift-card",
        about: "categories of goods that are never paid back",
    },
    Setting {
        key: REFUND_SOFT_LIMIT,
        kind: Kind::Amount,
        default: "50.00",
        about: "above this amount, in the order's currency, staff approve a refund",
    },
    Setting {
        key: REFUND_APPROVE_ALL,
        kind: Kind::Bool,
        default: "true",
        about: "staff approve every refund, whatever its amount",
    },
    Setting {
        key: TOOLS_OFF,
        kind: Kind::Names,
        default: "none",
        about: "tools that the agent may not use on this site, such as issue_refund,update_shipping_address",
    },
    Setting {
        key: KEEP_TRANSCRIPTS,
        kind: Kind::Days,
        default: "90",
        about: "days that a conversation is kept after the last word in it, and a question that found nothing",
    },
    Setting {
        key: KEEP_EVENTS,
        kind: Kind::Days,
        default: "30",
        about: "days that webhooks and mail are kept as they came",
    },
    Setting {
        key: KEEP_TICKETS,
        kind: Kind::Days,
        default: "180",
        about: "days that a ticket is kept after it was resolved, or after its last change if it never was",
    },
    Setting {
        key: KEEP_AUDIT,
        kind: Kind::Days,
        default: "180",
        about: "days that the audit is kept",
    },
    Setting {
        key: READ_PICTURES,
        kind: Kind::Bool,
        default: "false",
        about: "the text in pictures of the media library is recognised and answered from; most are of products, so usually not",
    },
    Setting {
        key: STAFF_EMAILS,
        kind: Kind::Emails(MOST_STAFF),
        default: "none",
        about: "who is told by e-mail of handoffs, tickets and trouble",
    },
    Setting {
        key: NOTICES_OFF,
        kind: Kind::Notices,
        default: "none",
        about: "what staff aren't told of, by e-mail and Slack",
    },
    Setting {
        key: REPLY_TO,
        kind: Kind::Emails(1),
        default: "none",
        about: "where a visitor's answer to the site's mail goes; none: such answers are read by nobody, and the mail says so",
    },
    Setting {
        key: HOURS,
        kind: Kind::Week,
        default: ALWAYS,
        about: "when somebody is in; who asks for a person at another time is told when somebody is back, and times to answer run while somebody is in",
    },
    Setting {
        key: AWAY,
        kind: Kind::Words,
        default: "",
        about: "what is said when nobody is in, in place of the usual sentence; {opens} stands for the next opening",
    },
    Setting {
        key: SLA,
        kind: Kind::Sla,
        default: sla::DEFAULT,
        about: "minutes within which a person is to answer tickets and handoffs, by category and priority; the most exact entry counts",
    },
];

/// The opening hours of a site that has said nothing.
const ALWAYS: &str = "always";
/// The longest words that can be set, in characters.
const MOST_WORDS: usize = 300;
/// The longest age that can be set: ten years.
const MOST_HOURS: u32 = 87_600;
/// Origins that can be added.
const MOST_ORIGINS: usize = 50;

/// Addresses of staff that can be set.
const MOST_STAFF: usize = 20;

/// Why a setting can't be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// Not `key=value`.
    #[error("`{0}` is no setting; write key=value, such as require_review=true")]
    Form(String),
    /// No such key.
    #[error("there is no setting `{given}`; there are: {known}")]
    Unknown {
        /// What was given.
        given: String,
        /// All keys.
        known: String,
    },
    /// A wrong value.
    #[error("`{given}` is no value of {key}: {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        given: String,
        /// What may be given.
        allowed: &'static str,
    },
}

impl Kind {
    /// What may be given, in words.
    #[must_use]
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Hours => "a number of hours, 0 to 87600",
            Self::Origins => "web origins with commas between, such as https://docs.shop.example",
            Self::Days => "a number of days, 1 to 3650",
            Self::Amount => "an amount such as 50.00",
            Self::Names => "names of small letters, digits, - and _ with commas between, or none",
            Self::Share => "percent from 0 to 100, such as 35%, or a share below 1, such as 0.35",
            Self::Emails(1) => "an e-mail address, or none",
            Self::Emails(_) => "at most 20 e-mail addresses with commas between, or none",
            Self::Notices => {
                "of handoff, ticket, sla, budget, unknown_effect, dead_jobs, with commas between, or none"
            }
            Self::Week => {
                "a time zone, times and holidays, such as `Europe/Vienna; Mon-Fri 9:00-12:00,13:00-17:00; Sat 9:00-12:00; closed 2026-12-24..2026-12-26,2027-01-01`, or always"
            }
            Self::Sla => "entries such as `billing=240, billing/urgent=30, */high=120, handoff=60, *=1440`",
            Self::Words => "a sentence or two, at most 300 characters",
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Bool => text.parse().ok().map(Value::Bool),
            Self::Hours => text
                .parse::<u32>()
                .ok()
                .filter(|h| *h <= MOST_HOURS)
                .map(Value::from),
            Self::Origins => {
                let given = text.split(',').map(str::trim).filter(|o| !o.is_empty());
                let origins = given.map(normalise_origin).collect::<Result<Vec<_>, _>>().ok()?;
                (origins.len() <= MOST_ORIGINS).then(|| Value::from(origins.join(",")))
            }
            Self::Days => text
                .parse::<u32>()
                .ok()
                .filter(|d| (1..=3650).contains(d))
                .map(Value::from),
            Self::Amount => Money::parse(text, Currency::EUR).map(|m| Value::from(m.decimal())),
            Self::Share => share::share(text).map(Value::from),
            Self::Names | Self::Emails(_) | Self::Notices if text == "none" => Some(Value::Array(Vec::new())),
            Self::Emails(most) => {
                let given: Vec<&str> = text.split(',').map(str::trim).collect();
                (given.len() <= most && given.iter().all(|e| is_email(e) && e.is_ascii()))
                    .then(|| Value::from(given))
            }
            Self::Notices => {
                let given: Vec<&str> = text.split(',').map(str::trim).collect();
                let known = |n: &&str| NoticeKind::ALL.iter().any(|k| k.as_str() == *n);
                given.iter().all(known).then(|| Value::from(given))
            }
            Self::Week if text == ALWAYS => Some(Value::from(ALWAYS)),
            Self::Week => text.parse::<Hours>().ok().map(|h| Value::from(h.to_string())),
            Self::Sla => text.parse::<Sla>().ok().map(|s| Value::from(s.to_string())),
            Self::Words => {
                (text.chars().count() <= MOST_WORDS && !text.contains(is_odd)).then(|| Value::from(text))
            }
            Self::Names => {
                let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
                let names: Vec<&str> = text.split(',').map(str::trim).collect();
                let good = |n: &&str| (1..=60).contains(&n.len()) && n.chars().all(fits);
                (names.len() <= MOST_ORIGINS && names.iter().all(good)).then(|| Value::from(names))
            }
        }
    }
}

/// Reads `key=value`. An empty value takes the setting back to its default: null.
///
/// # Errors
/// When it is none; the message says what may be given.
pub fn parse(text: &str) -> Result<(&'static str, Value), BadSetting> {
    let (given, value) = text
        .split_once('=')
        .ok_or_else(|| BadSetting::Form(text.to_owned()))?;
    let setting = SETTINGS
        .iter()
        .find(|s| s.key == given.trim())
        .ok_or_else(|| BadSetting::Unknown {
            given: given.to_owned(),
            known: SETTINGS.iter().map(|s| s.key).collect::<Vec<_>>().join(", "),
        })?;
    let value = value.trim();
    if value.is_empty() {
        return Ok((setting.key, Value::Null));
    }
    let read = setting.kind.read(value).ok_or_else(|| BadSetting::Value {
        key: setting.key,
        given: value.to_owned(),
        allowed: setting.kind.allowed(),
    })?;
    Ok((setting.key, read))
}

/// A site's settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteSettings(Map<String, Value>);

impl SiteSettings {
    /// As the database has them.
    #[must_use]
    pub fn new(stored: Value) -> Self {
        match stored {
            Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }

    /// Whether a document must be approved before it is searched.
    #[must_use]
    pub fn require_review(&self) -> bool {
        self.0
            .get(REQUIRE_REVIEW)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Origins beside the site's own that its content may be fetched from.
    #[must_use]
    pub fn fetch_origins(&self) -> Vec<String> {
        let text = self
            .0
            .get(FETCH_ORIGINS)
            .and_then(Value::as_str)
            .unwrap_or_default();
        text.split(',')
            .filter(|o| !o.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// How many hours old the knowledge may get; none: it may be of any age.
    #[must_use]
    pub fn max_age_hours(&self) -> Option<u32> {
        let hours = self.0.get(MAX_AGE_HOURS).and_then(Value::as_u64)?;
        u32::try_from(hours).ok().filter(|h| *h > 0)
    }

    /// How many days a setting of that kind says.
    #[must_use]
    pub fn days(&self, key: &str) -> u32 {
        let set = self
            .0
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|days| u32::try_from(days).ok());
        let usual = || {
            SETTINGS
                .iter()
                .find(|s| s.key == key)
                .and_then(|s| s.default.parse().ok())
        };
        // Nothing is ever kept no time at all for want of a number.
        set.or_else(usual).unwrap_or(u32::MAX >> 16)
    }

    /// Whether pictures of the media library are read.
    #[must_use]
    pub fn read_pictures(&self) -> bool {
        self.0
            .get(READ_PICTURES)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let items = self.0.get(key).and_then(Value::as_array);
        let texts = items.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// Who is told by e-mail.
    #[must_use]
    pub fn staff_emails(&self) -> Vec<String> {
        self.texts(STAFF_EMAILS)
    }

    /// Where answers to the site's mail go.
    #[must_use]
    pub fn reply_to(&self) -> Option<String> {
        self.texts(REPLY_TO).pop()
    }

    /// When somebody is in; none: always.
    #[must_use]
    pub fn hours(&self) -> Option<Hours> {
        self.0.get(HOURS)?.as_str()?.parse().ok()
    }

    /// What is said when nobody is in, if the site has words of its own.
    #[must_use]
    pub fn away(&self) -> Option<&str> {
        self.0.get(AWAY)?.as_str().filter(|words| !words.is_empty())
    }

    /// Within how many minutes a person is to answer.
    #[must_use]
    pub fn sla(&self) -> Sla {
        let set = self.0.get(SLA).and_then(Value::as_str);
        set.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// A setting's value in words, and whether it was set.
    #[must_use]
    pub fn shown(&self, setting: &Setting) -> (String, bool) {
        match self.0.get(setting.key) {
            Some(Value::String(text)) => (text.clone(), true),
            Some(Value::Array(names)) if names.is_empty() => ("none".to_owned(), true),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                (names.join(","), true)
            }
            Some(value) => (value.to_string(), true),
            None => (setting.default.to_owned(), false),
        }
    }
}

#[cfg(test)]
mod tests;
