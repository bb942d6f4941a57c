//! Times of the product's searches, one client, each question once, and how many of the
//! nearest they find.

use std::collections::HashSet;
use std::time::Instant;

use deskhand::db::postings::Filter;
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::search::{Mode, SearchQuery, search};
use half::f16;
use nix::time::{ClockId, clock_gettime};
use rayon::prelude::*;

use crate::corpus::{Corpus, Document, Question, RARE, Random};
use crate::server::{Database, MODEL, cpu};

/// How many passages an answer is made from.
const PASSAGES: usize = 8;
const TOP: usize = 10;

/// Where is searched.
pub struct Scope {
    pub name: &'static str,
    pub site: usize,
    pub tag: Option<&'static str>,
}

pub const SCOPES: [Scope; 4] = [
    Scope {
        name: "site of 50 %",
        site: 0,
        tag: None,
    },
    Scope {
        name: "tag on 1 % of it",
        site: 0,
        tag: Some(RARE),
    },
    Scope {
        name: "site of 7 %",
        site: 2,
        tag: None,
    },
    Scope {
        name: "site of 1 %",
        site: 1,
        tag: None,
    },
];

/// Milliseconds.
#[derive(Clone, Copy, Default)]
pub struct Spread {
    pub p50: f64,
    pub p95: f64,
}

impl Spread {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| 1e3 * times[((times.len() - 1) as f64 * share).round() as usize];
        Self {
            p50: at(0.5),
            p95: at(0.95),
        }
    }
}

pub struct Measured {
    pub scope: &'static str,
    pub measure: &'static str,
    pub wall: Spread,
    /// CPU time of the server's process and of this one.
    pub server: Spread,
    pub client: Spread,
    /// Of the ten nearest.
    pub recall: Option<f64>,
}

#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    server: Vec<f64>,
    client: Vec<f64>,
}

impl Times {
    fn spread(self) -> [Spread; 3] {
        [self.wall, self.server, self.client].map(Spread::of)
    }
}

pub fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap();
    std::time::Duration::from(time).as_secs_f64()
}

/// Asks a site's questions by the product's own search.
pub async fn measure(
    knowledge: &Knowledge,
    database: &Database,
    corpus: &Corpus,
    scope: &Scope,
    asked: usize,
    warm_up: usize,
) -> Vec<Measured> {
    let site = SiteId(corpus.sites[scope.site].id);
    let mut random = Random::new(97, scope.site as u64 * 2 + u64::from(scope.tag.is_some()));
    let inside = |d: &Document| {
        d.place.site == scope.site && scope.tag.is_none_or(|tag| d.tags.iter().any(|t| t == tag))
    };
    let questions: Vec<Question> = (0..warm_up + asked)
        .map(|_| corpus.question(&mut random, scope.site, inside))
        .collect();
    let filter = Filter {
        channel: Some("widget".to_owned()),
        tags: scope.tag.iter().map(|t| (*t).to_owned()).collect(),
        sources: Vec::new(),
    };
    let backend = database.backend().await;
    let [mut vectors, mut words, mut hybrid] = [Times::default(), Times::default(), Times::default()];
    let mut found: Vec<Vec<i64>> = Vec::new();
    for (i, question) in questions.iter().enumerate() {
        knowledge.remember(MODEL, &question.text, question.vector.clone());
        // In turn, so that a slow spell of the machine hits all alike.
        for (mode, times) in [
            (Mode::Vectors, &mut vectors),
            (Mode::Words, &mut words),
            (Mode::Hybrid, &mut hybrid),
        ] {
            let query = SearchQuery {
                text: question.text.clone(),
                k: if mode == Mode::Vectors { TOP } else { PASSAGES },
                filter: filter.clone(),
                mode,
            };
            let (client, server, began) = (own_cpu(), cpu(backend), Instant::now());
            let answer = search(knowledge, &database.db, site, query).await.unwrap();
            let took = (
                began.elapsed().as_secs_f64(),
                cpu(backend) - server,
                own_cpu() - client,
            );
            assert!(
                !answer.passages.is_empty() && answer.degraded.is_none(),
                "{}",
                question.text
            );
            if i < warm_up {
                continue;
            }
            if mode == Mode::Vectors {
                found.push(answer.passages.iter().map(|p| p.chunk_id).collect());
            }
            times.wall.push(took.0);
            times.server.push(took.1);
            times.client.push(took.2);
        }
    }
    let recall = recall(corpus, scope, &questions[warm_up..], &found, inside);
    [("vectors", vectors), ("words", words), ("hybrid", hybrid)]
        .into_iter()
        .map(|(measure, times)| {
            let [wall, server, client] = times.spread();
            let by_vectors = measure == "vectors";
            Measured {
                scope: scope.name,
                measure,
                wall,
                server,
                client,
                recall: by_vectors.then_some(recall),
            }
        })
        .collect()
}

/// Of the ten nearest, as they are computed here from all that may be found.
fn recall(
    corpus: &Corpus,
    scope: &Scope,
    questions: &[Question],
    found: &[Vec<i64>],
    inside: impl Fn(&Document) -> bool + Sync,
) -> f64 {
    // As the database compares it.
    let asked: Vec<Vec<f32>> = questions
        .iter()
        .map(|q| q.vector.iter().map(|x| f16::from_f32(*x).to_f32()).collect())
        .collect();
    let better = |best: &mut Vec<(f32, i64)>, cosine: f32, id: i64| {
        if best.len() < TOP || best[TOP - 1].0 < cosine {
            let at = best.partition_point(|b| b.0 >= cosine);
            best.insert(at, (cosine, id));
            best.truncate(TOP);
        }
    };
    let none = || vec![Vec::new(); asked.len()];
    let best = (0..corpus.places.len())
        .into_par_iter()
        .filter(|n| corpus.places[*n].site == scope.site)
        .fold(none, |mut best: Vec<Vec<(f32, i64)>>, n| {
            let document = corpus.document(n);
            if document.answers_widget() && inside(&document) {
                for (chunk, id) in document.chunks.iter().zip(document.place.first_chunk..) {
                    let vector: Vec<f32> = chunk.vector.iter().map(|x| x.to_f32()).collect();
                    for (question, best) in asked.iter().zip(&mut best) {
                        better(best, dot(question, &vector), id);
                    }
                }
            }
            best
        })
        .reduce(none, |mut a, b| {
            for (a, b) in a.iter_mut().zip(b) {
                b.into_iter().for_each(|(cosine, id)| better(a, cosine, id));
            }
            a
        });
    let hits = best.iter().zip(found).map(|(best, found)| {
        let found: HashSet<i64> = found.iter().copied().collect();
        best.iter().filter(|(_, id)| found.contains(id)).count()
    });
    hits.sum::<usize>() as f64 / best.iter().map(Vec::len).sum::<usize>() as f64
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum()
}
