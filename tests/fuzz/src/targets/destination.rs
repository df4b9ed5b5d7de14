//! Addresses: the canonical spelling is stable, and a slip of one character is found wherever there is a checksum.

use payoutd::quotes::destination::{AddressFamily, Destination};

use crate::input::Input;
use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "destination",
    run,
    words: &[
        "0x",
        "0X",
        "T",
        "bc1q",
        "BC1P",
        "1",
        "3",
        "tb1",
        "l",
        "O",
        "0",
        "é",
        "52908400098527886E0F7030069857D2E4169EE7",
        "11111111111111111111111111111111",
    ],
    inputs: 4_000,
};

/// The characters that slips are made of.
const SLIPS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A slip, then the address.
fn run(input: &[u8]) -> Verdict {
    let mut input = Input::of(input);
    let (place, slip) = (usize::from(input.byte()), usize::from(input.byte()));
    let Ok(text) = std::str::from_utf8(input.rest()) else { return Verdict::Refused };
    let Ok(found) = Destination::detect(text) else {
        for family in AddressFamily::ALL {
            // Where it has no checksum, somebody's word may tell what the shape alone does not.
            let refused = Destination::of_family(text, family).is_err();
            assert!(refused || family == AddressFamily::Solana, "{text:?} is of {family} and of none");
        }
        return Verdict::Refused;
    };
    assert!(text.is_ascii() && text.len() <= 128, "{text:?}");
    for family in AddressFamily::ALL {
        let read = Destination::of_family(text, family);
        assert_eq!(read.is_ok(), family == found.family(), "{text:?} as {family}");
    }
    assert_eq!(Destination::detect(found.as_str()).as_ref(), Ok(&found), "the canonical spelling is one");
    assert!(found.as_str().eq_ignore_ascii_case(text), "{text:?} is still that address");
    slipped(&found, place, SLIPS[slip % SLIPS.len()]);
    Verdict::Accepted
}

/// One wrong character, in the canonical spelling.
fn slipped(right: &Destination, place: usize, slip: u8) {
    let mut wrong = right.as_str().to_owned().into_bytes();
    let place = place % wrong.len();
    if wrong[place].eq_ignore_ascii_case(&slip) {
        return;
    }
    wrong[place] = slip;
    let Ok(wrong) = String::from_utf8(wrong) else { return };
    let read = Destination::detect(&wrong);
    match right.family() {
        // A mix of letters is a checksum of few bits; all small or all capital letters are none.
        AddressFamily::Evm | AddressFamily::Solana => {}
        AddressFamily::Tron | AddressFamily::Bitcoin => {
            assert!(read.is_err(), "{wrong} for {}", right.as_str());
        }
    }
}
