//! Text to token ids: the folder's tokenizer with its own truncation and padding taken
//! off, a limit of ours put on, and long texts cut before they are tokenised.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokenizers::tokenizer::{PostProcessor, TruncationDirection};
use tokenizers::{Encoding, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use super::BertError;
use super::config::Config;

/// A tokenizer that never gives more than `limit` tokens, special ones included.
pub(super) struct Text {
    tokenizer: Tokenizer,
    limit: usize,
    lowercase: bool,
    /// Bytes of the longest added token: one may straddle a cut.
    longest_added: usize,
    /// How many tokens words are, where words between blanks are tokenised each by itself: texts
    /// are counted over and over while they are cut, and have the same words.
    words: Option<Mutex<HashMap<Box<str>, usize>>>,
}

/// Words that are remembered, and their length in bytes at most.
const WORDS: usize = 50_000;
const LONGEST_WORD: usize = 64;
/// What surely stands between words.
const BLANKS: [char; 4] = [' ', '\n', '\t', '\r'];

/// A text shorter than this is tokenised whole.
const WHOLE: usize = 8 << 10;
/// No more of a text is ever looked at. A text whose first megabyte holds fewer tokens
/// than fit the model is white space or no language.
const MOST: usize = 1 << 20;

impl Text {
    pub(super) fn new(json: &[u8], config: &Config) -> Result<Self, BertError> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(tokenizer_error)?;
        tokenizer.with_truncation(None).map_err(tokenizer_error)?;
        tokenizer.with_padding(None);
        let added = tokenizer.get_added_tokens_decoder();
        let longest_added = added.values().map(|token| token.content.len()).max().unwrap_or(0);
        let apart = matches!(
            tokenizer.get_pre_tokenizer(),
            Some(PreTokenizerWrapper::BertPreTokenizer(_))
        ) && matches!(
            tokenizer.get_normalizer(),
            None | Some(NormalizerWrapper::BertNormalizer(_))
        ) && !added.values().any(|token| token.content.contains(BLANKS));
        let text = Self {
            tokenizer,
            limit: config.max_tokens,
            lowercase: config.lowercase,
            longest_added,
            words: apart.then(Mutex::default),
        };
        text.check(config)?;
        Ok(text)
    }

    /// Every id and type that can come out must have a row in the model's tables.
    fn check(&self, config: &Config) -> Result<(), BertError> {
        let shape = &config.shape;
        let ids = self.tokenizer.get_vocab(true).into_values();
        let single = self.tokenizer.encode("", true).map_err(tokenizer_error)?;
        let pair = self.tokenizer.encode(("", ""), true).map_err(tokenizer_error)?;
        let special = single.get_ids().iter().chain(pair.get_ids()).copied();
        if let Some(id) = ids.chain(special).find(|id| *id as usize >= shape.vocabulary) {
            return Err(BertError::Tokenizer {
                detail: format!(
                    "token {id} is outside the model's vocabulary of {}",
                    shape.vocabulary
                ),
            });
        }
        let mut types = single.get_type_ids().iter().chain(pair.get_type_ids());
        if let Some(kind) = types.find(|kind| **kind as usize >= shape.types) {
            return Err(BertError::Tokenizer {
                detail: format!("segment {kind}, but the model has {}", shape.types),
            });
        }
        if single.is_empty() || pair.len() >= self.limit {
            return Err(BertError::Tokenizer {
                detail: "its template does not fit the model".to_owned(),
            });
        }
        Ok(())
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The number of tokens of the whole text, without special ones.
    pub(super) fn count(&self, text: &str) -> Result<usize, BertError> {
        let Some(words) = &self.words else {
            return self.tokens(text);
        };
        let mut known = words.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = 0;
        for word in text.split(BLANKS).filter(|word| !word.is_empty()) {
            if let Some(tokens) = known.get(word) {
                sum += tokens;
                continue;
            }
            let tokens = self.tokens(word)?;
            sum += tokens;
            if word.len() <= LONGEST_WORD {
                if known.len() >= WORDS {
                    known.clear();
                }
                known.insert(word.into(), tokens);
            }
        }
        Ok(sum)
    }

    /// The same, without what is known of its words.
    pub(super) fn tokens(&self, text: &str) -> Result<usize, BertError> {
        let text = self.cased(text);
        let encoding = self.tokenizer.encode_fast(text.as_ref(), false);
        Ok(encoding.map_err(tokenizer_error)?.len())
    }

    /// The tokens of one text, with special ones.
    pub(super) fn single(&self, text: &str) -> Result<Encoding, BertError> {
        let mut encoding = self.first(text, self.limit)?;
        encoding.truncate(self.limit - self.special(false), 0, TruncationDirection::Right);
        self.tokenizer
            .post_process(encoding, None, true)
            .map_err(tokenizer_error)
    }

    /// The tokens of two texts with special ones. The longer gives way first.
    pub(super) fn pair(&self, first: &Encoding, second: &str) -> Result<Encoding, BertError> {
        let room = self.limit - self.special(true);
        let mut first = first.clone();
        let mut second = self.first(second, self.limit)?;
        let (a, b) = shares(first.len(), second.len(), room);
        first.truncate(a, 0, TruncationDirection::Right);
        second.truncate(b, 0, TruncationDirection::Right);
        self.tokenizer
            .post_process(first, Some(second), true)
            .map_err(tokenizer_error)
    }

    fn special(&self, pair: bool) -> usize {
        self.tokenizer
            .get_post_processor()
            .map_or(0, |processor| processor.added_tokens(pair))
    }

    fn cased<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.lowercase {
            text.to_lowercase().into()
        } else {
            text.into()
        }
    }

    /// The tokens of a text without special ones: all of them, or at least the first
    /// `wanted`. Of a long text only a beginning is tokenised, and grown until it holds
    /// enough tokens that the rest of the text cannot change.
    pub(super) fn first(&self, text: &str, wanted: usize) -> Result<Encoding, BertError> {
        let text = &text[..text.floor_char_boundary(MOST)];
        let mut size = WHOLE.max(wanted * 16);
        while size < text.len() {
            let part = self.cased(&text[..text.floor_char_boundary(size)]);
            let encoding = self
                .tokenizer
                .encode(part.as_ref(), false)
                .map_err(tokenizer_error)?;
            if self.settled(&encoding, part.len()) >= wanted {
                return Ok(encoding);
            }
            size *= 4;
        }
        let text = self.cased(text);
        self.tokenizer
            .encode_fast(text.as_ref(), false)
            .map_err(tokenizer_error)
    }

    /// How many leading tokens of a beginning of `len` bytes stay the same however the
    /// text goes on: those of whole words that end well before the cut.
    fn settled(&self, encoding: &Encoding, len: usize) -> usize {
        let last_word = encoding.get_word_ids().last().copied().flatten();
        let end = len.saturating_sub(self.longest_added);
        let tokens = encoding.get_word_ids().iter().zip(encoding.get_offsets());
        tokens
            .take_while(|(word, (_, to))| **word != last_word && *to < end)
            .count()
    }
}

/// How many tokens of two texts of these lengths fit `room`, cutting the longer first.
pub(super) fn shares(first: usize, second: usize, room: usize) -> (usize, usize) {
    if first + second <= room {
        return (first, second);
    }
    let half = room / 2;
    if first <= half {
        (first, room - first)
    } else if second <= half {
        (room - second, second)
    } else if first > second {
        // Equal shares, and the odd token to the longer one.
        (room - half, half)
    } else {
        (half, room - half)
    }
}

fn tokenizer_error(error: tokenizers::Error) -> BertError {
    BertError::Tokenizer {
        detail: error.to_string(),
    }
}
