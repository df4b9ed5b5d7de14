//! Embeds the migrations anew when one is added: the macro that reads them sees changed files only.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
