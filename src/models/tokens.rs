//! Counting tokens: as OpenAI's models do where the model is one of theirs, else by an
//! estimate upward. Chunks are measured by `o200k_base` until an embedding model brings its
//! own tokenizer. Its vocabulary also tells how ordinary a word is: it was merged from the
//! most frequent pieces of text first.

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

use super::chat::{ChatMessage, ChatRequest};

/// The longest stretch that is tokenized at once. Longer text is cut at white space, or
/// hard where there is none: the tokenizer's regular expressions backtrack over long
/// runs of blanks and could fail on them.
const SLICE: usize = 4096;

fn bpe() -> &'static CoreBPE {
    o200k_base_singleton()
}

/// How many tokens a text is. Text over 4 KiB is counted in slices that end at white
/// space, which can differ from the whole by a token a slice.
#[must_use]
pub fn count(text: &str) -> usize {
    count_by(bpe(), text)
}

fn count_by(bpe: &CoreBPE, text: &str) -> usize {
    let mut rest = text;
    let mut sum = 0;
    while rest.len() > SLICE {
        let (slice, tail) = rest.split_at(cut(rest));
        sum += bpe.encode_ordinary(slice).len();
        rest = tail;
    }
    sum + bpe.encode_ordinary(rest).len()
}

/// How a chat model counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// OpenAI's since gpt-4o.
    O200k,
    /// Its earlier ones.
    Cl100k,
    /// A tokenizer that isn't known. Others cut English into at most a third more tokens
    /// than `o200k_base`, other scripts often into one token for every other byte: so this
    /// is four thirds of its count, and half a token for each byte beyond ASCII. It errs
    /// upward: less history fits. What is reserved errs further ([`Counter::at_most`]).
    Estimate,
}

/// What a message costs beside its text: its role and the marks around it.
const MESSAGE: usize = 4;
/// What a tool or a call costs beside its texts.
const TOOL: usize = 12;
/// What a message, a tool or a call costs beside its texts at most, with any template.
const FRAME: usize = 16;

impl Counter {
    /// By the model's name, a vendor's prefix aside.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let family = |prefix: &&str| {
            name.strip_prefix(*prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
        };
        let o200k = [
            "gpt-4o",
            "gpt-4.1",
            "gpt-4.5",
            "gpt-5",
            "o1",
            "o3",
            "o4",
            "chatgpt-4o",
        ];
        if o200k.iter().any(family) {
            Self::O200k
        } else if ["gpt-4", "gpt-3.5", "gpt-35"].iter().any(family) {
            Self::Cl100k
        } else {
            Self::Estimate
        }
    }

    /// How many tokens a text is.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::O200k => count(text),
            Self::Cl100k => count_by(cl100k_base_singleton(), text),
            Self::Estimate => {
                let beyond = text.bytes().filter(|b| !b.is_ascii()).count();
                (count(text) * 4).div_ceil(3) + beyond.div_ceil(2)
            }
        }
    }

    /// Whether a text is at most so many tokens. Short ones aren't counted for it: a token
    /// is at least one byte.
    #[must_use]
    pub fn fits(self, text: &str, most: usize) -> bool {
        // The estimate is at most two tokens a byte: four thirds of one, and a half.
        let bound = if self == Self::Estimate {
            text.len() * 2
        } else {
            text.len()
        };
        bound <= most || self.count(text) <= most
    }

    /// A message with what is around it.
    #[must_use]
    pub fn message(self, message: &ChatMessage) -> usize {
        MESSAGE
            + match message {
                ChatMessage::System(text) | ChatMessage::User(text) => self.count(text),
                ChatMessage::Assistant { text, calls } => {
                    let call = |c: &super::chat::ToolCall| TOOL + self.count(&c.name) + self.count(&c.args);
                    self.count(text) + calls.iter().map(call).sum::<usize>()
                }
                ChatMessage::Tool { content, .. } => TOOL + self.count(content),
            }
    }

    /// What a request can be at most, for what is reserved. With a tokenizer that is known,
    /// what it counts and a fiftieth for what is sent in another form than it is counted in.
    /// With another one twice `o200k_base`'s count, and a token for each digit, for each sign
    /// that follows its like and for each byte beyond ASCII, which some cut so finely. Never
    /// more than [`bytes`].
    #[must_use]
    pub fn at_most(self, request: &ChatRequest) -> u32 {
        let counted = match self {
            Self::O200k | Self::Cl100k => {
                let counted = sum(request, |text| self.count(text));
                counted + counted.div_ceil(50)
            }
            Self::Estimate => sum(request, |text| 2 * count(text) + finely(text)),
        };
        u32::try_from(counted).unwrap_or(u32::MAX).min(bytes(request))
    }
}

/// A request's bytes with a frame for each part: no tokenizer makes more than a token of one.
#[must_use]
pub fn bytes(request: &ChatRequest) -> u32 {
    u32::try_from(sum(request, str::len)).unwrap_or(u32::MAX)
}

/// Over all texts of a request. Providers write schemas in forms of their own, none longer
/// than the JSON that they are sent as.
fn sum(request: &ChatRequest, of: impl Fn(&str) -> usize) -> usize {
    let message = |m: &ChatMessage| match m {
        ChatMessage::System(text) | ChatMessage::User(text) => of(text),
        ChatMessage::Assistant { text, calls } => {
            let calls = calls.iter().map(|c| FRAME + of(&c.name) + of(&c.args));
            of(text) + calls.sum::<usize>()
        }
        ChatMessage::Tool { content, .. } => of(content),
    };
    let messages = request.messages.iter().map(|m| FRAME + message(m));
    let tools = request
        .tools
        .iter()
        .map(|t| FRAME + of(&t.name) + of(&t.description) + of(&t.parameters.to_string()));
    messages.chain(tools).sum()
}

/// Bytes that a tokenizer may take for a token each: digits, repeated signs, what isn't ASCII.
fn finely(text: &str) -> usize {
    let mut before = 0;
    text.bytes()
        .filter(|b| {
            let repeated = *b == before && !b.is_ascii_alphanumeric();
            before = *b;
            repeated || b.is_ascii_digit() || !b.is_ascii()
        })
        .count()
}

/// Where to cut a text that is longer than a slice: before the last white space of the
/// slice that follows a non-blank, else at the slice's end.
fn cut(text: &str) -> usize {
    let end = text.floor_char_boundary(SLICE);
    let slice = &text[..end];
    let blank = |c: char| c.is_whitespace();
    let from = slice
        .char_indices()
        .rev()
        .zip(slice.char_indices().rev().skip(1))
        .find(|((_, c), (_, before))| blank(*c) && !blank(*before))
        .map(|((i, _), _)| i);
    from.unwrap_or(end)
}

/// The rank of a lower-case word in the vocabulary, if it is there as a whole; the lower,
/// the more frequent. Everyday words of English are below about 20 000; ones that most
/// texts never mention lie far above or are missing.
#[must_use]
pub fn rank(word: &str) -> Option<u32> {
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    match bpe().encode_ordinary(&format!(" {word}"))[..] {
        [one] => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_counted_as_the_model_counts_it() {
        assert_eq!(count(""), 0);
        assert_eq!(count("The quick brown fox"), 4);
        assert_eq!(count("tiktoken is great!"), 6);
    }

    #[test]
    fn long_text_is_counted_in_slices_that_change_next_to_nothing() {
        let words = "Shipping to Austria costs 4.90. ".repeat(2000);
        let whole = bpe().encode_ordinary(&words).len();
        let sliced = count(&words);
        assert!(
            whole.abs_diff(sliced) * 1000 < whole,
            "{sliced} in slices, {whole} whole"
        );
        for odd in [" ".repeat(200_000), "ß".repeat(100_000), "\n \n".repeat(50_000)] {
            assert!(count(&odd) > 0);
        }
    }

    #[test]
    fn models_are_counted_by_their_own_tokenizer_or_upward() {
        for (model, counter) in [
            ("gpt-4o-mini", Counter::O200k),
            ("openai/gpt-5.1", Counter::O200k),
            ("gpt-4-turbo", Counter::Cl100k),
            ("gpt-35-turbo", Counter::Cl100k),
            ("llama3.2:1b", Counter::Estimate),
            ("claude-sonnet-4-5", Counter::Estimate),
            ("o1x", Counter::Estimate),
        ] {
            assert_eq!(Counter::of(model), counter, "{model}");
        }
        let text = "Größe 42? 返品について教えてください。 نعم";
        let exact = Counter::O200k.count(text);
        assert!(Counter::Cl100k.count(text) > exact);
        assert!(Counter::Estimate.count(text) >= Counter::Cl100k.count(text));
        assert_eq!(Counter::Estimate.count(""), 0);
    }

    #[test]
    fn a_text_fits_exactly_when_its_count_does() {
        for counter in [Counter::O200k, Counter::Cl100k, Counter::Estimate] {
            for text in ["", "a", "Where is my order?", "返品返品返品", "\u{0}\u{1}\u{2}"] {
                let n = counter.count(text);
                assert!(counter.fits(text, n), "{counter:?} {text}");
                assert!(n == 0 || !counter.fits(text, n - 1), "{counter:?} {text}");
            }
        }
    }

    #[test]
    fn messages_count_more_than_their_texts() {
        use crate::models::chat::ToolCall;
        let c = Counter::O200k;
        // As OpenAI's own recipe counts this one: three a message, one for the role.
        let hello = ChatMessage::User("hello world".to_owned());
        assert_eq!(c.message(&hello), 2 + 4);
        let call = ToolCall {
            id: "x".to_owned(),
            name: "kb_search".to_owned(),
            args: "{\"query\":\"x\"}".to_owned(),
        };
        let calls = ChatMessage::Assistant {
            text: String::new(),
            calls: vec![call],
        };
        assert!(c.message(&calls) > c.count("kb_search") + c.count("{\"query\":\"x\"}"));
    }

    fn request(text: &str) -> ChatRequest {
        ChatRequest {
            model: String::new(),
            messages: vec![ChatMessage::User(text.to_owned())],
            tools: Vec::new().into(),
            tool_choice: crate::models::chat::ToolChoice::None,
            temperature: 0.0,
            max_tokens: 1,
        }
    }

    #[test]
    fn what_is_reserved_is_near_the_count_where_the_tokenizer_is_known_and_above_it_elsewhere() {
        let prose =
            "You can send goods back within 30 days of delivery, unless they were made for you. ".repeat(40);
        let sent = request(&prose);
        let exact = u32::try_from(count(&prose)).unwrap();
        let known = Counter::O200k.at_most(&sent);
        assert!(
            exact <= known && known <= exact + exact / 25 + 20,
            "{exact} {known}"
        );
        let other = Counter::Estimate.at_most(&sent);
        assert!(
            other >= 2 * exact && other < bytes(&sent) * 2 / 3,
            "{exact} {other}"
        );
        for text in ["", "1234567890", "-----", "返品について", "\u{0}\u{1}"] {
            let sent = request(text);
            for counter in [Counter::O200k, Counter::Cl100k, Counter::Estimate] {
                let most = counter.at_most(&sent);
                assert!(most <= bytes(&sent), "{counter:?} {text}");
                assert!(
                    usize::try_from(most).unwrap() >= Counter::O200k.count(text),
                    "{text}"
                );
            }
            // Nothing of these is surely less than a byte.
            assert!(Counter::Estimate.at_most(&sent) as usize >= text.len(), "{text}");
        }
    }

    #[test]
    fn everyday_words_rank_before_rare_ones() {
        let rank = |w| rank(w).unwrap_or(u32::MAX);
        assert!(rank("good") < rank("lamp"));
        assert!(rank("lamp") < rank("drone"));
        assert_eq!(rank("retrun"), u32::MAX);
    }
}
