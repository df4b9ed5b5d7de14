//! The servers that everything is measured on: PostgreSQL and RabbitMQ, started by `scripts/test-servers --durable`.

use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::amqp::Broker;
use crate::{Error, Result};

/// Where they are.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    /// What they keep their files in.
    pub(crate) directory: PathBuf,
    /// PostgreSQL, without a database's name.
    pub(crate) postgres_url: String,
    /// RabbitMQ.
    pub(crate) amqp_url: String,
    /// The same, for the load.
    pub(crate) broker: Broker,
}

impl Servers {
    /// Those that the environment names.
    pub(crate) fn from_environment() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var(name)
                .map_err(|_| Error::from("there are no servers: run scripts/bench, which starts them"))
        };
        let amqp_url = variable("TEST_AMQP_URL")?;
        Ok(Self {
            directory: variable("TEST_SERVERS")?.into(),
            postgres_url: variable("TEST_POSTGRES_URL")?,
            broker: Broker::new(&amqp_url)?,
            amqp_url,
        })
    }

    /// A new, empty database.
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

    /// The first process of PostgreSQL.
    pub(crate) fn postgres_pid(&self) -> Result<u32> {
        let file = self.directory.join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }

    /// The first process of RabbitMQ.
    pub(crate) fn rabbitmq_pid(&self) -> Result<u32> {
        Ok(std::fs::read_to_string(self.directory.join("rabbit/server.pid"))?.trim().parse()?)
    }
}

/// How payoutd has its statements planned (`src/store/postgres/pool.rs`), and so the floors as well: a plan that reads a whole
/// table would be no limit.
const PLANNER_OPTIONS: &str = "options=-c%20enable_seqscan%3Doff%20-c%20jit%3Doff";

/// A database of one measure.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    /// Where it is.
    pub(crate) url: String,
    server_url: String,
    name: String,
}

impl Database {
    /// A connection to it.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// Where a floor connects to it.
    pub(crate) fn floor_url(&self) -> String {
        format!("{}?{PLANNER_OPTIONS}", self.url)
    }

    /// Runs statements without parameters.
    pub(crate) async fn execute(&self, statements: &str) -> Result<()> {
        execute(&mut self.connect().await?, statements).await
    }

    /// The one number that a query gives.
    pub(crate) async fn query_number(&self, query: &str) -> Result<i64> {
        let mut connection = self.connect().await?;
        Ok(sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await?)
    }

    /// Writes everything that is dirty, so that what is measured next does not pay for what was before.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        self.execute("CHECKPOINT").await
    }

    /// Removes it, whoever is connected.
    pub(crate) async fn drop_database(self) -> Result<()> {
        let mut admin = PgConnection::connect(&format!("{}/postgres", self.server_url)).await?;
        execute(&mut admin, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }
}

async fn execute(connection: &mut PgConnection, statements: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await?;
    Ok(())
}
