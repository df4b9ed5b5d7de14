//! CPU time and memory of processes, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::Result;

/// The length of a clock tick (`USER_HZ` is 100 on Linux).
const TICK: Duration = Duration::from_millis(10);

struct Stat {
    parent: u32,
    ticks: u64,
    /// Ticks of ended children that the process has waited for.
    children_ticks: u64,
}

fn read_stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The process name is in parentheses and can contain spaces and parentheses.
    let fields: Vec<&str> = text[text.rfind(')')? + 2..].split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        ticks: number(11)? + number(12)?,
        children_ticks: number(13)? + number(14)?,
    })
}

/// The CPU time of a process and all its descendants.
pub(crate) fn cpu_time(root: u32) -> Duration {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse::<u32>().ok());
    let stats: HashMap<u32, Stat> = pids.filter_map(|pid| Some((pid, read_stat(pid)?))).collect();
    let is_descendant = |pid: u32| {
        std::iter::successors(Some(pid), |p| stats.get(p).map(|stat| stat.parent)).any(|p| p == root)
    };
    let ticks: u64 = stats
        .iter()
        .filter(|(pid, _)| is_descendant(**pid))
        .map(|(_, stat)| stat.ticks + stat.children_ticks)
        .sum();
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// The CPU time of this process, without its children.
pub(crate) fn own_cpu_time() -> Duration {
    let ticks = read_stat(std::process::id()).map_or(0, |stat| stat.ticks);
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident_memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.ok_or("/proc does not show the resident memory")?;
    Ok(kilobytes.trim().parse::<u64>()? * 1024)
}
