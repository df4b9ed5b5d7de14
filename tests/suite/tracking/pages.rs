//! The texts of the page in every state of a payout.

use payoutd_actors::testing::sample;
use payoutd_domain::{FailedFunds, Mode, ReportKind};

use super::harness::{ETHEREUM_TX, TRON_TX, TrackingHarness, broadcast, delivered, failed};

fn assert_contains(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text:?} is missing in:\n{page}");
    }
}

fn assert_excludes(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(!page.contains(text), "{text:?} is in:\n{page}");
    }
}

#[tokio::test]
async fn the_page_shows_a_payment_from_creation_to_delivery_in_both_languages() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    let page = harness.page(&payout, "en").await;
    assert_contains(
        &page,
        &[
            "<html lang=\"en\">",
            "<title>Getting ready to send · Payment tracking</title>",
            "<h1>Getting ready to send</h1>",
            "1\u{202f}250.00 <span class=\"asset\">USDT</span>",
            "TJRa…RTv8",
            "<dd>Tron</dd>",
            "datetime=\"2026-01-01T12:10:00.000Z\" data-countdown>about 10 min</time>",
            "Payment set up",
            "1 Jan 2026, 12:00:00 UTC",
            "<li class=\"under-way\" aria-current=\"step\">",
            "<meta http-equiv=\"refresh\" content=\"5\">",
            "data-sequence=\"1\"",
        ],
    );
    harness.clock.advance(std::time::Duration::from_secs(30));
    harness.report(&payout, broadcast("ethereum", ETHEREUM_TX)).await;
    let page = harness.page(&payout, "es-MX").await;
    assert_contains(
        &page,
        &[
            "<html lang=\"es\">",
            "<h1>En camino</h1>",
            "Enviado a la red",
            "1 ene 2026, 12:00:30 UTC",
            "<bdi>Ethereum</bdi>",
            "0x5c504e…b22060",
            &format!(
                "href=\"https://etherscan.io/tx/{ETHEREUM_TX}\" target=\"_blank\" rel=\"noopener noreferrer"
            ),
            "unos 9 min",
        ],
    );
    harness.report(&payout, broadcast("tron", TRON_TX)).await;
    assert_contains(
        &harness.page(&payout, "en").await,
        &["Another transaction sent", "A further step of the way"],
    );
    harness.report(&payout, delivered("tron", TRON_TX, Some(sample::amount("1249.5")))).await;
    let page = harness.page(&payout, "en").await;
    assert_contains(
        &page,
        &[
            "<h1>Delivered</h1>",
            "Recipient got",
            "1\u{202f}249.50",
            "https://tronscan.org/#/transaction/",
            "data-ended",
            "Arrived <time datetime=\"2026-01-01T12:00:30.000Z\"",
        ],
    );
    assert_excludes(&page, &["http-equiv=\"refresh\"", "data-countdown", "aria-current=\"step\""]);
    assert_contains(&harness.page(&payout, "es").await, &["<h1>Entregado</h1>", "El destinatario recibió"]);
}

#[tokio::test]
async fn a_delivery_without_broadcast_shows_the_inferred_broadcast() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.report(&payout, delivered("tron", TRON_TX, None)).await;
    let page = harness.page(&payout, "en").await;
    assert_contains(&page, &["Sent to the network", "Not seen separately: it follows from the delivery."]);
    assert_contains(&harness.page(&payout, "es").await, &["se deduce de la entrega"]);
}

#[tokio::test]
async fn a_late_payment_is_marked_and_still_updates() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.advance(601, &payout).await;
    let page = harness.page(&payout, "en").await;
    assert_contains(
        &page,
        &["Taking longer than expected.", "Was expected by", "Getting ready to send", "refresh"],
    );
    assert_excludes(&page, &["data-countdown", "data-ended"]);
    assert_contains(&harness.page(&payout, "es").await, &["Está tardando más de lo previsto."]);
}

#[tokio::test]
async fn a_failed_payment_shows_the_location_of_the_funds() {
    let harness = TrackingHarness::start().await;
    for (number, funds, english, spanish) in [
        (1, FailedFunds::NotSent, "It never left the sender.", "No llegó a salir del remitente."),
        (2, FailedFunds::Returned, "It came back to the sender.", "Ha vuelto al remitente."),
        (3, FailedFunds::Unknown, "We cannot say yet. Please do not pay again", "No vuelva a pagar"),
    ] {
        let payout = harness.create(number).await;
        harness.report(&payout, failed("The transaction was dropped.", funds, false)).await;
        let page = harness.page(&payout, "en").await;
        assert_contains(
            &page,
            &["<h1>The payment failed</h1>", english, "The transaction was dropped.", "data-ended"],
        );
        assert_excludes(&page, &["data-countdown", "refresh"]);
        assert_contains(&harness.page(&payout, "es").await, &["<h1>El pago ha fallado</h1>", spanish]);
    }
}

#[tokio::test]
async fn a_reversed_delivery_is_distinguished_from_a_failure() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.report(&payout, delivered("tron", TRON_TX, None)).await;
    harness.report(&payout, failed("The block was orphaned.", FailedFunds::Unknown, true)).await;
    let page = harness.page(&payout, "en").await;
    assert_contains(
        &page,
        &["<h1>The delivery was reversed</h1>", "Delivery reversed", "The block was orphaned."],
    );
    assert_contains(&harness.page(&payout, "es").await, &["La entrega se ha revertido"]);
}

#[tokio::test]
async fn a_sandbox_payment_is_marked_as_a_test() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create_with(1, |terms| terms.mode = Mode::Test).await;
    assert_contains(&harness.page(&payout, "en").await, &["Test payment: no real money moves."]);
    assert_contains(&harness.page(&payout, "es").await, &["Pago de prueba"]);
    let live = harness.create(2).await;
    assert_excludes(&harness.page(&live, "en").await, &["Test payment"]);
}

#[tokio::test]
async fn the_page_contains_no_private_data() {
    let harness = TrackingHarness::start().await;
    let payout = harness.create(1).await;
    harness.report(&payout, broadcast("ethereum", ETHEREUM_TX)).await;
    harness.report(&payout, failed("Dropped.", FailedFunds::Returned, false)).await;
    let page = harness.page(&payout, "en").await;
    let terms = &payout.terms;
    let id = payout.id.to_string();
    assert_excludes(
        &page,
        &[
            &terms.org.to_string(),
            &terms.org.0.to_string(),
            &id,
            &id["pay_".len()..],
            terms.quote_id.as_str(),
            &terms.external_ref,
            &terms.destination,
            &terms.destination[4..12],
            "watcher/sample",
            // The amount sent and the fees.
            "253.97",
            "3.97",
        ],
    );
}

#[tokio::test]
async fn markup_in_reports_is_escaped() {
    const SCRIPT: &str = "<script>alert(1)</script>";
    let harness = TrackingHarness::start().await;
    let payout = harness.create_with(1, |terms| terms.asset = "<B>USDT\"'".into()).await;
    let hash = "\"><img src=x onerror=alert(1)>\u{202e}";
    harness.report(&payout, broadcast("<svg/onload=alert(2)>&amp;", hash)).await;
    harness.report(&payout, broadcast("ethereum", "\" onclick=\"alert(3)")).await;
    harness.report(&payout, broadcast("tron", "javascript:alert(4)//")).await;
    let message =
        format!("{SCRIPT}\r\nid: 9\n\n{}</bdi></q>' \" & {{{{ 7*7 }}}}\u{202e}\u{0}", "x".repeat(500));
    harness.report(&payout, failed(&message, FailedFunds::Unknown, false)).await;
    for language in ["en", "es"] {
        let page = harness.page(&payout, language).await;
        let lowercase = page.to_lowercase();
        assert_excludes(
            &lowercase,
            &[
                "<script>",
                "<img",
                "<svg/",
                "onclick=\"",
                "href=\"javascript:",
                "<b>usdt",
                "\u{202e}",
                "\u{0}",
            ],
        );
        assert_contains(&page, &["&#60;script&#62;alert(1)&#60;/script&#62;  id: 9"]);
        // The only script is the page's asset.
        assert_eq!(lowercase.matches("<script").count(), 1);
        assert!(page.matches('x').count() < 400, "a long message is shortened");
        assert!(!page.contains(" style="), "the content security policy forbids inline styles");
    }
}

#[tokio::test]
async fn the_page_closes_every_element_in_every_state() {
    let harness = TrackingHarness::start().await;
    let kinds: [&[ReportKind]; 4] = [
        &[],
        &[broadcast("ethereum", ETHEREUM_TX)],
        &[delivered("tron", TRON_TX, None)],
        &[failed("", FailedFunds::NotSent, false)],
    ];
    for (number, reports) in (1..).zip(kinds) {
        let payout = harness.create(number).await;
        for report in reports {
            harness.report(&payout, report.clone()).await;
        }
        let page = harness.page(&payout, "en").await;
        for tag in
            ["article", "section", "div", "ol", "li", "dl", "p", "h1", "h2", "a", "span", "svg", "time"]
        {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag} in\n{page}");
        }
        assert_eq!(page.matches("<h1>").count(), 1);
    }
}
