//! A site's connections to other systems: which kinds there are, what each is configured by,
//! and how its secret is sealed. A kind is one row of [`KINDS`].

pub mod kinds;
pub mod tools;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::domain::connection::kinds::KINDS;
use crate::domain::ids::SiteId;
use crate::domain::seal::{MasterKey, SealError};

/// The longest text of a key, in bytes.
const LONGEST_TEXT: usize = 2_000;
/// The longest JSON of a key, in bytes.
const LONGEST_JSON: usize = 65_536;
/// The longest secret, in bytes.
pub const LONGEST_SECRET: usize = 8_192;
/// The longest name of a connection.
const LONGEST_NAME: usize = 40;

/// What a key's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An `http(s)://` address without user, password and fragment.
    Url,
    /// A line of text.
    Text,
    /// Names with commas between: letters, digits, `-`, `_`, `.`, `/`.
    Names,
    /// A whole number in these bounds, both ends included.
    Number(u32, u32),
    /// `true` or `false`.
    Bool,
    /// A JSON object; on the command line the name of the file that holds it.
    JsonFile,
}

/// A key of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name on the command line and in the database.
    pub name: &'static str,
    /// What may be given.
    pub form: Form,
    /// Whether it must be given.
    pub required: bool,
    /// What it is.
    pub help: &'static str,
}

/// Whether a kind has a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// It has none.
    None,
    /// It may have one; what it is.
    Optional(&'static str),
    /// It needs one; what it is.
    Needed(&'static str),
}

/// A kind of connection.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it is good for.
    pub about: &'static str,
    /// Whether a site can have several, told apart by name.
    pub several: bool,
    /// What it is configured by.
    pub keys: &'static [Key],
    /// Its secret.
    pub secret: Secrecy,
    /// Whether a text can be its secret.
    pub fits: fn(&str) -> bool,
}

/// Why a connection can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConnection {
    /// No such kind.
    #[error("there is no kind of connection `{given}`; there are: {known}")]
    Kind {
        /// What was given.
        given: String,
        /// All kinds.
        known: String,
    },
    /// A name that can't be one.
    #[error("`{0}` is no name: small letters, digits, - and _, at most 40, beginning with a letter or digit")]
    Name(String),
    /// A name for what there is one of.
    #[error("a site has one connection to {0}, without a name")]
    OneOnly(&'static str),
    /// A name is missing.
    #[error("a site can have several connections of kind {0}: give this one a name with --name")]
    Nameless(&'static str),
    /// Not `key=value`.
    #[error("`{0}` is no setting; write key=value")]
    Pair(String),
    /// No such key.
    #[error("{kind} has no key `{given}`; it has: {known}")]
    Unknown {
        /// The kind.
        kind: &'static str,
        /// What was given.
        given: String,
        /// All keys.
        known: String,
    },
    /// A key twice.
    #[error("`{0}` is given twice")]
    Twice(&'static str),
    /// A wrong value.
    #[error("`{given}` is no value of {key}: {allowed}")]
    Value {
        /// The key.
        key: &'static str,
        /// The beginning of what was given.
        given: String,
        /// What may be given.
        allowed: String,
    },
    /// A key is missing.
    #[error("{kind} needs {key}=…: {help}")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// The key.
        key: &'static str,
        /// What it is.
        help: &'static str,
    },
    /// The secret is missing.
    #[error("{kind} needs a secret, by --secret-file FILE (or - for standard input): {what}")]
    NoSecret {
        /// The kind.
        kind: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// It has no secret.
    #[error("{0} has no secret")]
    Secretless(&'static str),
    /// A secret that can't be one. It isn't repeated.
    #[error("that can't be the secret of {kind}: {what}")]
    Secret {
        /// The kind.
        kind: &'static str,
        /// What it is.
        what: &'static str,
    },
}

impl Form {
    /// What may be given, in words.
    #[must_use]
    pub fn allowed(self) -> String {
        match self {
            Self::Url => "an https:// or http:// address, without user and password".to_owned(),
            Self::Text => "a line of text".to_owned(),
            Self::Names => "names with commas between".to_owned(),
            Self::Number(least, most) => format!("a whole number, {least} to {most}"),
            Self::Bool => "true or false".to_owned(),
            Self::JsonFile => "a file with a JSON object of at most 64 KiB".to_owned(),
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        let one_line =
            |text: &str| (1..=LONGEST_TEXT).contains(&text.len()) && !text.contains(char::is_control);
        match self {
            Self::Url => is_address(text).then(|| Value::from(text.trim_end_matches('/'))),
            Self::Text => one_line(text).then(|| Value::from(text)),
            Self::Names => {
                let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
                let names: Vec<&str> = text.split(',').map(str::trim).collect();
                let good = |n: &&str| (1..=100).contains(&n.len()) && n.chars().all(fits);
                (one_line(text) && names.iter().all(good)).then(|| Value::from(names))
            }
            Self::Number(least, most) => text
                .parse::<u32>()
                .ok()
                .filter(|n| (least..=most).contains(n))
                .map(Value::from),
            Self::Bool => text.parse().ok().map(Value::Bool),
            Self::JsonFile => serde_json::from_str(text)
                .ok()
                .filter(|value: &Value| value.is_object() && text.len() <= LONGEST_JSON),
        }
    }
}

/// Whether a text is an address that requests can go to.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || c == '#';
    text.len() <= LONGEST_TEXT && !host.is_empty() && !host.contains('@') && !text.contains(odd)
}

/// The kind of this name.
///
/// # Errors
/// When there is none; the message lists them.
pub fn kind(name: &str) -> Result<&'static Kind, BadConnection> {
    KINDS
        .iter()
        .find(|k| k.name == name)
        .ok_or_else(|| BadConnection::Kind {
            given: name.chars().take(60).collect(),
            known: KINDS.iter().map(|k| k.name).collect::<Vec<_>>().join(", "),
        })
}

impl Kind {
    /// Checks a connection's name.
    ///
    /// # Errors
    /// When it can't be one, or one is missing.
    pub fn name(&self, given: Option<&str>) -> Result<String, BadConnection> {
        let name = given.unwrap_or_default();
        match (name.is_empty(), self.several) {
            (true, false) => return Ok(String::new()),
            (true, true) => return Err(BadConnection::Nameless(self.name)),
            (false, false) => return Err(BadConnection::OneOnly(self.name)),
            (false, true) => {}
        }
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        let good = name.len() <= LONGEST_NAME && name.bytes().all(fits) && !name.starts_with(['-', '_']);
        good.then(|| name.to_owned())
            .ok_or_else(|| BadConnection::Name(name.chars().take(60).collect()))
    }

    /// Reads `key=value` pairs into the configuration. Of a [`Form::JsonFile`] the value is the
    /// file's content by now.
    ///
    /// # Errors
    /// With the first mistake; the message says what may be given.
    pub fn config(&self, pairs: &[(String, String)]) -> Result<Value, BadConnection> {
        let mut config = Map::new();
        for (given, value) in pairs {
            let key = self.key(given)?;
            let read = key.form.read(value.trim()).ok_or_else(|| BadConnection::Value {
                key: key.name,
                given: value.trim().chars().take(60).collect(),
                allowed: key.form.allowed(),
            })?;
            if config.insert(key.name.to_owned(), read).is_some() {
                return Err(BadConnection::Twice(key.name));
            }
        }
        match self
            .keys
            .iter()
            .find(|k| k.required && !config.contains_key(k.name))
        {
            None => Ok(Value::Object(config)),
            Some(key) => Err(BadConnection::Missing {
                kind: self.name,
                key: key.name,
                help: key.help,
            }),
        }
    }

    /// The key of this name.
    ///
    /// # Errors
    /// When there is none; the message lists them.
    pub fn key(&self, given: &str) -> Result<&'static Key, BadConnection> {
        let found = self.keys.iter().find(|k| k.name == given.trim());
        found.ok_or_else(|| BadConnection::Unknown {
            kind: self.name,
            given: given.chars().take(60).collect(),
            known: self.keys.iter().map(|k| k.name).collect::<Vec<_>>().join(", "),
        })
    }

    /// Checks the secret, without blanks and line ends around it.
    ///
    /// # Errors
    /// When one is missing, isn't wanted, or can't be one.
    pub fn secret(&self, given: Option<&str>) -> Result<Option<SecretString>, BadConnection> {
        let given = given.map(str::trim).filter(|s| !s.is_empty());
        let what = match (self.secret, given) {
            (Secrecy::None, None) | (Secrecy::Optional(_), None) => return Ok(None),
            (Secrecy::None, Some(_)) => return Err(BadConnection::Secretless(self.name)),
            (Secrecy::Needed(what), None) => {
                return Err(BadConnection::NoSecret {
                    kind: self.name,
                    what,
                });
            }
            (Secrecy::Optional(what) | Secrecy::Needed(what), Some(_)) => what,
        };
        let fits = |s: &&str| s.len() <= LONGEST_SECRET && !s.contains(char::is_control) && (self.fits)(s);
        match given.filter(fits) {
            Some(secret) => Ok(Some(SecretString::from(secret))),
            None => Err(BadConnection::Secret {
                kind: self.name,
                what,
            }),
        }
    }
}

fn owner(site: SiteId, kind: &str, name: &str) -> String {
    format!("site/{site}/connection/{kind}/{name}")
}

/// Seals a connection's secret to its site, kind and name.
///
/// # Errors
/// When the system gives no randomness.
pub fn seal(
    master: &MasterKey,
    site: SiteId,
    kind: &str,
    name: &str,
    secret: &str,
) -> Result<Vec<u8>, SealError> {
    master.seal(&owner(site, kind, name), secret.as_bytes())
}

/// Opens what [`seal`] gave for the same site, kind and name.
///
/// # Errors
/// When it is damaged, another's, or was sealed with another master key.
pub fn open(
    master: &MasterKey,
    site: SiteId,
    kind: &str,
    name: &str,
    sealed: &[u8],
) -> Result<SecretString, SealError> {
    let plain = master.open(&owner(site, kind, name), sealed)?;
    String::from_utf8(plain)
        .map(SecretString::from)
        .map_err(|_| SealError::Malformed)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::kinds::WOOCOMMERCE;
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    /// Put together here, so that no text in this file looks like a real one.
    fn woocommerce_secret() -> String {
        format!("ck_{0}:cs_{0}", "a1".repeat(20))
    }

    #[test]
    fn a_configuration_is_read_and_mistakes_are_named() {
        let shop = kind(WOOCOMMERCE).unwrap();
        assert_eq!(
            shop.config(&pairs(&[("url", " https://shop.example/ ")])),
            Ok(json!({ "url": "https://shop.example" }))
        );
        for (given, says) in [
            (vec![], "needs url="),
            (vec![("url", "shop.example")], "https://"),
            (vec![("url", "https://u:p@shop.example")], "without user"),
            (vec![("url", "https://")], "https://"),
            (vec![("address", "https://shop.example")], "it has: url"),
            (
                vec![("url", "https://a.example"), ("url", "https://b.example")],
                "twice",
            ),
        ] {
            let error = shop.config(&pairs(&given)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(kind("shopify").unwrap_err().to_string().contains(WOOCOMMERCE));
        assert_eq!(shop.name(None), Ok(String::new()));
        assert!(shop.name(Some("second")).is_err());
    }

    #[test]
    fn forms_take_what_they_say() {
        let good = [
            (Form::Text, "two words", json!("two words")),
            (Form::Names, "a, b/c", json!(["a", "b/c"])),
            (Form::Number(1, 10), "10", json!(10)),
            (Form::Bool, "true", json!(true)),
            (Form::JsonFile, r#"{"a": 1}"#, json!({ "a": 1 })),
        ];
        for (form, text, value) in good {
            assert_eq!(form.read(text), Some(value), "{form:?}");
        }
        for (form, text) in [
            (Form::Text, ""),
            (Form::Text, "a\nb"),
            (Form::Names, "a,,b"),
            (Form::Number(1, 10), "11"),
            (Form::Number(1, 10), "-1"),
            (Form::Bool, "yes"),
            (Form::JsonFile, "[1]"),
            (Form::Url, "https://a b"),
            (Form::Url, "ftp://a"),
        ] {
            assert_eq!(form.read(text), None, "{form:?} {text}");
        }
    }

    #[test]
    fn every_kind_has_a_name_that_the_database_takes() {
        for kind in KINDS {
            assert!(
                kind.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                kind.name
            );
            assert!(kind.name.len() <= LONGEST_NAME && !kind.about.is_empty());
        }
    }

    #[test]
    fn a_secret_is_wanted_and_never_repeated() {
        let shop = kind(WOOCOMMERCE).unwrap();
        let secret = woocommerce_secret();
        let given = shop.secret(Some(&format!("{secret}\n"))).unwrap().unwrap();
        assert_eq!(given.expose_secret(), secret);
        assert!(
            shop.secret(None)
                .unwrap_err()
                .to_string()
                .contains("--secret-file")
        );
        let error = shop.secret(Some("hunter2")).unwrap_err().to_string();
        assert!(
            error.contains("ck_…:cs_…") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_opens_for_its_own_connection_only() {
        let (master, site) = (MasterKey::new([1; 32]), SiteId::new());
        let sealed = seal(&master, site, "mcp", "a", "word").unwrap();
        assert_eq!(
            open(&master, site, "mcp", "a", &sealed).unwrap().expose_secret(),
            "word"
        );
        for (site, kind, name) in [
            (SiteId::new(), "mcp", "a"),
            (site, "slack", "a"),
            (site, "mcp", "b"),
        ] {
            assert!(open(&master, site, kind, name, &sealed).is_err(), "{kind} {name}");
        }
    }
}
