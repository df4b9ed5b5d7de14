//! Paths and packages of the clients that are not written in Rust.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::servers;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the tested program.
pub(crate) fn program_directory() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_payoutd")).parent().expect("the program has a directory")
}

/// The Python interpreter that has the packages of the test clients.
pub(crate) fn python() -> &'static Path {
    &servers::shared().python
}

/// Installs the packages for Node.js if necessary, and returns their directory.
pub(crate) async fn node_modules() -> PathBuf {
    let output = Command::new(root().join("scripts/test-node")).stderr(Stdio::inherit()).output().await;
    let output = output.expect("scripts/test-node can be run");
    assert!(output.status.success(), "the packages for Node.js are installed");
    String::from_utf8(output.stdout).expect("a path").trim().into()
}
