//! The guides, done as they say: their programs are written down, their commands run in order, their tables held
//! against the code.

mod guide;
mod partner;
mod watcher;
