use super::*;
use bech32::{Fe32, hrp, segwit};
use proptest::prelude::*;

/// The published test vectors of EIP-55.
const EIP_55: [&str; 8] = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
];
const TRON: &str = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";
const SOLANA: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const P2PKH: &str = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa";
const P2SH: &str = "3P14159f73E4gFr7JterCCQh9QjiTjiZrG";
const SEGWIT: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
const TAPROOT: &str = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0";

fn family(text: &str) -> Result<AddressFamily, DestinationError> {
    Destination::detect(text).map(|d| d.family())
}

#[test]
fn the_eip_55_test_vectors_are_accepted_in_every_spelling() {
    for vector in EIP_55 {
        let small = vector.to_ascii_lowercase();
        let capital = format!("0x{}", vector[2..].to_ascii_uppercase());
        for spelling in [vector, &small, &capital] {
            let read = Destination::detect(spelling).unwrap();
            assert_eq!((read.family(), read.as_str()), (AddressFamily::Evm, vector));
        }
    }
}

#[test]
fn the_family_of_published_addresses_is_detected() {
    use AddressFamily::{Bitcoin, Solana, Tron};
    for (text, expected) in [
        (TRON, Tron),
        ("TNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL", Tron),
        (SOLANA, Solana),
        ("So11111111111111111111111111111111111111112", Solana),
        ("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", Solana),
        ("11111111111111111111111111111112", Solana),
        (P2PKH, Bitcoin),
        (P2SH, Bitcoin),
        (SEGWIT, Bitcoin),
        (TAPROOT, Bitcoin),
    ] {
        let read = Destination::detect(text).unwrap();
        assert_eq!((read.family(), read.as_str()), (expected, text));
    }
}

#[test]
fn the_bip_173_and_bip_350_test_vectors_are_accepted_or_refused_as_specified() {
    for good in [
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "BC1SW50QGDZ25J",
        "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
        TAPROOT,
    ] {
        assert_eq!(family(good), Ok(AddressFamily::Bitcoin), "{good}");
    }
    for bad in [
        "tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2",
        "bc1rw5uspcuh",
        "bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90",
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
        "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
        "bc1gmk9yu",
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k7grplx",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
        "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
        "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
        "bc1pw5dgrnzv",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
    ] {
        assert!(family(bad).is_err(), "{bad}");
    }
    assert_eq!(
        family("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7"),
        Err(DestinationError::TestNetwork(AddressFamily::Bitcoin))
    );
}

#[test]
fn errors_name_the_family_and_the_defect() {
    use AddressFamily::{Bitcoin, Evm, Solana, Tron};
    use DestinationError as E;
    let text = |e: Result<AddressFamily, E>| e.unwrap_err().to_string();
    assert!(text(family("0x52908400098527886E0F7030069857D2E4169EE")).contains("40 hex digits, and is 39"));
    assert_eq!(
        family("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg"),
        Err(E::BadCharacter { family: Evm, position: 42 })
    );
    assert_eq!(family("0X52908400098527886E0F7030069857D2E4169EE7"), Err(E::MissingPrefix));
    assert_eq!(family("52908400098527886E0F7030069857D2E4169EE7"), Err(E::MissingPrefix));
    assert_eq!(
        family("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        Err(E::BadChecksum { family: Evm, checksum: "EIP-55" })
    );
    assert_eq!(
        family("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"),
        Err(E::BadChecksum { family: Tron, checksum: "base58check" })
    );
    assert_eq!(
        family("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj0t"),
        Err(E::BadCharacter { family: Tron, position: 33 })
    );
    assert!(matches!(family("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjL"), Err(E::WrongLength { family: Tron, .. })));
    assert!(matches!(family(&SOLANA[..40]), Err(E::WrongLength { family: Solana, .. })));
    assert_eq!(family("bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"), Err(E::MixedCase(Bitcoin)));
    assert_eq!(family("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"), Err(E::TestNetwork(Bitcoin)));
    for unknown in ["", "x", "vitalik.eth", "alice@example.com, sent from my telephone", " 0x00", "١٢٣"] {
        assert_eq!(family(unknown), Err(E::UnknownShape), "{unknown:?}");
    }
}

#[test]
fn zero_addresses_are_refused() {
    use AddressFamily::{Bitcoin, Evm, Solana, Tron};
    for (text, of) in [
        ("0x0000000000000000000000000000000000000000", Evm),
        ("T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", Tron),
        ("11111111111111111111111111111111", Solana),
        ("1111111111111111111114oLvT2", Bitcoin),
    ] {
        assert_eq!(family(text), Err(DestinationError::ZeroAddress(of)));
    }
}

#[test]
fn an_address_of_another_family_is_refused() {
    assert_eq!(
        Destination::of_family(TRON, AddressFamily::Evm),
        Err(DestinationError::OtherFamily { expected: AddressFamily::Evm, found: AddressFamily::Tron })
    );
    assert!(Destination::of_family(SOLANA, AddressFamily::Solana).is_ok());
    assert!(matches!(
        Destination::of_family("0x12", AddressFamily::Evm),
        Err(DestinationError::WrongLength { family: AddressFamily::Evm, .. })
    ));
}

#[test]
fn a_mistyped_bitcoin_address_is_not_accepted_as_a_solana_address() {
    // 43 characters that are both base58 of 32 bytes and bech32.
    let meant_for_bitcoin = "bc1qpzry9x8gf2tvdw5s3jn54khce6mua7qpzry9x8g";
    assert!(solana::is_base58_of_32_bytes(meant_for_bitcoin));
    assert!(matches!(family(meant_for_bitcoin), Err(DestinationError::BadChecksum { .. })));
    // The same prefix, followed by characters that are not bech32.
    let solana_by_chance = "bc1FWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1";
    assert_eq!(family(solana_by_chance), Ok(AddressFamily::Solana));
}

/// All texts that differ from `text` in one character, replaced by one of `alphabet`.
fn one_wrong_character<'a>(text: &'a str, alphabet: &'a str) -> impl Iterator<Item = String> + 'a {
    (0..text.len()).flat_map(move |i| {
        let different = alphabet.chars().filter(move |c| !text[i..].starts_with(*c));
        different.map(move |c| format!("{}{c}{}", &text[..i], &text[i + 1..]))
    })
}

const ALPHANUMERIC: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[test]
fn a_checksum_detects_every_single_wrong_character() {
    for text in [EIP_55[4], EIP_55[5], EIP_55[6], EIP_55[7], TRON, P2PKH, P2SH, SEGWIT, TAPROOT] {
        for wrong in one_wrong_character(text, ALPHANUMERIC) {
            assert!(family(&wrong).is_err(), "{wrong} for {text}");
        }
    }
}

#[test]
fn a_tron_address_that_begins_with_tb1_is_detected_as_tron() {
    let any = bs58::decode(format!("TB1{}", "5".repeat(31))).into_vec().unwrap();
    let text = bs58::encode(&any[..21]).with_check().into_string();
    assert!(text.starts_with("TB1"), "{text}");
    assert_eq!(family(&text), Ok(AddressFamily::Tron));
}

proptest! {
    #[test]
    fn an_evm_checksum_detects_a_letter_in_the_wrong_case(account in any::<[u8; 20]>(), at in 2usize..42) {
        let good = Destination::detect(&format!("0x{}", hex::encode(account))).unwrap();
        let mut wrong = good.as_str().as_bytes().to_vec();
        let letter = wrong[at];
        wrong[at] = if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
        let wrong = String::from_utf8(wrong).unwrap();
        let digits = &wrong[2..];
        // An address with letters of one case carries no checksum.
        let mixed = digits.bytes().any(|b| b.is_ascii_uppercase()) && digits.bytes().any(|b| b.is_ascii_lowercase());
        if mixed && wrong != good.as_str() {
            prop_assert!(family(&wrong).is_err());
        }
    }

    #[test]
    fn a_tron_checksum_detects_a_wrong_character(account in any::<[u8; 20]>(), at in 0usize..34, c in 0usize..62) {
        let text = bs58::encode([&[0x41], &account[..]].concat()).with_check().into_string();
        prop_assert_eq!(family(&text), Ok(AddressFamily::Tron));
        let c = &ALPHANUMERIC[c..=c];
        let wrong = format!("{}{c}{}", &text[..at], &text[at + 1..]);
        prop_assert!(wrong == text || family(&wrong).is_err());
    }

    #[test]
    fn a_segwit_checksum_detects_a_wrong_character(
        program in any::<[u8; 32]>(), version in 0u8..=16, at in 0usize..62, c in 0usize..62,
    ) {
        let text = segwit::encode(hrp::BC, Fe32::try_from(version).unwrap(), &program).unwrap();
        prop_assert_eq!(family(&text), Ok(AddressFamily::Bitcoin));
        let c = &ALPHANUMERIC[c..=c];
        let wrong = format!("{}{c}{}", &text[..at], &text[at + 1..]);
        prop_assert!(wrong == text || family(&wrong).is_err());
    }

    #[test]
    fn every_solana_key_is_detected(key in any::<[u8; 32]>()) {
        let text = bs58::encode(key).into_string();
        // One key in millions also looks like a Bitcoin address. It needs a network hint.
        prop_assume!(!bitcoin::has_only_bech32_characters(&text));
        prop_assert_eq!(family(&text), Ok(AddressFamily::Solana));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,128}") {
        let _ = Destination::detect(&text);
        for expected in AddressFamily::ALL {
            let _ = Destination::of_family(&text, expected);
        }
    }
}
