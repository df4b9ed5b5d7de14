//! The configuration of group commit.

/// The configuration of group commit.
#[derive(Debug, Clone, Copy)]
pub struct GroupCommitConfig {
    /// The most commits in flight per queue. Use 1 for a store with a single writer. A second commit starts beside the
    /// first only if a full batch is queued or the first takes long, because one commit of two writes costs less than
    /// two commits.
    pub max_in_flight: usize,
    /// The most writes in one commit.
    pub max_batch: usize,
}
