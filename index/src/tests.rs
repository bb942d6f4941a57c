//! The index against a plain list of passages that is searched from one end to the other.

use std::collections::BTreeMap;

use half::f16;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const WORDS: [&str; 6] = ["lamp", "oil", "desk", "return", "ship", "e27"];
const LANGS: [&str; 2] = ["english", "german"];
const DIMENSIONS: usize = 40;

#[derive(Debug, Clone)]
struct Passage {
    lang: usize,
    tf: BTreeMap<usize, u8>,
    vector: Option<Vec<u16>>,
}

#[derive(Debug, Clone)]
struct Held {
    document: Document,
    passages: Vec<(i64, Passage)>,
}

fn passage() -> impl Strategy<Value = Passage> {
    let vector =
        vec(-1.0_f32..1.0, DIMENSIONS).prop_map(|v| v.iter().map(|x| f16::from_f32(*x).to_bits()).collect());
    let tf = prop::collection::btree_map(0..WORDS.len(), 1_u8..4, 0..WORDS.len());
    (0..LANGS.len(), tf, prop::option::weighted(0.9, vector)).prop_map(|(lang, tf, vector)| Passage {
        lang,
        tf,
        vector,
    })
}

fn document() -> impl Strategy<Value = (u128, Document, Vec<Passage>)> {
    let some = |of: &'static [&'static str]| prop::sample::subsequence(of, 0..=of.len());
    let channels = some(&["widget", "email"]);
    let tags = some(&["care", "rare"]);
    let source = prop::sample::select(vec!["file", "pin"]);
    let of_document = (0_u128..12, source, channels, tags, prop::bool::weighted(0.8));
    (of_document, vec(passage(), 0..60)).prop_map(|((id, source, channels, tags, answers), passages)| {
        let document = Document {
            id,
            source: source.into(),
            channels: channels.into_iter().map(Box::from).collect(),
            tags: tags.into_iter().map(Box::from).collect(),
            answers,
            ..Document::default()
        };
        (id, document, passages)
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let some = |of: &'static [&'static str]| {
        let some = prop::sample::subsequence(of, 0..=of.len());
        some.prop_map(|s| s.into_iter().map(str::to_owned).collect())
    };
    (
        prop::option::of(Just("widget".to_owned())),
        some(&["care", "rare"]),
        some(&["file", "pin"]),
    )
        .prop_map(|(channel, tags, sources)| Filter {
            channel,
            tags,
            sources,
        })
}

/// As the documentation of a filter has it.
fn may(document: &Document, filter: &Filter) -> bool {
    let has = |list: &[Box<str>], x: &str| list.iter().any(|y| &**y == x);
    let channel = filter.channel.as_deref();
    document.answers
        && (document.channels.is_empty() || channel.is_none_or(|c| has(&document.channels, c)))
        && (filter.tags.is_empty() || filter.tags.iter().any(|t| has(&document.tags, t)))
        && (filter.sources.is_empty() || filter.sources.iter().any(|s| **s == *document.source))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_index_finds_what_a_plain_list_finds(
        puts in vec((document(), any::<bool>()), 1..40),
        filters in vec(filter(), 1..4),
        asked in prop::collection::btree_set(0..WORDS.len(), 1..4),
        question in vec(-1.0_f32..1.0, DIMENSIONS),
    ) {
        let mut index = Index::new(DIMENSIONS);
        let mut list: BTreeMap<u128, Held> = BTreeMap::new();
        let mut next = 1;
        for ((id, document, passages), settle) in puts {
            if passages.len() % 7 == 3 {
                index.remove(id);
                list.remove(&id);
                continue;
            }
            let passages: Vec<(i64, Passage)> = passages.into_iter().map(|p| { next += 1; (next, p) }).collect();
            index.put(document.clone(), passages.iter().map(|(id, p)| Chunk {
                id: *id,
                lang: LANGS[p.lang],
                length: p.tf.values().map(|n| u16::from(*n)).sum(),
                lexemes: p.tf.iter().map(|(w, n)| (WORDS[*w], *n)).collect(),
                vector: p.vector.as_deref(),
            }));
            list.insert(id, Held { document, passages });
            if settle {
                index.settle();
            }
        }
        let all: BTreeMap<i64, (&Document, &Passage)> =
            list.values().flat_map(|h| h.passages.iter().map(|(id, p)| (*id, (&h.document, p)))).collect();
        prop_assert_eq!(index.len(), all.len());
        for (number, language) in index.languages().enumerate() {
            let of = |p: &Passage| LANGS[p.lang] == language.lang;
            let chunks = all.values().filter(|(_, p)| of(p)).count();
            prop_assert_eq!(language.chunks, chunks as i64);
            for (n, word) in WORDS.iter().enumerate() {
                let df = all.values().filter(|(_, p)| of(p) && p.tf.contains_key(&n)).count();
                prop_assert_eq!(index.df(number, word), df as i64);
            }
        }
        let terms: Vec<Term<'_>> = (0..index.languages().count()).flat_map(|lang| asked.iter().map(move |w| Term {
            lang, lexeme: WORDS[*w], factor: 1.0 + *w as f64, base: 0.3, slope: 0.1,
        })).collect();
        for filter in filters.iter().chain(&filters) {
            let allowed = index.allowed(filter);
            let want: Vec<i64> = all.iter().filter(|(_, (d, _))| may(d, filter)).map(|(id, _)| *id).collect();
            let mut got: Vec<i64> = allowed.iter().map(|place| index.id(place)).collect();
            got.sort_unstable();
            prop_assert_eq!(&got, &want);
            // Words.
            let gain = |p: &Passage| -> f64 {
                let length: u16 = p.tf.values().map(|n| u16::from(*n)).sum();
                terms.iter().filter(|t| index.langs[t.lang].name == LANGS[p.lang].into())
                    .filter_map(|t| Some(t.gain(*p.tf.get(&WORDS.iter().position(|w| *w == t.lexeme)?)?, length))).sum()
            };
            let found = index.by_words(&terms, &allowed, 7);
            let with_any = want.iter().filter(|id| gain(all[*id].1) > 0.0).count();
            prop_assert_eq!(found.len(), with_any.min(7));
            let mut gains: Vec<f64> = want.iter().map(|id| gain(all[id].1)).collect();
            gains.sort_by(|a, b| b.total_cmp(a));
            for (scored, gained) in found.iter().zip(gains) {
                let has = &index.matches(&terms, &[scored.place])[0];
                let exact: f64 = has.iter().map(|(n, often)| terms[*n].gain(*often, index.length(scored.place))).sum();
                prop_assert!((exact - gain(all[&index.id(scored.place)].1)).abs() < 1e-12);
                prop_assert!((f64::from(scored.score) - gained).abs() < 1e-4);
                prop_assert!((exact - gained).abs() < 1e-4);
            }
            // All at once as one by one.
            let places: Vec<u32> = allowed.iter().collect();
            let one_by_one: Vec<_> = places.iter().flat_map(|p| index.matches(&terms, &[*p])).collect();
            prop_assert_eq!(index.matches(&terms, &places), one_by_one);
            // Vectors.
            let product = |id: &i64| -> Option<f64> {
                let vector = all[id].1.vector.as_ref()?;
                Some(vector.iter().zip(&question).map(|(h, x)| f16::from_bits(*h).to_f64() * f64::from(*x)).sum())
            };
            let near = index.nearest(&question, &allowed, 5);
            let mut products: Vec<f64> = want.iter().filter_map(product).collect();
            products.sort_by(|a, b| b.total_cmp(a));
            prop_assert_eq!(near.len(), products.len().min(5));
            for (scored, want) in near.iter().zip(products) {
                prop_assert!((f64::from(scored.score) - want).abs() < 1e-4);
                let id = index.id(scored.place);
                prop_assert!((product(&id).unwrap() - want).abs() < 1e-4);
                prop_assert_eq!(index.product(scored.place, &question), Some(scored.score));
            }
        }
    }
}

/// From -1 to 1 (PCG's generator).
fn random(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

/// Vectors in clusters around a mean that is not the origin.
pub(crate) fn clustered(seed: u64, n: usize, dimensions: usize) -> Vec<Vec<f32>> {
    let mut random = random(seed);
    let mean: Vec<f32> = (0..dimensions).map(|_| random()).collect();
    let centres: Vec<Vec<f32>> = (0..40)
        .map(|_| (0..dimensions).map(|_| random()).collect())
        .collect();
    (0..n)
        .map(|i| {
            let at = |d: usize| mean[d] + centres[i % 40][d];
            unit((0..dimensions).map(|d| at(d) + 0.7 * random()).collect())
        })
        .collect()
}

/// Vectors that differ in few directions, in clusters of clusters, as embeddings of texts lie.
pub(crate) fn embedded(seed: u64, n: usize, dimensions: usize) -> Vec<Vec<f32>> {
    const DIRECTIONS: usize = 48;
    let mut random = random(seed);
    let mut some = |n: usize| -> Vec<f32> { (0..n).map(|_| random()).collect() };
    let directions: Vec<Vec<f32>> = (0..DIRECTIONS).map(|_| some(dimensions)).collect();
    let mean = some(dimensions);
    let topics: Vec<Vec<f32>> = (0..200).map(|_| some(DIRECTIONS)).collect();
    let mut document = Vec::new();
    (0..n)
        .map(|i| {
            if i % 8 == 0 {
                let topic = &topics[i / 8 * 7919 % 200];
                document = topic.iter().zip(some(DIRECTIONS)).map(|(a, b)| a + b).collect();
            }
            let mut vector: Vec<f32> = mean
                .iter()
                .zip(some(dimensions))
                .map(|(m, x)| 3.0 * m + x)
                .collect();
            for ((along, a), b) in directions.iter().zip(&document).zip(some(DIRECTIONS)) {
                vector.iter_mut().zip(along).for_each(|(x, d)| *x += (a + b) * d);
            }
            unit(vector)
        })
        .collect()
}

#[test]
fn the_nearest_of_many_are_found_by_their_codes_whatever_the_filter_leaves() {
    for dimensions in [100, 384] {
        let vectors = clustered(7, 12_020, dimensions);
        let (questions, vectors) = vectors.split_at(20);
        let mut index = Index::new(dimensions);
        for (n, some) in vectors.chunks(10).enumerate() {
            let halves: Vec<Vec<u16>> = some
                .iter()
                .map(|v| v.iter().map(|x| f16::from_f32(*x).to_bits()).collect())
                .collect();
            let document = Document {
                id: n as u128,
                answers: true,
                tags: vec![if n % 3 == 0 { "some" } else { "most" }.into()],
                ..Document::default()
            };
            let chunks = halves.iter().zip(n as i64 * 10..).map(|(halves, id)| Chunk {
                id,
                lang: "english",
                vector: Some(halves),
                ..Chunk::default()
            });
            index.put(document, chunks);
            // Codes are made when there are enough, and the later ones one by one.
            if n == 900 {
                index.settle();
            }
        }
        for (tags, exact) in [("", false), ("most", false), ("some", true)] {
            let filter = Filter {
                tags: [tags]
                    .iter()
                    .filter(|t| !t.is_empty())
                    .map(|t| (*t).to_owned())
                    .collect(),
                ..Filter::default()
            };
            let allowed = index.allowed(&filter);
            assert_eq!(allowed.count() <= 6_000, exact);
            let mut found = 0;
            for question in questions {
                let mut all: Vec<(f32, u32)> = allowed
                    .iter()
                    .map(|p| (index.product(p, question).unwrap(), p))
                    .collect();
                all.sort_by(|a, b| b.0.total_cmp(&a.0));
                let near = index.nearest(question, &allowed, 10);
                found += near
                    .iter()
                    .filter(|s| all[..10].iter().any(|a| a.1 == s.place))
                    .count();
            }
            assert!(found >= if exact { 200 } else { 198 }, "{found} of 200");
        }
    }
}

#[test]
fn what_was_taken_out_gives_its_memory_back() {
    let mut index = Index::new(8);
    let vector = [0x3c00_u16; 8];
    for round in 0..40_i64 {
        for id in 0..50_u128 {
            let lexeme = format!("word{round}");
            let chunk = Chunk {
                id: round * 50 + id as i64,
                lang: "english",
                length: 1,
                lexemes: vec![(&lexeme, 1)],
                vector: Some(&vector),
            };
            index.put(
                Document {
                    id,
                    ..Document::default()
                },
                [chunk],
            );
        }
        index.settle();
    }
    assert_eq!(
        (index.len(), index.df(0, "word39"), index.df(0, "word20")),
        (50, 50, 0)
    );
    assert!(index.places.len() < 500 && index.documents.len() < 800);
    assert!(index.bytes() < 100_000, "{}", index.bytes());
}
