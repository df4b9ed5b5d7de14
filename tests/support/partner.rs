//! A partner: an API key, and the calls it makes.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{Answer, eventually};

/// A client of the partner API with one key.
#[derive(Clone)]
pub(crate) struct Partner {
    http: Client,
    base: String,
    key: String,
}

impl Partner {
    /// A partner that holds `key`, at the API under `base`.
    pub(crate) fn new(base: &str, key: &str) -> Self {
        Self { http: Client::new(), base: base.to_owned(), key: key.to_owned() }
    }

    /// Its key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A GET request, to be sent.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    /// A POST request, to be sent.
    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body)
    }

    /// What a quote is asked for, where a test does not care.
    pub(crate) fn terms() -> Value {
        json!({
            "external_ref": "order-1",
            "destination": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
            "asset": "USDT",
            "amount": "25.00",
        })
    }

    /// Asks for a quote.
    pub(crate) async fn quote(&self, terms: &Value) -> Answer {
        let key = uuid::Uuid::now_v7().to_string();
        Answer::to(self.post("/payouts/quote", terms).header("Idempotency-Key", key)).await
    }

    /// The id of a new quote, on the usual terms.
    pub(crate) async fn quote_id(&self) -> String {
        let quote = self.quote(&Self::terms()).await.expect(200);
        quote["quote_id"].as_str().expect("a quote id").to_owned()
    }

    /// Executes a quote.
    pub(crate) async fn execute(&self, quote_id: &str) -> Answer {
        Answer::to(self.post("/payouts", &json!({ "quote_id": quote_id }))).await
    }

    /// The id of a new payout, on the usual terms.
    pub(crate) async fn payout(&self) -> String {
        let quote_id = self.quote_id().await;
        let created = self.execute(&quote_id).await.expect(201);
        created["id"].as_str().expect("a payout id").to_owned()
    }

    /// Asks for a payout.
    pub(crate) async fn poll(&self, payout: &str) -> Answer {
        Answer::to(self.get(&format!("/payouts/{payout}"))).await
    }

    /// A payout as it is.
    pub(crate) async fn read(&self, payout: &str) -> Value {
        self.poll(payout).await.expect(200)
    }

    /// The payout, once `is_so`. Calls that find no server are made again.
    pub(crate) async fn until(&self, payout: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{payout} is {what}");
        eventually(&what, || async {
            let answer = Answer::try_to(self.get(&format!("/payouts/{payout}"))).await.ok()?;
            (answer.status == 200).then(|| answer.json()).filter(|body| is_so(body))
        })
        .await
    }

    /// The payout, once it has this status.
    pub(crate) async fn until_status(&self, payout: &str, status: &str) -> Value {
        self.until(payout, status, |body| body["status"] == status).await
    }
}
