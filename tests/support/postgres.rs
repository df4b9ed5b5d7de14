//! Databases to test on.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::servers::{self, PrivateServer};

/// A new, empty database on the shared server.
pub(crate) async fn database() -> String {
    create_database(&servers::shared().postgres_url).await
}

/// A PostgreSQL that a test has for itself.
pub(crate) struct PrivatePostgres(PrivateServer);

impl PrivatePostgres {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self(PrivateServer::start("postgres").await)
    }

    /// A new, empty database.
    pub(crate) async fn database(&self) -> String {
        create_database(&self.0.fact("url")).await
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&self) {
        self.0.kill().await;
    }

    /// Starts it again, with the data it had.
    pub(crate) async fn start_again(&self) {
        self.0.start_again().await;
    }
}

/// Ends every other connection to the database of `url`, whatever it is in the middle of.
pub(crate) async fn kill_backends(url: &str) {
    let mut connection = connect(url).await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(others).execute(&mut connection).await.expect("may end them");
}

/// How many transactions the database of `url` has seen, as its sessions tell: those that sit idle do so within ten seconds.
pub(crate) async fn transactions(url: &str) -> i64 {
    let mut connection = connect(url).await;
    let count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(count).fetch_one(&mut connection).await.expect("it counts them")
}

/// How many rows a table has.
pub(crate) async fn count(url: &str, table: &'static str) -> i64 {
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(count).fetch_one(&mut connect(url).await).await.expect("can be counted")
}

/// Gives a payout's row another id, whatever refers to it.
pub(crate) async fn rename_payout(url: &str, from: &str, to: &str) {
    let mut connection = connect(url).await;
    let uuid = |id: &str| uuid::Uuid::try_parse(id.trim_start_matches("pay_")).expect("a payout id");
    sqlx::query("SET session_replication_role = replica").execute(&mut connection).await.expect("may do so");
    let rename = sqlx::query("UPDATE payouts SET id = $2 WHERE id = $1").bind(uuid(from)).bind(uuid(to));
    let renamed = rename.execute(&mut connection).await.expect("the row can be changed");
    assert_eq!(renamed.rows_affected(), 1);
}

async fn create_database(server: &str) -> String {
    let name = format!("payoutd_{}", uuid::Uuid::now_v7().simple());
    let mut connection = connect(&format!("{server}/postgres")).await;
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.expect("a database can be made");
    connection.close().await.expect("closes");
    format!("{server}/{name}")
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("PostgreSQL answers")
}
