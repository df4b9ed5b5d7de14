//! A client of the broker, which is a process of `tests/clients/python/watcher.py`.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::servers;
use super::{Report, within};

/// A message to publish. It may be invalid.
#[derive(Debug, Clone)]
pub(crate) struct Message(Map<String, Value>);

impl Message {
    /// A message to the exchange `chain.events` with this routing key and body.
    pub(crate) fn new(routing_key: &str, body: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("routing_key".into(), routing_key.into());
        fields.insert("body".into(), body.into());
        fields.insert("headers".into(), Value::Object(Map::new()));
        Self(fields)
    }

    /// The same message with this content type.
    pub(crate) fn content_type(self, content_type: &str) -> Self {
        self.with("content_type", content_type.into())
    }

    /// The same message with another routing key.
    pub(crate) fn routing_key(self, routing_key: &str) -> Self {
        self.with("routing_key", routing_key.into())
    }

    /// The same message with an additional header.
    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        self.0["headers"][name] = value;
        self
    }

    /// The same message with the body that `body` encodes in base64, which may be invalid UTF-8.
    pub(crate) fn body_base64(mut self, body: &str) -> Self {
        self.0.remove("body");
        self.with("body_base64", body.into())
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.0.insert(field.into(), value);
        self
    }
}

impl From<Report> for Message {
    fn from(report: Report) -> Self {
        report.structured()
    }
}

/// A connection to the broker. It publishes reports as a chain watcher, and reads queues as a downstream service.
pub(crate) struct Watcher {
    commands: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Watcher {
    /// Connects to the broker.
    pub(crate) async fn connect(amqp_url: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python/watcher.py");
        let mut process = Command::new(&servers::shared().python)
            .arg(script)
            .arg(amqp_url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python can be run");
        let commands = process.stdin.take().expect("a pipe");
        let replies = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { commands, replies, _process: process }
    }

    /// Publishes messages in this order and waits until the broker confirms each of them.
    pub(crate) async fn publish(&mut self, messages: impl IntoIterator<Item = impl Into<Message>>) {
        let messages: Vec<Value> = messages.into_iter().map(|one| Value::Object(one.into().0)).collect();
        self.call(json!({ "do": "publish", "messages": messages })).await;
    }

    /// Declares an exclusive queue, binds it to `exchange`, and returns its name.
    pub(crate) async fn subscribe(&mut self, exchange: &str, binding: &str) -> String {
        self.subscription(exchange, binding, false).await
    }

    /// Like `subscribe`, but the queue survives the end of the connection and a restart of the broker.
    pub(crate) async fn subscribe_durably(&mut self, exchange: &str, binding: &str) -> String {
        self.subscription(exchange, binding, true).await
    }

    async fn subscription(&mut self, exchange: &str, binding: &str, durable: bool) -> String {
        let command =
            json!({ "do": "subscribe", "exchange": exchange, "binding": binding, "durable": durable });
        let reply = self.call(command).await;
        reply["queue"].as_str().expect("a name").to_owned()
    }

    /// Adds a binding to a queue.
    pub(crate) async fn bind(&mut self, queue: &str, exchange: &str, binding: &str) {
        self.call(json!({ "do": "bind", "queue": queue, "exchange": exchange, "binding": binding })).await;
    }

    /// Receives the next `count` messages of a queue.
    pub(crate) async fn receive(&mut self, queue: &str, count: usize) -> Vec<Value> {
        let messages = self.receive_within(queue, count, 30.0).await;
        assert_eq!(messages.len(), count, "too few messages in {queue}: {messages:#?}");
        messages
    }

    /// Receives at most `count` messages of a queue within `seconds`.
    pub(crate) async fn receive_within(&mut self, queue: &str, count: usize, seconds: f64) -> Vec<Value> {
        let command = json!({ "do": "take", "queue": queue, "count": count, "seconds": seconds });
        let reply = self.call(command).await;
        reply["messages"].as_array().expect("a list").clone()
    }

    /// The number of messages of a queue that are ready for delivery.
    pub(crate) async fn count(&mut self, queue: &str) -> u64 {
        let reply = self.call(json!({ "do": "count", "queue": queue })).await;
        reply["messages"].as_u64().expect("a number")
    }

    async fn call(&mut self, command: Value) -> Value {
        let reply = self.try_call(&command).await.expect("the watcher is connected");
        assert!(reply.get("error").is_none(), "{command} failed: {reply}");
        reply
    }

    async fn try_call(&mut self, command: &Value) -> Option<Value> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.ok()?;
        let line = self.replies.next_line().await.ok()??;
        serde_json::from_str(&line).ok()
    }
}

/// Connects to a broker that may be starting: repeats until a connection can publish.
pub(crate) async fn connect_eventually(amqp_url: &str) -> Watcher {
    within(super::TIMEOUT, "the broker accepts connections", || async {
        let mut watcher = Watcher::connect(amqp_url).await;
        let probe = json!({ "do": "publish", "messages": [] });
        watcher.try_call(&probe).await.map(|_| watcher)
    })
    .await
}
