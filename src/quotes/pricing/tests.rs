use super::*;
use crate::config::{BridgeConfig, RoutesConfig};
use crate::quotes::testing::default_routes_config;
use proptest::prelude::*;

const EVM: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const TRON: &str = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";
const SOLANA: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const BITCOIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

fn routes_with(change: impl FnOnce(&mut RoutesConfig)) -> Routes {
    let mut config = default_routes_config();
    change(&mut config);
    Routes::try_from(&config).unwrap()
}

fn request(destination: &str, asset: &str, amount: &str, hint: Option<&str>) -> QuoteRequest {
    QuoteRequest {
        external_ref: "order-1".into(),
        destination: destination.into(),
        asset: asset.into(),
        amount: amount.into(),
        network_hint: hint.map(Into::into),
    }
}

/// The price as one line: route, seconds, fee, amount sent, and the recommended network.
fn summary(routes: &Routes, request: &QuoteRequest) -> String {
    match price(routes, request) {
        Ok(p) => {
            let recommended = p.recommendation.map_or("-".into(), |r| {
                let r = r.alternative_route;
                format!("{} ${} -${}", r.network, r.fee_total_usd, r.savings_usd)
            });
            let Route { from_network, to_network, estimated_seconds, seconds_after_broadcast } = p.route;
            format!(
                "{from_network}>{to_network} {estimated_seconds}/{seconds_after_broadcast}s ${} sends {} {} | {recommended}",
                p.fee_total, p.user_sends, p.asset
            )
        }
        Err(e) => format!("{} {e}", e.field()),
    }
}

#[test]
fn the_default_routes_have_the_documented_prices() {
    let routes = routes_with(|_| ());
    for (request, expected) in [
        (
            request(EVM, "usdt", "100", None),
            "polygon>ethereum 90/20s $1.22 sends 101.22 USDT | polygon $0.02 -$1.20",
        ),
        (
            request(EVM, "USDT", "100", Some("ethereum")),
            "polygon>ethereum 90/20s $1.22 sends 101.22 USDT | -",
        ),
        (
            request(EVM, "USDT", "100.5", Some("POLYGON")),
            "polygon>polygon 25/15s $0.02 sends 100.52 USDT | -",
        ),
        (request(EVM, "USDC", "100", Some("base")), "base>base 20/10s $0.03 sends 100.03 USDC | -"),
        (request(TRON, "USDT", "100", None), "tron>tron 75/60s $1.50 sends 101.5 USDT | -"),
        (request(SOLANA, "USDC", "1", Some("Solana")), "solana>solana 25/15s $0.05 sends 1.05 USDC | -"),
        (request(EVM, "xaut", "0.001", None), "ethereum>ethereum 60/45s $2.50 sends 0.001625 XAUT | -"),
        (
            request(EVM, "USDT", "1.000000000000000001", Some("bnb")),
            "bnb>bnb 20/10s $0.10 sends 1.100000000000000001 USDT | -",
        ),
    ] {
        assert_eq!(summary(&routes, &request), expected, "{request:?}");
    }
}

#[test]
fn the_stored_destination_is_canonical_and_the_recipient_gets_the_amount() {
    let routes = routes_with(|_| ());
    let p = price(&routes, &request(&EVM.to_ascii_lowercase(), "USDT", "100.50", None)).unwrap();
    assert_eq!((p.destination.as_str(), p.recipient_gets.to_string().as_str()), (EVM, "100.5"));
    let message = p.recommendation.unwrap().message;
    assert!(message.contains("network_hint \"polygon\"") && message.contains("saves $1.20"), "{message}");
}

#[test]
fn refusals_name_the_field_and_the_limits() {
    use QuoteRefusal as E;
    let routes = routes_with(|c| c.networks.get_mut("arbitrum").unwrap().enabled = Some(false));
    let refusal = |request: QuoteRequest| price(&routes, &request).unwrap_err();
    let assert_contains = |e: &E, text: &str| assert!(e.to_string().contains(text), "{e}");

    let e = refusal(request(EVM, "DOGE", "1", None));
    assert!(matches!(e, E::UnsupportedAsset { .. }));
    assert_contains(&e, "one of: USDC, USDT, XAUT");
    let e = refusal(request(EVM, "USDT", "1", Some("mars")));
    assert!(matches!(e, E::UnsupportedRoute { field: "network_hint", .. }));
    assert_contains(&e, "one of: base, bnb, ethereum, polygon, solana, tron");
    let e = refusal(request(EVM, "USDT", "1", Some("arbitrum")));
    assert!(matches!(e, E::UnsupportedRoute { field: "network_hint", .. }));
    assert_contains(&e, "Arbitrum One is out of service");
    let e = refusal(request(EVM, "USDT", "1", Some("base")));
    assert!(matches!(e, E::UnsupportedRoute { field: "network_hint", .. }));
    assert_contains(&e, "USDT cannot be sent on Base; it can on: bnb, ethereum, polygon, solana, tron");
    assert!(matches!(
        refusal(request(SOLANA, "XAUT", "1", None)),
        E::UnsupportedRoute { field: "destination", .. }
    ));
    assert!(matches!(
        refusal(request(BITCOIN, "USDT", "1", None)),
        E::UnsupportedRoute { field: "destination", .. }
    ));
    let e = refusal(request(TRON, "USDT", "1", Some("polygon")));
    assert!(matches!(e, E::InvalidDestination { .. }));
    assert_contains(&e, "destination is a Tron address, but the network asked for takes EVM addresses");
    assert!(matches!(refusal(request("nonsense", "USDT", "1", None)), E::InvalidDestination { .. }));
    let e = refusal(request(EVM, "USDT", "1.0000001", None));
    assert!(matches!(e, E::Validation { field: "amount", .. }));
    assert_contains(&e, "amount has 7 decimals, but USDT has 6 on Ethereum");
    for amount in ["0.999999", "1000000.000001", "99999999999999999999"] {
        let e = refusal(request(EVM, "USDT", amount, None));
        assert!(matches!(e, E::AmountOutOfRange { .. }));
        assert_contains(&e, "amount must be 1 to 1000000 USDT");
    }
}

#[test]
fn among_equal_fees_a_route_without_bridge_wins_then_the_faster_one_then_the_first_name() {
    let bridge = |fee: &str, seconds| BridgeConfig {
        fee_usd: fee.into(),
        seconds,
        seconds_after_broadcast: 1,
        enabled: Some(true),
    };
    let routes = |native_fee: &str, polygon_seconds| {
        routes_with(|c| {
            c.networks.get_mut("ethereum").unwrap().fee_usd = native_fee.into();
            for (from, fee, seconds) in
                [("polygon", "0.98", polygon_seconds), ("arbitrum", "0.95", 50), ("base", "0.97", 50)]
            {
                c.bridges.entry(from.into()).or_default().insert("ethereum".into(), bridge(fee, seconds));
            }
        })
    };
    let from = |routes: &Routes| price(routes, &request(EVM, "USDC", "5", None)).unwrap().route.from_network;
    assert_eq!(from(&routes("1", 40)).as_str(), "ethereum", "all fees are 1.00: no bridge");
    assert_eq!(
        from(&routes("2", 40)).as_str(),
        "polygon",
        "the fees of the bridges are equal: the faster one"
    );
    assert_eq!(from(&routes("2", 50)).as_str(), "arbitrum", "fees and times are equal: the first by name");
}

#[test]
fn the_amount_sent_is_rounded_up_to_the_decimals_of_the_source_network() {
    let routes = routes_with(|c| {
        c.networks.get_mut("bnb").unwrap().fee_usd = "5".into();
        let bridge = BridgeConfig {
            fee_usd: "0.10".into(),
            seconds: 60,
            seconds_after_broadcast: 10,
            enabled: Some(true),
        };
        c.bridges.entry("polygon".into()).or_default().insert("bnb".into(), bridge);
    });
    let request = request(EVM, "USDT", "1.000000000000000001", Some("bnb"));
    assert_eq!(summary(&routes, &request), "polygon>bnb 60/10s $0.12 sends 1.120001 USDT | -");
}

#[test]
fn disabled_and_removed_bridges_are_not_used() {
    let routes = routes_with(|c| {
        c.bridges.get_mut("polygon").unwrap().get_mut("ethereum").unwrap().enabled = Some(false);
    });
    assert!(summary(&routes, &request(EVM, "USDT", "5", Some("ethereum"))).starts_with("arbitrum>ethereum"));
    let routes = routes_with(|c| c.bridges.clear());
    assert!(
        summary(&routes, &request(EVM, "USDT", "5", Some("ethereum")))
            .starts_with("ethereum>ethereum 60/45s $2.50")
    );
}

/// Route tables and amounts up to the limits of the configuration.
fn limits() -> impl Strategy<Value = (u128, u128, u128, u8, u128, u8)> {
    (0..=10u128.pow(12), 0..=10u128.pow(12), 1..=10u128.pow(17), 0u8..=18, 1..10u128.pow(33), 0u8..=18)
}

proptest! {
    /// The amount sent covers amount and fee, one unit less does not, and an overflow is a refusal.
    #[test]
    fn the_user_sends_the_smallest_sufficient_amount((fee, bridge_fee, price_units, amount_scale, amount, source_decimals) in limits()) {
        let price_per_unit = Amount::from_units(price_units, 8).unwrap();
        let routes = routes_with(|c| {
            c.networks.get_mut("polygon").unwrap().fee_usd = Amount::from_units(fee, 6).unwrap().to_string();
            c.networks.get_mut("ethereum").unwrap().fee_usd = "1000000".into();
            let bridge = c.bridges.get_mut("polygon").unwrap().get_mut("ethereum").unwrap();
            bridge.fee_usd = Amount::from_units(bridge_fee, 6).unwrap().to_string();
            let asset = c.assets.get_mut("usdt").unwrap();
            asset.usd_price = price_per_unit.to_string();
            asset.max_amount = "1000000000000000".into();
            asset.decimals = [("polygon".to_owned(), source_decimals), ("ethereum".to_owned(), 18)].into();
        });
        let Some(amount) = Amount::from_units(amount, amount_scale) else { return Ok(()) };
        match price(&routes, &request(EVM, "USDT", &amount.to_string(), None)) {
            Err(error) => prop_assert!(matches!(error, QuoteRefusal::AmountOutOfRange { .. }), "{}", error),
            Ok(p) => {
                prop_assert_eq!(p.recipient_gets, amount);
                let decimals = if p.route.from_network.as_str() == "polygon" { source_decimals } else { 18 };
                prop_assert!(p.user_sends.decimals() <= decimals);
                let surplus = p.user_sends.checked_sub(amount).unwrap();
                prop_assert!(covers(surplus, price_per_unit, p.fee_total));
                let unit = Amount::from_units(1, decimals).unwrap();
                if let Some(less) = surplus.checked_sub(unit) {
                    prop_assert!(!covers(less, price_per_unit, p.fee_total));
                }
            }
        }
    }

    #[test]
    fn no_request_makes_pricing_panic(
        destination in ".{0,140}", asset in ".{0,20}", amount in "[0-9.]{0,70}|.{0,20}", hint in proptest::option::of(".{0,40}"),
    ) {
        let _ = price(&routes_with(|_| ()), &request(&destination, &asset, &amount, hint.as_deref()));
        let _ = price(&routes_with(|_| ()), &request(EVM, "USDT", &amount, Some("bnb")));
    }
}

/// Whether `asset * price >= fee`, in integers with 18 + 8 decimals on both sides. An overflow of the product covers any
/// fee.
fn covers(asset: Amount, price: Amount, fee: Usd) -> bool {
    let (asset, price, fee) =
        (asset.units_at(18).unwrap(), price.units_at(8).unwrap(), fee.0.units_at(6).unwrap());
    match asset.checked_mul(price) {
        Some(worth) => worth >= fee * 10u128.pow(20),
        None => true,
    }
}
