//! A parking lot and a place for dead letters, in memory.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::testing::{Gate, MemoryJournal};
use payoutd_domain::{PayoutId, ReportKey, Timestamp};

use super::super::*;

/// A parking lot in memory, and what dead letters were sent.
#[derive(Clone)]
pub(super) struct Yard {
    pub(super) journal: MemoryJournal,
    pub(super) parked: Arc<Mutex<Vec<ParkedReport>>>,
    pub(super) letters: Arc<Mutex<Vec<DeadLetter>>>,
    pub(super) lot_down: Arc<AtomicBool>,
    pub(super) letters_down: Arc<AtomicBool>,
    pub(super) before_parking: Arc<Mutex<Option<Gate>>>,
}

impl Yard {
    fn up(down: &AtomicBool) -> Result<(), Unavailable> {
        if down.load(SeqCst) { Err(Unavailable("ordered by a test".into())) } else { Ok(()) }
    }

    pub(super) fn parked_reports(&self) -> Vec<ParkedReport> {
        self.parked.lock().unwrap().clone()
    }

    pub(super) fn reasons(&self) -> Vec<DeadLetterReason> {
        self.letters.lock().unwrap().iter().map(|letter| letter.reason).collect()
    }
}

#[async_trait]
impl ParkedReportStore for Yard {
    async fn park(&self, report: &ParkedReport) -> Result<(), Unavailable> {
        let gate = self.before_parking.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.opened().await;
        }
        Self::up(&self.lot_down)?;
        let mut parked = self.parked.lock().unwrap();
        if !parked.iter().any(|one| one.payout_id == report.payout_id && one.key == report.key) {
            parked.push(report.clone());
        }
        Ok(())
    }

    async fn claimable(&self, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        Self::up(&self.lot_down)?;
        let exists = |report: &ParkedReport| self.journal.row(report.payout_id).is_some();
        Ok(self.parked_reports().into_iter().filter(exists).take(limit as usize).collect())
    }

    async fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<ParkedReport>, Unavailable> {
        Self::up(&self.lot_down)?;
        let over = |report: &ParkedReport| report.expires_at <= now;
        Ok(self.parked_reports().into_iter().filter(over).take(limit as usize).collect())
    }

    async fn unpark(&self, payout_id: PayoutId, key: &ReportKey) -> Result<(), Unavailable> {
        Self::up(&self.lot_down)?;
        self.parked.lock().unwrap().retain(|one| one.payout_id != payout_id || one.key != *key);
        Ok(())
    }

    async fn parked(&self) -> Result<u64, Unavailable> {
        Self::up(&self.lot_down)?;
        Ok(self.parked_reports().len() as u64)
    }
}

#[async_trait]
impl DeadLetters for Yard {
    async fn send(&self, letter: &DeadLetter) -> Result<(), Unavailable> {
        Self::up(&self.letters_down)?;
        self.letters.lock().unwrap().push(letter.clone());
        Ok(())
    }
}
