//! PostgreSQL and RabbitMQ, started by `scripts/test-servers --durable`.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::amqp::Broker;
use crate::{Error, Result};

#[derive(Debug, Clone)]
pub(crate) struct Servers {
    /// The data directory of both servers.
    pub(crate) directory: PathBuf,
    /// Without a database name.
    pub(crate) postgres_url: String,
    pub(crate) amqp_url: String,
    /// The same broker for the load generator.
    pub(crate) broker: Broker,
}

impl Servers {
    /// Reads the addresses from the environment.
    pub(crate) fn from_environment() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| {
                Error::from("no servers in the environment: run scripts/bench, which starts them")
            })
        };
        let amqp_url = variable("TEST_AMQP_URL")?;
        Ok(Self {
            directory: variable("TEST_SERVERS")?.into(),
            postgres_url: variable("TEST_POSTGRES_URL")?,
            broker: Broker::new(&amqp_url)?,
            amqp_url,
        })
    }

    /// Creates an empty database with `purpose` in its name.
    pub(crate) async fn create_database(&self, purpose: &str) -> Result<Database> {
        let name = format!("bench_{purpose}_{}", &Uuid::now_v7().simple().to_string()[20..]);
        let mut admin = PgConnection::connect(&format!("{}/postgres", self.postgres_url)).await?;
        execute(&mut admin, &format!("CREATE DATABASE {name}")).await?;
        Ok(Database {
            url: format!("{}/{name}", self.postgres_url),
            server_url: self.postgres_url.clone(),
            name,
        })
    }

    /// The process id of the PostgreSQL postmaster.
    pub(crate) fn postgres_pid(&self) -> Result<u32> {
        let file = self.directory.join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }

    /// The process id of the RabbitMQ server.
    pub(crate) fn rabbitmq_pid(&self) -> Result<u32> {
        Ok(std::fs::read_to_string(self.directory.join("rabbit/server.pid"))?.trim().parse()?)
    }
}

/// The planner settings of payoutd (`src/store/postgres/pool.rs`). The floors use them too: a plan that scans
/// a whole table would lower the floor.
const PLANNER_OPTIONS: &str = "options=-c%20enable_seqscan%3Doff%20-c%20jit%3Doff";

/// A database of one measure.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) url: String,
    server_url: String,
    name: String,
}

impl Database {
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// The URL with the planner settings of payoutd.
    pub(crate) fn floor_url(&self) -> String {
        format!("{}?{PLANNER_OPTIONS}", self.url)
    }

    /// Executes statements without parameters.
    pub(crate) async fn execute(&self, statements: &str) -> Result<()> {
        execute(&mut self.connect().await?, statements).await
    }

    /// Returns the single number that `query` selects.
    pub(crate) async fn query_number(&self, query: &str) -> Result<i64> {
        let mut connection = self.connect().await?;
        Ok(sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await?)
    }

    /// Forces a checkpoint, so that the next measurement does not include the writes of the last one.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        self.execute("CHECKPOINT").await
    }

    /// Drops the database and closes its connections.
    pub(crate) async fn drop_database(self) -> Result<()> {
        let mut admin = PgConnection::connect(&format!("{}/postgres", self.server_url)).await?;
        execute(&mut admin, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }
}

async fn execute(connection: &mut PgConnection, statements: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await?;
    Ok(())
}
