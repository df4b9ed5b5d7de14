//! What the clients that are not Rust need, made where it is missing.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::servers;

/// The root of this repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory with the program that is tested.
pub(crate) fn program_directory() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_payoutd")).parent().expect("it lies somewhere")
}

/// A Python that has the test clients' packages.
pub(crate) fn python() -> &'static Path {
    &servers::shared().python
}

/// The packages for Node.js.
pub(crate) async fn node_modules() -> PathBuf {
    let made = Command::new(root().join("scripts/test-node")).stderr(Stdio::inherit()).output().await;
    let made = made.expect("scripts/test-node can be run");
    assert!(made.status.success(), "the packages for Node.js are installed");
    String::from_utf8(made.stdout).expect("a path").trim().into()
}
