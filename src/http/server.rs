//! The HTTP server: the accept loop, connections, and deadlines against slow clients.

mod accept;
mod connection;
mod deadline_stream;
mod limits;

pub use accept::HttpServer;
pub use limits::ServerLimits;
