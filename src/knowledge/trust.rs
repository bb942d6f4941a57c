//! How far an embedding model is to be trusted with a language, measured on the site's own
//! passages and without anybody's judgement (an inverse cloze task): a sentence is taken
//! out of a passage, and the rest must be found by it, by vectors and by words. Where the
//! vectors do worse than the words, they count for less.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;

use crate::db::filtered;
use crate::db::models::SiteModels;
use crate::db::packed;
use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::postings::{self, Filter, Term, Words};
use crate::db::trust::{self, Measured, Sample};
use crate::db::{jobs, models, nearest};
use crate::domain::ids::SiteId;
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::embed::{self, InUse, VectorError};
use crate::knowledge::{base::Knowledge, blocks};
use crate::models::embedder::Purpose;

/// How many passages are sampled at most, and below how many nothing can be said.
const SAMPLED: usize = 128;
const FEWEST: usize = 12;
/// Below so many chunks of a language it isn't worth trying.
const WORTH: i64 = 24;
/// What counts as a sentence, and how much of one is asked by, in words.
const SENTENCE: usize = 5;
const ASKED_BY: usize = 16;
/// How far down the vectors' ranking a passage is looked for.
const DEPTH: usize = 100;

/// How far a model is trusted with a language before it was measured: most know English
/// best.
#[must_use]
pub fn unmeasured(lang: &str) -> f64 {
    if lang == "english" { 1.0 } else { 0.8 }
}

/// Enqueues a measurement of the model where one is missing or out of date, and none waits.
///
/// # Errors
/// When the database refuses or is away.
pub async fn enqueue_if_stale(tx: &mut SiteTx, model: i32) -> DbResult<()> {
    if !trust::due(tx, model, WORTH).await? {
        return Ok(());
    }
    let job = Job {
        work: Work::MeasureTrust,
        key: Work::MEASURE_TRUST.to_owned(),
        priority: Priority::Batch,
    };
    jobs::enqueue(tx, &job).await?;
    Ok(())
}

/// Whether more documents of the site are about to come in: what is measured now is out of date
/// when they have, and costs as much as a hundred of them.
///
/// # Errors
/// When the database refuses or is away.
pub async fn should_wait(db: &Db, site: SiteId) -> DbResult<bool> {
    let mut tx = db.site(site).await?;
    jobs::documents_come(&mut tx).await
}

/// Measures the site's live model with every language whose measurement is missing or out
/// of date.
///
/// # Errors
/// When the model or the database fails.
pub async fn measure(db: &Db, knowledge: &Knowledge, site: SiteId) -> Result<(), VectorError> {
    let mut tx = db.snapshot(site).await?;
    let known = models::of_site(&mut tx).await?;
    let Some(live) = known.live.clone() else {
        return Ok(());
    };
    let stale = trust::stale(&mut tx, live.id, WORTH).await?;
    drop(tx);
    if stale.is_empty() {
        return Ok(());
    }
    let model = embed::open(&knowledge.embedders, &live).await?;
    for (lang, chunks) in stale {
        let trust = with_language(db, site, &known, &model, &lang).await?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a share with two digits that matter"
        )]
        let trust = trust.unwrap_or_else(|| unmeasured(&lang)) as f32;
        tracing::debug!(site = site.hashed(), lang, trust, "a model's trust was measured");
        let mut tx = db.site(site).await?;
        let measured = Measured { lang, trust, chunks };
        trust::store(&mut tx, live.id, &measured).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A passage with a sentence taken out.
struct Cloze {
    sample: Sample,
    asked: String,
    rest: String,
}

/// None when the language has too few passages to tell.
async fn with_language(
    db: &Db,
    site: SiteId,
    known: &SiteModels,
    model: &InUse,
    lang: &str,
) -> Result<Option<f64>, VectorError> {
    let mut tx = db.snapshot(site).await?;
    // Some have too few sentences.
    let samples = trust::sample(&mut tx, lang, 2 * SAMPLED as i64).await?;
    drop(tx);
    let clozes: Vec<Cloze> = samples.into_iter().filter_map(cloze).take(SAMPLED).collect();
    if clozes.len() < FEWEST {
        return Ok(None);
    }
    let asked = clozes.iter().map(|c| c.asked.clone()).collect();
    let rests = clozes.iter().map(|c| c.rest.clone()).collect();
    let asked = model.embedder.embed(asked, Purpose::Passages).await?;
    let rests = model.embedder.embed(rests, Purpose::Passages).await?;
    let (mut by_vectors, mut by_words) = (0.0, 0.0);
    for ((cloze, vector), rest) in clozes.iter().zip(&asked).zip(&rests) {
        // Short transactions: a measurement takes a while.
        let mut tx = db.snapshot(site).await?;
        by_vectors += vector_rank(&mut tx, known, model, cloze, vector, rest).await?;
        by_words += word_rank(&mut tx, lang, cloze).await?;
    }
    Ok(Some(if by_words > 0.0 {
        f64::min(1.0, by_vectors / by_words)
    } else {
        1.0
    }))
}

/// The reciprocal rank of the rest among the passages of other documents, by vectors.
async fn vector_rank(
    tx: &mut SiteTx,
    known: &SiteModels,
    model: &InUse,
    cloze: &Cloze,
    vector: &[f32],
    rest: &[f32],
) -> Result<f64, VectorError> {
    let Some(of_site) = known.all().find(|m| m.id == model.id) else {
        return Ok(0.0);
    };
    let own: f64 = vector
        .iter()
        .zip(rest)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum();
    let k = DEPTH + cloze.sample.siblings.len();
    let everywhere = filtered::narrow(tx, Filter::default()).await?;
    let (near, _) = nearest::nearest(tx, known, of_site, vector, &everywhere, k).await?;
    let better = near
        .iter()
        .filter(|n| n.cosine >= own && !cloze.sample.siblings.contains(&n.chunk_id))
        .count();
    Ok(reciprocal(better))
}

/// The same by words; nothing where the rest has none of them.
async fn word_rank(tx: &mut SiteTx, lang: &str, cloze: &Cloze) -> Result<f64, VectorError> {
    let words = [Words {
        text: &cloze.asked,
        weight: 1.0,
        lang: Some(lang),
    }];
    let terms = postings::terms(tx, &words).await?;
    let ranking = packed::rank(tx, &terms).await?;
    let lexemes = postings::lexemes(tx, lang, &cloze.rest).await?;
    let own = score(&terms, &lexemes);
    if own <= 0.0 {
        return Ok(0.0);
    }
    let better = ranking
        .scores
        .iter()
        .filter(|(id, score)| **score >= own && !cloze.sample.siblings.contains(id))
        .count();
    Ok(reciprocal(better))
}

fn score(terms: &[Term], lexemes: &HashMap<String, i32>) -> f64 {
    let length = f64::from(lexemes.values().sum::<i32>());
    terms
        .iter()
        .filter(|t| t.df > 0)
        .filter_map(|t| Some(t.part(f64::from(*lexemes.get(&t.term)?), length)))
        .sum()
}

#[expect(clippy::cast_precision_loss, reason = "a rank")]
fn reciprocal(better: usize) -> f64 {
    1.0 / (1 + better) as f64
}

/// Takes a sentence out of the middle of a passage; none when it has fewer than three.
fn cloze(sample: Sample) -> Option<Cloze> {
    let text = blocks::plain(&sample.text);
    let sentences: Vec<&str> = text.unicode_sentences().collect();
    let long: Vec<usize> = (0..sentences.len())
        .filter(|i| sentences[*i].split_whitespace().count() >= SENTENCE || wide(sentences[*i]))
        .collect();
    if long.len() < 3 {
        return None;
    }
    // Which one depends on the passage, so that not all are first or last ones.
    let which = usize::try_from(sample.chunk_id.unsigned_abs() % long.len() as u64).unwrap_or(0);
    let taken = long[which];
    let asked: Vec<&str> = sentences[taken].split_whitespace().take(ASKED_BY).collect();
    let rest: String = sentences
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != taken)
        .map(|(_, s)| *s)
        .collect();
    Some(Cloze {
        asked: asked.join(" "),
        rest: embed::text_of("", &sample.title, &sample.heading_path, &rest),
        sample,
    })
}

/// Whether a text of a script without blanks is long enough to be a sentence.
fn wide(sentence: &str) -> bool {
    !sentence.is_ascii()
        && sentence.split_whitespace().count() <= 1
        && sentence.chars().count() >= 3 * SENTENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str, chunk_id: i64) -> Sample {
        Sample {
            chunk_id,
            title: "Title".to_owned(),
            heading_path: vec!["Heading".to_owned()],
            text: text.to_owned(),
            siblings: vec![chunk_id],
        }
    }

    #[test]
    fn a_sentence_is_taken_out_and_the_rest_keeps_its_title() {
        let text =
            "The first sentence has six words. The second one is about lamps. A third one ends it all.";
        for id in 0..3 {
            let cloze = cloze(sample(text, id)).unwrap();
            assert!(text.contains(&cloze.asked) && !cloze.rest.contains(&cloze.asked));
            assert!(cloze.rest.starts_with("Title\nHeading\n"));
        }
        assert!(cloze(sample("One sentence of five words. Too short.", 1)).is_none());
        let chinese = "我们的商店在星期一到星期五的上午九点开门。请您在收到货物后三十天之内联系我们的客服。运费由我们的商店全部承担无需支付。";
        assert!(cloze(sample(chinese, 1)).is_some());
    }
}
