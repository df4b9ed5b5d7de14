//! Reports of chain watchers, all of the same size and shape.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// A report that changes the status of a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    Broadcast,
    Delivered,
}

impl ReportKind {
    /// Both kinds, in the order of a lifecycle.
    pub const ALL: [Self; 2] = [Self::Broadcast, Self::Delivered];

    /// The part of the report id that follows the payout id.
    fn id_suffix(self) -> u8 {
        match self {
            Self::Broadcast => 2,
            Self::Delivered => 3,
        }
    }

    /// Event type and the end of the data object. The estimate is ten days ahead, so that no payout becomes
    /// late.
    fn type_and_data(self) -> (&'static str, &'static str) {
        match self {
            Self::Broadcast => ("chain.broadcast", r#","estimated_seconds":864000"#),
            Self::Delivered => ("chain.delivered", r#","confirmations":20"#),
        }
    }

    /// Finds the kind in an encoded report.
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

/// Renders the bodies of reports.
#[derive(Debug)]
pub struct ReportRenderer {
    /// The `time` of the rendered reports.
    time: String,
}

impl ReportRenderer {
    #[must_use]
    pub fn new() -> Self {
        Self { time: now() }
    }

    /// Sets the time of the following reports to now.
    pub fn refresh_time(&mut self) {
        self.time = now();
    }

    #[must_use]
    pub fn render(&self, id: Uuid, kind: ReportKind) -> String {
        let (report_type, data) = kind.type_and_data();
        let (id, id_suffix, time) = (id.simple(), kind.id_suffix(), &self.time);
        format!(
            r#"{{"specversion":"1.0","id":"{id}-{id_suffix}","source":"watcher/tron","type":"{report_type}","subject":"pay_{id}","time":"{time}","datacontenttype":"application/json","data":{{"network":"tron","tx_hash":"{id}{id}"{data}}}}}"#
        )
    }
}

/// The public id of a payout: `pay_` and 32 hex digits.
#[must_use]
pub fn format_payout_id(id: Uuid) -> String {
    format!("pay_{}", id.simple())
}

/// Parses a public payout id at the start of `text`. Returns the id and the rest of the text.
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
