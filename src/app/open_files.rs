//! The limit of open files: every connection is one, and the usual limit is below the default of `http.max_connections`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files other than connections of partners: the database, the broker, the ops server, webhook attempts.
const OTHER_FILES: u64 = 512;

/// Raises the soft limit to what `max_connections` needs, at most to the hard limit. Logs a warning if that is not
/// enough: connections beyond the limit then wait until others close.
pub(super) fn raise_open_files_limit(max_connections: usize) {
    let wanted = OTHER_FILES.saturating_add(u64::try_from(max_connections).unwrap_or(u64::MAX));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` means unlimited.
    let Some(before) = current.filter(|current| *current < wanted) else { return };
    let allowed = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    let limit = match setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum }) {
        Ok(()) => allowed,
        Err(_) => before,
    };
    if limit < wanted {
        tracing::warn!(
            limit,
            wanted,
            "http.max_connections exceeds the limit of open files; raise it (ulimit -n, LimitNOFILE)"
        );
    }
}
