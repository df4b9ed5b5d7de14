//! Addresses: the canonical form is stable, and a checksum detects one wrong character.

use payoutd::quotes::destination::{AddressFamily, Destination};

use crate::input::Input;
use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "destination",
    run,
    dictionary: &[
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

/// The characters that replace a character of an address.
const REPLACEMENTS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The input is a position, a replacement character, and an address.
fn run(input: &[u8]) -> Verdict {
    let mut input = Input::of(input);
    let (position, replacement) = (usize::from(input.byte()), usize::from(input.byte()));
    let Ok(text) = std::str::from_utf8(input.rest()) else { return Verdict::Refused };
    let Ok(found) = Destination::detect(text) else {
        for family in AddressFamily::ALL {
            // Detection needs a checksum. Without one, only an explicit family identifies the address.
            let refused = Destination::of_family(text, family).is_err();
            assert!(
                refused || family == AddressFamily::Solana,
                "{text:?} is valid for {family} but not detected"
            );
        }
        return Verdict::Refused;
    };
    assert!(text.is_ascii() && text.len() <= 128, "{text:?}");
    for family in AddressFamily::ALL {
        let read = Destination::of_family(text, family);
        assert_eq!(read.is_ok(), family == found.family(), "{text:?} as {family}");
    }
    assert_eq!(Destination::detect(found.as_str()).as_ref(), Ok(&found), "the canonical form is stable");
    assert!(
        found.as_str().eq_ignore_ascii_case(text),
        "{text:?} differs from its canonical form in more than case"
    );
    assert_checksum_detects(&found, position, REPLACEMENTS[replacement % REPLACEMENTS.len()]);
    Verdict::Accepted
}

/// Asserts that an address with one wrong character is refused, if its family has a strong checksum.
fn assert_checksum_detects(right: &Destination, position: usize, replacement: u8) {
    let mut wrong = right.as_str().to_owned().into_bytes();
    let position = position % wrong.len();
    if wrong[position].eq_ignore_ascii_case(&replacement) {
        return;
    }
    wrong[position] = replacement;
    let Ok(wrong) = String::from_utf8(wrong) else { return };
    let read = Destination::detect(&wrong);
    match right.family() {
        // The case of the letters of an EVM address is a checksum of a few bits. Solana addresses have no checksum.
        AddressFamily::Evm | AddressFamily::Solana => {}
        AddressFamily::Tron | AddressFamily::Bitcoin => {
            assert!(read.is_err(), "{wrong} instead of {}", right.as_str());
        }
    }
}
