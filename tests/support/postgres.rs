//! PostgreSQL databases of the tests.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::servers::{self, PrivateServer};

/// Creates an empty database on the shared server and returns its URL.
pub(crate) async fn database() -> String {
    create_database(&servers::shared().postgres_url).await
}

/// A PostgreSQL server of one test. Dropping the value stops the server.
pub(crate) struct PrivatePostgres(PrivateServer);

impl PrivatePostgres {
    /// Starts the server.
    pub(crate) async fn start() -> Self {
        Self(PrivateServer::start("postgres").await)
    }

    /// Creates an empty database and returns its URL.
    pub(crate) async fn database(&self) -> String {
        create_database(&self.0.read_file("url")).await
    }

    /// Kills the server, as a crash would.
    pub(crate) async fn kill(&self) {
        self.0.kill().await;
    }

    /// Starts the server after a stop, with the same data.
    pub(crate) async fn restart(&self) {
        self.0.restart().await;
    }
}

/// Terminates all other connections to the database, also during a statement.
pub(crate) async fn terminate_backends(url: &str) {
    let mut connection = connect(url).await;
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(others).execute(&mut connection).await.expect("the backends can be terminated");
}

/// The number of transactions of the database since its creation. Idle sessions report theirs within ten seconds.
pub(crate) async fn transaction_count(url: &str) -> i64 {
    let mut connection = connect(url).await;
    let count = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(count).fetch_one(&mut connection).await.expect("the statistics can be read")
}

/// The number of rows of a table.
pub(crate) async fn row_count(url: &str, table: &'static str) -> i64 {
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(count).fetch_one(&mut connect(url).await).await.expect("the rows can be counted")
}

/// Changes the id of a payout's row. Foreign keys are not checked.
pub(crate) async fn change_payout_id(url: &str, from: &str, to: &str) {
    let mut connection = connect(url).await;
    let uuid = |id: &str| uuid::Uuid::try_parse(id.trim_start_matches("pay_")).expect("a payout id");
    sqlx::query("SET session_replication_role = replica")
        .execute(&mut connection)
        .await
        .expect("the role can be changed");
    let update = sqlx::query("UPDATE payouts SET id = $2 WHERE id = $1").bind(uuid(from)).bind(uuid(to));
    let updated = update.execute(&mut connection).await.expect("the row can be changed");
    assert_eq!(updated.rows_affected(), 1);
}

async fn create_database(server: &str) -> String {
    let name = format!("payoutd_{}", uuid::Uuid::now_v7().simple());
    let mut connection = connect(&format!("{server}/postgres")).await;
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.expect("a database can be created");
    connection.close().await.expect("the connection closes");
    format!("{server}/{name}")
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("PostgreSQL accepts the connection")
}
