//! A small mail server: SMTP with STARTTLS, a login, and manners as bad as they are met. It keeps
//! what it took.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How it treats a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Takes,
    /// "Come again later", as greylisting does.
    Greylists,
    /// It knows no such address.
    Refuses,
    /// It takes the mail and is gone before it says so.
    TakesAndIsCut,
    /// It is gone in the middle of the talk.
    IsCut,
    /// It says nothing at all.
    IsSilent,
}

/// A mail that it took.
#[derive(Debug, Clone)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    /// As it came: headers and body.
    pub raw: String,
    pub encrypted: bool,
    pub user: Option<String>,
}

impl Taken {
    /// A header's value, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split("\r\n\r\n").next().unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// Its plain text and its HTML, decoded.
    pub fn bodies(&self) -> (String, String) {
        let parsed = mail_parser::MessageParser::default()
            .parse(self.raw.as_bytes())
            .unwrap();
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        let html = parsed.body_html(0).unwrap().replace("\r\n", "\n");
        (text, html)
    }

    pub fn subject(&self) -> String {
        let parsed = mail_parser::MessageParser::default()
            .parse(self.raw.as_bytes())
            .unwrap();
        parsed.subject().unwrap().to_owned()
    }
}

/// What it offers.
#[derive(Debug, Clone)]
pub struct Offers {
    pub starttls: bool,
    /// From the first byte.
    pub implicit: bool,
    /// Without it nobody writes.
    pub login: Option<(String, String)>,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            starttls: true,
            implicit: false,
            login: None,
        }
    }
}

struct Inner {
    offers: Offers,
    tls: TlsAcceptor,
    manners: Mutex<VecDeque<Manner>>,
    taken: Mutex<Vec<Taken>>,
    changed: Notify,
    stop: CancellationToken,
}

pub struct SmtpServer {
    pub port: u16,
    /// The certificate that it shows, PEM: trust it, or don't.
    pub certificate: String,
    inner: Arc<Inner>,
}

impl SmtpServer {
    pub async fn start() -> Self {
        Self::with(Offers::default()).await
    }

    pub async fn with(offers: Offers) -> Self {
        let (certificate, key) = certificate();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            base64::engine::general_purpose::STANDARD.encode(&certificate)
        );
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate)],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            offers,
            tls: TlsAcceptor::from(Arc::new(config)),
            manners: Mutex::default(),
            taken: Mutex::default(),
            changed: Notify::new(),
            stop: CancellationToken::new(),
        });
        let own = Arc::clone(&inner);
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = own.stop.cancelled() => return,
                };
                let inner = Arc::clone(&own);
                tasks.spawn(async move {
                    // Who is cut off says so on the other side.
                    let _ = serve(&inner, stream).await;
                });
            }
        });
        Self {
            port,
            certificate: pem,
            inner,
        }
    }

    /// What the next connections meet; after them it takes what comes.
    pub fn then(&self, manners: &[Manner]) -> &Self {
        self.inner.manners.lock().unwrap().extend(manners);
        self
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.inner.taken.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    pub async fn wait(&self, n: usize) -> Vec<Taken> {
        loop {
            let changed = self.inner.changed.notified();
            let taken = self.taken();
            if taken.len() >= n {
                return taken;
            }
            tokio::time::timeout(Duration::from_secs(60), changed)
                .await
                .unwrap_or_else(|_| panic!("{} of {n} mails have come", taken.len()));
        }
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.inner.stop.cancel();
    }
}

async fn serve(inner: &Arc<Inner>, stream: TcpStream) -> std::io::Result<()> {
    let manner = inner.manners.lock().unwrap().pop_front().unwrap_or(Manner::Takes);
    if manner == Manner::IsSilent {
        inner.stop.cancelled().await;
        return Ok(());
    }
    if inner.offers.implicit {
        let stream = inner.tls.accept(stream).await?;
        let mut talk = Talk::new(inner, stream, manner, true);
        talk.say("220 here").await?;
        return talk.run().await.map(drop);
    }
    let mut talk = Talk::new(inner, stream, manner, false);
    talk.say("220 here").await?;
    // After STARTTLS the talk begins anew, without a greeting.
    if talk.run().await? {
        let plain = talk.stream.into_inner();
        let stream = inner.tls.accept(plain).await?;
        Talk::new(inner, stream, manner, true).run().await?;
    }
    Ok(())
}

struct Talk<'a, S> {
    inner: &'a Inner,
    stream: BufReader<S>,
    manner: Manner,
    encrypted: bool,
    user: Option<String>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    fn new(inner: &'a Inner, stream: S, manner: Manner, encrypted: bool) -> Self {
        Self {
            inner,
            stream: BufReader::new(stream),
            manner,
            encrypted,
            user: None,
        }
    }

    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .await?;
        self.stream.get_mut().flush().await
    }

    async fn hear(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// True when the client wants to encrypt from here on.
    async fn run(&mut self) -> std::io::Result<bool> {
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = self.hear().await?;
            let upper = line.to_uppercase();
            match upper.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => {
                    let mut lines = vec!["here", "8BITMIME"];
                    if self.inner.offers.starttls && !self.encrypted {
                        lines.push("STARTTLS");
                    }
                    if self.inner.offers.login.is_some() {
                        lines.push("AUTH PLAIN LOGIN");
                    }
                    let last = lines.len() - 1;
                    for (n, line) in lines.iter().enumerate() {
                        let mark = if n == last { ' ' } else { '-' };
                        self.say(&format!("250{mark}{line}")).await?;
                    }
                }
                "STARTTLS" => {
                    self.say("220 go on").await?;
                    return Ok(true);
                }
                "AUTH" => self.login(&line).await?,
                "MAIL" if self.inner.offers.login.is_some() && self.user.is_none() => {
                    self.say("530 5.7.0 log in first").await?;
                }
                "MAIL" => {
                    from = address(&line);
                    self.say("250 ok").await?;
                }
                "RCPT" if self.manner == Manner::Greylists => {
                    self.say("451 4.7.1 greylisted, come again later").await?;
                }
                "RCPT" if self.manner == Manner::Refuses => {
                    self.say(&format!("550 5.1.1 <{}> is unknown here", address(&line)))
                        .await?;
                }
                "RCPT" if self.manner == Manner::IsCut => return Ok(false),
                "RCPT" => {
                    to.push(address(&line));
                    self.say("250 ok").await?;
                }
                "DATA" => {
                    self.say("354 go on").await?;
                    let raw = self.data().await?;
                    let taken = Taken {
                        from: from.clone(),
                        to: std::mem::take(&mut to),
                        raw,
                        encrypted: self.encrypted,
                        user: self.user.clone(),
                    };
                    self.inner.taken.lock().unwrap().push(taken);
                    self.inner.changed.notify_waiters();
                    if self.manner == Manner::TakesAndIsCut {
                        return Ok(false);
                    }
                    self.say("250 taken").await?;
                }
                "QUIT" => {
                    self.say("221 bye").await?;
                    return Ok(false);
                }
                "NOOP" | "RSET" => self.say("250 ok").await?,
                _ => self.say("502 what?").await?,
            }
        }
    }

    async fn login(&mut self, line: &str) -> std::io::Result<()> {
        let engine = base64::engine::general_purpose::STANDARD;
        let given = line.rsplit(' ').next().unwrap_or_default();
        let plain = engine.decode(given).unwrap_or_default();
        let parts: Vec<String> = plain
            .split(|b| *b == 0)
            .map(|p| String::from_utf8_lossy(p).into_owned())
            .collect();
        let pair = (parts.get(1).cloned(), parts.get(2).cloned());
        match &self.inner.offers.login {
            Some((user, password)) if pair == (Some(user.clone()), Some(password.clone())) => {
                self.user = Some(user.clone());
                self.say("235 welcome").await
            }
            _ => self.say("535 5.7.8 not with this password").await,
        }
    }

    async fn data(&mut self) -> std::io::Result<String> {
        let mut raw = String::new();
        loop {
            let line = self.hear().await?;
            if line == "." {
                return Ok(raw);
            }
            // A dot in front of a dot is no end.
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            raw.push_str("\r\n");
        }
    }
}

fn address(line: &str) -> String {
    let from = line.find('<').map_or(0, |i| i + 1);
    let to = line.find('>').unwrap_or(line.len());
    line[from..to].to_owned()
}

/// A certificate for this machine that nobody has signed but itself, and its key.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = pair.to_pkcs8v1().unwrap().as_ref().to_vec();
    let signed_by = seq(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])]);
    let name = seq(&[&der(
        0x31,
        &seq(&[&oid(&[0x55, 0x04, 0x03]), &der(0x0c, b"localhost")]),
    )]);
    let valid = seq(&[&der(0x17, b"200101000000Z"), &der(0x17, b"491231235959Z")]);
    let curve = seq(&[
        &oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]),
        &oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    ]);
    let public = seq(&[&curve, &bits(pair.public_key().as_ref())]);
    let names = seq(&[&der(0x82, b"localhost"), &der(0x87, &[127, 0, 0, 1])]);
    let extension = seq(&[&oid(&[0x55, 0x1d, 0x11]), &der(0x04, &names)]);
    let to_sign = seq(&[
        &der(0xa0, &der(0x02, &[2])),
        &der(0x02, &[1]),
        &signed_by,
        &name,
        &valid,
        &name,
        &public,
        &der(0xa3, &seq(&[&extension])),
    ]);
    let signature = pair.sign(&SystemRandom::new(), &to_sign).unwrap();
    (seq(&[&to_sign, &signed_by, &bits(signature.as_ref())]), key)
}

fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u16::try_from(body.len()).unwrap() {
        n @ 0..=127 => out.push(n as u8),
        n @ 128..=255 => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(body);
    out
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    der(0x06, bytes)
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(0x03, &[&[0], bytes].concat())
}
