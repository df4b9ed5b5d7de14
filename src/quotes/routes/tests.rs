use super::*;
use crate::config::{AssetConfig, BridgeConfig, DEFAULTS, NetworkConfig, RoutesConfig};
use crate::quotes::testing::default_routes_config;

fn validated(config: &RoutesConfig) -> Result<Routes, RoutesError> {
    config.try_into()
}

#[test]
fn the_default_routes_are_valid() {
    let routes = validated(&default_routes_config()).unwrap();
    let networks_of = |symbol: &str| -> Vec<String> {
        let asset = routes.asset(symbol).unwrap();
        routes
            .networks_carrying(asset)
            .map(|(chain, decimals)| format!("{}:{decimals}", chain.name))
            .collect()
    };
    assert_eq!(networks_of("usdt").join(" "), "arbitrum:6 bnb:18 ethereum:6 polygon:6 solana:6 tron:6");
    assert_eq!(networks_of("Usdc").join(" "), "arbitrum:6 base:6 bnb:18 ethereum:6 polygon:6 solana:6");
    assert_eq!(networks_of("XAUT").join(" "), "ethereum:6");
    let names: Vec<&str> = routes.networks().map(|chain| chain.name.as_str()).collect();
    assert_eq!(names, ["arbitrum", "base", "bnb", "ethereum", "polygon", "solana", "tron"]);
    assert_eq!(routes.default_network(AddressFamily::Evm).unwrap().name.as_str(), "ethereum");
    assert_eq!(routes.default_network(AddressFamily::Tron).unwrap().name.as_str(), "tron");
    assert!(routes.default_network(AddressFamily::Bitcoin).is_none());
    let bridge = routes.bridge(&Network::new("polygon"), &Network::new("ethereum")).unwrap();
    assert_eq!((bridge.seconds, bridge.seconds_after_broadcast), (90, 20));
    assert!(routes.bridge(&Network::new("ethereum"), &Network::new("polygon")).is_none());
}

#[test]
fn a_hash_is_percent_encoded_in_an_explorer_url() {
    let routes = validated(&default_routes_config()).unwrap();
    let url = |network: &str, hash: &str| routes.explorer_url(&Network::new(network), &TxHash::new(hash));
    assert_eq!(url("base", "0xAB").unwrap(), "https://basescan.org/tx/0xab");
    assert_eq!(url("base", "../a?b#c\"<é").unwrap(), "https://basescan.org/tx/..%2Fa%3Fb%23c%22%3C%C3%A9");
    assert_eq!(url("mars", "0xab"), None);
}

/// The error for the default routes with this change.
fn refusal(change: impl FnOnce(&mut RoutesConfig)) -> String {
    let mut config = default_routes_config();
    change(&mut config);
    validated(&config).unwrap_err().to_string()
}

fn carry(asset: &mut AssetConfig, network: &str, decimals: u8) {
    asset.decimals.insert(network.into(), decimals);
}

#[test]
fn the_error_of_an_invalid_value_names_its_key() {
    let network = |f: fn(&mut NetworkConfig)| refusal(|c| f(c.networks.get_mut("tron").unwrap()));
    let asset = |f: fn(&mut AssetConfig)| refusal(|c| f(c.assets.get_mut("usdt").unwrap()));
    let bridge = |f: fn(&mut BridgeConfig)| {
        refusal(|c| f(c.bridges.get_mut("polygon").unwrap().get_mut("ethereum").unwrap()))
    };
    for (error, key) in [
        (network(|n| n.fee_usd = "a lot".into()), "routes.networks.tron.fee_usd: \"a lot\" "),
        (network(|n| n.fee_usd = "-1".into()), "routes.networks.tron.fee_usd: "),
        (network(|n| n.fee_usd = "1000001".into()), "routes.networks.tron.fee_usd: "),
        (network(|n| n.fee_usd = "0.0000001".into()), "routes.networks.tron.fee_usd: "),
        (network(|n| n.seconds = 0), "routes.networks.tron.seconds: "),
        (network(|n| n.seconds = u32::MAX), "routes.networks.tron.seconds: "),
        (network(|n| n.seconds_after_broadcast = 76), "routes.networks.tron.seconds_after_broadcast: "),
        (network(|n| n.display_name.clear()), "routes.networks.tron.display_name: "),
        (network(|n| n.explorer_tx_url = "https://x/".into()), "routes.networks.tron.explorer_tx_url: "),
        (
            network(|n| n.explorer_tx_url = "javascript:{tx_hash}".into()),
            "routes.networks.tron.explorer_tx_url: ",
        ),
        (asset(|a| a.usd_price = "0".into()), "routes.assets.usdt.usd_price: must be above zero"),
        (asset(|a| a.usd_price = "1e3".into()), "routes.assets.usdt.usd_price: "),
        (asset(|a| a.min_amount = "0".into()), "routes.assets.usdt.min_amount: "),
        (asset(|a| a.max_amount = "0.5".into()), "routes.assets.usdt.max_amount: "),
        (asset(|a| a.max_amount = "1000000000000001".into()), "routes.assets.usdt.max_amount: "),
        (asset(|a| a.decimals.clear()), "routes.assets.usdt.decimals: "),
        (asset(|a| carry(a, "mars", 6)), "routes.assets.usdt.decimals.mars: mars is not"),
        (asset(|a| carry(a, "TRON", 6)), "routes.assets.usdt.decimals.TRON: "),
        (asset(|a| carry(a, "tron", 19)), "routes.assets.usdt.decimals.tron: "),
        (asset(|a| a.min_amount = "0.0000001".into()), "routes.assets.usdt.decimals.arbitrum: "),
        (bridge(|b| b.fee_usd = String::new()), "routes.bridges.polygon.ethereum.fee_usd: "),
        (
            bridge(|b| b.seconds_after_broadcast = 91),
            "routes.bridges.polygon.ethereum.seconds_after_broadcast: must not be above seconds",
        ),
    ] {
        assert!(error.starts_with(key), "{error:?} should start with {key:?}");
    }
}

#[test]
fn the_error_of_an_invalid_name_names_its_key() {
    fn copy<T: Clone>(map: &mut BTreeMap<String, T>, of: &str, new_name: &str) {
        let value = map[of].clone();
        map.insert(new_name.into(), value);
    }
    for (error, key) in [
        (refusal(|c| copy(&mut c.networks, "tron", "Tron")), "routes.networks.Tron: "),
        (refusal(|c| copy(&mut c.networks, "tron", "tron.one")), "routes.networks.tron.one: "),
        (refusal(|c| copy(&mut c.assets, "usdt", "USDT")), "routes.assets.USDT: "),
        (refusal(|c| copy(&mut c.bridges, "polygon", "mars")), "routes.bridges.mars: "),
        (
            refusal(|c| copy(c.bridges.get_mut("polygon").unwrap(), "ethereum", "mars")),
            "routes.bridges.polygon.mars: ",
        ),
        (
            refusal(|c| copy(c.bridges.get_mut("polygon").unwrap(), "ethereum", "polygon")),
            "routes.bridges.polygon.polygon: a bridge joins two different networks",
        ),
        (refusal(|c| c.default_networks.evm = None), "routes.default_networks.evm: several"),
        (refusal(|c| c.default_networks.evm = Some("tron".into())), "routes.default_networks.evm: tron has"),
        (
            refusal(|c| c.default_networks.bitcoin = Some("x".into())),
            "routes.default_networks.bitcoin: x is not",
        ),
    ] {
        assert!(error.starts_with(key), "{error:?} should start with {key:?}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    for added in [
        "[routes]\ntypo = 1\n",
        "[routes.networks.tron]\nfee = \"1\"\n",
        "[routes.bridges.polygon.ethereum]\nfees = 1\n",
    ] {
        let both = config::Config::builder()
            .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml))
            .add_source(config::File::from_str(added, config::FileFormat::Toml))
            .build()
            .unwrap();
        let error = both.get::<RoutesConfig>("routes").unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
}

#[test]
fn the_environment_can_override_single_values() {
    let variables = [
        ("PAYOUTD_ROUTES__NETWORKS__TRON__FEE_USD", "1.80"),
        ("PAYOUTD_ROUTES__ASSETS__XAUT__DECIMALS__POLYGON", "6"),
        ("PAYOUTD_ROUTES__BRIDGES__POLYGON__ETHEREUM__ENABLED", "false"),
    ];
    for parse in [true, false] {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = config::Environment::with_prefix("PAYOUTD")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(parse)
            .source(Some(variables.into()));
        let both = config::Config::builder()
            .add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml))
            .add_source(environment)
            .build()
            .unwrap();
        let routes = validated(&both.get("routes").unwrap()).unwrap();
        assert_eq!(routes.network("tron").unwrap().fee.to_string(), "1.80");
        assert_eq!(routes.asset("xaut").unwrap().decimals_on(&Network::new("polygon")), Some(6));
        assert!(routes.bridge(&Network::new("polygon"), &Network::new("ethereum")).is_none());
    }
}
