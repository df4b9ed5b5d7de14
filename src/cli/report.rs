//! `payoutd report`: publishes one chain report.

use clap::{Args, Subcommand, ValueEnum};
use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, PayoutId,
    ProgressReport, Report, ReportKey, ReportKind, Timestamp, Transaction, TxHash, Usd,
};
use uuid::Uuid;

use crate::app::{self, AppError};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct ReportCommand {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Args)]
struct Subject {
    /// The payout that the report is about.
    payout_id: PayoutId,
    /// The name of the watcher.
    #[arg(long, default_value = "payoutd-report")]
    source: String,
    /// The id of the report. A second report with the same source and id has no effect. Default: a new id.
    #[arg(long)]
    id: Option<String>,
    /// When the watcher observed it, in RFC 3339. Default: now.
    #[arg(long)]
    time: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// A transaction was broadcast.
    Broadcast {
        #[command(flatten)]
        subject: Subject,
        #[arg(long)]
        network: String,
        #[arg(long)]
        tx_hash: String,
        #[arg(long)]
        leg: Option<LegName>,
        #[arg(long)]
        estimated_seconds: Option<u32>,
    },
    /// A transaction has new confirmations or was replaced.
    Progress {
        #[command(flatten)]
        subject: Subject,
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
    /// The payout was delivered.
    Delivered {
        #[command(flatten)]
        subject: Subject,
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
    /// The payout failed.
    Failed {
        #[command(flatten)]
        subject: Subject,
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
        /// The failure reverses a delivery.
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
    fn split(self) -> (Subject, ReportKind) {
        let transaction = |network: &str, hash: &str| Transaction {
            network: Network::new(network),
            tx_hash: TxHash::new(hash),
        };
        let hash = |text: Option<String>| text.map(|text| TxHash::new(&text));
        match self {
            Self::Broadcast { subject, network, tx_hash, leg, estimated_seconds } => {
                let transaction = transaction(&network, &tx_hash);
                let leg = leg.map(Leg::from);
                (subject, ReportKind::Broadcast(BroadcastReport { transaction, leg, estimated_seconds }))
            }
            Self::Progress {
                subject,
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
                (subject, ReportKind::Progress(progress))
            }
            Self::Delivered { subject, network, tx_hash, recipient_amount, fees_paid_usd, confirmations } => {
                let transaction = transaction(&network, &tx_hash);
                let fees_paid_usd = fees_paid_usd.map(Usd);
                let delivered =
                    DeliveredReport { transaction, recipient_amount, fees_paid_usd, confirmations };
                (subject, ReportKind::Delivered(delivered))
            }
            Self::Failed { subject, code, message, network, tx_hash, funds, reversal } => {
                let failed = FailedReport {
                    code: code.into(),
                    message: message.into(),
                    network: network.as_deref().map(Network::new),
                    tx_hash: hash(tx_hash),
                    funds: funds.map(FailedFunds::from),
                    reversal,
                };
                (subject, ReportKind::Failed(failed))
            }
        }
    }
}

pub(super) async fn run(command: ReportCommand, config: &Config) -> Result<(), AppError> {
    let (subject, kind) = command.kind.split();
    let id = subject.id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let report = Report {
        key: ReportKey { source: subject.source.into(), id: id.into() },
        time: subject.time.unwrap_or_else(app::SystemClock::read),
        kind,
    };
    app::send_report(config, subject.payout_id, &report).await
}
