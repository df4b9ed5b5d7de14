use payoutd_domain::{InvalidTimestamp, Timestamp};
use serde::{Serialize, Serializer};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};
use time::OffsetDateTime;

/// The epoch of PostgreSQL, 2000-01-01T00:00:00Z, in microseconds since 1970.
const PG_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A [`Timestamp`] as a column: `timestamptz` in PostgreSQL, microseconds since 1970 in SQLite. Both are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DbTimestamp(pub(super) Timestamp);

impl From<Timestamp> for DbTimestamp {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Serialize for DbTimestamp {
    /// Microseconds, as in the columns of SQLite, for its JSON parameters.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.micros())
    }
}

impl Type<Postgres> for DbTimestamp {
    fn type_info() -> PgTypeInfo {
        <OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for DbTimestamp {
    fn array_type_info() -> PgTypeInfo {
        <OffsetDateTime as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for DbTimestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.0.micros() - PG_EPOCH_MICROS, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for DbTimestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        // The calendar types of sqlx panic at `infinity`, so the value is decoded here.
        if value.format() != PgValueFormat::Binary {
            return Err("a timestamp is not in the binary format".into());
        }
        let micros = <i64 as Decode<Postgres>>::decode(value)?.checked_add(PG_EPOCH_MICROS);
        Ok(Self(Timestamp::from_micros(micros.ok_or(InvalidTimestamp)?)?))
    }
}

impl Type<Sqlite> for DbTimestamp {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for DbTimestamp {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Sqlite>>::encode(self.0.micros(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for DbTimestamp {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(Timestamp::from_micros(<i64 as Decode<Sqlite>>::decode(value)?)?))
    }
}
