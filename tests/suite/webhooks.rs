//! Webhooks: the behaviour of both stores, and what healthy and faulty receivers see.

mod deliveries;
mod faulty_receiver;
mod faulty_receivers;
mod harness;
mod official_libraries;
mod receiver;
mod store_contract;

pub(crate) use receiver::Receiver;
