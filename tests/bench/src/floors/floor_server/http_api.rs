//! The HTTP side: bare handlers that answer with bytes like payoutd's.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};

use super::create_batcher::CreateBatcher;
use crate::template::{self, Sample};

struct Partners {
    creates: CreateBatcher,
    sample: Arc<Sample>,
    created: HeaderMap,
    polled: HeaderMap,
    poll: Bytes,
}

pub(super) fn router(sample: &Arc<Sample>, creates: CreateBatcher) -> Router {
    let partners = Partners {
        creates,
        created: headers(&sample.created),
        polled: headers(&sample.polled),
        poll: sample.polled.body.clone().into(),
        sample: Arc::clone(sample),
    };
    Router::new()
        .route("/payouts", post(create))
        .route("/payouts/{id}", get(poll))
        .with_state(Arc::new(partners))
}

fn headers(response: &template::Response) -> HeaderMap {
    let parsed = response.headers.iter().filter_map(|(name, value)| {
        Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
    });
    parsed.collect()
}

async fn create(State(partners): State<Arc<Partners>>, _body: Bytes) -> Response {
    let Some(id) = partners.creates.create().await else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), Body::empty());
    };
    let body = partners.sample.of(&partners.sample.created.body, id);
    answer(StatusCode::CREATED, partners.created.clone(), body.into())
}

/// Floor H. What is known to the client already is not sent.
async fn poll(State(partners): State<Arc<Partners>>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let mut kept = partners.polled.clone();
        kept.remove(header::CONTENT_TYPE);
        return answer(StatusCode::NOT_MODIFIED, kept, Body::empty());
    }
    answer(StatusCode::OK, partners.polled.clone(), partners.poll.clone().into())
}

fn answer(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
