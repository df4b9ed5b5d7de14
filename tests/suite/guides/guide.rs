//! A guide and its blocks of code.
//!
//! A comment before a block gives its use: `<!-- run -->` is a part of the guide's shell script, `<!-- file: NAME -->` is a
//! file in the directory of the script, and `<!-- report -->` is a message to publish.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::tools;

/// The time limit of all commands of a guide.
const COMMANDS_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) struct Guide {
    text: String,
}

/// A block of code with a comment before it.
#[derive(Debug)]
struct Block<'a> {
    mark: &'a str,
    code: String,
}

impl Guide {
    /// Reads a guide in `docs`.
    pub(super) fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(tools::root().join("docs").join(name)).unwrap();
        Self { text }
    }

    fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let Some(mark) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else {
                continue;
            };
            assert!(lines.next().is_some_and(|fence| fence.starts_with("```")), "no code follows {line}");
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { mark, code: code.join("\n") + "\n" });
        }
        assert!(!blocks.is_empty());
        blocks
    }

    /// The blocks marked `<!-- report -->`.
    pub(super) fn reports(&self) -> Vec<String> {
        self.blocks().into_iter().filter(|block| block.mark == "report").map(|block| block.code).collect()
    }

    /// The cells of each row of the table whose header line begins with `header`.
    pub(super) fn table(&self, header: &str) -> Vec<Vec<String>> {
        let mut lines = self.text.lines().skip_while(|line| !line.starts_with(header));
        assert!(lines.next().is_some(), "there is no table {header}");
        let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
            .collect()
    }

    /// Writes the files of the guide into a new directory and runs its commands there, in one shell that exits at the
    /// first error. Returns the standard output.
    pub(super) async fn run(&self, environment: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
        for Block { mark, code } in self.blocks() {
            match mark.split_once(": ") {
                Some(("file", name)) => std::fs::write(directory.path().join(name), code).unwrap(),
                None if mark == "run" => script.push_str(&code),
                None if mark == "report" => {}
                Some(_) | None => panic!("unknown mark {mark}"),
            }
        }
        std::os::unix::fs::symlink(tools::node_modules().await, directory.path().join("node_modules"))
            .unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", &script]).current_dir(directory.path()).envs(environment.iter().copied());
        command.env("PATH", path()).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(COMMANDS_TIMEOUT, command.output())
            .await
            .expect("the commands of the guide end")
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the commands of the guide fail ({})\n{printed}\n{errors}",
            output.status
        );
        printed
    }
}

/// `PATH` with the directories of `payoutd`, and of `python` with the packages, before all others.
fn path() -> String {
    let python = tools::python().parent().unwrap();
    let rest = std::env::var("PATH").unwrap();
    let first: Vec<&str> =
        [tools::program_directory(), python].map(|path: &Path| path.to_str().unwrap()).into();
    format!("{}:{rest}", first.join(":"))
}
