//! What letters say, in English and German. Plain words; who gets one can tell from it alone who
//! wrote, why, and what to do.

use super::letter::{Letter, Part};

/// Who writes: a site.
#[derive(Debug, Clone)]
pub struct Sender<'a> {
    /// Its name, for people.
    pub site: &'a str,
    /// Where an answer by mail goes, if the site wants any.
    pub reply_to: Option<&'a str>,
    /// The language of the words, a BCP 47 tag.
    pub lang: &'a str,
}

/// Whether words are to be German.
#[must_use]
pub fn is_german(lang: &str) -> bool {
    let primary = lang.split(['-', '_']).next().unwrap_or_default();
    primary.eq_ignore_ascii_case("de")
}

impl Sender<'_> {
    fn says<'t>(&self, english: &'t str, german: &'t str) -> &'t str {
        if is_german(self.lang) { german } else { english }
    }

    fn letter(&self, subject: String, parts: Vec<Part>) -> Letter {
        Letter {
            from_name: self.site.to_owned(),
            reply_to: self.reply_to.map(str::to_owned),
            subject,
            lang: if is_german(self.lang) { "de" } else { "en" }.to_owned(),
            parts,
            list: None,
        }
    }

    /// A one-time code. The subject doesn't hold it: subjects show on locked screens.
    #[must_use]
    pub fn code(&self, code: &str, minutes: i64) -> Letter {
        let site = self.site;
        let subject = match is_german(self.lang) {
            true => format!("Ihr Code für den Chat von {site}"),
            false => format!("Your code for the chat of {site}"),
        };
        let how = match is_german(self.lang) {
            true => format!(
                "Geben Sie diesen Code im Chat ein. Er gilt {minutes} Minuten und nur in dem Gespräch, in dem er angefordert wurde."
            ),
            false => format!(
                "Enter this code in the chat. It is valid for {minutes} minutes, and only in the conversation that it was asked for in."
            ),
        };
        let small = self.says(
            "Didn't you ask for a code? Then somebody else gave your address. Nothing happens unless the code is entered; please don't pass it on.",
            "Sie haben keinen Code angefordert? Dann hat jemand anderes Ihre Adresse angegeben. Ohne den Code geschieht nichts; bitte geben Sie ihn nicht weiter.",
        );
        self.letter(
            subject,
            vec![
                Part::Text(how),
                Part::Code(code.to_owned()),
                Part::Small(small.to_owned()),
            ],
        )
    }

    /// What staff wrote to a visitor who has gone. Each has a name and a text.
    #[must_use]
    pub fn reply(&self, replies: &[(String, String)], back: Option<&str>) -> Letter {
        let site = self.site;
        let subject = match is_german(self.lang) {
            true => format!("Antwort von {site}"),
            false => format!("Reply from {site}"),
        };
        let mut parts = vec![Part::Text(match is_german(self.lang) {
            true => format!("Sie haben uns im Chat von {site} geschrieben. Unsere Antwort:"),
            false => format!("You wrote to us in the chat of {site}. Our reply:"),
        })];
        parts.extend(replies.iter().map(|(who, text)| Part::Quote {
            who: who.clone(),
            text: text.clone(),
        }));
        if let Some(url) = back {
            parts.push(Part::Link {
                label: self
                    .says("Go on with the conversation", "Das Gespräch fortsetzen")
                    .to_owned(),
                url: url.to_owned(),
            });
        }
        let small = if self.reply_to.is_some() {
            self.says(
                "You get this because you left this address in our chat.",
                "Sie erhalten das, weil Sie diese Adresse in unserem Chat hinterlassen haben.",
            )
        } else {
            self.says(
                "You get this because you left this address in our chat. Answers to this mail aren't read; please write in the chat.",
                "Sie erhalten das, weil Sie diese Adresse in unserem Chat hinterlassen haben. Antworten auf diese E-Mail werden nicht gelesen; bitte schreiben Sie im Chat.",
            )
        };
        parts.push(Part::Small(small.to_owned()));
        self.letter(subject, parts)
    }

    /// What the agent was asked to mail to a visitor who has shown that the address is theirs.
    #[must_use]
    pub fn message(&self, text: &str) -> Letter {
        let subject = match is_german(self.lang) {
            true => format!("Aus Ihrem Chat mit {}", self.site),
            false => format!("From your chat with {}", self.site),
        };
        let small = self.says(
            "You get this because you asked for it in our chat.",
            "Sie erhalten das, weil Sie im Chat darum gebeten haben.",
        );
        self.letter(
            subject,
            vec![Part::Text(text.to_owned()), Part::Small(small.to_owned())],
        )
    }

    /// Something that staff are to look at. `facts` are lines, `excerpt` is masked.
    #[must_use]
    pub fn notice(&self, title: &str, facts: &[String], excerpt: Option<&str>, command: &str) -> Letter {
        let mut parts = vec![Part::Text(facts.join("\n"))];
        if let Some(excerpt) = excerpt {
            parts.push(Part::Quote {
                who: self.says("The visitor", "Besucher").to_owned(),
                text: excerpt.to_owned(),
            });
        }
        parts.push(Part::Text(command.to_owned()));
        let small = match is_german(self.lang) {
            true => format!(
                "Sie stehen in der Einstellung staff_emails der Website {}.",
                self.site
            ),
            false => format!(
                "Your address is in the setting staff_emails of the site {}.",
                self.site
            ),
        };
        parts.push(Part::Small(small));
        Letter {
            list: Some("staff".to_owned()),
            ..self.letter(format!("[{}] {title}", self.site), parts)
        }
    }
}

/// What `deskhand mail test` sends.
#[must_use]
pub fn test() -> Letter {
    Letter {
        from_name: String::new(),
        reply_to: None,
        subject: "A test of deskhand's mail".to_owned(),
        lang: "en".to_owned(),
        parts: vec![
            Part::Text(
                "Mail from deskhand arrives: codes, replies of staff and notices go the same way.".to_owned(),
            ),
            Part::Small("`deskhand mail test` sent this.".to_owned()),
        ],
        list: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_says_who_why_and_what() {
        for (lang, german) in [("en", false), ("de-AT", true), ("fr", false)] {
            let sender = Sender {
                site: "Lumen & Oak",
                reply_to: None,
                lang,
            };
            let code = sender.code("042137", 10);
            assert!(!code.subject.contains("042137"), "a locked screen shows subjects");
            assert!(code.text().contains("042137") && code.html().contains("042137"));
            assert_eq!(code.text().contains("Minuten"), german, "{}", code.text());
            let replies = [("Mia".to_owned(), "It left today.".to_owned())];
            let reply = sender.reply(&replies, Some("https://shop.example/help"));
            for part in [
                "Mia",
                "It left today.",
                "https://shop.example/help",
                "Lumen & Oak",
            ] {
                assert!(reply.text().contains(part), "{part}");
            }
            assert_eq!(reply.lang, if german { "de" } else { "en" });
        }
    }
}
