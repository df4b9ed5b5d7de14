//! Webhooks: what the stores keep of them, and what receivers see, good ones and bad.

mod clients;
mod contract;
mod hostile;
mod office;
mod order;
mod receiver;
mod villains;

pub(crate) use receiver::Receiver;
