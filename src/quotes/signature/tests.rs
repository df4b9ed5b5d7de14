use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn signer(secret: &str) -> Signer {
    Signer::new(SigningKey::new(secret.as_bytes()).unwrap())
}

fn org(n: u128) -> OrgId {
    OrgId(Uuid::from_u128(n))
}

const SECRET: &str = "0123456789abcdef";
const REQUEST: SandboxRequest<'_> = SandboxRequest {
    external_ref: "order-1",
    destination: "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
    asset: "USDT",
    amount: "100.5",
    network_hint: None,
};

#[test]
fn short_keys_are_refused_and_debug_output_and_errors_hide_the_key() {
    assert_eq!(SigningKey::new(&[7; 15]).unwrap_err(), WeakKey);
    assert_eq!(format!("{:?}", signer(SECRET)), "Signer { key: SigningKey(…) }");
    let key: Result<SigningKey, _> = serde_json::from_str("\"too short\"");
    let error = key.unwrap_err().to_string();
    assert!(error.contains("at least 16 bytes") && !error.contains("too short"), "{error}");
    assert!(serde_json::from_str::<SigningKey>("\"0123456789abcdef\"").is_ok());
}

#[test]
fn a_live_id_is_valid_only_for_its_key_organisation_and_mode() {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let id = signer(SECRET).live_quote_id(org(1), now).unwrap();
    assert_eq!(id.as_str().len(), 68);
    assert!(signer(SECRET).verify(&id, org(1), Mode::Live));
    assert!(!signer(SECRET).verify(&id, org(2), Mode::Live));
    assert!(!signer(SECRET).verify(&id, org(1), Mode::Test));
    assert!(!signer("another key, long enough").verify(&id, org(1), Mode::Live));
    let other = signer(SECRET).live_quote_id(org(1), now).unwrap();
    assert_ne!(id, other, "at the same time");
}

#[test]
fn an_id_with_a_wrong_character_or_another_length_is_refused() {
    let signer = signer(SECRET);
    let id = signer.live_quote_id(org(1), Timestamp::EPOCH).unwrap().to_string();
    assert!(signer.parse_quote_id(&id, org(1), Mode::Live).is_ok());
    for i in 0..id.len() {
        for c in "0123456789abcdefABCDEF-_q ".chars().filter(|c| !id[i..].starts_with(*c)) {
            let wrong = format!("{}{c}{}", &id[..i], &id[i + 1..]);
            assert!(signer.parse_quote_id(&wrong, org(1), Mode::Live).is_err(), "{wrong}");
        }
        assert!(signer.parse_quote_id(&id[..i], org(1), Mode::Live).is_err());
    }
    assert!(signer.parse_quote_id(&format!("{id}0"), org(1), Mode::Live).is_err());
    assert!(signer.parse_quote_id(&id.to_ascii_uppercase(), org(1), Mode::Live).is_err());
}

#[test]
fn a_sandbox_id_is_a_function_of_organisation_and_request() {
    let signer = signer(SECRET);
    let id = |org, request| signer.sandbox_quote_id(org, &request).unwrap();
    let first = id(org(1), REQUEST);
    assert_eq!(first, id(org(1), REQUEST));
    assert!(signer.verify(&first, org(1), Mode::Test));
    assert!(!signer.verify(&first, org(1), Mode::Live));
    let others = [
        id(org(2), REQUEST),
        id(org(1), SandboxRequest { external_ref: "order-2", ..REQUEST }),
        id(org(1), SandboxRequest { destination: "x", ..REQUEST }),
        id(org(1), SandboxRequest { asset: "USDC", ..REQUEST }),
        id(org(1), SandboxRequest { amount: "100.51", ..REQUEST }),
        id(org(1), SandboxRequest { network_hint: Some("tron"), ..REQUEST }),
        id(org(1), SandboxRequest { network_hint: Some(""), ..REQUEST }),
        id(
            org(1),
            SandboxRequest { external_ref: "order-1T", destination: &REQUEST.destination[1..], ..REQUEST },
        ),
    ];
    let distinct: HashSet<&QuoteId> = others.iter().chain([&first]).collect();
    assert_eq!(distinct.len(), others.len() + 1);
}

/// Ids are stored by partners, so the scheme must not change.
#[test]
fn ids_of_known_inputs_do_not_change() {
    let signer = signer(SECRET);
    let quote = signer.sandbox_quote_id(org(1), &REQUEST).unwrap();
    let payout = signer.sandbox_payout_id(org(1), &quote);
    let token = signer.sandbox_tracking_token(payout);
    assert_eq!(
        [quote.to_string(), payout.to_string(), token.to_string()],
        [
            "quo_03ea3f3a5f67669c68107e0f5abe599c5b305f39a782da06a289270218756567",
            "pay_670ac7fd993486f889a9266e0a2a8d9f",
            "fcb2a963f1eb77e1aec780113e408958"
        ]
    );
}

#[test]
fn sandbox_payout_ids_and_tokens_are_functions_of_their_inputs() {
    let signer = signer(SECRET);
    let quote = signer.sandbox_quote_id(org(1), &REQUEST).unwrap();
    let payout = signer.sandbox_payout_id(org(1), &quote);
    assert_eq!(payout, signer.sandbox_payout_id(org(1), &quote));
    assert_ne!(payout, signer.sandbox_payout_id(org(2), &quote));
    assert_eq!(payout.0.get_version_num(), 8);
    assert_eq!(signer.sandbox_tracking_token(payout), signer.sandbox_tracking_token(payout));
    assert_ne!(signer.sandbox_tracking_token(payout).0, payout.0);
}

proptest! {
    #[test]
    fn random_texts_are_refused(text in ".{0,130}", hex in "quo_[0-9a-f]{64}") {
        prop_assert!(signer(SECRET).parse_quote_id(&text, org(1), Mode::Live).is_err());
        prop_assert!(signer(SECRET).parse_quote_id(&hex, org(1), Mode::Test).is_err());
    }
}
