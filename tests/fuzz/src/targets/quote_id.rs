//! Quote ids: a signer recognises only the ids that it signed, for the same organisation and mode.

use payoutd::quotes::Signer;
use payoutd::quotes::signature::SandboxRequest;
use payoutd_actors::testing::sample;
use payoutd_domain::{Mode, OrgId, QuoteId};
use uuid::Uuid;

use super::lists::signers;
use crate::input::Input;
use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "quote_id",
    run,
    dictionary: &["quo_", "QUO_", "0123456789abcdef0123456789abcdef", "0", "f", "A", "\0", "é", "-"],
    inputs: 8_000,
};

/// The input is a mode, an organisation, a replacement of one byte, an external reference, and a forged id.
fn run(input: &[u8]) -> Verdict {
    let (signer, other_signer) = signers(input);
    let mut input = Input::of(input);
    let (live, org) = (input.flag(), OrgId(Uuid::from_u64_pair(input.number(), 1)));
    let (at, replacement) = (usize::from(input.byte()), input.byte());
    let reference = String::from_utf8_lossy(input.line());
    let mode = if live { Mode::Live } else { Mode::Test };
    let Some(id) = signed(&signer, mode, org, &reference) else { panic!("an id can be signed") };
    let text = id.as_str();

    assert_eq!(signer.parse_quote_id(text, org, mode).as_ref(), Ok(&id));
    let other_mode = if live { Mode::Test } else { Mode::Live };
    assert!(signer.parse_quote_id(text, org, other_mode).is_err(), "the mode differs");
    assert!(signer.parse_quote_id(text, OrgId(Uuid::from_u64_pair(org.0.as_u64_pair().0, 2)), mode).is_err());
    assert!(other_signer.parse_quote_id(text, org, mode).is_err(), "the key differs");
    assert!(text.len() <= 128 && text.starts_with("quo_"));

    let mut wrong = text.to_owned().into_bytes();
    let at = at % wrong.len();
    wrong[at] = replacement;
    if let Ok(wrong) = String::from_utf8(wrong) {
        assert_eq!(signer.parse_quote_id(&wrong, org, mode).is_ok(), wrong == text, "{wrong}");
    }
    assert!(signer.parse_quote_id(&text[..at], org, mode).is_err());
    assert!(signer.parse_quote_id(&format!("{text}{}", char::from(replacement)), org, mode).is_err());

    let forged = String::from_utf8_lossy(input.rest());
    if let Ok(id) = forged.parse::<QuoteId>() {
        assert!(!signer.verify(&id, org, mode), "{id} is forged");
        Verdict::Accepted
    } else {
        assert!(signer.parse_quote_id(&forged, org, mode).is_err());
        Verdict::Refused
    }
}

fn signed(signer: &Signer, mode: Mode, org: OrgId, external_ref: &str) -> Option<QuoteId> {
    match mode {
        Mode::Live => signer.live_quote_id(org, sample::at(0)).ok(),
        Mode::Test => {
            let request = |external_ref| SandboxRequest {
                external_ref,
                destination: "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8",
                asset: "USDT",
                amount: "1",
                network_hint: None,
            };
            let id = signer.sandbox_quote_id(org, &request(external_ref)).ok()?;
            assert_eq!(signer.sandbox_quote_id(org, &request(external_ref)).ok().as_ref(), Some(&id));
            let other = format!("{external_ref}.");
            assert_ne!(signer.sandbox_quote_id(org, &request(&other)).ok().as_ref(), Some(&id));
            Some(id)
        }
    }
}
