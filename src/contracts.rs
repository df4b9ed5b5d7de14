//! JSON Schemas (2020-12) of requests, responses and messages, for `OpenAPI` 3.1 and `AsyncAPI` 3.
//!
//! Types of this crate derive their schema. The schemas of the domain crate's types are defined here, because the
//! domain crate has no schemas. Tests compare the schemas with real JSON.

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

/// Collects the schemas of a document. In a schema of sent data every field is required; in a schema of received data
/// only the mandatory ones are.
pub(crate) struct Schemas {
    sent: SchemaGenerator,
    received: SchemaGenerator,
}

impl Schemas {
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

    /// Returns a reference to the schema of sent data.
    pub(crate) fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// Returns a reference to the schema of received data.
    pub(crate) fn received<T: JsonSchema>(&mut self) -> Value {
        self.received.subschema_for::<T>().to_value()
    }

    /// Returns every referenced schema by its name.
    pub(crate) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.received.take_definitions(true));
        all.values_mut().for_each(simplify::simplify);
        all
    }
}
