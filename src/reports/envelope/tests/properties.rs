//! Properties of reading and writing arbitrary messages.

use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, ProgressReport,
    Transaction, TxHash,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::super::super::message::report_message;
use super::*;

fn any_network() -> impl Strategy<Value = Network> {
    "[A-Za-z0-9_-]{1,32}".prop_map(|name| Network::new(&name))
}

fn any_hash() -> impl Strategy<Value = TxHash> {
    prop_oneof!["0x[0-9a-fA-F]{1,64}", "[!-~]{1,128}"].prop_map(|text| TxHash::new(&text))
}

fn any_transaction() -> impl Strategy<Value = Transaction> {
    (any_network(), any_hash()).prop_map(|(network, tx_hash)| Transaction { network, tx_hash })
}

fn any_amount() -> impl Strategy<Value = Amount> {
    (0..10u128.pow(18), 0u8..=18).prop_map(|(units, scale)| Amount::from_units(units, scale).unwrap())
}

fn any_kind() -> impl Strategy<Value = ReportKind> {
    use proptest::option::of;
    let seconds = 0..=2_592_000u32;
    let leg = prop_oneof![Just(Leg::Source), Just(Leg::Bridge), Just(Leg::Destination)];
    let funds =
        prop_oneof![Just(FailedFunds::NotSent), Just(FailedFunds::Returned), Just(FailedFunds::Unknown)];
    let broadcast = (any_transaction(), of(leg), of(seconds.clone())).prop_map(
        |(transaction, leg, estimated_seconds)| {
            ReportKind::Broadcast(BroadcastReport { transaction, leg, estimated_seconds })
        },
    );
    let progress =
        (any_network(), of(any_hash()), of(any::<u32>()), of(any::<u32>()), of(seconds), of(any_hash()))
            .prop_map(
                |(
                    network,
                    tx_hash,
                    confirmations,
                    required_confirmations,
                    estimated_seconds,
                    replaced_by,
                )| {
                    ReportKind::Progress(ProgressReport {
                        network,
                        tx_hash,
                        confirmations,
                        required_confirmations,
                        estimated_seconds,
                        replaced_by,
                    })
                },
            );
    let delivered = (any_transaction(), of(any_amount()), of(any_amount()), of(any::<u32>())).prop_map(
        |(transaction, recipient_amount, fees, confirmations)| {
            let fees_paid_usd = fees.map(Usd);
            ReportKind::Delivered(DeliveredReport {
                transaction,
                recipient_amount,
                fees_paid_usd,
                confirmations,
            })
        },
    );
    let words = ("[^\\p{Cc}]{1,64}", "[^\\p{Cc}]{0,200}");
    let failed = (words, of(any_network()), of(any_hash()), of(funds), any::<bool>()).prop_map(
        |((code, message), network, tx_hash, funds, reversal)| {
            let (code, message) = (code.into(), message.into());
            ReportKind::Failed(FailedReport { code, message, network, tx_hash, funds, reversal })
        },
    );
    prop_oneof![broadcast, progress, delivered, failed]
}

fn any_report() -> impl Strategy<Value = (PayoutId, Report)> {
    let key = ("[^\\p{Cc}]{1,255}", "[^\\p{Cc}]{1,255}")
        .prop_map(|(source, id)| ReportKey { source: source.into(), id: id.into() });
    let time = (0..253_402_300_799_999_999_i64).prop_map(|micros| Timestamp::from_micros(micros).unwrap());
    let payout = any::<u128>().prop_map(|bits| PayoutId(Uuid::from_u128(bits)));
    (payout, key, time, any_kind()).prop_map(|(payout, key, time, kind)| (payout, Report { key, time, kind }))
}

proptest! {
    #[test]
    fn a_written_report_is_read_as_an_equal_report((payout, report) in any_report()) {
        let body = report_message(payout, &report);
        let read = read_with(body.as_bytes(), Some(CONTENT_TYPE), &payout.to_string(), &[]);
        prop_assert_eq!(read, Ok((payout, report)));
    }

    #[test]
    fn reading_any_bytes_does_not_panic(body in proptest::collection::vec(any::<u8>(), 0..300), content_type in any::<Option<String>>(), routing_key in ".{0,40}") {
        let _ = read_with(&body, content_type.as_deref(), &routing_key, &[]);
    }

    #[test]
    fn a_mutated_report_is_refused_or_can_be_written_and_read_again((payout, report) in any_report(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8)) {
        let mut body = report_message(payout, &report).into_bytes();
        for (index, byte, mutation) in changes {
            if body.is_empty() {
                break;
            }
            let index = index.index(body.len());
            match mutation {
                0 => body[index] = byte,
                1 => body.insert(index, byte),
                _ => drop(body.remove(index)),
            }
        }
        if let Ok((read, report)) = read_with(&body, Some(CONTENT_TYPE), "", &[]) {
            let again = report_message(read, &report);
            prop_assert_eq!(read_with(again.as_bytes(), Some(CONTENT_TYPE), "", &[]), Ok((read, report)));
        }
    }

    #[test]
    fn reading_any_headers_does_not_panic(pairs in proptest::collection::vec(("(ce-|cloudEvents_)?(id|source|type|specversion|subject|time|x)", ".{0,20}"), 0..8), body in ".{0,40}") {
        let _ = read_with(body.as_bytes(), None, PAYOUT, &pairs);
    }
}
