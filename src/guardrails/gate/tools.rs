//! What may be said without a source: what this turn's tools returned, and what the
//! visitor said.

use std::collections::HashSet;
use std::sync::OnceLock;

use serde_json::Value;

use super::figures::{Figure, Kind, Unit, figures};
use super::plain_words::words_of;
use super::tongue::Tongue;
use super::words::{Term, same, terms};

/// Deepest nesting of a result that is read.
const DEPTH: usize = 16;

/// Figures and words of the tools' results and of the visitor's message.
#[derive(Debug, Default)]
pub struct Said {
    tools: Vec<Figure>,
    /// Whether one of them told people something, by what only such tools return.
    told: bool,
    /// Whether one of them has sent a code, and waits for it.
    sent_code: bool,
    /// Currencies that a result names.
    currencies: Vec<&'static str>,
    visitor: Vec<Figure>,
    words: Vec<String>,
    /// The site's name.
    site: Vec<String>,
    /// The visitor's message.
    pub message: String,
    /// Its words, as they are read in each tongue; read when a sentence asks.
    asked: [OnceLock<Vec<Term>>; 3],
    /// The words of the visitor's message and the site's name, in lower case.
    pub heard: HashSet<String>,
    /// All words of results, as groups of meaning.
    pub results: Vec<String>,
    /// All text of results, for what is compared letter by letter.
    pub text: String,
}

impl Said {
    /// Reads results, the visitor's message, and on its last line the site's name.
    pub fn read(tools: &[&Value], visitor: &str) -> Self {
        let (message, site) = visitor.rsplit_once('\n').unwrap_or(("", visitor));
        let mut said = Self {
            told: tools
                .iter()
                .any(|v| v.get("ticket_id").is_some() || v.get("noted") == Some(&Value::Bool(true))),
            sent_code: tools
                .iter()
                .any(|v| v.get("state").is_some_and(|s| s == "code_sent")),
            visitor: figures(visitor),
            heard: words_of(visitor).collect(),
            message: message.to_owned(),
            ..Self::default()
        };
        for value in tools {
            said.add(value, DEPTH);
        }
        let names = |text: &str| -> Vec<String> {
            let names = terms(text, Tongue::English, &figures(text)).into_iter();
            names.filter(|t| t.name).map(|t| t.key).collect()
        };
        said.words = names(message);
        said.site = names(site);
        let all = said.text.replace(['_', '-'], " ");
        said.results = terms(&all, Tongue::English, &[])
            .into_iter()
            .map(|t| t.key)
            .collect();
        said.currencies = said
            .tools
            .iter()
            .filter_map(|f| match f.kind {
                Kind::Amount {
                    unit: Unit::Money(code),
                    ..
                } => Some(code),
                _ => None,
            })
            .collect();
        for code in [
            "EUR", "USD", "GBP", "CHF", "NOK", "SEK", "DKK", "PLN", "CZK", "JPY", "INR",
        ] {
            if said.text.split_whitespace().any(|w| w == code) {
                said.currencies.push(code);
            }
        }
        said
    }

    fn add(&mut self, value: &Value, depth: usize) {
        if depth == 0 {
            return;
        }
        match value {
            Value::String(s) => {
                self.tools.extend(figures(s));
                self.text.push_str(s);
                self.text.push('\n');
            }
            Value::Number(n) => {
                let n = n.to_string();
                self.tools.extend(figures(&n));
                self.text.push_str(&n);
                self.text.push('\n');
            }
            Value::Array(all) => all.iter().for_each(|v| self.add(v, depth - 1)),
            Value::Object(all) => {
                for (key, value) in all {
                    self.text.push_str(key);
                    self.text.push(' ');
                    // `{"days": 6}` says six days, and so does `{"window_days": 6}`.
                    if let Value::Number(n) = value {
                        let unit = key.rsplit('_').next().unwrap_or(key);
                        self.tools.extend(figures(&format!("{n} {unit}")));
                    }
                    self.add(value, depth - 1);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// Whether a tool returned a figure.
    pub fn by_tool(&self, figure: &Figure) -> bool {
        let loose = |unit: Unit| match unit {
            Unit::Money(code) => self.currencies.is_empty() || self.currencies.contains(&code),
            _ => false,
        };
        self.tools.iter().any(|t| figure.is_said_by(t, loose))
    }

    /// Whether a tool of this turn has told people: opened a ticket, noted something for them.
    pub fn told_staff(&self) -> bool {
        self.told
    }

    /// Whether a tool of this turn has sent the visitor a code.
    pub fn sent_code(&self) -> bool {
        self.sent_code
    }

    /// Whether a figure needs no source: a tool's, or a name such as an order's number that
    /// the visitor gave.
    pub fn has(&self, figure: &Figure) -> bool {
        self.by_tool(figure) || (figure.is_name() && self.by_visitor(figure))
    }

    /// Whether the visitor gave a figure.
    pub fn by_visitor(&self, figure: &Figure) -> bool {
        self.visitor.iter().any(|v| figure.is_said_by(v, |_| false))
    }

    /// Whether the visitor's message has a word.
    pub fn asks_about(&self, term: &Term, tongue: Tongue) -> bool {
        self.asked(tongue).iter().any(|t| same(&t.key, &term.key, tongue))
    }

    /// The words of the visitor's message.
    pub fn asked(&self, tongue: Tongue) -> &[Term] {
        let read = match tongue {
            Tongue::English => &self.asked[0],
            Tongue::German => &self.asked[1],
            Tongue::Other => &self.asked[2],
        };
        read.get_or_init(|| terms(&self.message, tongue, &[]))
    }

    /// Whether a word needs no source: a name of the site's, or one of the visitor's that no source
    /// speaks of.
    pub fn word(&self, term: &Term, known: impl Fn(&Term) -> bool) -> bool {
        let has = |all: &[String]| all.contains(&term.key);
        has(&self.site) || has(&self.words) && !known(term)
    }
}
