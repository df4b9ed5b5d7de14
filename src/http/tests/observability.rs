use std::io;
use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use tracing_subscriber::fmt::MakeWriter;

use super::test_app::{LIVE, TestApp, get, post_json};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::new().await;
    let id = app.created_payout(1).await;
    app.send(get(&format!("/payouts/{id}"), LIVE)).await;
    app.send(get("/payouts/pay_x", LIVE)).await;
    app.send(get("/random/1", LIVE)).await;
    app.send(get("/random/2", LIVE)).await;
    drop(tokio::time::timeout(std::time::Duration::from_millis(20), app.send(slow())).await);
    let text = handle.render();
    for line in [
        r#"payoutd_http_requests_total{route="/payouts",method="POST",status="201"} 1"#,
        r#"payoutd_http_requests_total{route="/payouts/{id}",method="GET",status="200"} 1"#,
        r#"payoutd_http_requests_total{route="/payouts/{id}",method="GET",status="404"} 1"#,
        r#"payoutd_http_requests_total{route="unmatched",method="GET",status="404"} 2"#,
        r#"payoutd_http_requests_total{route="/payouts/quote",method="POST",status="aborted"} 1"#,
        "payoutd_http_requests_in_flight 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("payoutd_http_request_seconds"));
    assert!(!text.contains("random") && !text.contains(&id));
}

fn slow() -> axum::http::Request<axum::body::Body> {
    post_json(
        "/payouts/quote",
        LIVE,
        r#"{"external_ref":"slow","destination":"d","asset":"usdt","amount":"1"}"#,
    )
}

#[tokio::test]
async fn the_log_names_the_request_and_never_the_key() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = TestApp::new().await;
    let mut request = get("/payouts/pay_x?q=1", LIVE);
    request.headers_mut().insert("x-request-id", "find-me".parse().unwrap());
    app.send(request).await;
    app.send(get("/payouts/pay_x", "sk_live_unknown")).await;
    app.create(LIVE, "panic").await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in ["find-me", "status=404", "status=401", "/payouts/{id}", "key_id=", "org=org_", "panicked"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("sk_live"), "{text}");
}
