use sqlx::query::Query;
use sqlx::{Database, Encode, Type};

/// An SQL text with its parameters, for either database.
pub(super) struct Statement<DB: Database>(Query<'static, DB, DB::Arguments>);

impl<DB: Database> Statement<DB> {
    pub(super) fn new(sql: &'static str) -> Self {
        Self(sqlx::query(sql))
    }

    pub(super) fn bind<'t, T>(self, value: T) -> Self
    where
        DB: Bind<'t, T>,
    {
        DB::bind(self, value)
    }

    pub(super) fn into_query(self) -> Query<'static, DB, DB::Arguments> {
        self.0
    }
}

/// A database that accepts a `T` as a parameter.
pub(super) trait Bind<'t, T>: Database {
    fn bind(statement: Statement<Self>, value: T) -> Statement<Self>;
}

impl<'t, DB, T> Bind<'t, T> for DB
where
    DB: Database,
    T: Encode<'t, DB> + Type<DB>,
{
    fn bind(statement: Statement<Self>, value: T) -> Statement<Self> {
        Statement(statement.0.bind(value))
    }
}
