//! The SQL texts of PostgreSQL, each in a file of its own.

use crate::store::sql::{DialectSql, statements};

statements! {
    APPEND = "append";
    CLAIMABLE_PARKED_REPORTS = "claimable_parked_reports";
    CREATE = "create";
    EXPIRE_API_KEY = "expire_api_key";
    GET_QUOTE = "get_quote";
    INSERT_PLANNED_REPORTS = "insert_planned_reports";
    LIST = "list";
    LIST_API_KEYS = "list_api_keys";
    LIST_BY_REF = "list_by_ref";
    LIST_UNDELIVERED = "list_undelivered";
    LOAD_ENTRIES = "load_entries";
    LOAD_PAYOUTS = "load_payouts";
    OUTBOX_DELETE = "outbox_delete";
    PAYOUTS_BY_QUOTE = "payouts_by_quote";
    UPSERT_QUOTE = "upsert_quote";
    WEBHOOK_ABANDON = "webhook_abandon";
    WEBHOOK_DELETE_ENDPOINT = "webhook_delete_endpoint";
    WEBHOOK_DUE = "webhook_due";
    WEBHOOK_INSERT_ENDPOINT = "webhook_insert_endpoint";
    WEBHOOK_RECORD = "webhook_record";
    WEBHOOK_REPLAY = "webhook_replay";
    WEBHOOK_REPLAY_SINCE = "webhook_replay_since";
    WEBHOOK_ROTATE = "webhook_rotate";
}

pub(super) const DIALECT: DialectSql = DialectSql {
    claimable_parked_reports: CLAIMABLE_PARKED_REPORTS,
    expire_api_key: EXPIRE_API_KEY,
    get_quote: GET_QUOTE,
    insert_planned_reports: INSERT_PLANNED_REPORTS,
    list: LIST,
    list_api_keys: LIST_API_KEYS,
    list_by_ref: LIST_BY_REF,
    list_undelivered: LIST_UNDELIVERED,
    load_entries: LOAD_ENTRIES,
    load_payouts: LOAD_PAYOUTS,
    outbox_delete: OUTBOX_DELETE,
    payouts_by_quote: PAYOUTS_BY_QUOTE,
    upsert_quote: UPSERT_QUOTE,
    webhook_due: WEBHOOK_DUE,
    webhook_insert_endpoint: WEBHOOK_INSERT_ENDPOINT,
    webhook_replay: WEBHOOK_REPLAY,
    webhook_rotate: WEBHOOK_ROTATE,
};
