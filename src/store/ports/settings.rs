use payoutd_actors::ports::Unavailable;

use crate::store::rows::decode_first;
use crate::store::sql;
use crate::store::sql_store::SqlStore;
use crate::store::statement::Statement;

/// The value of the setting `name`. If it has none, `default` is stored and returned.
pub(in crate::store) async fn find_or_insert<S: SqlStore>(
    store: &S,
    name: &str,
    default: &str,
) -> Result<String, Unavailable> {
    let statement =
        Statement::new(sql::FIND_OR_INSERT_SETTING).bind(name.to_owned()).bind(default.to_owned());
    let value = decode_first(&store.write(statement).await?)?.map(|(value,)| value);
    value.ok_or_else(|| Unavailable("the statement returned no setting".into()))
}
