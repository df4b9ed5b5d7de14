//! The forms of responses: JSON, problem documents and event streams, and entity tags.

pub(in crate::http) mod entity_tag;
pub(in crate::http) mod event_stream;
pub(in crate::http) mod json;
pub(in crate::http) mod problem;
