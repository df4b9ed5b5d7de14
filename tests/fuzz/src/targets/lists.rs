//! `GET /payouts`: its query, and its cursors.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use payoutd::http::{Code, Principal, readers};
use payoutd::payout_query::{PageCursor, PayoutQuery};
use payoutd::quotes::{Signer, SigningKey};
use payoutd_domain::{Mode, OrgId, PayoutId, Status, Timestamp};
use uuid::Uuid;

use crate::input::Input;
use crate::{Target, Verdict};

pub(super) const CURSOR: Target = Target {
    name: "cursor",
    run: cursor,
    words: &["A", "_", "-", "=", "+", "/", "AAAAAAAAAAAAAAAAAAAAAAAA", "\0\0\0\0"],
    inputs: 8_000,
};

pub(super) const QUERY: Target = Target {
    name: "list_query",
    run: query,
    words: &[
        "status=",
        "pending",
        "delivered",
        "&",
        "external_ref=",
        "created_after=",
        "created_before=",
        "late=",
        "true",
        "false",
        "limit=",
        "200",
        "201",
        "cursor=",
        "2026-03-01T12:00:00Z",
        "%2B",
        "%00",
        "+",
        "=",
        "page=",
    ],
    inputs: 20_000,
};

static SIGNER: LazyLock<Signer> = LazyLock::new(|| signer(&[0; 16]));

/// A signer with this key.
pub(super) fn signer(key: &[u8; 16]) -> Signer {
    Signer::new(SigningKey::new(key).unwrap_or_else(|weak| panic!("{weak}")))
}

/// Two signers for this input alone: what was signed for another one, and remembered by whoever makes inputs up, is
/// forged here.
pub(super) fn signers(input: &[u8]) -> (Signer, Signer) {
    let half = |number: u8| {
        let mut hasher = DefaultHasher::new();
        (number, input).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    let signer_of = |numbers: [u8; 2]| {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&half(numbers[0]));
        key[8..].copy_from_slice(&half(numbers[1]));
        signer(&key)
    };
    (signer_of([0, 1]), signer_of([2, 3]))
}

/// Two lists, a place, a slip; then a cursor that nobody gave out.
fn cursor(input: &[u8]) -> Verdict {
    let (signer, another) = signers(input);
    let mut input = Input::of(input);
    let (list, other) = (filter(&mut input), filter(&mut input));
    let Some(place) = place(&mut input) else { return Verdict::Refused };
    let text = readers::cursor(&signer, &list, place);
    assert_eq!(readers::place(&signer, &list, &text), Some(place));
    assert_eq!(readers::place(&signer, &other, &text).is_some(), other == list, "in its own list only");
    assert_eq!(readers::place(&another, &list, &text), None);
    let (at, slip) = (usize::from(input.byte()) % text.len(), input.byte());
    let mut wrong = text.clone().into_bytes();
    wrong[at] = slip;
    if let Ok(wrong) = String::from_utf8(wrong) {
        assert_eq!(readers::place(&signer, &list, &wrong).is_some(), wrong == text, "{wrong}");
    }
    let made_up = String::from_utf8_lossy(input.rest());
    assert_eq!(readers::place(&signer, &list, &made_up).is_some(), made_up == text, "{made_up}");
    Verdict::Accepted
}

fn place(input: &mut Input<'_>) -> Option<PageCursor> {
    let micros = i64::from_be_bytes(input.number().to_be_bytes());
    let created_at = Timestamp::from_micros(micros).ok()?;
    Some(PageCursor { created_at, id: PayoutId(Uuid::from_u64_pair(input.number(), input.number())) })
}

fn filter(input: &mut Input<'_>) -> PayoutQuery {
    let present = input.byte();
    let has = |bit: u8| present >> bit & 1 == 1;
    let mut time = |wanted: bool| {
        let micros = u32::from(input.byte()) << 8 | u32::from(input.byte());
        Timestamp::from_micros(i64::from(micros)).ok().filter(|_| wanted)
    };
    let (created_after, created_before) = (time(has(0)), time(has(1)));
    PayoutQuery {
        org: OrgId(Uuid::from_u64_pair(0, u64::from(input.up_to(2)))),
        mode: if has(2) { Mode::Live } else { Mode::Test },
        status: has(3).then(|| Status::ALL[usize::from(input.up_to(3))]),
        external_ref: has(4).then(|| String::from_utf8_lossy(input.line()).into_owned()),
        created_after,
        created_before,
        late: has(5).then(|| input.flag()),
    }
}

fn query(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let principal = Principal {
        org: OrgId(Uuid::from_u64_pair(7, 7)),
        mode: Mode::Live,
        key_id: Uuid::from_u64_pair(8, 8),
    };
    match readers::list(principal, text, &SIGNER) {
        Ok((filter, limit, place)) => {
            assert_eq!((filter.org, filter.mode), (principal.org, principal.mode), "nobody asks for others");
            assert!((1..=200).contains(&limit));
            assert!(
                filter.external_ref.as_deref().is_none_or(|text| (1..=255).contains(&text.chars().count()))
            );
            assert!(place.is_none(), "nobody gave a cursor out");
            let mut names: Vec<_> =
                url::form_urlencoded::parse(input).map(|(name, _)| name.into_owned()).collect();
            let given = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), given, "each once: {text}");
            Verdict::Accepted
        }
        Err(problem) => {
            assert_eq!(problem.code(), Code::ValidationError, "{problem:?}");
            assert!(problem.field().is_some(), "{problem:?}");
            Verdict::Refused
        }
    }
}
