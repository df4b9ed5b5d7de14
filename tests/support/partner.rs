//! A client of the partner API.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{HttpResponse, eventually};

/// A partner with one API key.
#[derive(Clone)]
pub(crate) struct Partner {
    http: Client,
    base: String,
    key: String,
}

impl Partner {
    /// A partner with the key `key`, for the API at the URL `base`.
    pub(crate) fn new(base: &str, key: &str) -> Self {
        Self { http: Client::new(), base: base.to_owned(), key: key.to_owned() }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body)
    }

    /// The default body of a quote request.
    pub(crate) fn quote_request() -> Value {
        Self::quote_request_for("order-1")
    }

    /// The default body of a quote request, with this `external_ref`.
    pub(crate) fn quote_request_for(external_ref: &str) -> Value {
        json!({
            "external_ref": external_ref,
            "destination": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
            "asset": "USDT",
            "amount": "25.00",
        })
    }

    /// Requests a quote with a new idempotency key.
    pub(crate) async fn quote(&self, request: &Value) -> HttpResponse {
        let key = uuid::Uuid::now_v7().to_string();
        HttpResponse::to(self.post("/payouts/quote", request).header("Idempotency-Key", key)).await
    }

    /// Creates a quote with the default request and returns its id.
    pub(crate) async fn create_quote(&self) -> String {
        let quote = self.quote(&Self::quote_request()).await.expect(200);
        quote["quote_id"].as_str().expect("a quote id").to_owned()
    }

    /// Executes a quote.
    pub(crate) async fn execute(&self, quote_id: &str) -> HttpResponse {
        HttpResponse::to(self.post("/payouts", &json!({ "quote_id": quote_id }))).await
    }

    /// Creates a payout with the default quote request and returns its id.
    pub(crate) async fn create_payout(&self) -> String {
        let quote_id = self.create_quote().await;
        let created = self.execute(&quote_id).await.expect(201);
        created["id"].as_str().expect("a payout id").to_owned()
    }

    /// Requests a payout.
    pub(crate) async fn poll(&self, payout: &str) -> HttpResponse {
        HttpResponse::to(self.get(&format!("/payouts/{payout}"))).await
    }

    /// Reads a payout that exists.
    pub(crate) async fn read(&self, payout: &str) -> Value {
        self.poll(payout).await.expect(200)
    }

    /// Polls a payout until `condition` holds, and returns it. Repeats requests that fail. `description` completes the
    /// sentence "the payout is …" in the error.
    pub(crate) async fn wait_until(
        &self,
        payout: &str,
        description: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        eventually(&format!("{payout} is {description}"), || async {
            let response = HttpResponse::try_to(self.get(&format!("/payouts/{payout}"))).await.ok()?;
            (response.status == 200).then(|| response.json()).filter(|body| condition(body))
        })
        .await
    }

    /// Polls a payout until it has this status, and returns it.
    pub(crate) async fn wait_for_status(&self, payout: &str, status: &str) -> Value {
        self.wait_until(payout, status, |body| body["status"] == status).await
    }
}
