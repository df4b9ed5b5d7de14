//! The SQL texts of SQLite, each in a file of its own.

use crate::store::sql::dialect_statements;

dialect_statements! {
    APPEND = "append";
    CREATE = "create";
    INSERT_DELIVERIES = "insert_deliveries";
    INSERT_IDEMPOTENCY_RECORDS = "insert_idempotency_records";
    INSERT_JOURNAL = "insert_journal";
    INSERT_OUTBOX = "insert_outbox";
    WEBHOOK_DELETE_ENDPOINT = "webhook_delete_endpoint";
    WEBHOOK_DISABLE = "webhook_disable";
    WEBHOOK_RECORD_DELIVERY = "webhook_record_delivery";
    WEBHOOK_RECORD_ENDPOINT = "webhook_record_endpoint";
    WEBHOOK_RESCHEDULE_LATER = "webhook_reschedule_later";
    WEBHOOK_SKIP = "webhook_skip";
}
