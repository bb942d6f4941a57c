//! AI jobs: what a site's WordPress asks in the background is answered, and the result
//! brought to its callback, signed, at least once; and what must not be taken isn't.

mod cards;
mod crash;
mod delivery;
mod refusals;
mod results;

use std::sync::Arc;

use deskhand::db::sites;
use deskhand::domain::clock::Clock;
use deskhand::domain::ids::VisitorId;
use deskhand::domain::keys::{Purpose, RootSecret};
use deskhand::jobs::ai_job::{AiCallback, AiJob};
use deskhand::jobs::handler::Handlers;
use deskhand::jobs::runner::{Runner, Settings};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::app::{ORIGIN, Setup, TestApp};
use crate::support::site_server::SiteServer;

/// A token as the plugin signs it for one job.
pub fn sign(root: &RootSecret, kid: &str, claims: &Value) -> String {
    let site = claims["iss"].as_str().unwrap().parse().unwrap();
    let key = root.derive(site, Purpose::Token);
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key.expose())).unwrap()
}

/// A deskhand with a site whose WordPress can be called back, and a worker.
struct Shop {
    app: TestApp,
    site: SiteServer,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Shop {
    async fn open(setup: Setup) -> Self {
        let site = SiteServer::start().await;
        let setup = Setup {
            callbacks: vec![site.host.clone()],
            ..setup
        };
        let app = TestApp::with(setup).await;
        let mut tx = app.db.site(app.site.id).await.unwrap();
        let origins = [ORIGIN.to_owned(), site.origin()];
        sites::set_origins(&mut tx, &origins).await.unwrap();
        tx.commit().await.unwrap();
        let handlers = Handlers::new()
            .with(AiJob {
                gateway: Arc::clone(&app.gateway),
            })
            .with(AiCallback {
                gateway: Arc::clone(&app.gateway),
            });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let settings = Settings {
            poll: std::time::Duration::from_millis(100),
            ..Settings::default()
        };
        let runner = Runner::new(
            app.db.clone(),
            handlers,
            Vec::new(),
            settings,
            TaskTracker::new(),
            stop.clone(),
        );
        tasks.spawn(runner.run());
        Self {
            app,
            site,
            stop,
            tasks,
        }
    }

    fn claims(&self, sub: &str, jti: &str) -> Value {
        let now = self.app.clock.now().timestamp();
        json!({
            "iss": self.app.site.id, "sub": sub, "aud": "deskhand-jobs", "iat": now, "exp": now + 60, "jti": jti,
        })
    }

    fn token(&self, sub: &str, jti: &str) -> String {
        sign(&self.app.site.root, &self.app.site.kid, &self.claims(sub, jti))
    }

    fn infer(&self, prompt: &str) -> Value {
        json!({ "route": "infer", "prompt": prompt, "callback_url": self.site.url() })
    }

    fn chat(&self, text: &str) -> Value {
        json!({
            "route": "chat", "message_id": Uuid::now_v7(), "user_msg": text, "callback_url": self.site.url(),
        })
    }

    async fn post(&self, token: &str, body: &Value) -> (u16, Value) {
        let sent = self.app.post("/jobs", token).json(body).send().await.unwrap();
        (sent.status().as_u16(), sent.json().await.unwrap())
    }

    async fn look(&self, id: &Value, token: &str) -> (u16, Value) {
        let path = format!("/jobs/{}", id.as_str().unwrap());
        let sent = self.app.get(&path, token).send().await.unwrap();
        (sent.status().as_u16(), sent.json().await.unwrap())
    }

    /// Waits until a query gives this number.
    async fn until(&self, query: &str, n: i64) {
        let look = async {
            while self.app.count(query).await != n {
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), look)
            .await
            .unwrap_or_else(|_| panic!("never {n}: {query}"));
    }

    async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.app.finish().await;
    }
}

fn anybody() -> String {
    VisitorId::new().to_string()
}
