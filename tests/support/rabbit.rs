//! Virtual hosts to test on.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::eventually;
use super::servers::{self, PrivateServer};

/// A virtual host: a broker of one's own, as far as anyone inside it can tell.
#[derive(Clone)]
pub(crate) struct VirtualHost {
    /// How clients connect to it.
    pub(crate) url: String,
    name: String,
    api: String,
}

/// A new, empty virtual host on the shared server.
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

    /// The names of all connections, once there are so many.
    pub(crate) async fn connections(&self, expected: usize) -> Vec<String> {
        eventually("there are so many connections", || async {
            let found = self.list(&format!("vhosts/{}/connections", self.name)).await;
            let names = found.iter().map(|one| one["name"].as_str().expect("a name").to_owned());
            (found.len() >= expected).then(|| names.collect())
        })
        .await
    }

    /// Closes connections, as an operator or a failing network would.
    pub(crate) async fn close(&self, connections: &[String]) {
        for name in connections {
            let name = name.replace(' ', "%20").replace('>', "%3E");
            // One that has gone by itself meanwhile is as good as closed.
            let closed = Client::new().delete(format!("{}/connections/{name}", self.api)).send().await;
            closed.expect("RabbitMQ answers");
        }
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let answer = send(Client::new().get(format!("{}/{path}", self.api))).await;
        answer.json().await.expect("a list")
    }
}

async fn send(request: RequestBuilder) -> reqwest::Response {
    let answer = request.send().await.expect("RabbitMQ's API answers");
    answer.error_for_status().expect("RabbitMQ's API agrees")
}

/// A RabbitMQ that a test has for itself.
pub(crate) struct PrivateRabbit(PrivateServer);

impl PrivateRabbit {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self(PrivateServer::start("rabbit").await)
    }

    /// A new, empty virtual host.
    pub(crate) async fn virtual_host(&self) -> VirtualHost {
        VirtualHost::create(&self.0.fact("url"), &self.0.fact("api-url")).await
    }

    /// Stops it, and waits until it has.
    pub(crate) async fn stop(&self) {
        self.0.stop().await;
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&self) {
        // RabbitMQ writes down the names of new quorum queues only every half second, without waiting for the disk. A
        // crash before that costs it the queue, whatever its clients do, and that is not what is tested here.
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.0.kill().await;
    }

    /// Starts it again, with the queues it had.
    pub(crate) async fn start_again(&self) {
        self.0.start_again().await;
    }
}
