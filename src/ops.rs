//! The operators listener: metrics and health.
