//! The way to the mail server: encrypted, logged in, within a time; and what each of a server's
//! bad manners means.

use std::time::Duration;

use deskhand::domain::ids::MailId;
use deskhand::mail::letter::{Letter, Part};
use deskhand::mail::smtp::{MailError, MailSettings, Mailer, Stage, Tls};
use deskhand::mail::words::Sender;
use secrecy::SecretString;

use super::settings;
use crate::support::smtp_server::{Manner, Offers, SmtpServer};

const TO: &str = "anna.huber@example.com";

fn letter() -> Letter {
    Sender {
        site: "Lumen & Öak",
        reply_to: Some("help@shop.example"),
        lang: "de-AT",
    }
    .code("042137", 10)
}

async fn send(settings: MailSettings) -> Result<(), MailError> {
    let mailer = Mailer::new(settings).unwrap();
    mailer.send(MailId::new(), TO, &letter()).await
}

#[tokio::test]
async fn a_mail_arrives_encrypted_in_both_forms_with_its_headers() {
    let server = SmtpServer::start().await;
    let mailer = Mailer::new(settings(&server)).unwrap();
    let id = MailId::new();
    mailer.send(id, TO, &letter()).await.unwrap();
    let mail = server.wait(1).await.remove(0);
    assert!(mail.encrypted, "STARTTLS was offered");
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("support@deskhand.example", [TO.to_owned()].as_slice())
    );
    assert_eq!(mail.subject(), "Ihr Code für den Chat von Lumen & Öak");
    let (text, html) = mail.bodies();
    assert!(
        text.contains("    042137\n") && html.contains("042137</p>"),
        "{text}\n{html}"
    );
    let header = |name: &str| mail.header(name).unwrap_or_default();
    assert_eq!(header("Message-ID"), format!("<{id}@deskhand.example>"));
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert_eq!(header("X-Auto-Response-Suppress"), "All");
    assert_eq!(header("Reply-To"), "help@shop.example");
    assert!(
        header("Content-Type").starts_with("multipart/alternative"),
        "{}",
        mail.raw
    );
    assert!(header("From").contains("support@deskhand.example"));
    assert!(mail.header("List-Id").is_none(), "one person is no list");
}

#[tokio::test]
async fn nothing_that_is_written_becomes_a_header() {
    let server = SmtpServer::start().await;
    let mailer = Mailer::new(settings(&server)).unwrap();
    let evil = "Hi\r\nBcc: victim@example.com\r\n\r\nbody";
    let letter = Letter {
        from_name: evil.to_owned(),
        reply_to: None,
        subject: evil.to_owned(),
        lang: "en".to_owned(),
        // A dot alone on a line would end a mail.
        parts: vec![Part::Text("one\n.\ntwo\r\nBcc: victim@example.com".to_owned())],
        list: Some(evil.to_owned()),
    };
    mailer.send(MailId::new(), TO, &letter).await.unwrap();
    for to in [
        "a@b.example\r\nRCPT TO:<victim@example.com>",
        "x <a@b.example>",
        "a@b.example,c@d.example",
        "",
    ] {
        let error = mailer.send(MailId::new(), to, &letter).await.unwrap_err();
        assert!(error.permanent && error.stage == Stage::Letter, "{to:?}: {error}");
    }
    let mail = server.taken().remove(0);
    assert_eq!(server.taken().len(), 1);
    assert_eq!(mail.to, [TO]);
    assert!(mail.header("Bcc").is_none(), "{}", mail.raw);
    assert!(mail.bodies().0.contains("one\n.\ntwo\n"), "{}", mail.bodies().0);
    assert_eq!(mail.subject(), "Hi Bcc: victim@example.com body");
}

#[tokio::test]
async fn each_bad_manner_has_its_meaning() {
    let server = SmtpServer::start().await;
    for (manner, code, permanent) in [
        (Manner::Greylists, "mail_451", false),
        (Manner::Refuses, "mail_550", true),
        (Manner::IsCut, "mail_unreachable", false),
        (Manner::TakesAndIsCut, "mail_unreachable", false),
    ] {
        server.then(&[manner]);
        let error = send(settings(&server)).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.permanent),
            (code, permanent),
            "{manner:?}: {error}"
        );
        assert!(!error.code.contains('@'));
    }
    server.then(&[Manner::IsSilent]);
    let hasty = MailSettings {
        time: Duration::from_millis(300),
        ..settings(&server)
    };
    let error = send(hasty).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.permanent), ("mail_timeout", false));
    send(settings(&server)).await.unwrap();
}

#[tokio::test]
async fn an_untrusted_or_missing_encryption_stops_it() {
    let server = SmtpServer::start().await;
    let strangers = SmtpServer::start().await;
    let required = |server: &SmtpServer| MailSettings {
        tls: Tls::Required,
        ..settings(server)
    };
    send(required(&server)).await.unwrap();
    let untrusted = MailSettings {
        ca: Some(strangers.certificate.clone().into_bytes()),
        ..required(&server)
    };
    let error = send(untrusted).await.unwrap_err();
    assert_eq!(
        (error.stage, error.code.as_str()),
        (Stage::Tls, "mail_tls"),
        "{error}"
    );
    let plain = SmtpServer::with(Offers {
        starttls: false,
        ..Offers::default()
    })
    .await;
    let error = send(required(&plain)).await.unwrap_err();
    assert_eq!(error.code, "mail_no_starttls");
    // On this machine it may be so.
    send(settings(&plain)).await.unwrap();
    assert!(!plain.wait(1).await[0].encrypted);
    let implicit = SmtpServer::with(Offers {
        implicit: true,
        ..Offers::default()
    })
    .await;
    let wrapped = MailSettings {
        tls: Tls::Implicit,
        ..settings(&implicit)
    };
    send(wrapped).await.unwrap();
    assert!(implicit.wait(1).await[0].encrypted);
    assert_eq!((server.taken().len(), plain.taken().len()), (1, 1));
}

#[tokio::test]
async fn a_login_is_shown_and_a_wrong_one_said() {
    let login = ("shop".to_owned(), "correct horse".to_owned());
    let server = SmtpServer::with(Offers {
        login: Some(login.clone()),
        ..Offers::default()
    })
    .await;
    let with = |password: &str| MailSettings {
        login: Some((login.0.clone(), SecretString::from(password))),
        ..settings(&server)
    };
    send(with("correct horse")).await.unwrap();
    assert_eq!(server.wait(1).await[0].user.as_deref(), Some("shop"));
    let error = send(with("wrong")).await.unwrap_err();
    assert_eq!(
        (error.stage, error.code.as_str(), error.permanent),
        (Stage::Login, "mail_535", false)
    );
    // Without a login it isn't let in: that is the operator's to mend, and no dead letter.
    let error = send(settings(&server)).await.unwrap_err();
    assert_eq!((error.stage, error.permanent), (Stage::Login, false), "{error}");
    // The doctor's check sends nothing.
    assert!(Mailer::new(with("correct horse")).unwrap().check().await.unwrap());
    assert_eq!(server.taken().len(), 1);
}
