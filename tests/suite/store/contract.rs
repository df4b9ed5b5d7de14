//! What every store must do. Each behaviour runs once over each store.

mod answers;
mod append;
mod cancellation;
mod create;
mod keys;
mod listing;
mod load;
mod outbox;
mod reports;

use std::sync::Arc;

use payoutd_actors::ports::{Appended, Created};
use payoutd_domain::{NewPayout, Payout, PayoutId};

use super::made;
use super::world::World;

macro_rules! behaviours {
    ($($group:ident: $($name:ident),+;)+) => {
        mod postgres {
            use super::World;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$group::$name(&World::postgres().await).await;
                }
            )+)+
        }
        mod sqlite {
            use super::World;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$group::$name(&World::sqlite().await).await;
                }
            )+)+
        }
    };
}

behaviours! {
    create:
        every_statement_fits_the_schema,
        a_created_payout_reads_back_the_same,
        a_creation_is_announced_once_and_writes_no_journal,
        a_quote_backs_one_payout,
        a_quote_twice_in_one_batch_backs_one_payout,
        a_quote_fought_for_backs_one_payout,
        a_sandbox_payout_created_again_answers_itself,
        a_taken_token_is_no_success;
    append:
        an_input_at_the_expected_version_is_recorded,
        an_input_at_another_version_changes_nothing,
        an_input_for_no_payout_conflicts,
        one_conflict_among_many_harms_nobody,
        a_poisoned_write_writes_nothing,
        a_poisoned_write_fails_alone,
        inputs_without_changes_move_the_version_only,
        two_writers_at_one_version_have_one_winner,
        writers_of_many_payouts_do_not_deadlock,
        strange_texts_are_kept,
        a_large_batch_is_one_commit;
    load:
        many_load_in_order_with_gaps,
        replaying_gives_the_row,
        a_damaged_entry_harms_its_payout_alone,
        a_damaged_row_harms_its_payout_alone,
        a_journal_shorter_than_its_row_is_damaged,
        the_overdue_are_found_most_overdue_first,
        the_ended_and_the_late_are_not_due;
    listing:
        payouts_are_listed_newest_first,
        each_filter_holds,
        what_is_overdue_is_late_said_or_not,
        lists_hold_ones_own_alone,
        a_damaged_payout_is_not_left_out;
    outbox:
        both_changes_of_one_input_are_announced_in_order,
        messages_wait_until_published,
        messages_say_whose_they_are,
        the_backlog_is_told;
    keys:
        an_organisation_is_made_once,
        a_key_is_found_by_its_digest,
        keys_are_listed_newest_first,
        a_key_ends_at_the_earlier_time,
        a_quote_reads_back_the_same,
        a_live_quote_stays_as_it_is,
        a_sandbox_quote_is_renewed_after_its_end,
        quotes_are_forgotten_some_time_after_their_end,
        a_setting_keeps_its_first_value;
    answers:
        an_answer_reads_back_the_same,
        the_first_answer_stays_until_it_expires,
        of_answers_kept_at_once_one_is_kept,
        expired_answers_are_forgotten_a_few_at_a_time,
        an_answer_is_kept_with_the_payout_that_wins,
        an_answer_never_stands_in_the_way_of_a_payout,
        a_payout_that_is_refused_keeps_no_answer,
        an_answer_is_kept_with_its_quote_or_neither_is,
        an_answer_is_kept_with_its_endpoint_or_neither_is;
    reports:
        a_report_is_parked_once,
        a_parked_report_is_claimable_once_its_payout_exists,
        parked_reports_expire,
        plans_are_kept_as_first_made,
        planned_reports_come_when_due;
    cancellation:
        dropped_calls_leave_nothing_half_done;
}

/// Creates a payout and brings it to life.
async fn created(world: &World, payout: &NewPayout) -> Payout {
    assert_eq!(world.store.create(&[made::create(payout)]).await.unwrap(), [Created::Inserted]);
    Payout::new(Arc::new(payout.clone()))
}

/// The payout as the store tells of it.
async fn loaded(world: &World, id: PayoutId) -> Payout {
    let mut loaded = world.store.load(&[id]).await.unwrap();
    loaded.remove(0).expect("there").replay().expect("whole")
}

/// Records one report.
async fn recorded(world: &World, payout: &Payout, report: payoutd_domain::Report) -> Payout {
    let (write, after) = made::append(payout, report);
    assert_eq!(world.store.append(&[write]).await.unwrap(), [Appended::Committed]);
    after
}
