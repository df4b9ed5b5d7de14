//! `/payouts`: creates payouts from quotes, and reads, lists and streams them.

mod create;
mod events;
mod find;
mod list;
mod read;

pub(in crate::http) use create::CreateRequest;
pub(super) use create::create;
pub(super) use events::events;
pub(super) use list::list;
pub(in crate::http) use list::{ListBody, ListQuery, cursor};
pub(super) use read::read;
