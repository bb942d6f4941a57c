//! What PostgreSQL's text search makes of a question's words, remembered word by word: it
//! cuts texts at blanks before anything else, so a text's lexemes are those of its words.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use moka::sync::Cache;

use crate::db::pool::{Db, DbResult};
use crate::db::postings;

/// How many words are remembered, a language each, and the longest, in bytes.
const MOST: u64 = 30_000;
const LONGEST: usize = 40;

/// Language and word.
pub(super) type Key = (String, String);

/// See the module. Nothing in it is a site's: lexemes depend on language and word alone.
pub(super) struct Memo(Cache<Key, Arc<[String]>>);

impl Default for Memo {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).build())
    }
}

/// The words of a text, as far as the database can be asked for them one by one: a tag of
/// markup may hold blanks.
fn words(text: &str) -> Vec<&str> {
    if text.contains('<') {
        vec![text]
    } else {
        text.split_whitespace().collect()
    }
}

/// The lexemes of a question's words, in the languages that were asked for.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<Key, Arc<[String]>>);

impl Known {
    /// A text's lexemes, if all of its words are known.
    pub fn of(&self, lang: &str, text: &str) -> Option<BTreeSet<&str>> {
        let mut lexemes = BTreeSet::new();
        for word in words(text) {
            let of_word = self.0.get(&(lang.to_owned(), word.to_owned()))?;
            lexemes.extend(of_word.iter().map(String::as_str));
        }
        Some(lexemes)
    }
}

impl Memo {
    /// Adds what is remembered of the texts' words in their languages to what is known; gives
    /// those that nobody asked for before.
    pub fn recall<'a>(
        &self,
        known: &mut Known,
        texts: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> BTreeSet<Key> {
        let mut unknown = BTreeSet::new();
        for (lang, text) in texts {
            for word in words(text) {
                let key = (lang.to_owned(), word.to_owned());
                if known.0.contains_key(&key) || unknown.contains(&key) {
                    continue;
                }
                match self.0.get(&key) {
                    Some(lexemes) => {
                        known.0.insert(key, lexemes);
                    }
                    None => {
                        unknown.insert(key);
                    }
                }
            }
        }
        unknown
    }

    /// Asks the database for words, and remembers them.
    pub async fn ask(&self, db: &Db, known: &mut Known, words: BTreeSet<Key>) -> DbResult<()> {
        let langs: Vec<&str> = words.iter().map(|(lang, _)| lang.as_str()).collect();
        let texts: Vec<&str> = words.iter().map(|(_, word)| word.as_str()).collect();
        let lexemes = postings::of_texts(db, &langs, &texts).await?;
        for (key, lexemes) in words.into_iter().zip(lexemes) {
            let lexemes: Arc<[String]> = lexemes.into();
            if key.1.len() <= LONGEST {
                self.0.insert(key.clone(), Arc::clone(&lexemes));
            }
            known.0.insert(key, lexemes);
        }
        Ok(())
    }
}
