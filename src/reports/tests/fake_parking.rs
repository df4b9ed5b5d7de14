//! A store of parked reports and a dead-letter queue, in memory.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::testing::{Gate, MemoryJournal};
use payoutd_domain::{PayoutId, ReportKey, Timestamp};

use super::super::*;

/// A store of parked reports and a dead-letter queue, in memory, which tests can make unavailable.
#[derive(Clone)]
pub(super) struct FakeParking {
    pub(super) journal: MemoryJournal,
    pub(super) parked: Arc<Mutex<Vec<ParkedReport>>>,
    pub(super) dead_letters: Arc<Mutex<Vec<DeadLetter>>>,
    pub(super) store_down: Arc<AtomicBool>,
    pub(super) dead_letters_down: Arc<AtomicBool>,
    pub(super) before_parking: Arc<Mutex<Option<Gate>>>,
}

impl FakeParking {
    fn check_available(down: &AtomicBool) -> Result<(), Unavailable> {
        if down.load(SeqCst) { Err(Unavailable("injected by a test".into())) } else { Ok(()) }
    }

    pub(super) fn reports(&self) -> Vec<ParkedReport> {
        self.parked.lock().unwrap().clone()
    }

    pub(super) fn reasons(&self) -> Vec<DeadLetterReason> {
        self.dead_letters.lock().unwrap().iter().map(|dead_letter| dead_letter.reason).collect()
    }
}

#[async_trait]
impl ParkedReportStore for FakeParking {
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable> {
        let gate = self.before_parking.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.opened().await;
        }
        Self::check_available(&self.store_down)?;
        let mut parked = self.parked.lock().unwrap();
        if !parked.iter().any(|other| other.payout_id == report.payout_id && other.key == report.key) {
            parked.push(report.clone());
        }
        Ok(())
    }

    async fn claimable(&self, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        Self::check_available(&self.store_down)?;
        let exists = |report: &ParkedReport| self.journal.row(report.payout_id).is_some();
        Ok(self.reports().into_iter().filter(exists).take(limit as usize).collect())
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        Self::check_available(&self.store_down)?;
        let has_expired = |report: &ParkedReport| report.expires_at <= now;
        Ok(self.reports().into_iter().filter(has_expired).take(limit as usize).collect())
    }

    async fn unpark(&self, payout_id: PayoutId, key: &ReportKey) -> Result<(), Unavailable> {
        Self::check_available(&self.store_down)?;
        self.parked.lock().unwrap().retain(|report| report.payout_id != payout_id || report.key != *key);
        Ok(())
    }

    async fn parked(&self) -> Result<u64, Unavailable> {
        Self::check_available(&self.store_down)?;
        Ok(self.reports().len() as u64)
    }
}

#[async_trait]
impl DeadLetters for FakeParking {
    async fn send(&self, dead_letter: &DeadLetter) -> Result<(), Unavailable> {
        Self::check_available(&self.dead_letters_down)?;
        self.dead_letters.lock().unwrap().push(dead_letter.clone());
        Ok(())
    }
}
