//! For tests and simulation: a memory journal, a manual clock, a fault plan, and sample payouts and reports.

mod fault_plan;
mod manual_clock;
mod memory_journal;
mod random;
pub mod sample;
mod started;
mod tables;

pub use fault_plan::{Call, Fault, FaultPlan, Gate, Odds};
pub use manual_clock::ManualClock;
pub use memory_journal::{Counts, CutOff, MemoryJournal, OutboxRow};
pub use random::Random;
pub use started::{Started, start_payouts, unhurried};
