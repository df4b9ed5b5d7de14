//! The stores: PostgreSQL and SQLite behind the same ports.
