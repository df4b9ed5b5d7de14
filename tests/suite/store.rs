//! The stores: one contract suite for both, and tests of each.

mod contract;
mod postgres_only;
pub(crate) mod samples;
mod sqlite_only;
pub(crate) mod test_store;

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let mut names: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("postgres"), names("sqlite"));
}
