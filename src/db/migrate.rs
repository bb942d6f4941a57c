//! Brings a database to this version's tables: roles and extension first, then the
//! migrations as their owner, then a look at whether the application's login is one
//! that row security binds.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row};

use super::pool::DbError;

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The oldest pgvector that filters inside an index scan.
const OLDEST_VECTOR: (u32, u32) = (0, 8);

/// Why a database isn't ready; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// It can't be reached, or refuses.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Roles are missing and this login may not make them.
    #[error(
        "the roles that deskhand needs are missing and `{login}` may not make them. As an administrator run:\n  CREATE ROLE deskhand_app NOLOGIN; CREATE ROLE deskhand_system NOLOGIN;\n  GRANT deskhand_app, deskhand_system TO \"{login}\" WITH ADMIN OPTION;\nand try again ({cause})"
    )]
    Roles {
        /// The owner's login.
        login: String,
        /// What the server said.
        cause: String,
    },
    /// No pgvector, and this login may not install it.
    #[error(
        "the extension `vector` (pgvector 0.8 or later) is missing. As an administrator run in this database:\n  CREATE EXTENSION vector;\nand try again ({0})"
    )]
    Extension(String),
    /// A pgvector that loses results under filters.
    #[error(
        "pgvector {0} is too old; 0.8 or later is needed (ALTER EXTENSION vector UPDATE after installing it)"
    )]
    OldVector(String),
    /// A migration failed.
    #[error("a migration failed: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The application's login isn't bound by row security.
    #[error(
        "the login `{login}` of DATABASE_URL {why}, so one site could read another's rows. Make a login of its own:\n  CREATE ROLE deskhand_login LOGIN PASSWORD '…' IN ROLE deskhand_app;\nand put the owner's URL into DATABASE_OWNER_URL"
    )]
    Unsafe {
        /// Its name.
        login: String,
        /// What's wrong with it.
        why: &'static str,
    },
    /// The database is older than this program.
    #[error("the database lacks {0} migration(s); run `deskhand migrate` with DATABASE_OWNER_URL set")]
    Behind(usize),
    /// The database is newer than this program.
    #[error("the database was migrated by a newer deskhand (to {0}); run that version, or a later one")]
    Ahead(i64),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

async fn connect(url: &str) -> Result<PgConnection, MigrateError> {
    let options = PgConnectOptions::from_str(url).map_err(|e| MigrateError::Db(DbError::Refused(e)))?;
    Ok(options.application_name("deskhand migrate").connect().await?)
}

/// Names that this module puts into statements are its own; quoted all the same.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names of what [`bootstrap`] makes in the own cluster.
pub const OWNER: &str = "deskhand_owner";
/// The application's login in the own cluster.
pub const APP: &str = "deskhand_app";

/// Makes owner, application login and the database in the own cluster, as its superuser.
/// Can be run again.
///
/// # Errors
/// When the server refuses.
pub async fn bootstrap(
    superuser_url: &str,
    database_superuser_url: &str,
    database: &str,
) -> Result<(), MigrateError> {
    let mut admin = connect(superuser_url).await?;
    for (role, login) in [(OWNER, "LOGIN"), (APP, "LOGIN"), ("deskhand_system", "NOLOGIN")] {
        make_role(&mut admin, role, login).await?;
    }
    run(&mut admin, format!("GRANT deskhand_system TO {OWNER}")).await?;
    let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(database)
        .fetch_optional(&mut admin)
        .await?
        .is_some();
    if !exists {
        run(
            &mut admin,
            format!("CREATE DATABASE {} OWNER {OWNER}", quoted(database)),
        )
        .await?;
    }
    let mut inside = connect(database_superuser_url).await?;
    run(&mut inside, "CREATE EXTENSION IF NOT EXISTS vector".to_owned()).await?;
    run(
        &mut inside,
        format!("GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}"),
    )
    .await
}

async fn run(conn: &mut PgConnection, statement: String) -> Result<(), MigrateError> {
    sqlx::query(AssertSqlSafe(statement)).execute(conn).await?;
    Ok(())
}

/// Roles are the cluster's: two databases may be prepared at once.
async fn make_role(conn: &mut PgConnection, role: &str, login: &str) -> Result<(), sqlx::Error> {
    let statement = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} {login}; END IF;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    sqlx::query(AssertSqlSafe(statement))
        .execute(conn)
        .await
        .map(|_| ())
}

/// Applies what is missing, as the owner. `app_login` is granted the application's
/// rights where it differs from them. Gives how many migrations were applied.
///
/// # Errors
/// When roles, extension or rights are missing, or a migration fails; the message says what to do.
pub async fn migrate(owner_url: &str, app_login: Option<&str>) -> Result<usize, MigrateError> {
    let mut owner = connect(owner_url).await?;
    let login: String = sqlx::query("SELECT current_user::text")
        .fetch_one(&mut owner)
        .await?
        .get(0);
    let refused = |e: sqlx::Error| MigrateError::Roles {
        login: login.clone(),
        cause: e.to_string(),
    };
    for role in [APP, "deskhand_system"] {
        make_role(&mut owner, role, "NOLOGIN").await.map_err(refused)?;
    }
    // ALTER FUNCTION … OWNER TO asks that the owner may become deskhand_system, and that
    // deskhand_system may create in the schema; the latter is taken back below.
    let member: bool = sqlx::query("SELECT pg_has_role(current_user, 'deskhand_system', 'SET')")
        .fetch_one(&mut owner)
        .await?
        .get(0);
    if !member {
        let grant = format!("GRANT deskhand_system TO {} WITH SET TRUE", quoted(&login));
        sqlx::query(AssertSqlSafe(grant))
            .execute(&mut owner)
            .await
            .map_err(refused)?;
    }
    check_vector(&mut owner).await?;
    for statement in [
        "GRANT USAGE, CREATE ON SCHEMA public TO deskhand_system",
        "GRANT USAGE ON SCHEMA public TO deskhand_app",
    ] {
        sqlx::query(statement).execute(&mut owner).await?;
    }
    let before = applied(&mut owner).await?.len();
    MIGRATOR.run(&mut owner).await?;
    for statement in [
        "REVOKE CREATE ON SCHEMA public FROM deskhand_system",
        "GRANT SELECT ON _sqlx_migrations TO deskhand_app",
    ] {
        sqlx::query(statement).execute(&mut owner).await?;
    }
    if let Some(app) = app_login.filter(|a| *a != APP) {
        run(&mut owner, format!("GRANT deskhand_app TO {}", quoted(app))).await?;
    }
    Ok(applied(&mut owner).await?.len() - before)
}

async fn check_vector(conn: &mut PgConnection) -> Result<(), MigrateError> {
    sqlx::query("CREATE EXTENSION IF NOT EXISTS vector")
        .execute(&mut *conn)
        .await
        .map_err(|e| MigrateError::Extension(e.to_string()))?;
    let version: String = sqlx::query("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        .fetch_one(conn)
        .await?
        .get(0);
    let mut parts = version.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < OLDEST_VECTOR {
        Err(MigrateError::OldVector(version))
    } else {
        Ok(())
    }
}

async fn applied(conn: &mut PgConnection) -> Result<Vec<i64>, MigrateError> {
    let there: bool = sqlx::query("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *conn)
        .await?
        .get(0);
    if !there {
        return Ok(Vec::new());
    }
    let rows = sqlx::query("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
        .fetch_all(conn)
        .await?;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}

/// Checks, as the application, that the tables are this version's and that row security
/// binds the login.
///
/// # Errors
/// When they aren't, or it doesn't; the message says what to do.
pub async fn check(app_url: &str) -> Result<(), MigrateError> {
    let mut app = connect(app_url).await?;
    let row = sqlx::query(
        "SELECT current_user::text, rolsuper, rolbypassrls,
                EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
                        AND c.relkind = 'r' AND pg_has_role(current_user, c.relowner, 'MEMBER')),
                pg_has_role(current_user, 'deskhand_system', 'MEMBER')
         FROM pg_roles WHERE rolname = current_user",
    )
    .fetch_one(&mut app)
    .await;
    let row = match row {
        Ok(row) => row,
        // The roles themselves are missing: nothing was ever migrated here.
        Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some("42704") => {
            return Err(MigrateError::Behind(MIGRATOR.iter().count()));
        }
        Err(e) => return Err(e.into()),
    };
    let login: String = row.get(0);
    for (n, why) in [
        (1, "is a superuser"),
        (2, "bypasses row security"),
        (3, "owns the tables"),
        (4, "may act as deskhand_system"),
    ] {
        if row.get::<bool, _>(n) {
            return Err(MigrateError::Unsafe { login, why });
        }
    }
    let done = applied(&mut app).await?;
    let known: Vec<i64> = MIGRATOR.iter().map(|m| m.version).collect();
    if let Some(newer) = done.iter().find(|v| !known.contains(v)) {
        return Err(MigrateError::Ahead(*newer));
    }
    match known.iter().filter(|v| !done.contains(v)).count() {
        0 => Ok(()),
        missing => Err(MigrateError::Behind(missing)),
    }
}

/// The number of the newest migration that this version knows.
#[must_use]
pub fn newest() -> i64 {
    MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0)
}

/// The login's name in a URL.
///
/// # Errors
/// When the URL can't be read.
pub fn login_of(url: &str) -> Result<Option<String>, MigrateError> {
    let options = PgConnectOptions::from_str(url).map_err(|e| MigrateError::Db(DbError::Refused(e)))?;
    Ok(Some(options.get_username().to_owned()))
}
