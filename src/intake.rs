//! Reports from outside: read, handed to the payout's actor, parked or dead-lettered. Knows nothing of AMQP.

mod parking;

pub use parking::{ParkedReport, ParkingLot};
