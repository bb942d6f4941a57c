//! Mail and notices: through a real mail server with bad manners, and a real webhook.

mod codes;
mod crash;
mod notices;
mod replies;
mod send_email;
mod server;

use std::sync::Arc;
use std::time::Duration;

use deskhand::domain::seal::MasterKey;
use deskhand::jobs::handler::Handlers;
use deskhand::jobs::mail_reply::MailReply;
use deskhand::jobs::runner::{Runner, Settings};
use deskhand::jobs::send_mail::SendMail;
use deskhand::jobs::send_notice::{SendNotice, TellOfDeadJobs};
use deskhand::knowledge::fetch::allow::PrivateHosts;
use deskhand::knowledge::fetch::{FetchSettings, Fetcher};
use deskhand::mail::smtp::{MailSettings, Mailer, Tls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::app::{Setup, TestApp};
use crate::support::smtp_server::SmtpServer;

/// How long a visitor has to read a reply.
pub const WAIT: Duration = Duration::from_mins(3);

pub fn settings(server: &SmtpServer) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        tls: Tls::Offered,
        login: None,
        from: "support@deskhand.example".to_owned(),
        from_name: "deskhand".to_owned(),
        ca: Some(server.certificate.clone().into_bytes()),
        time: Duration::from_secs(5),
    }
}

/// A deskhand whose mail goes to a server of the test's.
pub struct Post {
    pub app: TestApp,
    pub smtp: SmtpServer,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Post {
    pub async fn open(setup: Setup) -> Self {
        let app = TestApp::with(Setup { mails: true, ..setup }).await;
        Self {
            app,
            smtp: SmtpServer::start().await,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Begins to work on what waits; webhooks at these hosts may be called.
    pub fn work(&self, private: &[&str]) {
        let handlers = handlers(&self.app, &self.smtp, private);
        let runner = Runner::new(
            self.app.db.clone(),
            handlers,
            Vec::new(),
            Settings {
                poll: Duration::from_millis(100),
                ..Settings::default()
            },
            TaskTracker::new(),
            self.stop.clone(),
        );
        self.tasks.spawn(runner.run());
    }

    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.app.finish().await;
    }

    /// Waits until a query gives this number.
    pub async fn until(&self, query: &str, n: i64) {
        let begun = std::time::Instant::now();
        loop {
            let found = self.app.count(query).await;
            if found == n {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{query}: {found}, not {n}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What does the work.
pub fn handlers(app: &TestApp, smtp: &SmtpServer, private: &[&str]) -> Handlers {
    let fetcher = Fetcher::new(FetchSettings {
        private: PrivateHosts::parse(private.iter().copied()).unwrap(),
        ..FetchSettings::new(std::env::temp_dir())
    })
    .unwrap();
    let master: Arc<MasterKey> = Arc::clone(&app.master);
    Handlers::new()
        .with(SendMail {
            mailer: Some(Arc::new(Mailer::new(settings(smtp)).unwrap())),
            clock: app.clock.clone(),
            master: Arc::clone(&master),
        })
        .with(SendNotice {
            fetcher,
            mails: true,
            clock: app.clock.clone(),
            master: Arc::clone(&master),
        })
        .with(TellOfDeadJobs {
            clock: app.clock.clone(),
        })
        .with(MailReply {
            wait: Some(WAIT),
            clock: app.clock.clone(),
            master,
        })
}
