//! The guides in `docs`: their programs and commands run, and their tables match the code.

mod guide;
mod partner;
mod watcher;
