//! Every request is cut off at each of its await points: its future is dropped there, as it is when a client hangs up or a
//! time limit passes. After each cut no connection is left in a transaction, the same call made again gets a right answer,
//! nothing was done twice or by half, and the payout goes on to its end (I1, I2, I4, I5, I12).
//!
//! The futures are polled by hand, over real databases. One is cut both right after a poll and when it was woken for the
//! next, and the call is made again both at once, while what was cut off may still be at work, and later.

mod background;
mod connections;
mod creations;
mod cut;
mod house;
mod ports;
mod quotes;
mod reads;
mod reports;
mod requests;
mod waiting;
mod webhooks;

use house::House;

macro_rules! paths {
    ($($group:ident),+ $(,)?) => {
        mod postgres {
            use super::House;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $group() {
                super::$group::are_cut_off_everywhere(&House::postgres().await).await;
            })+

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn connections() {
                super::connections::are_cut_off_everywhere(&House::postgres().await).await;
            }
        }
        mod sqlite {
            use super::House;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $group() {
                super::$group::are_cut_off_everywhere(&House::sqlite().await).await;
            })+
        }
    };
}

paths! { background, creations, ports, quotes, reads, reports, waiting, webhooks }
