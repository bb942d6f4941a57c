//! Work that the clock starts, once over all replicas: whoever moves a schedule's next
//! run forward enqueues its job, in one transaction.

use crate::db::jobs;
use crate::db::pool::{Db, DbResult};
use crate::domain::job::{Job, Priority, Schedule};

/// Makes these schedules known. A new one is first due after its interval; one whose interval
/// has become shorter is due after the shorter one.
///
/// # Errors
/// When the database refuses or is away.
pub async fn register(db: &Db, schedules: &[Schedule]) -> DbResult<()> {
    for schedule in schedules {
        sqlx::query!(
            "INSERT INTO schedules (name, next_run) VALUES ($1, now() + make_interval(secs => $2))
             ON CONFLICT (name) DO UPDATE SET next_run = excluded.next_run
              WHERE schedules.next_run > excluded.next_run",
            schedule.name,
            schedule.every.as_secs_f64(),
        )
        .execute(db.pool())
        .await?;
    }
    Ok(())
}

/// Enqueues the job of each schedule that is due and moves its next run on, by whole intervals;
/// runs that were missed while nobody looked are not made up for. Gives the names of those that
/// it was this caller who fired.
///
/// # Errors
/// When the database refuses or is away; what has fired so far stays so.
pub async fn fire(db: &Db, schedules: &[Schedule]) -> DbResult<Vec<&'static str>> {
    let names: Vec<String> = schedules.iter().map(|s| s.name.to_owned()).collect();
    let due = sqlx::query_scalar!(
        "SELECT name FROM schedules WHERE name = ANY ($1) AND next_run <= now()",
        &names
    )
    .fetch_all(db.pool())
    .await?;
    let mut fired = Vec::new();
    for schedule in schedules.iter().filter(|s| due.iter().any(|name| name == s.name)) {
        let mut tx = db.pool().begin().await?;
        let moved = sqlx::query!(
            "UPDATE schedules
                SET last_run = now(),
                    next_run = next_run + make_interval(secs =>
                        $2::float8 * (1 + floor(extract(epoch FROM now() - next_run)::float8 / $2::float8)))
              WHERE name = $1 AND next_run <= now()",
            schedule.name,
            schedule.every.as_secs_f64(),
        )
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            continue;
        }
        // Its name is the key: the next run waits for none, and joins one that isn't done yet.
        let job = Job {
            work: schedule.work.clone(),
            key: schedule.name.to_owned(),
            priority: Priority::Standard,
        };
        jobs::put(&mut tx, None, &job).await?;
        tx.commit().await?;
        fired.push(schedule.name);
    }
    Ok(fired)
}
