//! Synthetic sites, the same ones at each run. Words follow Zipf and Mandelbrot, with each
//! document's own words among them, more often than elsewhere; vectors lie in clusters of
//! clusters, as embeddings of texts do. A document is made from its number alone, so a
//! million of them need no memory.

use half::f16;
use rust_stemmers::{Algorithm, Stemmer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub const DIMENSIONS: usize = 384;
/// The dimensions that topics differ in; embeddings of texts have about so many.
const LATENT: usize = 56;
const VOCABULARY: usize = 60_000;
const TOPICS: usize = 60;
/// Words of a topic, and of those a document's own.
const TOPIC_WORDS: usize = 800;
const OWN_WORDS: usize = 40;
const STOP_WORDS: [&str; 12] = [
    "the", "of", "and", "to", "a", "in", "is", "for", "that", "you", "with", "on",
];
/// The tag on one document in a hundred of the largest site.
pub const RARE: &str = "rare";
/// Of [`RARE`] among the words.
const RARE_WORD: u16 = VOCABULARY as u16;

/// A small generator of random numbers (SplitMix64), the same on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.share() * n as f64) as usize
    }

    fn normal(&mut self) -> f32 {
        let (a, b) = (1.0 - self.share(), self.share());
        ((-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
    }

    /// About normal, from one draw: for noise alone.
    fn rough(&mut self) -> f32 {
        let z = self.next();
        let sum = (z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48);
        (sum as f32 / 65_536.0 - 2.0) * 1.732
    }
}

/// A site and how many chunks it has.
pub struct Site {
    pub id: Uuid,
    pub slug: String,
    pub chunks: usize,
}

/// Which document of which site, and which chunks are its.
#[derive(Clone, Copy)]
pub struct Place {
    pub site: usize,
    pub chunks: usize,
    pub first_chunk: i64,
}

pub struct Document {
    pub id: Uuid,
    pub version: Uuid,
    pub place: Place,
    pub external_id: String,
    pub title: String,
    pub tags: Vec<String>,
    /// Only e-mails may be answered from it.
    pub email_only: bool,
    pub private: bool,
    pub chunks: Vec<Chunk>,
}

pub struct Chunk {
    pub heading: String,
    pub text: String,
    pub hash: [u8; 32],
    /// Word and positions, by word.
    pub lexemes: Vec<(u16, Vec<u16>)>,
    pub length: i32,
    pub tokens: i32,
    pub vector: Vec<f16>,
    content: Vec<u16>,
    latent: Vec<f32>,
}

impl Document {
    /// Whether a search by the widget may find it.
    pub fn answers_widget(&self) -> bool {
        !self.email_only && !self.private
    }

    pub fn index_text(&self, chunk: &Chunk) -> String {
        [
            self.title.as_str(),
            &self.tags.join("\n"),
            &chunk.heading,
            &chunk.text,
        ]
        .join("\n")
    }
}

pub struct Question {
    pub text: String,
    pub vector: Vec<f32>,
}

pub struct Corpus {
    pub sites: Vec<Site>,
    pub places: Vec<Place>,
    pub words: Vec<String>,
    seed: u64,
    /// A word for each of a million draws.
    drawn: Vec<u16>,
    topic_words: Vec<Vec<u16>>,
    subtopics: Vec<(usize, Vec<f32>)>,
    projection: Vec<f32>,
    mean: Vec<f32>,
}

impl Corpus {
    /// One site of half of the chunks, one of a hundredth, seven of equal size.
    pub fn new(chunks: usize, seed: u64) -> Self {
        let mut sizes = vec![chunks / 2, chunks / 100];
        let rest = chunks - sizes.iter().sum::<usize>();
        sizes.extend((0..7).map(|i| rest / 7 + usize::from(i < rest % 7)));
        Self::of(&sizes, seed)
    }

    pub fn of(sizes: &[usize], seed: u64) -> Self {
        let chunks: usize = sizes.iter().sum();
        let mut random = Random::new(seed, 1);
        let id = |random: &mut Random| Uuid::from_u64_pair(random.next(), random.next());
        let sites = sizes.iter().enumerate().map(|(i, n)| Site {
            id: id(&mut random),
            slug: format!("bench-{i}"),
            chunks: *n,
        });
        let sites: Vec<Site> = sites.collect();
        let mut places = Vec::new();
        for (site, size) in sizes.iter().enumerate() {
            let mut left = *size;
            while left > 0 {
                let chunks = left.min(5 + random.below(6));
                let first_chunk = 0;
                places.push(Place {
                    site,
                    chunks,
                    first_chunk,
                });
                left -= chunks;
            }
        }
        // As if the sites had grown side by side.
        for i in (1..places.len()).rev() {
            places.swap(i, random.below(i + 1));
        }
        let mut next = 1;
        for place in &mut places {
            place.first_chunk = next;
            next += place.chunks as i64;
        }
        let words = vocabulary(&mut random);
        let weights: Vec<f64> = (0..VOCABULARY).map(|r| (r as f64 + 25.0).powf(-1.05)).collect();
        let drawn = table(&weights, 1 << 20);
        let topic_words = (0..TOPICS * 4)
            .map(|_| {
                let mut own: Vec<u16> = (0..TOPIC_WORDS * 2)
                    .map(|_| drawn[random.below(drawn.len())])
                    .collect();
                own.sort_unstable();
                own.dedup();
                for i in (1..own.len()).rev() {
                    own.swap(i, random.below(i + 1));
                }
                own.truncate(TOPIC_WORDS);
                own
            })
            .collect();
        let topics: Vec<Vec<f32>> = (0..TOPICS).map(|_| latent(&mut random, 0.55)).collect();
        let subtopics = (0..(chunks / 30).clamp(200, 4000))
            .map(|_| {
                let topic = random.below(TOPICS);
                (topic, sum(&topics[topic], &latent(&mut random, 0.62)))
            })
            .collect();
        let projection = projection(&mut random);
        let mut mean: Vec<f32> = (0..DIMENSIONS).map(|_| random.normal()).collect();
        let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt();
        mean.iter_mut().for_each(|x| *x *= 1.2 / length);
        Self {
            sites,
            places,
            words,
            seed,
            drawn,
            topic_words,
            subtopics,
            projection,
            mean,
        }
    }

    pub fn document(&self, n: usize) -> Document {
        let place = self.places[n];
        let mut random = Random::new(self.seed, n as u64 + 1000);
        // Some subjects are written about far more than others.
        let subtopic = ((random.share().powf(2.5)) * self.subtopics.len() as f64) as usize;
        let (topic, center) = &self.subtopics[subtopic];
        let place_of_topic = (topic * 4 + subtopic % 4) % self.topic_words.len();
        let of_topic = &self.topic_words[place_of_topic];
        let own: Vec<u16> = (0..OWN_WORDS)
            .map(|_| of_topic[(random.share().powf(2.0) * of_topic.len() as f64) as usize])
            .collect();
        let around = sum(center, &latent(&mut random, 0.45));
        let pick = |random: &mut Random, n: usize| -> Vec<u16> {
            (0..n).map(|_| own[random.below(OWN_WORDS)]).collect()
        };
        let n_title = 3 + random.below(3);
        let title = pick(&mut random, n_title);
        let mut tags = vec![(60 + random.below(12)) as u16];
        if place.site == 0 && random.share() < 0.01 {
            tags.push(RARE_WORD);
        }
        let (email_only, private) = (random.share() < 0.3, random.share() < 0.03);
        let id = Uuid::from_u64_pair(random.next(), random.next());
        let version = Uuid::from_u64_pair(random.next(), random.next());
        let chunks = (0..place.chunks)
            .map(|_| self.chunk(&mut random, &title, &tags, &own, &around))
            .collect();
        Document {
            id,
            version,
            place,
            external_id: format!("d{n}"),
            title: self.text_of(&title),
            tags: tags.iter().map(|t| self.words[usize::from(*t)].clone()).collect(),
            email_only,
            private,
            chunks,
        }
    }

    fn text_of(&self, words: &[u16]) -> String {
        let words: Vec<&str> = words
            .iter()
            .map(|w| self.words[usize::from(*w)].as_str())
            .collect();
        words.join(" ")
    }

    fn chunk(&self, random: &mut Random, title: &[u16], tags: &[u16], own: &[u16], around: &[f32]) -> Chunk {
        let n_heading = 2 + random.below(3);
        let heading: Vec<u16> = (0..n_heading).map(|_| own[random.below(OWN_WORDS)]).collect();
        let length = (165.0 * f64::from((random.normal() * 0.38).exp())).clamp(15.0, 300.0) as usize;
        let mut text = String::with_capacity(length * 7);
        let mut content = Vec::with_capacity(length);
        let mut places: Vec<(u16, u16)> = Vec::with_capacity(length);
        let mut position = 0_u16;
        for word in title.iter().chain(tags).chain(&heading) {
            position += 1;
            places.push((*word, position));
        }
        for i in 0..length {
            if i > 0 {
                text.push_str(if i % 13 == 0 { ". " } else { " " });
            }
            position += 1;
            if random.share() < 0.4 {
                text.push_str(STOP_WORDS[random.below(STOP_WORDS.len())]);
                continue;
            }
            // A good third of the words are the document's own, some much more often.
            let word = if random.share() < 0.45 {
                own[(random.share().powf(1.7) * OWN_WORDS as f64) as usize]
            } else {
                self.drawn[random.below(self.drawn.len())]
            };
            text.push_str(&self.words[usize::from(word)]);
            places.push((word, position));
            content.push(word);
        }
        text.push('.');
        let count = places.len() as i32;
        places.sort_unstable();
        let mut lexemes: Vec<(u16, Vec<u16>)> = Vec::new();
        for (word, position) in places {
            match lexemes.last_mut() {
                Some((last, at)) if *last == word => at.push(position),
                _ => lexemes.push((word, vec![position])),
            }
        }
        let latent = sum(around, &latent(random, 0.45));
        let vector = self
            .embedded(&latent, random)
            .into_iter()
            .map(f16::from_f32)
            .collect();
        let heading = self.text_of(&heading);
        let embedded = format!("{}\n{heading}\n{text}\n", self.text_of(title));
        Chunk {
            hash: Sha256::digest(&embedded).into(),
            heading,
            text,
            lexemes,
            length: count,
            tokens: (length * 13 / 10) as i32,
            vector,
            content,
            latent,
        }
    }

    fn embedded(&self, latent: &[f32], random: &mut Random) -> Vec<f32> {
        let mut out = self.mean.clone();
        for (row, x) in self.projection.chunks_exact(DIMENSIONS).zip(latent) {
            out.iter_mut().zip(row).for_each(|(o, p)| *o += x * p);
        }
        out.iter_mut().for_each(|o| *o += 0.035 * random.rough());
        let length = out.iter().map(|x| x * x).sum::<f32>().sqrt();
        out.iter_mut().for_each(|x| *x /= length);
        out
    }

    /// The document once more, as another one that is much like it.
    pub fn again(&self, n: usize) -> Document {
        let mut document = self.document(n);
        let mut random = Random::new(self.seed ^ 0xA6A1, n as u64);
        document.external_id = format!("again-{}", random.next());
        for chunk in &mut document.chunks {
            chunk.text = format!("{} {}", chunk.text, document.external_id);
            chunk.hash = Sha256::digest(&chunk.text).into();
            let latent = sum(&chunk.latent, &latent(&mut random, 0.2));
            chunk.vector = self
                .embedded(&latent, &mut random)
                .into_iter()
                .map(f16::from_f32)
                .collect();
        }
        document
    }

    /// A question about one of the site's documents that may be found.
    pub fn question(&self, random: &mut Random, site: usize, pass: impl Fn(&Document) -> bool) -> Question {
        loop {
            let n = random.below(self.places.len());
            if self.places[n].site != site {
                continue;
            }
            let document = self.document(n);
            if !document.answers_widget() || !pass(&document) {
                continue;
            }
            let chunk = &document.chunks[random.below(document.chunks.len())];
            let mut words: Vec<u16> = (0..5 + random.below(5))
                .map(|_| chunk.content[random.below(chunk.content.len())])
                .collect();
            words.push(random.below(60) as u16);
            words.sort_unstable();
            words.dedup();
            let latent = sum(&chunk.latent, &latent(random, 0.95));
            return Question {
                text: format!(
                    "how do you {} with the {}?",
                    self.text_of(&words[1..]),
                    self.text_of(&words[..1])
                ),
                vector: self.embedded(&latent, random),
            };
        }
    }
}

/// Words that can be spoken, and that English stemming leaves as they are.
fn vocabulary(random: &mut Random) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut seen = std::collections::HashSet::new();
    let mut words = Vec::with_capacity(VOCABULARY + 1);
    while words.len() < VOCABULARY {
        let mut word = String::new();
        for _ in 0..2 + random.below(3) {
            word.push(char::from(b"bcdfghklmnprstvz"[random.below(16)]));
            word.push(char::from(b"aeiou"[random.below(5)]));
        }
        word.push(char::from(b"bdfgklmnprtx"[random.below(12)]));
        if word.len() > 4 && stemmer.stem(&word) == word && seen.insert(word.clone()) {
            words.push(word);
        }
    }
    words.push(RARE.to_owned());
    words
}

/// The index of a weight in each of `n` draws.
fn table(weights: &[f64], n: usize) -> Vec<u16> {
    let total: f64 = weights.iter().sum();
    let mut out = Vec::with_capacity(n);
    let mut sum = 0.0;
    for (i, weight) in weights.iter().enumerate() {
        sum += weight;
        let until = (sum / total * n as f64).round() as usize;
        out.resize(until.min(n).max(out.len()), i as u16);
    }
    out.resize(n, weights.len() as u16 - 1);
    out
}

/// Normal, with a spectrum that falls.
fn latent(random: &mut Random, deviation: f32) -> Vec<f32> {
    (0..LATENT)
        .map(|i| random.normal() * deviation / (1.0 + i as f32 / 8.0).sqrt())
        .collect()
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Orthonormal rows (Gram and Schmidt).
fn projection(random: &mut Random) -> Vec<f32> {
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for _ in 0..LATENT {
        let mut row: Vec<f32> = (0..DIMENSIONS).map(|_| random.normal()).collect();
        for other in &rows {
            let along: f32 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
        rows.push(row);
    }
    rows.concat()
}
