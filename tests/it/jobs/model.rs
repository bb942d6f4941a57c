//! The queue against a model of it: any order of what workers, operators and accidents do
//! leaves each job where the model says.

use deskhand::db::jobs::{self, Claimed, QueueError};
use deskhand::domain::ids::{JobId, SiteId};
use deskhand::domain::job::{JobError, JobState, Priority, Retry};
use proptest::prelude::*;

use super::support::{INGEST, LEASE, TestDb};

/// Something that happens; the numbers pick a key, a lease ever given out, a job ever made.
#[derive(Debug, Clone)]
enum Act {
    Enqueue(usize),
    Claim,
    Heartbeat(usize),
    Finish(usize),
    Fail(usize, bool),
    Release(usize),
    /// All leases run out, and somebody looks.
    Reclaim,
    Retry(usize),
    Drop(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..3usize).prop_map(Act::Enqueue),
        6 => Just(Act::Claim),
        1 => any::<usize>().prop_map(Act::Heartbeat),
        2 => any::<usize>().prop_map(Act::Finish),
        4 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(n, p)| Act::Fail(n, p)),
        1 => any::<usize>().prop_map(Act::Release),
        2 => Just(Act::Reclaim),
        2 => any::<usize>().prop_map(Act::Retry),
        1 => any::<usize>().prop_map(Act::Drop),
    ]
}

#[derive(Debug, Clone)]
struct Modelled {
    id: JobId,
    key: usize,
    state: JobState,
    attempts: i32,
    /// The epoch of the claim that holds it.
    holder: Option<i64>,
}

impl Modelled {
    fn live(&self) -> bool {
        !self.state.is_finished()
    }

    fn lose_a_try(&mut self, permanent: bool) {
        let dead = permanent || self.attempts >= Retry::of(INGEST).attempts;
        self.state = if dead { JobState::Dead } else { JobState::Waiting };
        self.holder = None;
    }
}

/// Dropped jobs leave the model.
#[derive(Default)]
struct Model {
    jobs: Vec<Modelled>,
    claims: Vec<Claimed>,
    ever: Vec<JobId>,
}

impl Model {
    fn held(&mut self, claim: &Claimed) -> Option<&mut Modelled> {
        self.jobs
            .iter_mut()
            .find(|j| j.id == claim.id && j.holder == Some(claim.lease.epoch))
    }

    fn pick<T: Clone>(of: &[T], n: usize) -> Option<T> {
        (!of.is_empty()).then(|| of[n % of.len()].clone())
    }

    async fn perform(&mut self, t: &TestDb, site: SiteId, act: Act) {
        match act {
            Act::Enqueue(key) => {
                let got = t.enqueue(site, &key.to_string(), Priority::Standard).await;
                match self.jobs.iter().find(|j| j.key == key && j.live()) {
                    Some(twin) => assert_eq!((got.id, got.new), (twin.id, false)),
                    None => {
                        assert!(got.new);
                        self.jobs.retain(|j| j.key != key || j.state != JobState::Dead);
                        self.ever.push(got.id);
                        self.jobs.push(Modelled {
                            id: got.id,
                            key,
                            state: JobState::Waiting,
                            attempts: 0,
                            holder: None,
                        });
                    }
                }
            }
            Act::Claim => {
                // Waits are the backoff's business, not the model's.
                t.sql("UPDATE jobs SET run_at = now() - interval '1 ms' WHERE state = 'waiting'")
                    .await;
                let Some(claim) = t.claim_one().await else {
                    assert!(self.jobs.iter().all(|j| j.state != JobState::Waiting));
                    return;
                };
                let job = self
                    .jobs
                    .iter_mut()
                    .find(|j| j.id == claim.id)
                    .expect("a known job");
                assert_eq!(job.state, JobState::Waiting);
                job.attempts += 1;
                assert_eq!(claim.attempt, job.attempts);
                (job.state, job.holder) = (JobState::Running, Some(claim.lease.epoch));
                self.claims.push(claim);
            }
            Act::Heartbeat(n) | Act::Finish(n) | Act::Fail(n, _) | Act::Release(n) => {
                let Some(claim) = Self::pick(&self.claims, n) else {
                    return;
                };
                let error = |permanent| JobError {
                    again: None,
                    code: "c".into(),
                    detail: "d".into(),
                    permanent,
                };
                let answer = match act {
                    Act::Heartbeat(_) => jobs::heartbeat(&t.db, &claim.lease, LEASE, None).await,
                    Act::Finish(_) => jobs::finish(&t.db, &claim.lease, None).await,
                    Act::Release(_) => jobs::release(&t.db, &claim.lease).await,
                    Act::Fail(_, p) => jobs::fail(&t.db, &claim.lease, &error(p)).await.map(|_| ()),
                    _ => unreachable!("one of the four"),
                };
                let Some(job) = self.held(&claim) else {
                    assert!(
                        matches!(answer, Err(QueueError::Lost)),
                        "{act:?} by a zombie: {answer:?}"
                    );
                    return;
                };
                answer.unwrap();
                match act {
                    Act::Finish(_) => (job.state, job.holder) = (JobState::Done, None),
                    Act::Fail(_, permanent) => job.lose_a_try(permanent),
                    Act::Release(_) => {
                        (job.state, job.holder) = (JobState::Waiting, None);
                        job.attempts -= 1;
                    }
                    _ => {}
                }
            }
            Act::Reclaim => {
                t.sql("UPDATE jobs SET lease_until = now() - interval '1 ms' WHERE state = 'running'")
                    .await;
                let taken = jobs::reclaim(&t.db, 100).await.unwrap().len();
                let running = self.jobs.iter_mut().filter(|j| j.state == JobState::Running);
                assert_eq!(taken, running.map(|j| j.lose_a_try(false)).count());
            }
            Act::Retry(n) => {
                let Some(id) = Self::pick(&self.ever, n) else {
                    return;
                };
                let answer = jobs::retry(&t.db, id).await;
                let Some(at) = self.jobs.iter().position(|j| j.id == id) else {
                    assert!(matches!(answer, Err(QueueError::Unknown(_))), "{answer:?}");
                    return;
                };
                if self.jobs[at].state != JobState::Dead {
                    assert!(matches!(answer, Err(QueueError::NotDead { .. })), "{answer:?}");
                } else {
                    answer.unwrap();
                    (self.jobs[at].state, self.jobs[at].attempts) = (JobState::Waiting, 0);
                }
            }
            Act::Drop(n) => {
                let Some(id) = Self::pick(&self.ever, n) else {
                    return;
                };
                let answer = jobs::drop_job(&t.db, id).await;
                match self.jobs.iter().position(|j| j.id == id) {
                    Some(at) => assert_eq!(answer.unwrap(), self.jobs.remove(at).state),
                    None => assert!(matches!(answer, Err(QueueError::Unknown(_))), "{answer:?}"),
                }
            }
        }
    }
}

#[test]
fn jobs_stand_where_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (t, site) = runtime.block_on(async {
        let t = TestDb::new().await;
        let site = t.site("a").await;
        (t, site)
    });
    proptest!(ProptestConfig::with_cases(48), |(acts in prop::collection::vec(act(), 1..60))| {
        runtime.block_on(async {
            t.sql("TRUNCATE jobs").await;
            let mut model = Model::default();
            for act in acts {
                model.perform(&t, site, act).await;
                let mut want: Vec<_> = model.jobs.iter().map(|j| (j.id, j.state, j.attempts)).collect();
                let mut have: Vec<_> = jobs::list(&t.db, &jobs::Filter::default(), 1000)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|j| (j.id, j.state, j.attempts))
                    .collect();
                want.sort_by_key(|j| j.0);
                have.sort_by_key(|j| j.0);
                assert_eq!(have, want);
            }
        });
    });
}
