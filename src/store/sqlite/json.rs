use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::{Encode, Sqlite, Type};

/// A parameter that holds a set of values or rows, which the statement reads with `json_each`.
pub(super) struct Json<'a, T: ?Sized>(pub(super) &'a T);

impl<T: ?Sized> Type<Sqlite> for Json<'_, T> {
    fn type_info() -> SqliteTypeInfo {
        <String as Type<Sqlite>>::type_info()
    }
}

impl<T: Serialize + ?Sized> Encode<'_, Sqlite> for Json<'_, T> {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        <String as Encode<Sqlite>>::encode(serde_json::to_string(self.0)?, buffer)
    }
}
