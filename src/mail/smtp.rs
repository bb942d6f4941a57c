//! The way to the mail server that the operator names, by SMTP. Encrypted always, but for a
//! server on this machine; every step within a time.

use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::letter::Letter;
use crate::domain::ids::MailId;

/// How long the server may take to say goodbye, once it has taken the mail.
const GOODBYE: Duration = Duration::from_secs(2);

/// When a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (`smtps://`).
    Implicit,
    /// By STARTTLS, or nothing is sent (`smtp://`).
    Required,
    /// By STARTTLS where the server offers it: it is on this machine.
    Offered,
}

/// The mail server, and who writes.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When the connection is encrypted.
    pub tls: Tls,
    /// Whom to log in as.
    pub login: Option<(String, SecretString)>,
    /// The sender's address.
    pub from: String,
    /// The sender's name, where no site writes.
    pub from_name: String,
    /// A certificate to trust besides the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// Time for one mail.
    pub time: Duration,
}

/// Where it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody answers.
    Connect,
    /// No encryption, or not one to trust.
    Tls,
    /// The login isn't accepted.
    Login,
    /// The server doesn't take the mail.
    Mail,
    /// The mail can't be written: its address, mostly.
    Letter,
}

/// Why a mail wasn't sent.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {words}")]
pub struct MailError {
    /// Where.
    pub stage: Stage,
    /// For programs, logs and lists: never holds an address.
    pub code: String,
    /// Whether another try is useless.
    pub permanent: bool,
    /// What the server said, for the operator's own terminal; may hold the address.
    pub words: String,
}

impl MailError {
    fn new(stage: Stage, code: &str, words: impl Into<String>) -> Self {
        Self {
            stage,
            code: code.to_owned(),
            permanent: stage == Stage::Letter,
            words: words.into(),
        }
    }
}

/// Sends.
pub struct Mailer {
    settings: MailSettings,
    tls: Option<TlsParameters>,
    hello: ClientId,
}

impl Mailer {
    /// With these settings.
    ///
    /// # Errors
    /// When the certificate can't be read, or the system has no usable TLS; in words.
    pub fn new(settings: MailSettings) -> Result<Self, String> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        if let Some(pem) = &settings.ca {
            let ca = Certificate::from_pem(pem).map_err(|e| format!("its certificate can't be read: {e}"))?;
            tls = tls.add_root_certificate(ca);
        }
        let tls = tls
            .build_rustls()
            .map_err(|e| format!("there is no usable TLS: {e}"))?;
        let domain = settings.from.rsplit('@').next().unwrap_or("localhost");
        Ok(Self {
            hello: ClientId::Domain(domain.to_owned()),
            tls: Some(tls),
            settings,
        })
    }

    /// The server, for people.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    /// Connects, encrypts and logs in; sends nothing. Gives whether it was encrypted.
    ///
    /// # Errors
    /// When one of these doesn't work.
    pub async fn check(&self) -> Result<bool, MailError> {
        let checked = async {
            let mut connection = self.connect().await?;
            let encrypted = connection.is_encrypted();
            let _ = timeout(GOODBYE, connection.abort()).await;
            Ok(encrypted)
        };
        self.in_time(checked).await
    }

    /// Sends a letter. The same id gives the same Message-ID, by which a repeat is known.
    ///
    /// # Errors
    /// When the server doesn't take it.
    pub async fn send(&self, id: MailId, to: &str, letter: &Letter) -> Result<(), MailError> {
        let message = self.message(id, to, letter)?;
        let bytes = message.formatted();
        let taken = async {
            let mut connection = self.connect().await?;
            connection
                .send(message.envelope(), &bytes)
                .await
                .map_err(|e| failed(Stage::Mail, &e))?;
            Ok(connection)
        };
        let mut connection = self.in_time(taken).await?;
        // It is theirs now; how they say goodbye changes nothing.
        let _ = timeout(GOODBYE, connection.abort()).await;
        Ok(())
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, MailError>>) -> Result<T, MailError> {
        timeout(self.settings.time, work).await.unwrap_or_else(|_| {
            Err(MailError::new(
                Stage::Connect,
                "mail_timeout",
                "the server took too long",
            ))
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let s = &self.settings;
        let wrapped = self.tls.clone().filter(|_| s.tls == Tls::Implicit);
        let at = (s.host.as_str(), s.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(at, Some(s.time), &self.hello, wrapped, None)
                .await
                .map_err(|e| failed(Stage::Connect, &e))?;
        if s.tls != Tls::Implicit {
            match &self.tls {
                Some(tls) if connection.can_starttls() => connection
                    .starttls(tls.clone(), &self.hello)
                    .await
                    .map_err(|e| failed(Stage::Tls, &e))?,
                _ if s.tls == Tls::Required => {
                    return Err(MailError::new(
                        Stage::Tls,
                        "mail_no_starttls",
                        "the server offers no STARTTLS, and nothing is sent unencrypted",
                    ));
                }
                _ => {}
            }
        }
        if let Some((user, password)) = &s.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection
                .auth(DEFAULT_MECHANISMS, &credentials)
                .await
                .map_err(|e| failed(Stage::Login, &e))?;
        }
        Ok(connection)
    }

    fn message(&self, id: MailId, to: &str, letter: &Letter) -> Result<Message, MailError> {
        let bad = |e: &dyn std::fmt::Display| MailError::new(Stage::Letter, "bad_address", e.to_string());
        let address = |text: &str| text.trim().parse::<Address>().map_err(|e| bad(&e));
        let from = &self.settings.from;
        let name = Some(letter.sender_name())
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| self.settings.from_name.clone());
        let domain = from.rsplit('@').next().unwrap_or("localhost");
        let header = |name: &'static str, value: &str| {
            HeaderValue::new(
                HeaderName::new_from_ascii_str(name),
                super::letter::line(value, 500),
            )
        };
        let mut message = Message::builder()
            .from(Mailbox::new(Some(name).filter(|n| !n.is_empty()), address(from)?))
            .to(Mailbox::new(None, address(to)?))
            .subject(letter.subject_line())
            .message_id(Some(format!("<{id}@{domain}>")))
            .date_now()
            // No program answers it: RFC 3834, and Exchange's own word for it.
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(reply_to) = &letter.reply_to {
            message = message.reply_to(Mailbox::new(None, address(reply_to)?));
        }
        if let Some(list) = &letter.list {
            let label: String = list.chars().filter(char::is_ascii_alphanumeric).collect();
            message = message.raw_header(header("List-Id", &format!("<{label}.{domain}>")));
        }
        message
            .multipart(MultiPart::alternative_plain_html(letter.text(), letter.html()))
            .map_err(|e| bad(&e))
    }
}

/// What lettre's error means.
fn failed(stage: Stage, error: &SmtpError) -> MailError {
    let words = error.to_string();
    if error.is_tls() {
        return MailError::new(Stage::Tls, "mail_tls", words);
    }
    let Some(status) = error.status() else {
        return match stage {
            // What the server would have to be able to do, it can't: write to this address.
            Stage::Mail if error.is_client() => MailError::new(Stage::Letter, "bad_address", words),
            Stage::Login if error.is_client() => MailError::new(stage, "mail_no_login", words),
            Stage::Tls => MailError::new(stage, "mail_tls", words),
            _ => MailError::new(stage, "mail_unreachable", words),
        };
    };
    let number = u16::from(status);
    // Whoever isn't let in at all may be tomorrow: that is the operator's to mend.
    let login = stage == Stage::Login || [530, 534, 535, 538].contains(&number);
    MailError {
        stage: if login { Stage::Login } else { stage },
        code: format!("mail_{number}"),
        permanent: stage == Stage::Mail && error.is_permanent() && !login,
        words,
    }
}
