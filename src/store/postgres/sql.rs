//! Every statement, each in a file of its own.

use crate::store::statements;

statements! {
    CREATE = "create";
    QUOTE_OWNERS = "quote_owners";
    TOKEN_OWNER = "token_owner";
    APPEND = "append";
    LIST = "list";
    LIST_UNDELIVERED = "list_undelivered";
    LIST_BY_REF = "list_by_ref";
    LOAD_PAYOUTS = "load_payouts";
    LOAD_ENTRIES = "load_entries";
    DUE = "due";
    PUT_QUOTE = "put_quote";
    GET_QUOTE = "get_quote";
    ORG_NAMED = "org_named";
    INSERT_KEY = "insert_key";
    FIND_KEY = "find_key";
    LIST_KEYS = "list_keys";
    EXPIRE_KEY = "expire_key";
    OUTBOX_WAITING = "outbox_waiting";
    OUTBOX_PUBLISHED = "outbox_published";
    OUTBOX_BACKLOG = "outbox_backlog";
    PARK = "park";
    PARKED_CLAIMABLE = "parked_claimable";
    PARKED_EXPIRED = "parked_expired";
    UNPARK = "unpark";
    PARKED_COUNT = "parked_count";
    PLAN = "plan";
    PLAN_DUE = "plan_due";
    PLAN_DONE = "plan_done";
    SETTING = "setting";
    FIND_ANSWER = "find_answer";
    KEEP_ANSWER = "keep_answer";
    FORGET_ANSWERS = "forget_answers";
    FORGET_QUOTES = "forget_quotes";
    WEBHOOK_INSERT_ENDPOINT = "webhook_insert_endpoint";
    WEBHOOK_ENDPOINT = "webhook_endpoint";
    WEBHOOK_ENDPOINTS = "webhook_endpoints";
    WEBHOOK_DELETE_ENDPOINT = "webhook_delete_endpoint";
    WEBHOOK_ROTATE = "webhook_rotate";
    WEBHOOK_ENABLE = "webhook_enable";
    WEBHOOK_DUE = "webhook_due";
    WEBHOOK_DELIVERIES = "webhook_deliveries";
    WEBHOOK_REPLAY = "webhook_replay";
    WEBHOOK_REPLAY_SINCE = "webhook_replay_since";
    WEBHOOK_WAITING = "webhook_waiting";
    WEBHOOK_FORGET = "webhook_forget";
    WEBHOOK_CALL_UP = "webhook_call_up";
    WEBHOOK_RECORD = "webhook_record";
    WEBHOOK_GIVE_UP = "webhook_give_up";
}
