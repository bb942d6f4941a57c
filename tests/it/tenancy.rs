//! One site never sees another's rows: what the catalogue says of every table, what the
//! application's login gets under no site and under the wrong one, and that the cached
//! queries are this schema's.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row, SqlSafeStr as _};
use uuid::Uuid;

use crate::support::app::{TestApp, message};
use deskhand::domain::ids::VisitorId;

/// Tables that belong to no site: the migrations' own, the queue (its rows carry a site,
/// and its runner serves all), and the timetable.
const NOT_TENANT: &[&str] = &[
    "_sqlx_migrations",
    "embedding_models",
    "jobs",
    "listeners",
    "schedules",
];

async fn connect(url: &str) -> PgConnection {
    url.parse::<sqlx::postgres::PgConnectOptions>()
        .unwrap()
        .connect()
        .await
        .unwrap()
}

async fn texts(conn: &mut PgConnection, query: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(query))
        .fetch_all(conn)
        .await
        .unwrap_or_else(|e| panic!("{query}: {e}"));
    rows.iter().map(|r| r.get(0)).collect()
}

const TABLES: &str = "SELECT relname::text FROM pg_class
                      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1";

async fn tenant_tables(conn: &mut PgConnection) -> Vec<String> {
    let mut tables = texts(conn, TABLES).await;
    tables.retain(|t| !NOT_TENANT.contains(&t.as_str()));
    tables
}

#[tokio::test]
async fn every_tenant_table_is_guarded() {
    let app = TestApp::start().await;
    let mut conn = connect(&app.urls.superuser).await;
    let tables = tenant_tables(&mut conn).await;
    assert!(tables.len() > 15, "{tables:?}");
    let mut wrong = Vec::new();
    for table in &tables {
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT c.relrowsecurity, c.relforcerowsecurity,
                    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'site'
                       AND p.polcmd = '*' AND p.polpermissive
                       AND pg_get_expr(p.polqual, c.oid) LIKE '%NULLIF(current_setting(''deskhand.site''%'
                       AND pg_get_expr(p.polwithcheck, c.oid) = pg_get_expr(p.polqual, c.oid)),
                    -- No other policy may let the application through.
                    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname <> 'site'
                       AND NOT (p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = 'deskhand_system')])),
                    (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'site_id'
                       AND a.attnotnull)
             FROM pg_class c WHERE c.oid = '{table}'::regclass"
        )))
        .fetch_one(&mut conn)
        .await
        .unwrap();
        let site_column = row.get::<i64, _>(4) == 1 || table == "sites";
        let guarded = row.get::<bool, _>(0)
            && row.get::<bool, _>(1)
            && row.get::<i64, _>(2) == 1
            && row.get::<i64, _>(3) == 0
            && site_column;
        if !guarded {
            wrong.push(table.clone());
        }
    }
    assert!(
        wrong.is_empty(),
        "without site_id, policy, FORCE, or with a hole: {wrong:?}"
    );

    // Foreign keys go around row security: between tenant tables they must carry the site.
    let keys = "SELECT conrelid::regclass::text || '.' || conname FROM pg_constraint c
                WHERE contype = 'f' AND confrelid NOT IN ('sites'::regclass, 'embedding_models'::regclass) AND conrelid::regclass::text NOT IN ('jobs')
                AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid
                                AND a.attname = 'site_id' AND a.attnum = ANY (c.conkey))";
    assert_eq!(
        texts(&mut conn, keys).await,
        Vec::<String>::new(),
        "foreign keys without the site"
    );

    let rights = "SELECT table_name::text || ' ' || privilege_type FROM information_schema.role_table_grants
                  WHERE grantee = 'deskhand_app' AND privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')";
    assert_eq!(
        texts(&mut conn, rights).await,
        Vec::<String>::new(),
        "rights that go around row security"
    );
    conn.close().await.unwrap();
    app.finish().await;
}

/// A site with a row in every tenant table that an ordinary conversation fills.
async fn lived_in() -> TestApp {
    let app = TestApp::start().await;
    app.know(&[(
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days. A label costs €4.90.",
    )])
    .await;
    let token = app.token(VisitorId::new());
    let answer = app.ask(&token, "How long can I send something back?", None).await;
    let feedback = json!({ "turn_id": answer["turn_id"], "value": "up" });
    let kept = app
        .post("/api/agent/feedback", &token)
        .json(&feedback)
        .send()
        .await
        .unwrap();
    assert_eq!(kept.status(), 204);
    let (site, thread, turn) = (app.site.id, &answer["thread_id"], &answer["turn_id"]);
    let (thread, turn) = (thread.as_str().unwrap(), turn.as_str().unwrap());
    for table in ["handoffs", "tickets"] {
        app.bend(&format!(
            "INSERT INTO {table} (site_id, id, thread_id, turn_id, reason, at)
             VALUES ('{site}', gen_random_uuid(), '{thread}', '{turn}', 'test', now())"
        ))
        .await;
    }
    app
}

#[tokio::test]
async fn without_a_site_and_under_another_there_is_nothing() {
    let app = lived_in().await;
    let mut admin = connect(&app.urls.superuser).await;
    let tables = tenant_tables(&mut admin).await;
    let mut filled = 0;
    for settings in [
        "",
        "SET deskhand.site = ''",
        &format!("SET deskhand.site = '{}'", Uuid::now_v7()),
    ] {
        let mut conn = connect(&app.urls.app).await;
        conn.execute(AssertSqlSafe(settings.to_owned())).await.unwrap();
        for table in &tables {
            let there: i64 = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
                .fetch_one(&mut admin)
                .await
                .unwrap()
                .get(0);
            filled += i64::from(there > 0);
            let readable = sqlx::query(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
                .fetch_one(&mut conn)
                .await;
            if let Ok(row) = readable {
                assert_eq!(row.get::<i64, _>(0), 0, "{table} under `{settings}`");
            }
            // Either the login has no such right, or it hits nothing.
            for statement in [
                format!("DELETE FROM {table}"),
                format!("UPDATE {table} SET site_id = site_id"),
            ] {
                if let Ok(done) = conn.execute(AssertSqlSafe(statement.clone())).await {
                    assert_eq!(done.rows_affected(), 0, "{statement} under `{settings}`");
                }
            }
        }
        // A row can't be put into another site either.
        let foreign = format!(
            "INSERT INTO visitors (site_id, id) VALUES ('{}', gen_random_uuid())",
            app.site.id
        );
        let refused = conn
            .execute(AssertSqlSafe(foreign))
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("row-level security"), "{refused}");
        conn.close().await.unwrap();
    }
    assert!(
        filled >= 3 * 14,
        "the test's site is too empty to show anything: {filled}"
    );
    admin.close().await.unwrap();
    app.finish().await;
}

#[tokio::test]
async fn the_login_can_neither_become_another_nor_switch_security_off() {
    let app = TestApp::start().await;
    let mut conn = connect(&app.urls.app).await;
    for statement in [
        "SET ROLE deskhand_owner",
        "SET ROLE deskhand_system",
        "ALTER TABLE visitors DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON visitors USING (true)",
        "TRUNCATE visitors",
        "CREATE TABLE mine (x int)",
        "CALL deskhand_tenant('visitors')",
        "SELECT * FROM pg_read_file('/etc/passwd')",
    ] {
        assert!(conn.execute(statement).await.is_err(), "allowed: {statement}");
    }
    conn.close().await.unwrap();
    app.finish().await;
}

#[tokio::test]
async fn the_wire_shows_nothing_of_another_visitor_or_site() {
    let app = TestApp::start().await;
    app.know(&[("a.md", "# Lamps\n\nThe reading lamp Reed costs €199.")])
        .await;
    let (mine, other) = (app.token(VisitorId::new()), app.token(VisitorId::new()));
    let answer = app.ask(&mine, "What does the reading lamp cost?", None).await;
    assert!(answer["text"].as_str().unwrap().contains("199"), "{answer:#}");
    let thread = answer["thread_id"].as_str().unwrap();
    let foreign = crate::support::app::TestSite::add(
        &app.db,
        &app.master,
        "other",
        &[crate::support::app::ORIGIN],
        chrono::DateTime::from_timestamp(0, 0).unwrap(),
    )
    .await;
    let expires = deskhand::domain::clock::Clock::now(app.clock.as_ref()) + chrono::TimeDelta::minutes(4);
    let stranger = foreign.token(VisitorId::new(), expires);
    for token in [&other, &stranger] {
        for path in [
            format!("/api/agent/thread/{thread}"),
            format!("/api/agent/thread/{thread}/events"),
        ] {
            assert_eq!(
                app.get(&path, token).send().await.unwrap().status(),
                404,
                "{path}"
            );
        }
        let cancel = app
            .post(&format!("/api/agent/thread/{thread}/cancel"), token)
            .send()
            .await
            .unwrap();
        assert_eq!(cancel.status(), 404);
        let joined = app
            .post("/api/agent/messages", token)
            .json(&message("hi", Some(thread)))
            .send()
            .await
            .unwrap();
        assert_eq!(joined.status(), 404);
        let body: Value = joined.json().await.unwrap();
        assert_eq!(body["code"], "thread_not_found");
        let thumb = json!({ "turn_id": answer["turn_id"], "value": "down" });
        assert_eq!(
            app.post("/api/agent/feedback", token)
                .json(&thumb)
                .send()
                .await
                .unwrap()
                .status(),
            404
        );
    }
    let theirs = app.ask(&stranger, "What does the reading lamp cost?", None).await;
    assert!(
        !theirs["text"].as_str().unwrap().contains("199"),
        "another site's document: {theirs:#}"
    );
    assert_eq!(theirs["citations"], json!([]));
    app.finish().await;
}

/// The cached descriptions that offline builds trust are those of this schema.
#[tokio::test]
async fn cached_queries_are_this_schemas() {
    let app = TestApp::start().await;
    let mut conn = connect(&app.urls.superuser).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let mut seen = BTreeSet::new();
    for file in std::fs::read_dir(&folder).expect("no .sqlx folder; run ./dev prepare") {
        let path = file.unwrap().path();
        let cached: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let query = cached["query"].as_str().unwrap().to_owned();
        let described = conn.describe(AssertSqlSafe(query.clone()).into_sql_str()).await;
        let described =
            described.unwrap_or_else(|e| panic!("{}: {e}\n{query}\nrun ./dev prepare", path.display()));
        let now: Vec<&str> = described.columns().iter().map(sqlx::Column::name).collect();
        let then: Vec<&str> = cached["describe"]["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(now, then, "{query}\nrun ./dev prepare");
        let nullable: Vec<Option<bool>> = (0..now.len()).map(|n| described.nullable(n)).collect();
        assert_eq!(
            json!(nullable),
            cached["describe"]["nullable"],
            "{query}\nrun ./dev prepare"
        );
        seen.insert(query);
    }
    assert!(seen.len() > 40, "only {} cached queries", seen.len());
    conn.close().await.unwrap();
    app.finish().await;
}
