//! A notice as Slack's Block Kit, for an incoming webhook; other programs that take such webhooks
//! read its `text`.

use serde_json::{Value, json};

use super::notices::Told;

/// Slack cuts a section's text at 3000 characters.
const LONGEST: usize = 2_800;

/// Slack reads three characters as markup.
fn escaped(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).collect();
    cut.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What is posted.
pub(super) fn message(site: &str, told: &Told) -> Value {
    let title = format!("{site}: {}", told.title);
    let mut blocks = vec![
        json!({ "type": "header", "text": { "type": "plain_text", "text": title.chars().take(150).collect::<String>() } }),
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": escaped(&told.facts.join("\n")) } }),
    ];
    if let Some(excerpt) = &told.excerpt {
        let quoted: Vec<String> = escaped(excerpt)
            .lines()
            .map(|l| format!("&gt; {l}").replacen("&gt;", ">", 1))
            .collect();
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": quoted.join("\n") } }));
    }
    blocks.push(json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": format!("`{}`", escaped(&told.command).replace('`', "'")) }],
    }));
    json!({ "text": escaped(&title), "blocks": blocks, "unfurl_links": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup_or_a_mention() {
        let told = Told {
            title: "A conversation waits".to_owned(),
            facts: vec!["Reason: no answer".to_owned()],
            excerpt: Some("<!channel> <https://evil.example|shop> & co\nsecond".to_owned()),
            command: "deskhand inbox show 1".to_owned(),
        };
        let message = message("Lumen <Oak>", &told);
        let text = message.to_string();
        assert!(!text.contains("<!channel>") && !text.contains("<https"), "{text}");
        let excerpt = message["blocks"][2]["text"]["text"].as_str().unwrap();
        assert!(
            excerpt.starts_with("> &lt;!channel&gt;") && excerpt.contains("\n> second"),
            "{excerpt}"
        );
        assert_eq!(message["text"], "Lumen &lt;Oak&gt;: A conversation waits");
    }
}
