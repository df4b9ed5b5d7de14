//! The SQL texts of PostgreSQL, each in a file of its own.

use crate::store::sql::dialect_statements;

dialect_statements! {
    APPEND = "append";
    CREATE = "create";
    WEBHOOK_ABANDON = "webhook_abandon";
    WEBHOOK_DELETE_ENDPOINT = "webhook_delete_endpoint";
    WEBHOOK_RECORD = "webhook_record";
}
