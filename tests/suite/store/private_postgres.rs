//! A PostgreSQL server of this test process' own, which ends with it.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection};

static SERVER: OnceLock<u16> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, empty database.
pub(super) async fn new_database() -> String {
    let port = *SERVER.get_or_init(start);
    let url = |database: &str| format!("postgres://payoutd@127.0.0.1:{port}/{database}");
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut admin = connect(&url("postgres")).await;
    admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    admin.close().await.unwrap();
    url(&name)
}

async fn connect(url: &str) -> PgConnection {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        match PgConnection::connect(url).await {
            Ok(connection) => return connection,
            Err(error) if Instant::now() > patience => panic!("the private server does not answer: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Makes a cluster and starts its server. The shell that does so ends it, and removes it, once its input ends, which
/// the system sees to when this process ends.
fn start() -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = std::env::temp_dir().join(format!("payoutd-test-postgres-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "cd '{folder}' && '{initdb}' -D data -U payoutd -A trust -E UTF8 --locale=C -N >initdb.log 2>&1 && \
         {{ '{postgres}' -D data -p {port} -k '{folder}' -c listen_addresses=127.0.0.1 -c fsync=off \
         -c max_connections=400 -c shared_buffers=64MB >server.log 2>&1 </dev/null & server=$!; cat >/dev/null; \
         kill -QUIT $server; wait $server; }}; cd /; rm -rf '{folder}'",
        folder = folder.display(),
        initdb = program("initdb").display(),
        postgres = program("postgres").display(),
    );
    // The server refuses to run as root.
    let mut shell = if is_root() {
        let chown = Command::new("chown").arg("nobody").arg(&folder).status().unwrap();
        assert!(chown.success(), "cannot give {} away", folder.display());
        let mut shell = Command::new("runuser");
        shell.args(["-u", "nobody", "--"]).arg("sh");
        shell
    } else {
        Command::new("sh")
    };
    // In a group of its own, so that what ends this process (Ctrl-C) does not end the cleaning up.
    let child = shell.process_group(0).arg("-c").arg(script).stdin(Stdio::piped()).spawn().unwrap();
    // Kept open, and never written to, for as long as this process lives.
    std::mem::forget(child);
    port
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// A server program: on the path, or where distributions keep them.
fn program(name: &str) -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let versions = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(std::env::split_paths(&on_path));
    let found = folders.into_iter().rev().map(|folder| folder.join(name)).find(|file| file.exists());
    found.unwrap_or_else(|| panic!("{name} is not installed; the store's tests need PostgreSQL"))
}
