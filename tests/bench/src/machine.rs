//! Description of the machine and of the servers.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::servers::Servers;
use crate::{Result, per_second};

pub(crate) async fn describe(servers: &Servers) -> Result<Vec<String>> {
    let database = servers.create_database("machine").await?;
    let mut connection = database.connect().await?;
    let setting =
        "SELECT string_agg(name || '=' || setting || coalesce(unit, ''), ' ' ORDER BY name) FROM pg_settings
        WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size')";
    let settings: String = sqlx::query_scalar(setting).fetch_one(&mut connection).await?;
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
    drop(connection);
    database.drop_database().await?;
    let cores = std::thread::available_parallelism()?;
    let (syncs, file_system) = (synced_writes(&servers.directory)?, file_system(&servers.directory));
    Ok(vec![
        format!("{}, {cores} cores, {}, Linux {}", cpu(), memory(), first_line("/proc/sys/kernel/osrelease")),
        format!("PostgreSQL {version} ({settings})"),
        format!("RabbitMQ {}, quorum queues; {}", rabbit(), output("rustc", &["--version"])),
        format!("disk: {syncs:.0} sequential synced writes of 8 KB per second, on {file_system}"),
    ])
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("an unknown processor".to_owned(), |(_, name)| name.to_owned())
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let gigabytes = total.and_then(|total| total.parse::<u64>().ok()).unwrap_or_default() / 1024 / 1024;
    format!("{gigabytes} GB of memory")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn rabbit() -> String {
    let directories = fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    let names = directories.filter_map(|entry| entry.file_name().into_string().ok());
    let version = names.filter_map(|name| name.strip_prefix("rabbitmq_server-").map(str::to_owned)).next();
    version.unwrap_or_else(|| "of unknown version".to_owned())
}

fn file_system(directory: &Path) -> String {
    output("stat", &["--file-system", "--format=%T", &directory.to_string_lossy()])
}

/// Synced 8 KB writes per second, one at a time, as PostgreSQL writes its log.
fn synced_writes(directory: &Path) -> Result<f64> {
    let path = directory.join("synced");
    let mut file = File::create(&path)?;
    file.write_all(&[0; 1024 * 1024])?;
    file.sync_all()?;
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(1) {
        file.rewind()?;
        file.write_all(&[1; 8 * 1024])?;
        file.sync_data()?;
        count += 1;
    }
    fs::remove_file(path)?;
    Ok(per_second(count, started.elapsed()))
}
