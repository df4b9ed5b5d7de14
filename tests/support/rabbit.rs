//! RabbitMQ virtual hosts of the tests.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::eventually;
use super::servers::{self, PrivateServer};

/// A virtual host. Its exchanges, queues and connections are separate from those of all other virtual hosts.
#[derive(Clone)]
pub(crate) struct VirtualHost {
    /// The AMQP URL.
    pub(crate) url: String,
    name: String,
    api: String,
}

/// Creates an empty virtual host on the shared server.
pub(crate) async fn virtual_host() -> VirtualHost {
    let servers = servers::shared();
    VirtualHost::create(&servers.amqp_url, &servers.rabbit_api_url).await
}

impl VirtualHost {
    async fn create(server: &str, api: &str) -> Self {
        let name = format!("test-{}", uuid::Uuid::now_v7().simple());
        send(Client::new().put(format!("{api}/vhosts/{name}"))).await;
        Self { url: format!("{server}/{name}"), name, api: api.to_owned() }
    }

    /// Waits until there are at least `expected` connections, and returns the names of all.
    pub(crate) async fn wait_for_connections(&self, expected: usize) -> Vec<String> {
        eventually(&format!("there are {expected} connections"), || async {
            let found = self.list(&format!("vhosts/{}/connections", self.name)).await;
            let names = found.iter().map(|one| one["name"].as_str().expect("a name").to_owned());
            (found.len() >= expected).then(|| names.collect())
        })
        .await
    }

    /// Closes these connections.
    pub(crate) async fn close_connections(&self, connections: &[String]) {
        for name in connections {
            let name = name.replace(' ', "%20").replace('>', "%3E");
            // The connection may be closed already.
            let closed = Client::new().delete(format!("{}/connections/{name}", self.api)).send().await;
            closed.expect("RabbitMQ's API responds");
        }
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let response = send(Client::new().get(format!("{}/{path}", self.api))).await;
        response.json().await.expect("a list")
    }
}

async fn send(request: RequestBuilder) -> reqwest::Response {
    let response = request.send().await.expect("RabbitMQ's API responds");
    response.error_for_status().expect("RabbitMQ's API accepts the request")
}

/// A RabbitMQ server of one test. Dropping the value stops the server.
pub(crate) struct PrivateRabbit(PrivateServer);

impl PrivateRabbit {
    /// Starts the server.
    pub(crate) async fn start() -> Self {
        Self(PrivateServer::start("rabbit").await)
    }

    /// Creates an empty virtual host.
    pub(crate) async fn virtual_host(&self) -> VirtualHost {
        VirtualHost::create(&self.0.read_file("url"), &self.0.read_file("api-url")).await
    }

    /// Stops the server and waits until it exits.
    pub(crate) async fn stop(&self) {
        self.0.stop().await;
    }

    /// Kills the server, as a crash would.
    pub(crate) async fn kill(&self) {
        // RabbitMQ records the names of new quorum queues every half second, and does not wait for the disk. A crash
        // before that loses the queue. That loss is not a subject of these tests.
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.0.kill().await;
    }

    /// Starts the server after a stop, with the same queues.
    pub(crate) async fn restart(&self) {
        self.0.restart().await;
    }
}
