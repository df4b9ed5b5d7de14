//! The floors: what the same machine does without payoutd.

pub(crate) mod bare;
pub(crate) mod batches;
pub(crate) mod broker;
pub(crate) mod one_by_one;
pub(crate) mod writes;
