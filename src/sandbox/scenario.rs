//! The plan of simulated reports: a pure function of the data of `payout.created`.

use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, PayoutId,
    ProgressReport, ReportKind, Transaction, TxHash,
};
use sha2::{Digest, Sha256};

/// The speed of the simulated chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A payout without a reserved reference is delivered at once, for the tests of partners.
    AtOnce,
    /// A payout without a reserved reference is delivered after about ten seconds, so that a person can follow it.
    Demonstration,
}

/// The data of a payout that the simulator uses. All of it is in `payout.created`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The payout id.
    pub id: PayoutId,
    /// The partner's reference. Reserved values select the scenario.
    pub external_ref: String,
    /// The network that the funds are sent from.
    pub from_network: Network,
    /// The network on which the recipient gets the funds.
    pub to_network: Network,
    /// The estimated duration of the route, in seconds.
    pub estimated_seconds: u32,
    /// The quoted amount for the recipient.
    pub recipient_gets: Amount,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Seconds after the payout's creation.
    pub after_seconds: u32,
    /// The report to make.
    pub kind: ReportKind,
}

/// The scenarios. Partners select one with `external_ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scenario {
    Deliver,
    Realtime,
    Demonstrate,
    Fail { code: String },
    Stall,
    SkipBroadcast,
    Reorg,
}

const DEFAULT_FAILURE: &str = "sandbox_failure";

impl Scenario {
    fn select(external_ref: &str, pace: Pace) -> Self {
        if let Some(code) = external_ref.strip_prefix("sandbox_fail:").filter(|code| is_code(code)) {
            return Self::Fail { code: code.to_owned() };
        }
        match external_ref {
            // The last two only change how webhooks are sent.
            "sandbox_deliver" | "sandbox_webhook_duplicate" | "sandbox_webhook_reorder" => Self::Deliver,
            "sandbox_realtime" => Self::Realtime,
            "sandbox_fail" => Self::Fail { code: DEFAULT_FAILURE.to_owned() },
            "sandbox_stall" => Self::Stall,
            "sandbox_skip_broadcast" => Self::SkipBroadcast,
            "sandbox_reorg" => Self::Reorg,
            _ => match pace {
                Pace::AtOnce => Self::Deliver,
                Pace::Demonstration => Self::Demonstrate,
            },
        }
    }
}

/// Whether `text` is a valid failure code: 1 to 64 of the characters `a-z`, `0-9` and `_`.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Returns the plan for `subject`, in order of time.
#[must_use]
pub fn plan(subject: &Subject, pace: Pace) -> Vec<Step> {
    let total = subject.estimated_seconds;
    // The transaction is broadcast after about four fifths of the estimated time, as on the default routes.
    let broadcast_after = total - total.div_ceil(5).min(total);
    match Scenario::select(&subject.external_ref, pace) {
        Scenario::Deliver => vec![subject.broadcast(0, None), subject.delivered(0)],
        // The estimate is one second too long, so that a delivery on time is not marked late.
        Scenario::Realtime => {
            vec![
                subject.broadcast(broadcast_after, Some(total - broadcast_after + 1)),
                subject.delivered(total),
            ]
        }
        Scenario::Demonstrate => {
            vec![subject.broadcast(2, Some(20)), subject.progress(5, 6, 12, Some(5)), subject.delivered(9)]
        }
        Scenario::Fail { code } => vec![subject.failed(0, &code, FailedFunds::NotSent, false)],
        Scenario::Stall => vec![subject.broadcast(0, Some(1))],
        Scenario::SkipBroadcast => vec![subject.delivered(0)],
        Scenario::Reorg => vec![
            subject.broadcast(0, None),
            subject.delivered(0),
            subject.failed(0, "chain_reorganised", FailedFunds::Returned, true),
        ],
    }
}

impl Subject {
    /// A hash in the format of the network, derived from the payout and `purpose`.
    fn hash(&self, network: &Network, purpose: &str) -> TxHash {
        let digest = Sha256::digest(format!("{}/{network}/{purpose}", self.id));
        let hex = hex::encode(digest);
        match network.as_str() {
            "solana" => TxHash::new(&bs58::encode(digest.repeat(2)).into_string()),
            "tron" | "bitcoin" => TxHash::new(&hex),
            _ => TxHash::new(&format!("0x{hex}")),
        }
    }

    fn transaction(&self, network: &Network, purpose: &str) -> Transaction {
        Transaction { network: network.clone(), tx_hash: self.hash(network, purpose) }
    }

    fn broadcast(&self, after_seconds: u32, estimated_seconds: Option<u32>) -> Step {
        let leg = if self.from_network == self.to_network { None } else { Some(Leg::Source) };
        let transaction = self.transaction(&self.from_network, "transfer");
        let kind = ReportKind::Broadcast(BroadcastReport { transaction, leg, estimated_seconds });
        Step { after_seconds, kind }
    }

    fn progress(&self, after_seconds: u32, seen: u32, required: u32, estimated_seconds: Option<u32>) -> Step {
        let kind = ReportKind::Progress(ProgressReport {
            network: self.from_network.clone(),
            tx_hash: Some(self.hash(&self.from_network, "transfer")),
            confirmations: Some(seen),
            required_confirmations: Some(required),
            estimated_seconds,
            replaced_by: None,
        });
        Step { after_seconds, kind }
    }

    fn delivered(&self, after_seconds: u32) -> Step {
        let kind = ReportKind::Delivered(DeliveredReport {
            transaction: self.transaction(&self.to_network, "transfer"),
            recipient_amount: Some(self.recipient_gets),
            fees_paid_usd: None,
            confirmations: None,
        });
        Step { after_seconds, kind }
    }

    fn failed(&self, after_seconds: u32, code: &str, funds: FailedFunds, reversal: bool) -> Step {
        let kind = ReportKind::Failed(FailedReport {
            code: code.into(),
            message: "The sandbox was asked to let this payout fail.".into(),
            network: Some(self.to_network.clone()),
            tx_hash: None,
            funds: Some(funds),
            reversal,
        });
        Step { after_seconds, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(external_ref: &str) -> Subject {
        Subject {
            id: "pay_0192f0c1d2e3748596a7b8c9d0e1f203".parse().unwrap(),
            external_ref: external_ref.into(),
            from_network: Network::new("tron"),
            to_network: Network::new("ethereum"),
            estimated_seconds: 90,
            recipient_gets: "5".parse().unwrap(),
        }
    }

    fn kinds(external_ref: &str, pace: Pace) -> Vec<(u32, &'static str)> {
        plan(&subject(external_ref), pace).iter().map(|step| (step.after_seconds, step.kind.name())).collect()
    }

    #[test]
    fn a_reserved_reference_selects_the_scenario() {
        use Pace::{AtOnce, Demonstration};
        for name in ["sandbox_deliver", "order-7", "sandbox_webhook_duplicate", "sandbox_webhook_reorder"] {
            assert_eq!(kinds(name, AtOnce), [(0, "broadcast"), (0, "delivered")], "{name}");
        }
        assert_eq!(kinds("sandbox_realtime", AtOnce), [(72, "broadcast"), (90, "delivered")]);
        assert_eq!(kinds("sandbox_fail", AtOnce), [(0, "failed")]);
        assert_eq!(kinds("sandbox_stall", AtOnce), [(0, "broadcast")]);
        assert_eq!(kinds("sandbox_skip_broadcast", AtOnce), [(0, "delivered")]);
        assert_eq!(kinds("sandbox_reorg", AtOnce), [(0, "broadcast"), (0, "delivered"), (0, "failed")]);
        assert_eq!(kinds("order-7", Demonstration).last(), Some(&(9, "delivered")));
        assert_eq!(kinds("sandbox_deliver", Demonstration), kinds("sandbox_deliver", AtOnce));
    }

    #[test]
    fn a_reference_can_select_the_failure_code() {
        let code = |external_ref: &str| match &plan(&subject(external_ref), Pace::AtOnce)[..] {
            [Step { kind: ReportKind::Failed(report), .. }] => Some(report.code.to_string()),
            _ => None,
        };
        assert_eq!(code("sandbox_fail:no_liquidity").as_deref(), Some("no_liquidity"));
        assert_eq!(code("sandbox_fail").as_deref(), Some(DEFAULT_FAILURE));
        assert_eq!(code("sandbox_fail:NOT A CODE"), None, "an invalid code is not a reserved reference");
    }

    #[test]
    fn the_plan_of_a_payout_is_always_the_same() {
        assert_eq!(plan(&subject("a"), Pace::AtOnce), plan(&subject("a"), Pace::AtOnce));
    }
}
