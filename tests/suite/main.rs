//! The tests against real servers.

mod amqp;
