//! Drops a future at each of its await points.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use super::in_process_app::InProcessApp;

/// The point at which a future is dropped.
#[derive(Debug, Clone, Copy)]
struct CancelPoint {
    /// After this number of polls.
    polls: usize,
    /// After the wake-up that follows these polls, not right after the last poll.
    woken: bool,
}

/// The number of passes over the await points of an operation. The points depend on the timing, so they differ between
/// passes.
const PASSES: usize = 2;

/// Operations with more than twice as many await points are long: opening a connection yields often. Near each end of a
/// long operation, every point is tested; between the ends, only some are.
const ENDS: usize = 16;

/// The number of polls to test after `polls`, for an operation that takes `total` polls.
fn next(polls: usize, total: usize) -> usize {
    let near_an_end = polls < ENDS || polls + ENDS >= total;
    polls + if near_an_end { 1 } else { (total / ENDS).max(1).min(total - ENDS - polls) }
}

/// The number of polls until `future` is ready.
async fn count_polls(future: impl Future) -> usize {
    let mut future = Box::pin(future);
    let mut polls = 0;
    poll_fn(move |context| {
        polls += 1;
        future.as_mut().poll(context).map(|_| polls)
    })
    .await
}

/// Polls `future` and drops it at `point`. Returns its output if it is ready before.
async fn cancel_at<T>(future: impl Future<Output = T>, point: CancelPoint) -> Option<T> {
    let mut future = Box::pin(future);
    let mut polls = 0;
    poll_fn(move |context| {
        if polls == point.polls {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == point.polls && !point.woken => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Prints the case of a test that fails.
struct FailureContext<'a> {
    name: &'a str,
    point: CancelPoint,
    checks_immediately: bool,
}

impl Drop for FailureContext<'_> {
    #[expect(clippy::print_stderr, reason = "a failing test shows its case")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { name, point, checks_immediately } = self;
            eprintln!("{name}: cancelled at {point:?}, repeated immediately: {checks_immediately}");
        }
    }
}

/// Cancels an operation at each of its await points.
///
/// Each time, `prepare` makes a new case, `call` runs the operation, and `check` repeats it and asserts the state. `check`
/// gets the output of the operation, or `None` if it was cancelled. Fails if the operation has fewer await points than
/// `minimum`.
pub(super) async fn cancel_everywhere<C, S>(
    app: &InProcessApp,
    name: &str,
    minimum: usize,
    prepare: impl AsyncFn() -> C,
    call: impl AsyncFn(&C) -> S,
    check: impl AsyncFn(C, Option<S>),
) {
    cancel_everywhere_and_release(app, name, minimum, prepare, call, |_| {}, check).await;
}

/// Like [`cancel_everywhere`], and calls `release` between the operation and `check`.
#[expect(clippy::print_stdout, reason = "the number of await points is a result of the test")]
pub(super) async fn cancel_everywhere_and_release<C, S>(
    app: &InProcessApp,
    name: &str,
    minimum: usize,
    prepare: impl AsyncFn() -> C,
    call: impl AsyncFn(&C) -> S,
    release: impl Fn(&C),
    check: impl AsyncFn(C, Option<S>),
) {
    let mut points = BTreeSet::new();
    let (mut cancelled, mut completed) = (0, 0);
    let (case, mut output) = (prepare().await, None);
    let total = count_polls(async { output = Some(call(&case).await) }).await;
    release(&case);
    check(case, output).await;
    for _ in 0..if total > 2 * ENDS { 1 } else { PASSES } {
        let mut polls = 0;
        loop {
            let mut any_cancelled = false;
            for (woken, checks_immediately) in [(false, false), (false, true), (true, false), (true, true)] {
                let point = CancelPoint { polls, woken };
                let _context = FailureContext { name, point, checks_immediately };
                let case = prepare().await;
                let output = cancel_at(call(&case), point).await;
                any_cancelled |= output.is_none();
                release(&case);
                match &output {
                    Some(_) => completed += 1,
                    None => cancelled += 1,
                }
                if output.is_none() && polls > 0 {
                    points.insert(polls);
                }
                if !checks_immediately {
                    app.database.assert_no_open_transaction().await;
                }
                check(case, output).await;
                app.database.assert_no_open_transaction().await;
            }
            if !any_cancelled {
                break;
            }
            polls = next(polls, total);
        }
    }
    println!(
        "{name}: {} await points of {}, {cancelled} calls cancelled, {completed} completed",
        points.len(),
        points.last().copied().unwrap_or_default().max(total - 1),
    );
    assert!(points.len() >= minimum, "{name}: only {} await points, expected {minimum}", points.len());
}
