//! Polling a future by hand, and dropping it.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

use super::house::House;

/// Where a future is dropped.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// After so many polls.
    polls: usize,
    /// Only once it was woken to be polled again; else right away.
    woken: bool,
}

/// How often each path is walked: who is faster than whom differs from time to time, and so do the points.
const WALKS: usize = 2;

/// A path of more points than twice as many is long: the driver's own computing yields now and then when it opens a
/// connection. At either end of it each point is a cut, in between one of a few.
const ENDS: usize = 16;

/// The number of polls after `polls` to cut at, of a call that took `whole`.
fn next(polls: usize, whole: usize) -> usize {
    let near_an_end = polls < ENDS || polls + ENDS >= whole;
    polls + if near_an_end { 1 } else { (whole / ENDS).max(1).min(whole - ENDS - polls) }
}

/// How often a future is polled until it is ready.
async fn polls_of(future: impl Future) -> usize {
    let mut future = Box::pin(future);
    let mut polls = 0;
    poll_fn(move |context| {
        polls += 1;
        future.as_mut().poll(context).map(|_| polls)
    })
    .await
}

/// What `future` comes to, unless it is dropped before.
async fn cut<T>(future: impl Future<Output = T>, at: Cut) -> Option<T> {
    let mut future = Box::pin(future);
    let mut polls = 0;
    poll_fn(move |context| {
        if polls == at.polls {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == at.polls && !at.woken => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Says where a test was when it failed.
struct Whereabouts<'a>(&'a str, Cut, bool);

impl Drop for Whereabouts<'_> {
    #[expect(clippy::print_stderr, reason = "a failing test says where it was")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: cut off at {:?}, asked again at once: {}", self.0, self.1, self.2);
        }
    }
}

/// Cuts a call off at each of its await points: each time with something new out of `begin`, and looks at it with
/// `finish`, which gets what the call came to where it was not cut off. Fails where there are fewer points than `least`.
pub(super) async fn everywhere<C, S>(
    house: &House,
    name: &str,
    least: usize,
    begin: impl AsyncFn() -> C,
    call: impl AsyncFn(&C) -> S,
    finish: impl AsyncFn(C, Option<S>),
) {
    everywhere_holding(house, name, least, begin, call, |_| {}, finish).await;
}

/// [`everywhere`], where something is held during the call that is to be let go of after it.
#[expect(clippy::print_stdout, reason = "the number of points belongs to what the test shows")]
pub(super) async fn everywhere_holding<C, S>(
    house: &House,
    name: &str,
    least: usize,
    begin: impl AsyncFn() -> C,
    call: impl AsyncFn(&C) -> S,
    let_go: impl Fn(&C),
    finish: impl AsyncFn(C, Option<S>),
) {
    let mut points = BTreeSet::new();
    let (mut cuts, mut whole) = (0, 0);
    let (case, mut first) = (begin().await, None);
    let length = polls_of(async { first = Some(call(&case).await) }).await;
    let_go(&case);
    finish(case, first).await;
    for _ in 0..if length > 2 * ENDS { 1 } else { WALKS } {
        let mut polls = 0;
        loop {
            let mut any = false;
            for (woken, at_once) in [(false, false), (false, true), (true, false), (true, true)] {
                let at = Cut { polls, woken };
                let _whereabouts = Whereabouts(name, at, at_once);
                let case = begin().await;
                let seen = cut(call(&case), at).await;
                any |= seen.is_none();
                let_go(&case);
                match &seen {
                    Some(_) => whole += 1,
                    None => cuts += 1,
                }
                if seen.is_none() && polls > 0 {
                    points.insert(polls);
                }
                if !at_once {
                    house.world.assert_no_open_transaction().await;
                }
                finish(case, seen).await;
                house.world.assert_no_open_transaction().await;
            }
            if !any {
                break;
            }
            polls = next(polls, length);
        }
    }
    println!(
        "{name}: {} await points of {}, {cuts} calls cut off, {whole} whole",
        points.len(),
        points.last().copied().unwrap_or_default().max(length - 1),
    );
    assert!(points.len() >= least, "{name}: only {} await points, where there were {least}", points.len());
}
