//! Answers to named requests, kept so that repeating a request does nothing twice.
//!
//! An answer that tells of an effect is kept in the transaction that has the effect: [`Journal::create`], and the ports
//! that take one beside what they write. One that tells of none, or of one that may safely happen again, is kept right
//! before it goes out, through [`AnswerStore`].
//!
//! [`Journal::create`]: payoutd_actors::ports::Journal::create

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd_actors::payout::Timestamp;
use payoutd_actors::ports::{Clock, KeptAnswer, RequestName, Unavailable};

use crate::shutdown::Stop;

/// Makes the answer that is to be kept with an effect, once it is known what that will be.
pub type AnswerFor<'a, T> = &'a (dyn Fn(&T) -> Option<KeptAnswer> + Send + Sync);

/// For effects nobody is to be answered for twice.
#[must_use]
pub fn unkept<T: ?Sized>(_: &T) -> Option<KeptAnswer> {
    None
}

/// Where answers are kept.
#[async_trait]
pub trait AnswerStore: Send + Sync + 'static {
    /// The answer of this name, where it has not expired at `now`.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn find_answer(&self, name: RequestName, now: Timestamp)
    -> Result<Option<KeptAnswer>, Unavailable>;

    /// Keeps an answer, unless one of the same name has not expired at its `kept_at`. Returns the one that is kept.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn keep_answer(&self, answer: &KeptAnswer) -> Result<KeptAnswer, Unavailable>;

    /// Forgets at most `limit` answers that have expired at `now`. Returns how many.
    ///
    /// # Errors
    /// Where the store cannot be asked.
    async fn forget_answers(&self, now: Timestamp, limit: u32) -> Result<u64, Unavailable>;
}

/// How many answers are forgotten in one statement.
const BATCH: u32 = 1_000;
/// How long to leave the store to others between two such statements.
const BREATH: Duration = Duration::from_millis(100);

/// Forgets expired answers every now and then, a few at a time, until asked to stop.
pub async fn keep_forgetting(
    answers: Arc<dyn AnswerStore>,
    clock: Arc<dyn Clock>,
    every: Duration,
    mut stop: Stop,
) {
    let mut pause = every;
    loop {
        tokio::select! {
            () = stop.asked() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match answers.forget_answers(clock.now(), BATCH).await {
            Ok(forgotten) if forgotten >= u64::from(BATCH) => BREATH,
            Ok(_) => every,
            Err(error) => {
                tracing::warn!(%error, "expired answers could not be forgotten; trying again");
                every
            }
        };
    }
}
