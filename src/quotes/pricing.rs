//! Pricing: selects the route of a payout and computes its cost. A pure function of the request and the route table.
//!
//! The destination network is the one that `network_hint` names. Without a hint it is the default network of the
//! address's family. The source network is the one with the lowest total fee among those that carry the asset. The route
//! is unsupported if the hint is unknown, if the destination network does not carry the asset, or if no configured network
//! has addresses of this family.

#[cfg(test)]
mod tests;

use payoutd_domain::{Amount, Network, Route, Usd};
use schemars::JsonSchema;
use serde::Serialize;

use super::destination::Destination;
use super::routes::{Asset, Chain, Routes};
use super::{QuoteRefusal, QuoteRequest};
use crate::contracts;

/// A priced request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The recipient's verified address.
    pub destination: Destination,
    /// The symbol in uppercase.
    pub asset: Box<str>,
    /// The amount plus all fees, in the asset, rounded up to the asset's decimals on the source network.
    pub user_sends: Amount,
    /// The requested amount.
    pub recipient_gets: Amount,
    pub fee_total: Usd,
    pub route: Route,
    /// A cheaper network for the same address, if there is one and the request names no network.
    pub recommendation: Option<Recommendation>,
}

/// A cheaper network for the same address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Recommendation {
    /// The recommendation as a sentence.
    pub message: String,
    /// The recommendation as data.
    pub alternative_route: AlternativeRoute,
}

/// What a quote for another destination network would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlternativeRoute {
    /// The network to name in `network_hint`.
    #[schemars(with = "contracts::Network")]
    pub network: Network,
    /// All fees on that network.
    #[schemars(with = "contracts::Usd")]
    pub fee_total_usd: Usd,
    /// The difference to the quoted fees.
    #[schemars(with = "contracts::Usd")]
    pub savings_usd: Usd,
}

/// Prices a request.
///
/// # Errors
/// Returns `QuoteRefusal` if the request is malformed, or no configured route fits it.
pub fn price(routes: &Routes, request: &QuoteRequest) -> Result<Price, QuoteRefusal> {
    let amount = request.check()?;
    let asset = routes.asset(&request.asset).ok_or_else(|| unsupported_asset(routes))?;
    let (destination, to) = destination_network(routes, request)?;
    let decimals = decimals_on_destination(routes, asset, to, request.network_hint.is_some())?;
    check_amount(asset, to, decimals, amount)?;
    let selected = cheapest_route(routes, asset, to).ok_or_else(|| no_route(asset, to))?;
    let recommendation = match request.network_hint {
        Some(_) => None,
        None => recommendation(routes, asset, to, amount, selected.fee),
    };
    Ok(Price {
        destination,
        asset: asset.symbol.clone(),
        user_sends: user_sends(asset, amount, selected).ok_or_else(|| out_of_range(asset))?,
        recipient_gets: amount,
        fee_total: selected.fee,
        route: Route {
            from_network: selected.from.name.clone(),
            to_network: to.name.clone(),
            estimated_seconds: selected.seconds,
            seconds_after_broadcast: selected.seconds_after_broadcast,
        },
        recommendation,
    })
}

/// A possible route for an asset to a network.
#[derive(Clone, Copy)]
struct RouteOption<'a> {
    from: &'a Chain,
    /// The asset's decimals on the source network.
    decimals: u8,
    fee: Usd,
    seconds: u32,
    seconds_after_broadcast: u32,
}

/// The route with the lowest fee. Among equal fees, a route without a bridge is preferred, then the faster one, then the
/// first by name, so that the result is deterministic.
fn cheapest_route<'a>(routes: &'a Routes, asset: &'a Asset, to: &Chain) -> Option<RouteOption<'a>> {
    let options = routes.networks_carrying(asset).filter_map(|(from, decimals)| {
        if from.name == to.name {
            let (seconds, seconds_after_broadcast) = (from.seconds, from.seconds_after_broadcast);
            return Some(RouteOption { from, decimals, fee: from.fee, seconds, seconds_after_broadcast });
        }
        let bridge = routes.bridge(&from.name, &to.name)?;
        let fee = Usd(from.fee.0.checked_add(bridge.fee.0)?);
        let (seconds, seconds_after_broadcast) = (bridge.seconds, bridge.seconds_after_broadcast);
        Some(RouteOption { from, decimals, fee, seconds, seconds_after_broadcast })
    });
    options.min_by_key(|option| (option.fee, option.from.name != to.name, option.seconds, &option.from.name))
}

/// The amount plus the fee, rounded up to the decimals of the source network. `None` on overflow.
fn user_sends(asset: &Asset, amount: Amount, option: RouteOption<'_>) -> Option<Amount> {
    // Rounding the fee up to 18 decimals first does not change the result, because no network has more decimals.
    let fee = option.fee.0.checked_div_up(asset.usd_price, 18)?;
    round_up(amount.checked_add(fee)?, option.decimals)
}

fn round_up(amount: Amount, decimals: u8) -> Option<Amount> {
    let Some(surplus) = amount.decimals().checked_sub(decimals) else { return Some(amount) };
    let units = amount.units_at(amount.decimals())?;
    Amount::from_units(units.div_ceil(10u128.checked_pow(surplus.into())?), decimals)
}

fn destination_network<'a>(
    routes: &'a Routes,
    request: &QuoteRequest,
) -> Result<(Destination, &'a Chain), QuoteRefusal> {
    if let Some(hint) = &request.network_hint {
        let chain = routes.network(hint).ok_or_else(|| unknown_network(routes))?;
        return Ok((Destination::of_family(&request.destination, chain.family)?, chain));
    }
    let destination = Destination::detect(&request.destination)?;
    let chain =
        routes.default_network(destination.family()).ok_or_else(|| QuoteRefusal::UnsupportedRoute {
            field: "destination",
            detail: format!("no configured network takes {} addresses", destination.family()),
        })?;
    Ok((destination, chain))
}

/// The asset's decimals on the destination network.
fn decimals_on_destination(
    routes: &Routes,
    asset: &Asset,
    to: &Chain,
    hinted: bool,
) -> Result<u8, QuoteRefusal> {
    let field = if hinted { "network_hint" } else { "destination" };
    if !to.enabled {
        let detail = format!("{} is out of service for new quotes", to.display_name);
        return Err(QuoteRefusal::UnsupportedRoute { field, detail });
    }
    asset.decimals_on(&to.name).ok_or_else(|| {
        let names: Vec<&str> =
            routes.networks_carrying(asset).map(|(chain, _)| chain.name.as_str()).collect();
        let (symbol, network) = (&asset.symbol, &to.display_name);
        let detail = format!("{symbol} cannot be sent on {network}; it can on: {}", names.join(", "));
        QuoteRefusal::UnsupportedRoute { field, detail }
    })
}

fn check_amount(asset: &Asset, to: &Chain, decimals: u8, amount: Amount) -> Result<(), QuoteRefusal> {
    if amount < asset.min_amount || amount > asset.max_amount {
        return Err(out_of_range(asset));
    }
    if amount.decimals() > decimals {
        let (found, symbol, network) = (amount.decimals(), &asset.symbol, &to.display_name);
        let detail = format!("amount has {found} decimals, but {symbol} has {decimals} on {network}");
        return Err(QuoteRefusal::validation("amount", detail));
    }
    Ok(())
}

/// The cheapest other network of the same address family, if its fees are below the quoted ones.
fn recommendation(
    routes: &Routes,
    asset: &Asset,
    to: &Chain,
    amount: Amount,
    quoted: Usd,
) -> Option<Recommendation> {
    let others = routes.networks_carrying(asset).filter(|(chain, decimals)| {
        chain.family == to.family && chain.name != to.name && amount.decimals() <= *decimals
    });
    let priced =
        others.filter_map(|(chain, _)| cheapest_route(routes, asset, chain).map(|option| (chain, option)));
    let (chain, option) = priced.min_by_key(|(chain, option)| (option.fee, option.seconds, &chain.name))?;
    let savings = quoted.0.checked_sub(option.fee.0).filter(|savings| !savings.is_zero()).map(Usd)?;
    let message = format!(
        "The same address on {} would cost ${} in fees instead of ${quoted}, which saves ${savings}. If the recipient \
         takes {} there, ask again with network_hint \"{}\".",
        chain.display_name, option.fee, asset.symbol, chain.name
    );
    let network = chain.name.clone();
    let alternative_route = AlternativeRoute { network, fee_total_usd: option.fee, savings_usd: savings };
    Some(Recommendation { message, alternative_route })
}

fn unsupported_asset(routes: &Routes) -> QuoteRefusal {
    let symbols: Vec<&str> = routes.assets().map(|asset| &*asset.symbol).collect();
    QuoteRefusal::UnsupportedAsset { detail: format!("asset must be one of: {}", symbols.join(", ")) }
}

fn unknown_network(routes: &Routes) -> QuoteRefusal {
    let enabled = routes.networks().filter(|chain| chain.enabled);
    let names: Vec<&str> = enabled.map(|chain| chain.name.as_str()).collect();
    let detail = format!("network_hint must be one of: {}", names.join(", "));
    QuoteRefusal::UnsupportedRoute { field: "network_hint", detail }
}

fn no_route(asset: &Asset, to: &Chain) -> QuoteRefusal {
    let detail = format!("there is no route for {} to {}", asset.symbol, to.display_name);
    QuoteRefusal::UnsupportedRoute { field: "destination", detail }
}

fn out_of_range(asset: &Asset) -> QuoteRefusal {
    let Asset { symbol, min_amount, max_amount, .. } = asset;
    let detail = format!("amount must be {min_amount} to {max_amount} {symbol}");
    QuoteRefusal::AmountOutOfRange { detail }
}
