//! A letter: its parts, which become plain text and simple HTML alike. Nothing is loaded from
//! anywhere when it is read, and nothing in it can become a header or markup.

use serde::{Deserialize, Serialize};

use crate::domain::text::is_odd;

/// The longest subject, in characters; what is longer is cut.
const SUBJECT: usize = 150;
/// The most characters of all parts together.
pub const LONGEST: usize = 40_000;

/// A piece of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// Something to copy.
    Code(String),
    /// What somebody wrote.
    Quote {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// A way to somewhere.
    Link {
        /// What it is called.
        label: String,
        /// An http or https address; anything else is shown as text.
        url: String,
    },
    /// Below all else: why this came.
    Small(String),
}

/// A letter without its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The sender's name as people see it: the site's.
    pub from_name: String,
    /// Where an answer goes; none: to the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// One line.
    pub subject: String,
    /// The language of its words, a BCP 47 tag.
    pub lang: String,
    /// What it says.
    pub parts: Vec<Part>,
    /// The name of the list that its readers are on, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// One line without control characters, at most that long.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    words.join(" ").chars().take(most).collect()
}

fn several(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    unix.chars().filter(|c| !is_odd(*c)).collect()
}

fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && !url
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "<>\"'".contains(c))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

fn with_breaks(text: &str) -> String {
    escaped(&several(text)).replace('\n', "<br>\n")
}

impl Letter {
    /// The subject, as a header may hold it.
    #[must_use]
    pub fn subject_line(&self) -> String {
        line(&self.subject, SUBJECT)
    }

    /// The sender's name, as a header may hold it.
    #[must_use]
    pub fn sender_name(&self) -> String {
        line(&self.from_name, 100)
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out: Vec<String> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            out.push(match part {
                Part::Text(text) => several(text),
                Part::Code(code) => format!("    {}", line(code, 100)),
                Part::Quote { who, text } => {
                    let quoted: Vec<String> = several(text).lines().map(|l| format!("> {l}")).collect();
                    format!("{}:\n{}", line(who, 200), quoted.join("\n"))
                }
                Part::Link { label, url } => format!("{}:\n{}", line(label, 200), line(url, 2_000)),
                // What stands below "-- " mail programs show as a signature.
                Part::Small(text) => format!("-- \n{}", several(text)),
            });
        }
        out.join("\n\n") + "\n"
    }

    /// As HTML, with styles of its own and nothing to load.
    #[must_use]
    pub fn html(&self) -> String {
        let mut body = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => body += &format!("<p>{}</p>\n", with_breaks(text)),
                Part::Code(code) => {
                    body += &format!(
                        "<p style=\"font:600 28px/1.4 monospace;letter-spacing:4px\">{}</p>\n",
                        escaped(&line(code, 100))
                    );
                }
                Part::Quote { who, text } => {
                    body += &format!(
                        "<p style=\"margin-bottom:4px;font-weight:600\">{}</p>\n\
                         <blockquote style=\"margin:0 0 16px;padding:4px 0 4px 12px;border-left:3px solid #c4c9d1\">{}</blockquote>\n",
                        escaped(&line(who, 200)),
                        with_breaks(text)
                    );
                }
                Part::Link { label, url } => {
                    let (label, url) = (escaped(&line(label, 200)), line(url, 2_000));
                    if is_web(&url) {
                        body += &format!("<p><a href=\"{}\">{label}</a></p>\n", escaped(&url));
                    } else {
                        body += &format!("<p>{label}: {}</p>\n", escaped(&url));
                    }
                }
                Part::Small(text) => {
                    body += &format!(
                        "<p style=\"margin-top:24px;font-size:13px;color:#5a6270\">{}</p>\n",
                        with_breaks(text)
                    );
                }
            }
        }
        format!(
            "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body style=\"font:16px/1.5 sans-serif;color:#1d2129;max-width:600px\">\n{body}</body></html>\n",
            escaped(&self.lang),
            escaped(&self.subject_line())
        )
    }

    /// Whether it is short enough to be sent.
    #[must_use]
    pub fn fits(&self) -> bool {
        let length = |part: &Part| match part {
            Part::Text(t) | Part::Code(t) | Part::Small(t) => t.chars().count(),
            Part::Quote { who, text } => who.chars().count() + text.chars().count(),
            Part::Link { label, url } => label.chars().count() + url.chars().count(),
        };
        self.parts.iter().map(length).sum::<usize>() <= LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(subject: &str, parts: Vec<Part>) -> Letter {
        Letter {
            from_name: "Shop\r\nBcc: x@y.example".to_owned(),
            reply_to: None,
            subject: subject.to_owned(),
            lang: "en".to_owned(),
            parts,
            list: None,
        }
    }

    #[test]
    fn nothing_becomes_a_header() {
        let l = letter("Hello\r\nBcc: victim@example.com\u{0}\n\nbody", Vec::new());
        assert_eq!(l.subject_line(), "Hello Bcc: victim@example.com body");
        assert_eq!(l.sender_name(), "Shop Bcc: x@y.example");
        assert_eq!(letter(&"x".repeat(999), vec![]).subject_line().len(), SUBJECT);
    }

    #[test]
    fn nothing_becomes_markup() {
        let evil = "<img src=x onerror=alert(1)> & \"'\u{1b}[31m";
        let parts = vec![
            Part::Text(evil.to_owned()),
            Part::Code(evil.to_owned()),
            Part::Quote {
                who: evil.to_owned(),
                text: evil.to_owned(),
            },
            Part::Link {
                label: evil.to_owned(),
                url: "javascript:alert(1)".to_owned(),
            },
            Part::Link {
                label: "x".to_owned(),
                url: "https://a.example/\"onclick=\"x".to_owned(),
            },
            Part::Small(evil.to_owned()),
        ];
        let html = letter(evil, parts).html();
        assert!(
            !html.contains("<img") && !html.contains("href=\"javascript"),
            "{html}"
        );
        assert!(!html.contains("\"onclick") && !html.contains('\u{1b}'), "{html}");
        // Nothing is loaded when it is opened.
        assert!(!html.contains("<link") && !html.contains("url("), "{html}");
    }

    #[test]
    fn both_forms_say_the_same() {
        let l = letter(
            "Hi",
            vec![
                Part::Text("One\r\ntwo".to_owned()),
                Part::Code("123456".to_owned()),
                Part::Quote {
                    who: "Mia".to_owned(),
                    text: "A\nB".to_owned(),
                },
                Part::Link {
                    label: "Back".to_owned(),
                    url: "https://shop.example/x?a=1&b=2".to_owned(),
                },
            ],
        );
        assert_eq!(
            l.text(),
            "One\ntwo\n\n    123456\n\nMia:\n> A\n> B\n\nBack:\nhttps://shop.example/x?a=1&b=2\n"
        );
        let html = l.html();
        assert!(html.contains("One<br>\ntwo") && html.contains("A<br>\nB"));
        assert!(html.contains("<a href=\"https://shop.example/x?a=1&amp;b=2\">Back</a>"));
        assert!(l.fits() && !letter("x", vec![Part::Text("y".repeat(LONGEST + 1))]).fits());
    }
}
