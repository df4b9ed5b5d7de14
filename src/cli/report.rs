//! `payoutd report`: publishes one chain report, to drive a payout by hand.

use clap::{Args, Subcommand, ValueEnum};
use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, PayoutId,
    ProgressReport, Report, ReportKey, ReportKind, Timestamp, Transaction, TxHash, Usd,
};
use uuid::Uuid;

use super::Failure;
use crate::app;
use crate::config::Config;

/// A report, as it is written on the command line.
#[derive(Debug, Args)]
pub struct ReportCommand {
    #[command(subcommand)]
    kind: Kind,
}

/// What every report says.
#[derive(Debug, Args)]
struct About {
    /// The payout it speaks of.
    payout_id: PayoutId,
    /// What the watcher calls itself.
    #[arg(long, default_value = "payoutd-report")]
    source: String,
    /// The report's id; a second report with the same source and id changes nothing. Default: a new one.
    #[arg(long)]
    id: Option<String>,
    /// When it was seen, RFC 3339. Default: now.
    #[arg(long)]
    time: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// A transaction is out.
    Broadcast {
        #[command(flatten)]
        about: About,
        #[arg(long)]
        network: String,
        #[arg(long)]
        tx_hash: String,
        #[arg(long)]
        leg: Option<LegName>,
        #[arg(long)]
        estimated_seconds: Option<u32>,
    },
    /// It is on its way.
    Progress {
        #[command(flatten)]
        about: About,
        #[arg(long)]
        network: String,
        #[arg(long)]
        tx_hash: Option<String>,
        #[arg(long)]
        confirmations: Option<u32>,
        #[arg(long)]
        required_confirmations: Option<u32>,
        #[arg(long)]
        estimated_seconds: Option<u32>,
        #[arg(long)]
        replaced_by: Option<String>,
    },
    /// It arrived.
    Delivered {
        #[command(flatten)]
        about: About,
        #[arg(long)]
        network: String,
        #[arg(long)]
        tx_hash: String,
        #[arg(long)]
        recipient_amount: Option<Amount>,
        #[arg(long)]
        fees_paid_usd: Option<Amount>,
        #[arg(long)]
        confirmations: Option<u32>,
    },
    /// It will not arrive.
    Failed {
        #[command(flatten)]
        about: About,
        #[arg(long)]
        code: String,
        #[arg(long)]
        message: String,
        #[arg(long)]
        network: Option<String>,
        #[arg(long)]
        tx_hash: Option<String>,
        #[arg(long)]
        funds: Option<FundsName>,
        /// It takes back a delivery.
        #[arg(long)]
        reversal: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LegName {
    Source,
    Bridge,
    Destination,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum FundsName {
    NotSent,
    Returned,
    Unknown,
}

impl From<LegName> for Leg {
    fn from(name: LegName) -> Self {
        match name {
            LegName::Source => Self::Source,
            LegName::Bridge => Self::Bridge,
            LegName::Destination => Self::Destination,
        }
    }
}

impl From<FundsName> for FailedFunds {
    fn from(name: FundsName) -> Self {
        match name {
            FundsName::NotSent => Self::NotSent,
            FundsName::Returned => Self::Returned,
            FundsName::Unknown => Self::Unknown,
        }
    }
}

impl Kind {
    /// What is reported, and about what.
    fn split(self) -> (About, ReportKind) {
        let transaction = |network: &str, hash: &str| Transaction {
            network: Network::new(network),
            tx_hash: TxHash::new(hash),
        };
        let hash = |text: Option<String>| text.map(|text| TxHash::new(&text));
        match self {
            Self::Broadcast { about, network, tx_hash, leg, estimated_seconds } => {
                let transaction = transaction(&network, &tx_hash);
                let leg = leg.map(Leg::from);
                (about, ReportKind::Broadcast(BroadcastReport { transaction, leg, estimated_seconds }))
            }
            Self::Progress {
                about,
                network,
                tx_hash,
                confirmations,
                required_confirmations,
                estimated_seconds,
                replaced_by,
            } => {
                let progress = ProgressReport {
                    network: Network::new(&network),
                    tx_hash: hash(tx_hash),
                    confirmations,
                    required_confirmations,
                    estimated_seconds,
                    replaced_by: hash(replaced_by),
                };
                (about, ReportKind::Progress(progress))
            }
            Self::Delivered { about, network, tx_hash, recipient_amount, fees_paid_usd, confirmations } => {
                let transaction = transaction(&network, &tx_hash);
                let fees_paid_usd = fees_paid_usd.map(Usd);
                let delivered =
                    DeliveredReport { transaction, recipient_amount, fees_paid_usd, confirmations };
                (about, ReportKind::Delivered(delivered))
            }
            Self::Failed { about, code, message, network, tx_hash, funds, reversal } => {
                let failed = FailedReport {
                    code: code.into(),
                    message: message.into(),
                    network: network.as_deref().map(Network::new),
                    tx_hash: hash(tx_hash),
                    funds: funds.map(FailedFunds::from),
                    reversal,
                };
                (about, ReportKind::Failed(failed))
            }
        }
    }
}

pub(super) async fn run(command: ReportCommand, config: &Config) -> Result<(), Failure> {
    let (about, kind) = command.kind.split();
    let id = about.id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let report = Report {
        key: ReportKey { source: about.source.into(), id: id.into() },
        time: about.time.unwrap_or_else(app::SystemClock::read),
        kind,
    };
    app::send_report(config, about.payout_id, &report).await
}
