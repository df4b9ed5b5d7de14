//! The SQL texts that both databases share, each in a file of its own.

macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(pub(in crate::store) const $name: &str = include_str!(concat!("sql/", $file, ".sql"));)*

        /// Every statement of this module, with the name of its file.
        pub(in crate::store) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}
pub(super) use statements;

statements! {
    COUNT_PARKED_REPORTS = "count_parked_reports";
    DELETE_PARKED_REPORT = "delete_parked_report";
    DELETE_PLANNED_REPORT = "delete_planned_report";
    DUE_PLANNED_REPORTS = "due_planned_reports";
    EXPIRED_PARKED_REPORTS = "expired_parked_reports";
    FIND_API_KEY = "find_api_key";
    FIND_IDEMPOTENCY_RECORD = "find_idempotency_record";
    FIND_OR_INSERT_ORG = "find_or_insert_org";
    FIND_OR_INSERT_SETTING = "find_or_insert_setting";
    INSERT_API_KEY = "insert_api_key";
    INSERT_IDEMPOTENCY_RECORD = "insert_idempotency_record";
    INSERT_PARKED_REPORT = "insert_parked_report";
    OUTBOX_BACKLOG = "outbox_backlog";
    OUTBOX_WAITING = "outbox_waiting";
    OVERDUE_PAYOUTS = "overdue_payouts";
    PAYOUT_BY_TOKEN = "payout_by_token";
    PURGE_IDEMPOTENCY_RECORDS = "purge_idempotency_records";
    PURGE_QUOTES = "purge_quotes";
    WEBHOOK_DELIVERIES = "webhook_deliveries";
    WEBHOOK_ENABLE = "webhook_enable";
    WEBHOOK_ENDPOINT = "webhook_endpoint";
    WEBHOOK_ENDPOINTS = "webhook_endpoints";
    WEBHOOK_PURGE = "webhook_purge";
    WEBHOOK_RESCHEDULE = "webhook_reschedule";
    WEBHOOK_WAITING = "webhook_waiting";
}

/// The texts, in one database's dialect, of the statements that the shared ports use.
pub(super) struct DialectSql {
    pub(super) claimable_parked_reports: &'static str,
    pub(super) expire_api_key: &'static str,
    pub(super) get_quote: &'static str,
    pub(super) insert_planned_reports: &'static str,
    pub(super) list: &'static str,
    pub(super) list_api_keys: &'static str,
    pub(super) list_by_ref: &'static str,
    pub(super) list_undelivered: &'static str,
    pub(super) load_entries: &'static str,
    pub(super) load_payouts: &'static str,
    pub(super) outbox_delete: &'static str,
    pub(super) payouts_by_quote: &'static str,
    pub(super) upsert_quote: &'static str,
    pub(super) webhook_due: &'static str,
    pub(super) webhook_insert_endpoint: &'static str,
    pub(super) webhook_replay: &'static str,
    pub(super) webhook_replay_since: &'static str,
    pub(super) webhook_rotate: &'static str,
}

/// Declares the statements of [`DialectSql`] and those that only the calling module uses.
macro_rules! dialect_statements {
    ($($name:ident = $file:literal;)*) => {
        $crate::store::sql::statements! {
            CLAIMABLE_PARKED_REPORTS = "claimable_parked_reports";
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
            WEBHOOK_DUE = "webhook_due";
            WEBHOOK_INSERT_ENDPOINT = "webhook_insert_endpoint";
            WEBHOOK_REPLAY = "webhook_replay";
            WEBHOOK_REPLAY_SINCE = "webhook_replay_since";
            WEBHOOK_ROTATE = "webhook_rotate";
            $($name = $file;)*
        }

        pub(in crate::store) const DIALECT: $crate::store::sql::DialectSql = $crate::store::sql::DialectSql {
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
            webhook_replay_since: WEBHOOK_REPLAY_SINCE,
            webhook_rotate: WEBHOOK_ROTATE,
        };
    };
}
pub(super) use dialect_statements;
