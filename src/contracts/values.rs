//! The schemas of the domain crate's values.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Defines a type with the given schema.
macro_rules! schemas {
    ($($name:ident = $schema:tt)+) => {$(
        #[doc = concat!("The type of the schema `", stringify!($name), "`.")]
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

schemas! {
    PayoutId = {
        "type": "string",
        "description": "Identifies a payout. Opaque.",
        "pattern": "^pay_[0-9a-f]{32}$",
        "examples": ["pay_0192f0c1d2e3748596a7b8c9d0e1f203"],
    }
    QuoteId = {
        "type": "string",
        "description": "Identifies a quote. Opaque and signed: it cannot be forged.",
        "pattern": "^quo_[!-~]+$",
        "minLength": 5,
        "maxLength": 128,
        "examples": ["quo_7Qm2xk"],
    }
    EndpointId = {
        "type": "string",
        "description": "Identifies a webhook endpoint. Opaque.",
        "pattern": "^we_[0-9a-f]{32}$",
        "examples": ["we_0192f0c1d2e3748596a7b8c9d0e1f205"],
    }
    MessageId = {
        "type": "string",
        "description": "The `webhook-id` header: the same for every delivery attempt of one event to one endpoint.",
        "pattern": "^msg_[0-9a-f]{32}$",
        "examples": ["msg_5c1f0e9d8b7a46958473625140fedcba"],
    }
    EventId = {
        "type": "string",
        "description": "`<payout id>.<sequence>`: the same each time the event is sent.",
        "pattern": "^pay_[0-9a-f]{32}\\.[1-9][0-9]*$",
        "examples": ["pay_0192f0c1d2e3748596a7b8c9d0e1f203.2"],
    }
    Amount = {
        "type": "string",
        "description": "An exact decimal in units of the asset: at most 20 digits before the point and 18 after it. \
                        Never use a binary float for it.",
        "pattern": "^(0|[1-9][0-9]{0,19})(\\.[0-9]{1,18})?$",
        "examples": ["25"],
    }
    Usd = {
        "type": "string",
        "description": "US dollars, as an exact decimal with at least two digits after the point.",
        "pattern": "^(0|[1-9][0-9]{0,19})\\.[0-9]{2,18}$",
        "examples": ["1.50"],
    }
    Time = {
        "type": "string",
        "description": "RFC 3339, in UTC.",
        "format": "date-time",
        "examples": ["2026-03-01T12:00:00.000000Z"],
    }
    Network = {
        "type": "string",
        "description": "A network's name: `ethereum`, `tron`, `solana`, …",
        "pattern": "^[a-z0-9_-]{1,32}$",
        "examples": ["tron"],
    }
    TxHash = {
        "type": "string",
        "description": "A transaction's hash, in the network's own spelling.",
        "pattern": "^[!-~]{1,128}$",
        "examples": ["0x4e3a3754410177e6937ef1f84bba68ea139e8d1a2258c5f85db9f1cd715a1bdd"],
    }
    Sequence = {
        "type": "integer",
        "format": "int64",
        "description": "The number of visible changes of a payout, without gaps; the creation is 1. The same number is \
                        in the object, its timeline, the `ETag`, the id of a server-sent event, webhooks and messages.",
        "minimum": 1,
        "examples": [2],
    }
    Status = {
        "type": "string",
        "description": "The status of a payout. It never goes back to an earlier one.\n\
                        - `pending`: no transaction is known yet\n\
                        - `broadcast`: a transaction was broadcast\n\
                        - `delivered`: the recipient has the funds\n\
                        - `failed`: the payout failed; `funds` has the location of the funds",
        "enum": ["pending", "broadcast", "delivered", "failed"],
    }
}
