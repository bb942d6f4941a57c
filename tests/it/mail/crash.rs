//! A kill between the mail server's word and ours: the mail comes once more, and is known by its
//! Message-ID. With the product's own binary.

use deskhand::domain::fail::FailPoint;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::process::Home;
use crate::support::smtp_server::SmtpServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_may_have_gone_out_is_sent_again_under_its_name() {
    let home = Home::new("mailkill");
    let smtp = SmtpServer::start().await;
    let ca = home.dir.join("ca.pem");
    std::fs::write(&ca, &smtp.certificate).unwrap();
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let mail = [
        ("DESKHAND_MAIL_URL", url.as_str()),
        ("DESKHAND_MAIL_FROM", "shop@lumen-oak.example"),
        ("DESKHAND_MAIL_CA_FILE", ca.to_str().unwrap()),
    ];
    let [point] = FailPoint::OF_A_MAIL;
    let with_point = [&mail[..], &[("DESKHAND_FAIL_POINT", point.name())]].concat();
    let server = home.serve(&with_point);
    let set = home.run(&["site", "set", "demo", "staff_emails=mia@shop.example"]);
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(40))
        .build()
        .unwrap();
    let post = async |path: &str, token: &str, body: Value| {
        let sent = client
            .post(format!("{}{path}", server.base))
            .header("origin", &server.base)
            .bearer_auth(token)
            .json(&body)
            .send()
            .await;
        sent.ok()
    };
    let minted: Value = post("/demo/token", "", json!({}))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let wish = json!({ "message_id": Uuid::now_v7(), "user_msg": "a person please" });
    // Its answer may be lost with the process.
    post("/api/agent/messages", minted["token"].as_str().unwrap(), wish).await;
    assert!(!server.wait().success(), "{point:?} must kill the process");
    assert_eq!(smtp.wait(1).await.len(), 1);

    let server = home.serve(&mail);
    let mails = smtp.wait(2).await;
    assert!(server.stop().success());
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[0].bodies(), mails[1].bodies());
    let list = home.json(&["mail", "list", "--site", "demo", "--json"]);
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["state"]),
        (1, &json!("sent")),
        "{list:#}"
    );
    // Nobody who looks at the list learns to whom it went.
    assert!(!list.to_string().contains('@'));
}
