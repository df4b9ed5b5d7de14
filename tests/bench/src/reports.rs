//! What chain watchers say: reports of the same size and shape throughout.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// A kind of report that moves a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// The transaction is out.
    Broadcast,
    /// It arrived.
    Delivered,
}

impl ReportKind {
    /// Both, in the order in which they happen.
    pub const ALL: [Self; 2] = [Self::Broadcast, Self::Delivered];

    /// What makes the report's id, with its payout's.
    fn id_suffix(self) -> u8 {
        match self {
            Self::Broadcast => 2,
            Self::Delivered => 3,
        }
    }

    /// Type and data. The estimate is so far ahead that nothing is late while it is measured.
    fn type_and_data(self) -> (&'static str, &'static str) {
        match self {
            Self::Broadcast => ("chain.broadcast", r#","estimated_seconds":864000"#),
            Self::Delivered => ("chain.delivered", r#","confirmations":20"#),
        }
    }

    /// The kind of a report with this body.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let at = memchr::memmem::find(body, b"chain.")? + 6;
        match body.get(at)? {
            b'b' => Some(Self::Broadcast),
            b'd' => Some(Self::Delivered),
            _ => None,
        }
    }
}

/// Renders reports.
#[derive(Debug)]
pub struct ReportRenderer {
    /// When they were seen: now, as of the last look at the clock.
    time: String,
}

impl ReportRenderer {
    /// Reports seen now.
    #[must_use]
    pub fn new() -> Self {
        Self { time: now() }
    }

    /// Whatever is rendered from here on was seen now.
    pub fn refresh_time(&mut self) {
        self.time = now();
    }

    /// The body of a report.
    #[must_use]
    pub fn render(&self, id: Uuid, kind: ReportKind) -> String {
        let (report_type, data) = kind.type_and_data();
        let (id, id_suffix, time) = (id.simple(), kind.id_suffix(), &self.time);
        format!(
            r#"{{"specversion":"1.0","id":"{id}-{id_suffix}","source":"watcher/tron","type":"{report_type}","subject":"pay_{id}","time":"{time}","datacontenttype":"application/json","data":{{"network":"tron","tx_hash":"{id}{id}"{data}}}}}"#
        )
    }
}

/// The id under which a payout is known outside.
#[must_use]
pub fn format_payout_id(id: Uuid) -> String {
    format!("pay_{}", id.simple())
}

/// A payout's id out of such a name, and what follows it.
#[must_use]
pub fn parse_payout_id(text: &[u8]) -> Option<(Uuid, &[u8])> {
    let (hex, rest) = text.strip_prefix(b"pay_")?.split_at_checked(32)?;
    Some((Uuid::try_parse_ascii(hex).ok()?, rest))
}

impl Default for ReportRenderer {
    fn default() -> Self {
        Self::new()
    }
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}
