//! One site's passages in memory, as a search needs them: which lexemes each has and how
//! often, its vector, and what its document may answer. Passages have places, numbers that
//! rise as they are added; a document's lie side by side. What a search reads is built from
//! nothing else, so that it can't be a mixture of two states as long as the caller changes
//! an index only from one state of the database to another.

mod best;
mod bits;
mod codes;
mod documents;
mod vectors;
mod wide;
mod words;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

pub use best::Scored;
pub use bits::Bits;
pub use documents::{Document, Filter};

use best::Best;
use documents::Placed;
use vectors::Vectors;
use words::{Language, MOST_PLACES, Posting};

/// How many filters' results are kept.
const FILTERS: usize = 16;
/// So many places' gains are added up at once: they stay in the processor's own cache.
const AT_ONCE: u32 = 1 << 14;
/// Places without a passage are taken away when they are so many and every fourth.
const DEAD: usize = 256;

/// A passage to add.
#[derive(Debug, Clone, Default)]
pub struct Chunk<'a> {
    /// Its id.
    pub id: i64,
    /// Its language.
    pub lang: &'a str,
    /// BM25's length of it.
    pub length: u16,
    /// Its lexemes and how often each stands in it.
    pub lexemes: Vec<(&'a str, u8)>,
    /// Its vector in half precision.
    pub vector: Option<&'a [u16]>,
}

/// A lexeme to look for, and how much each passage gains by it that has it `tf` times:
/// `factor · tf / (tf + base + slope · length)`.
#[derive(Debug, Clone)]
pub struct Term<'a> {
    /// Its language, by number.
    pub lang: usize,
    /// The lexeme.
    pub lexeme: &'a str,
    /// See above.
    pub factor: f64,
    /// See above.
    pub base: f64,
    /// See above.
    pub slope: f64,
}

/// A term whose gains are being added up.
struct Adding<'a> {
    /// The postings of later places.
    rest: &'a [Posting],
    factor: f32,
    base: f32,
    slope: f32,
}

impl Adding<'_> {
    /// Adds up those of a range; whether there are any.
    fn add_up(&mut self, range: Range<u32>, places: &[Place], gained: &mut [f32]) -> bool {
        let now = self.rest.partition_point(|p| words::place(*p) < range.end);
        let (now, rest) = self.rest.split_at(now);
        self.rest = rest;
        for posting in now {
            let place = words::place(*posting);
            let often = f32::from(words::often(*posting));
            let length = f32::from(places[place as usize].length);
            gained[(place - range.start) as usize] +=
                self.factor * often / (often + self.base + self.slope * length);
        }
        !now.is_empty()
    }
}

impl Term<'_> {
    /// What a passage of this length gains.
    #[must_use]
    pub fn gain(&self, often: u8, length: u16) -> f64 {
        let often = f64::from(often);
        self.factor * often / (often + self.base + self.slope * f64::from(length))
    }
}

/// A language's passages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics<'a> {
    /// Its name.
    pub lang: &'a str,
    /// How many.
    pub chunks: i64,
    /// The sum of their lengths.
    pub total_length: i64,
}

/// What is known of a passage beside its words and its vector.
#[derive(Debug, Clone, Copy)]
struct Place {
    id: i64,
    /// Its document, by number.
    document: u32,
    length: u16,
    lang: u8,
}

/// The index.
#[derive(Debug, Default)]
pub struct Index {
    places: Vec<Place>,
    alive: Bits,
    documents: Vec<Placed>,
    by_id: HashMap<u128, u32>,
    langs: Vec<Language>,
    vectors: Vectors,
    filters: Mutex<Vec<(Filter, Arc<Bits>)>>,
}

impl Index {
    /// An empty one, for vectors of that length.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self {
            vectors: Vectors::new(dimensions),
            ..Self::default()
        }
    }

    /// Puts a document in, in the place of what there was of it.
    pub fn put<'a>(&mut self, document: Document, chunks: impl IntoIterator<Item = Chunk<'a>>) {
        self.remove(document.id);
        let first = self.next_place();
        let number = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
        for chunk in chunks {
            let place = self.next_place();
            if place >= MOST_PLACES {
                break;
            }
            let lang = self.lang(chunk.lang);
            let language = &mut self.langs[usize::from(lang)];
            for (lexeme, often) in &chunk.lexemes {
                language.add(lexeme, place, *often);
            }
            language.chunks += 1;
            language.total_length += i64::from(chunk.length);
            self.vectors.push(chunk.vector);
            self.alive.insert(place);
            self.places.push(Place {
                id: chunk.id,
                document: number,
                length: chunk.length,
                lang,
            });
        }
        self.by_id.insert(document.id, number);
        self.documents.push(Placed {
            document,
            places: first..self.next_place(),
        });
    }

    /// Takes a document out.
    pub fn remove(&mut self, document: u128) {
        self.forget_filters();
        let Some(number) = self.by_id.remove(&document) else {
            return;
        };
        let places = std::mem::take(&mut self.documents[number as usize].places);
        for place in places {
            let of = self.places[place as usize];
            let language = &mut self.langs[usize::from(of.lang)];
            language.chunks -= 1;
            language.total_length -= i64::from(of.length);
            self.alive.remove(place);
            self.vectors.forget(place);
        }
    }

    /// To be called when changes are done: makes what searches need, and gives back the
    /// places of what was taken out.
    pub fn settle(&mut self) {
        let dead = self.places.len() - self.alive.count();
        let gone = self.documents.len() - self.by_id.len();
        if dead > DEAD && 4 * dead > self.places.len() || gone > DEAD && 2 * gone > self.documents.len() {
            self.close_ranks();
        }
        self.vectors.prepare();
    }

    fn close_ranks(&mut self) {
        let mut new = vec![None; self.places.len()];
        for (to, from) in (0_u32..).zip(self.alive.iter()) {
            new[from as usize] = Some(to);
        }
        for language in &mut self.langs {
            language.move_to(&new);
        }
        self.vectors = self.vectors.moved(self.alive.iter());
        let mut documents = Vec::with_capacity(self.by_id.len());
        let mut places = Vec::with_capacity(self.alive.count());
        for (old, placed) in (0_u32..).zip(std::mem::take(&mut self.documents)) {
            // Taken out, or put in again since.
            if self.by_id.get(&placed.document.id) != Some(&old) {
                continue;
            }
            let number = u32::try_from(documents.len()).unwrap_or(u32::MAX);
            let first = u32::try_from(places.len()).unwrap_or(u32::MAX);
            for place in placed.places {
                places.push(Place {
                    document: number,
                    ..self.places[place as usize]
                });
            }
            self.by_id.insert(placed.document.id, number);
            let last = u32::try_from(places.len()).unwrap_or(u32::MAX);
            documents.push(Placed {
                document: placed.document,
                places: first..last,
            });
        }
        self.alive = Bits::none(places.len());
        (0_u32..)
            .zip(&places)
            .for_each(|(place, _)| self.alive.insert(place));
        (self.documents, self.places) = (documents, places);
        self.forget_filters();
    }

    fn next_place(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    fn lang(&mut self, name: &str) -> u8 {
        let at = self
            .langs
            .iter()
            .position(|l| &*l.name == name)
            .unwrap_or_else(|| {
                self.langs.push(Language::new(name));
                self.langs.len() - 1
            });
        u8::try_from(at).unwrap_or(u8::MAX)
    }

    fn forget_filters(&mut self) {
        self.filters
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// How many passages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alive.count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The languages by number; one may have no passage any more.
    pub fn languages(&self) -> impl Iterator<Item = Statistics<'_>> {
        self.langs.iter().map(|l| Statistics {
            lang: &l.name,
            chunks: l.chunks,
            total_length: l.total_length,
        })
    }

    /// In how many passages of a language a lexeme is.
    #[must_use]
    pub fn df(&self, lang: usize, lexeme: &str) -> i64 {
        let any_dead = self.alive.count() < self.places.len();
        self.langs
            .get(lang)
            .map_or(0, |l| l.df(lexeme, &self.alive, any_dead))
    }

    /// The passages that a filter leaves.
    #[must_use]
    pub fn allowed(&self, filter: &Filter) -> Arc<Bits> {
        let mut kept = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bits)) = kept.iter().find(|(f, _)| f == filter) {
            return Arc::clone(bits);
        }
        let mut bits = Bits::none(self.places.len());
        for placed in self.documents.iter().filter(|p| p.document.passes(filter)) {
            placed.places.clone().for_each(|place| bits.insert(place));
        }
        let bits = Arc::new(bits);
        if kept.len() == FILTERS {
            kept.remove(0);
        }
        kept.push((filter.clone(), Arc::clone(&bits)));
        bits
    }

    /// The best `k` by these words among the allowed.
    #[must_use]
    pub fn by_words(&self, terms: &[Term<'_>], allowed: &Bits, k: usize) -> Vec<Scored> {
        if terms.is_empty() {
            return Vec::new();
        }
        let mut adding: Vec<Adding<'_>> = terms.iter().filter_map(|term| self.adding(term)).collect();
        let mut best = Best::new(k);
        let mut gained = vec![0.0_f32; self.places.len().min(AT_ONCE as usize)];
        for from in (0..self.next_place()).step_by(AT_ONCE as usize) {
            let until = from.saturating_add(AT_ONCE);
            let mut any = false;
            for term in &mut adding {
                any |= term.add_up(from..until, &self.places, &mut gained);
            }
            if !any {
                continue;
            }
            for place in allowed.within(from..until) {
                let gain = gained[(place - from) as usize];
                if gain > 0.0 {
                    best.show(place, gain);
                }
            }
            gained.fill(0.0);
        }
        best.sorted()
    }

    #[expect(clippy::cast_possible_truncation, reason = "to put them in order")]
    fn adding(&self, term: &Term<'_>) -> Option<Adding<'_>> {
        Some(Adding {
            rest: self.langs.get(term.lang)?.postings(term.lexeme),
            factor: term.factor as f32,
            base: term.base as f32,
            slope: term.slope as f32,
        })
    }

    /// Which of the terms each of these passages has, and how often. The places must rise.
    #[must_use]
    pub fn matches(&self, terms: &[Term<'_>], places: &[u32]) -> Vec<Vec<(usize, u8)>> {
        let mut has = vec![Vec::new(); places.len()];
        for (n, term) in terms.iter().enumerate() {
            let Some(language) = self.langs.get(term.lang) else {
                continue;
            };
            let mut rest = language.postings(term.lexeme);
            for (wanted, has) in places.iter().zip(&mut has) {
                rest = &rest[rest.partition_point(|p| words::place(*p) < *wanted)..];
                if let Some(posting) = rest.first().filter(|p| words::place(**p) == *wanted) {
                    has.push((n, words::often(*posting)));
                }
            }
        }
        has
    }

    /// The nearest `k` of the allowed; those of large sets are very likely all, not certainly.
    #[must_use]
    pub fn nearest(&self, to: &[f32], allowed: &Bits, k: usize) -> Vec<Scored> {
        self.vectors.nearest(to, allowed, k)
    }

    /// The product of a passage's vector with another; none where it has no vector.
    #[must_use]
    pub fn product(&self, place: u32, with: &[f32]) -> Option<f32> {
        self.vectors.product(place, with)
    }

    /// A passage's vector.
    #[must_use]
    pub fn vector(&self, place: u32) -> Option<Vec<f32>> {
        self.vectors.vector(place)
    }

    /// A passage's id.
    #[must_use]
    pub fn id(&self, place: u32) -> i64 {
        self.places.get(place as usize).map_or(0, |p| p.id)
    }

    /// A passage's length.
    #[must_use]
    pub fn length(&self, place: u32) -> u16 {
        self.places.get(place as usize).map_or(0, |p| p.length)
    }

    /// A passage's language, by number.
    #[must_use]
    pub fn lang_of(&self, place: u32) -> usize {
        self.places.get(place as usize).map_or(0, |p| usize::from(p.lang))
    }

    /// A passage's document.
    #[must_use]
    pub fn document(&self, place: u32) -> Option<&Document> {
        let number = self.places.get(place as usize)?.document;
        self.documents.get(number as usize).map(|p| &p.document)
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let documents: usize = self.documents.iter().map(|p| p.document.bytes()).sum();
        size_of::<Place>() * self.places.capacity()
            + size_of::<Placed>() * self.documents.capacity()
            + documents
            + 32 * self.by_id.capacity()
            + self.langs.iter().map(Language::bytes).sum::<usize>()
            + self.vectors.bytes()
            + self.alive.bytes()
    }
}

const _: () = assert!(size_of::<Posting>() == 4);

#[cfg(test)]
mod tests;
