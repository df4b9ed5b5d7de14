//! Rebuilds the crate when a migration is added: the macro that embeds the migrations tracks existing files only.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
