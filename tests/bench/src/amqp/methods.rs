//! The AMQP 0-9-1 methods that the client uses.

/// Class and method number.
pub(super) type Method = (u16, u16);

pub(super) const CONNECTION_START: Method = (10, 10);
pub(super) const CONNECTION_START_OK: Method = (10, 11);
pub(super) const CONNECTION_TUNE: Method = (10, 30);
pub(super) const CONNECTION_TUNE_OK: Method = (10, 31);
pub(super) const CONNECTION_OPEN: Method = (10, 40);
pub(super) const CONNECTION_OPEN_OK: Method = (10, 41);
pub(super) const CONNECTION_CLOSE: Method = (10, 50);
pub(super) const CONNECTION_CLOSE_OK: Method = (10, 51);
pub(super) const CHANNEL_OPEN: Method = (20, 10);
pub(super) const CHANNEL_OPEN_OK: Method = (20, 11);
pub(super) const CHANNEL_CLOSE: Method = (20, 40);
pub(super) const EXCHANGE_DECLARE: Method = (40, 10);
pub(super) const EXCHANGE_DECLARE_OK: Method = (40, 11);
pub(super) const QUEUE_DECLARE: Method = (50, 10);
pub(super) const QUEUE_DECLARE_OK: Method = (50, 11);
pub(super) const QUEUE_BIND: Method = (50, 20);
pub(super) const QUEUE_BIND_OK: Method = (50, 21);
pub(super) const QUEUE_PURGE: Method = (50, 30);
pub(super) const QUEUE_PURGE_OK: Method = (50, 31);
pub(super) const BASIC_QOS: Method = (60, 10);
pub(super) const BASIC_QOS_OK: Method = (60, 11);
pub(super) const BASIC_CONSUME: Method = (60, 20);
pub(super) const BASIC_CONSUME_OK: Method = (60, 21);
pub(super) const BASIC_PUBLISH: Method = (60, 40);
pub(super) const BASIC_DELIVER: Method = (60, 60);
pub(super) const BASIC_ACK: Method = (60, 80);
pub(super) const BASIC_NACK: Method = (60, 120);
pub(super) const CONFIRM_SELECT: Method = (85, 10);
pub(super) const CONFIRM_SELECT_OK: Method = (85, 11);
