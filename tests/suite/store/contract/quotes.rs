use std::sync::Arc;

use payoutd::quotes::Quote;
use payoutd_domain::Mode;

use super::super::samples::{at, terms};
use super::TestStore;

fn quote(mode: Mode, id: &str, created: i64) -> Quote {
    Quote { terms: Arc::new(terms(mode, id)), created_at: at(created), expires_at: at(created + 60) }
}

pub(super) async fn a_quote_is_read_back_unchanged(test: &TestStore) {
    let given = quote(Mode::Live, "quo_1", 0);
    assert_eq!(test.store.get(&given.terms.quote_id).await.unwrap(), None);
    assert_eq!(test.store.put(&given, None).await.unwrap(), given);
    assert_eq!(test.store.get(&given.terms.quote_id).await.unwrap(), Some(given));
}

pub(super) async fn a_live_quote_is_never_replaced(test: &TestStore) {
    let given = quote(Mode::Live, "quo_1", 0);
    test.store.put(&given, None).await.unwrap();
    assert_eq!(test.store.put(&quote(Mode::Live, "quo_1", 500), None).await.unwrap(), given);
}

pub(super) async fn a_sandbox_quote_is_renewed_after_it_expires(test: &TestStore) {
    let given = quote(Mode::Test, "quo_1", 0);
    test.store.put(&given, None).await.unwrap();
    assert_eq!(
        test.store.put(&quote(Mode::Test, "quo_1", 59), None).await.unwrap(),
        given,
        "not expired yet"
    );
    let renewed = quote(Mode::Test, "quo_1", 60);
    assert_eq!(test.store.put(&renewed, None).await.unwrap(), renewed);
    assert_eq!(test.store.get(&given.terms.quote_id).await.unwrap(), Some(renewed));
    let racing: Vec<_> = (200..210)
        .map(|created| (Arc::clone(&test.store), quote(Mode::Test, "quo_1", created)))
        .map(|(store, quote)| tokio::spawn(async move { store.put(&quote, None).await.unwrap() }))
        .collect();
    let stored = test.store.put(&quote(Mode::Test, "quo_1", 205), None).await.unwrap();
    for task in racing {
        assert_eq!(task.await.unwrap(), stored, "one call renews the quote, and all return it");
    }
}

pub(super) async fn expired_quotes_are_purged_up_to_the_limit(test: &TestStore) {
    for number in 0..5 {
        let given = quote(Mode::Live, &format!("quo_{number}"), number);
        test.store.put(&given, None).await.unwrap();
    }
    let purge = |end, limit| test.store.purge_quotes(at(end), limit);
    assert_eq!(purge(60, 10).await.unwrap(), 0, "a quote that expires at `end` stays");
    assert_eq!(purge(64, 3).await.unwrap(), 3, "at most the limit");
    assert_eq!(purge(64, 3).await.unwrap(), 1);
    let stored = |number: i64| {
        let id = format!("quo_{number}").parse().unwrap();
        async move { test.store.get(&id).await.unwrap().is_some() }
    };
    assert!(!stored(0).await && !stored(3).await && stored(4).await);
}
