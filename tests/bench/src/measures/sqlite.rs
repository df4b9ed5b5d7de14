//! Changes per second on SQLite, in one process with an in-memory bus.

use std::process::Stdio;

use tokio::process::Command;

use super::BenchmarkRun;
use crate::Result;
use crate::table::{Row, Target, median};

pub(super) async fn measure(run: &mut BenchmarkRun<'_>) -> Result<()> {
    run.log_progress("SQLite");
    let lifecycles: usize = if run.options.short { 10_000 } else { 100_000 };
    let mut rates = Vec::new();
    for round in 0..run.options.rounds() {
        let file = run.servers.directory.join(format!("bench-{round}.sqlite"));
        let mut child = Command::new(std::env::current_exe()?.with_file_name("payoutd-bench-sqlite"));
        child.args(["--lifecycles", &lifecycles.to_string(), "--file"]).arg(&file);
        let output = child.stdin(Stdio::null()).stderr(Stdio::inherit()).output().await?;
        if !output.status.success() {
            return Err(format!("the SQLite round failed: {}", output.status).into());
        }
        rates.push(String::from_utf8(output.stdout)?.trim().parse::<f64>()?);
        for suffix in ["", "-wal", "-shm", "-lock"] {
            // Not every file exists.
            let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
        }
    }
    let target = Target::AtLeast(10_000.0);
    run.rows.push(Row::without_floor("changes on SQLite, in one process", median(&rates), "/s", target));
    Ok(())
}
