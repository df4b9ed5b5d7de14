//! How what goes over the wire is described: JSON Schema (2020-12), as `OpenAPI` 3.1 and `AsyncAPI` 3 hold it.
//!
//! Types of this crate derive their schema where they are defined. The values and objects of the actors' crate, which
//! knows nothing of descriptions, are described here; a test compares every description with what is really written.

mod objects;
pub(crate) mod reports;
mod simplify;
#[cfg(test)]
pub(crate) mod testing;
mod values;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

pub(crate) use objects::{Failure, Funds, TimelineEntry};
pub(crate) use values::{
    Amount, EndpointId, EventId, MessageId, Network, PayoutId, QuoteId, Sequence, Status, Time, TxHash, Usd,
};

/// Collects the schemas of a document. What is sent and what is received are described differently: of what we send,
/// every field is there; of what we receive, those that must be.
pub(crate) struct Schemas {
    sent: SchemaGenerator,
    received: SchemaGenerator,
}

impl Schemas {
    /// None yet.
    pub(crate) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            sent: settings().for_serialize().into_generator(),
            received: settings().for_deserialize().into_generator(),
        }
    }

    /// A reference to the schema of something we send.
    pub(crate) fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// A reference to the schema of something we receive.
    pub(crate) fn received<T: JsonSchema>(&mut self) -> Value {
        self.received.subschema_for::<T>().to_value()
    }

    /// Every schema that was referred to, by its name.
    pub(crate) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.received.take_definitions(true));
        all.values_mut().for_each(simplify::simplify);
        all
    }
}
