//! Webhooks: what the stores keep of them, and what receivers see, good ones and bad.

mod deliveries;
mod faulty_receiver;
mod faulty_receivers;
mod harness;
mod official_libraries;
mod receiver;
mod store_contract;

pub(crate) use receiver::Receiver;
