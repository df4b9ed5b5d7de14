//! Test support: a memory journal, a manual clock, a fault plan, and sample payouts and reports.

mod fault_plan;
mod manual_clock;
mod memory_journal;
mod random;
pub mod sample;
mod tables;
mod test_system;

pub use fault_plan::{Call, Fault, FaultPlan, FaultRates, Gate};
pub use manual_clock::ManualClock;
pub use memory_journal::{InterruptedAppends, MemoryJournal};
pub use random::Random;
pub use tables::{CallCounts, OutboxRow};
pub use test_system::{TestSystem, start_test_system, test_config};
