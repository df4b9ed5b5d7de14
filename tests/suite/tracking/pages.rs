//! What the page says.

use payoutd_actors::testing::sample;
use payoutd_domain::{FailedFunds, Mode, ReportKind};

use super::harness::{ETHEREUM_TX, TRON_TX, TrackingHarness, arrived, failed, sent};

/// Fails unless `page` holds every one of `wanted`.
fn assert_says(page: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(page.contains(wanted), "{wanted:?} is missing in:\n{page}");
    }
}

fn assert_does_not_say(page: &str, unwanted: &[&str]) {
    for unwanted in unwanted {
        assert!(!page.contains(unwanted), "{unwanted:?} is in:\n{page}");
    }
}

#[tokio::test]
async fn a_payment_is_shown_from_setup_to_delivery_in_both_languages() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    let page = site.page(&payout, "en").await;
    assert_says(
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
    site.clock.advance(std::time::Duration::from_secs(30));
    site.report(&payout, sent("ethereum", ETHEREUM_TX)).await;
    let page = site.page(&payout, "es-MX").await;
    assert_says(
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
    site.report(&payout, sent("tron", TRON_TX)).await;
    assert_says(&site.page(&payout, "en").await, &["Another transaction sent", "A further step of the way"]);
    site.report(&payout, arrived("tron", TRON_TX, Some(sample::amount("1249.5")))).await;
    let page = site.page(&payout, "en").await;
    assert_says(
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
    assert_does_not_say(&page, &["http-equiv=\"refresh\"", "data-countdown", "aria-current=\"step\""]);
    assert_says(&site.page(&payout, "es").await, &["<h1>Entregado</h1>", "El destinatario recibió"]);
}

#[tokio::test]
async fn a_delivery_nobody_announced_says_what_was_inferred() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.report(&payout, arrived("tron", TRON_TX, None)).await;
    let page = site.page(&payout, "en").await;
    assert_says(&page, &["Sent to the network", "Not seen separately: it follows from the delivery."]);
    assert_says(&site.page(&payout, "es").await, &["se deduce de la entrega"]);
}

#[tokio::test]
async fn a_late_payment_says_so_and_goes_on() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.pass(601, &payout).await;
    let page = site.page(&payout, "en").await;
    assert_says(
        &page,
        &["Taking longer than expected.", "Was expected by", "Getting ready to send", "refresh"],
    );
    assert_does_not_say(&page, &["data-countdown", "data-ended"]);
    assert_says(&site.page(&payout, "es").await, &["Está tardando más de lo previsto."]);
}

#[tokio::test]
async fn a_failed_payment_says_where_the_money_is() {
    let site = TrackingHarness::start().await;
    for (number, funds, english, spanish) in [
        (1, FailedFunds::NotSent, "It never left the sender.", "No llegó a salir del remitente."),
        (2, FailedFunds::Returned, "It came back to the sender.", "Ha vuelto al remitente."),
        (3, FailedFunds::Unknown, "We cannot say yet. Please do not pay again", "No vuelva a pagar"),
    ] {
        let payout = site.create(number).await;
        site.report(&payout, failed("The transaction was dropped.", funds, false)).await;
        let page = site.page(&payout, "en").await;
        assert_says(
            &page,
            &["<h1>The payment failed</h1>", english, "The transaction was dropped.", "data-ended"],
        );
        assert_does_not_say(&page, &["data-countdown", "refresh"]);
        assert_says(&site.page(&payout, "es").await, &["<h1>El pago ha fallado</h1>", spanish]);
    }
}

#[tokio::test]
async fn a_reversed_delivery_is_not_called_a_plain_failure() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.report(&payout, arrived("tron", TRON_TX, None)).await;
    site.report(&payout, failed("The block was orphaned.", FailedFunds::Unknown, true)).await;
    let page = site.page(&payout, "en").await;
    assert_says(
        &page,
        &["<h1>The delivery was reversed</h1>", "Delivery reversed", "The block was orphaned."],
    );
    assert_says(&site.page(&payout, "es").await, &["La entrega se ha revertido"]);
}

#[tokio::test]
async fn a_sandbox_payment_cannot_pass_for_a_real_one() {
    let site = TrackingHarness::start().await;
    let payout = site.create_with(1, |terms| terms.mode = Mode::Test).await;
    assert_says(&site.page(&payout, "en").await, &["Test payment: no real money moves."]);
    assert_says(&site.page(&payout, "es").await, &["Pago de prueba"]);
    let real = site.create(2).await;
    assert_does_not_say(&site.page(&real, "en").await, &["Test payment"]);
}

#[tokio::test]
async fn the_page_tells_nothing_else() {
    let site = TrackingHarness::start().await;
    let payout = site.create(1).await;
    site.report(&payout, sent("ethereum", ETHEREUM_TX)).await;
    site.report(&payout, failed("Dropped.", FailedFunds::Returned, false)).await;
    let page = site.page(&payout, "en").await;
    let terms = &payout.terms;
    let id = payout.id.to_string();
    assert_does_not_say(
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
            // What the sender pays, and the fees.
            "253.97",
            "3.97",
        ],
    );
}

#[tokio::test]
async fn hostile_words_of_watchers_stay_words() {
    const SCRIPT: &str = "<script>alert(1)</script>";
    let site = TrackingHarness::start().await;
    let payout = site.create_with(1, |terms| terms.asset = "<B>USDT\"'".into()).await;
    let hash = "\"><img src=x onerror=alert(1)>\u{202e}";
    site.report(&payout, sent("<svg/onload=alert(2)>&amp;", hash)).await;
    site.report(&payout, sent("ethereum", "\" onclick=\"alert(3)")).await;
    site.report(&payout, sent("tron", "javascript:alert(4)//")).await;
    let message =
        format!("{SCRIPT}\r\nid: 9\n\n{}</bdi></q>' \" & {{{{ 7*7 }}}}\u{202e}\u{0}", "x".repeat(500));
    site.report(&payout, failed(&message, FailedFunds::Unknown, false)).await;
    for language in ["en", "es"] {
        let page = site.page(&payout, language).await;
        let lowercase = page.to_lowercase();
        assert_does_not_say(
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
        assert_says(&page, &["&#60;script&#62;alert(1)&#60;/script&#62;  id: 9"]);
        // The only script is our own file.
        assert_eq!(lowercase.matches("<script").count(), 1);
        assert!(page.matches('x').count() < 400, "a long message is cut");
        assert!(!page.contains(" style="), "the policy would not let it through");
    }
}

#[tokio::test]
async fn every_report_kind_leaves_a_page_that_closes_what_it_opens() {
    let site = TrackingHarness::start().await;
    let kinds: [&[ReportKind]; 4] = [
        &[],
        &[sent("ethereum", ETHEREUM_TX)],
        &[arrived("tron", TRON_TX, None)],
        &[failed("", FailedFunds::NotSent, false)],
    ];
    for (number, reports) in (1..).zip(kinds) {
        let payout = site.create(number).await;
        for report in reports {
            site.report(&payout, report.clone()).await;
        }
        let page = site.page(&payout, "en").await;
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
