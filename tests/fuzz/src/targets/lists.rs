//! `GET /payouts`: the query and the cursors.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use payoutd::http::{Code, Principal, fuzzing};
use payoutd::payout_query::{PageCursor, PayoutQuery};
use payoutd::quotes::{Signer, SigningKey};
use payoutd_domain::{Mode, OrgId, PayoutId, Status, Timestamp};
use uuid::Uuid;

use crate::input::Input;
use crate::{Target, Verdict};

pub(super) const CURSOR: Target = Target {
    name: "cursor",
    run: cursor,
    dictionary: &["A", "_", "-", "=", "+", "/", "AAAAAAAAAAAAAAAAAAAAAAAA", "\0\0\0\0"],
    inputs: 8_000,
};

pub(super) const QUERY: Target = Target {
    name: "list_query",
    run: query,
    dictionary: &[
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

pub(super) fn signer(key: &[u8; 16]) -> Signer {
    Signer::new(SigningKey::new(key).unwrap_or_else(|weak| panic!("{weak}")))
}

/// Two signers whose keys depend on the input. The generator of inputs cannot reuse a signature of another input.
pub(super) fn signers(input: &[u8]) -> (Signer, Signer) {
    let hash = |number: u8| {
        let mut hasher = DefaultHasher::new();
        (number, input).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    let signer_of = |numbers: [u8; 2]| {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&hash(numbers[0]));
        key[8..].copy_from_slice(&hash(numbers[1]));
        signer(&key)
    };
    (signer_of([0, 1]), signer_of([2, 3]))
}

/// The input is two filters, a position in the list, a replacement of one byte, and a forged cursor.
fn cursor(input: &[u8]) -> Verdict {
    let (signer, other_signer) = signers(input);
    let mut input = Input::of(input);
    let (list, other_list) = (filter(&mut input), filter(&mut input));
    let Some(position) = position(&mut input) else { return Verdict::Refused };
    let text = fuzzing::encode_cursor(&signer, &list, position);
    assert_eq!(fuzzing::decode_cursor(&signer, &list, &text), Some(position));
    assert_eq!(
        fuzzing::decode_cursor(&signer, &other_list, &text).is_some(),
        other_list == list,
        "valid for its own list only"
    );
    assert_eq!(fuzzing::decode_cursor(&other_signer, &list, &text), None);
    let (at, replacement) = (usize::from(input.byte()) % text.len(), input.byte());
    let mut wrong = text.clone().into_bytes();
    wrong[at] = replacement;
    if let Ok(wrong) = String::from_utf8(wrong) {
        assert_eq!(fuzzing::decode_cursor(&signer, &list, &wrong).is_some(), wrong == text, "{wrong}");
    }
    let forged = String::from_utf8_lossy(input.rest());
    assert_eq!(fuzzing::decode_cursor(&signer, &list, &forged).is_some(), forged == text, "{forged}");
    Verdict::Accepted
}

fn position(input: &mut Input<'_>) -> Option<PageCursor> {
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
    match fuzzing::list(principal, text, &SIGNER) {
        Ok((filter, limit, position)) => {
            assert_eq!(
                (filter.org, filter.mode),
                (principal.org, principal.mode),
                "the filter is for the account of the key"
            );
            assert!((1..=200).contains(&limit));
            assert!(
                filter.external_ref.as_deref().is_none_or(|text| (1..=255).contains(&text.chars().count()))
            );
            assert!(position.is_none(), "the cursor is forged");
            let mut names: Vec<_> =
                url::form_urlencoded::parse(input).map(|(name, _)| name.into_owned()).collect();
            let given = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), given, "no parameter is repeated: {text}");
            Verdict::Accepted
        }
        Err(problem) => {
            assert_eq!(problem.code(), Code::ValidationError, "{problem:?}");
            assert!(problem.field().is_some(), "{problem:?}");
            Verdict::Refused
        }
    }
}
