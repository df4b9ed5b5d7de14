//! The behaviour of every store. Each test runs with each database.

mod api_keys;
mod append;
mod cancellation;
mod create;
mod idempotency;
mod load;
mod outbox;
mod payout_query;
mod quotes;
mod reports;

use std::sync::Arc;

use payoutd_actors::ports::{Appended, Created};
use payoutd_domain::{NewPayout, Payout, PayoutId};

use super::samples;
use super::test_store::TestStore;

macro_rules! behaviours {
    ($($group:ident: $($name:ident),+;)+) => {
        mod postgres {
            use super::TestStore;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$group::$name(&TestStore::postgres().await).await;
                }
            )+)+
        }
        mod sqlite {
            use super::TestStore;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$group::$name(&TestStore::sqlite().await).await;
                }
            )+)+
        }
    };
}

behaviours! {
    create:
        every_statement_fits_the_schema,
        a_created_payout_is_read_back_unchanged,
        a_creation_writes_one_outbox_message_and_no_journal_entry,
        a_quote_backs_one_payout,
        a_quote_twice_in_one_batch_backs_one_payout,
        concurrent_creations_from_one_quote_insert_one_payout,
        a_repeated_creation_of_a_sandbox_payout_returns_the_payout,
        a_creation_with_a_used_tracking_token_is_rejected;
    append:
        an_input_at_the_expected_version_is_recorded,
        an_input_at_another_version_changes_nothing,
        an_input_for_a_missing_payout_conflicts,
        a_conflict_does_not_affect_the_rest_of_the_batch,
        a_batch_with_a_poisoned_write_writes_nothing,
        a_poisoned_write_fails_alone,
        inputs_without_changes_only_increment_the_version,
        one_of_several_concurrent_writers_at_a_version_commits,
        writers_of_many_payouts_do_not_deadlock,
        unusual_texts_are_stored_unchanged,
        a_large_batch_is_one_commit;
    load:
        payouts_load_in_order_with_none_for_missing_ones,
        the_replay_matches_the_row,
        an_invalid_entry_fails_the_replay_of_its_payout_only,
        an_invalid_row_fails_the_replay_of_its_payout_only,
        a_journal_that_ends_before_its_row_fails_the_replay,
        overdue_payouts_are_found_most_overdue_first,
        ended_and_late_payouts_are_not_due;
    payout_query:
        payouts_are_listed_newest_first,
        each_filter_is_applied,
        an_overdue_payout_counts_as_late_before_it_is_marked,
        lists_contain_only_payouts_of_the_account,
        an_invalid_payout_is_listed;
    outbox:
        both_changes_of_one_input_enter_the_outbox_in_order,
        messages_wait_until_they_are_published,
        messages_carry_their_mode_payout_and_trace_context,
        the_backlog_has_the_count_and_the_oldest_time;
    api_keys:
        an_organisation_is_created_once,
        a_key_is_found_by_its_digest,
        keys_are_listed_newest_first,
        a_key_expires_at_the_earlier_time,
        a_setting_keeps_its_first_value;
    quotes:
        a_quote_is_read_back_unchanged,
        a_live_quote_is_never_replaced,
        a_sandbox_quote_is_renewed_after_it_expires,
        expired_quotes_are_purged_up_to_the_limit;
    idempotency:
        a_record_is_read_back_unchanged,
        a_record_is_not_replaced_until_it_expires,
        one_of_several_concurrent_records_is_stored,
        expired_records_are_purged_up_to_the_limit,
        a_record_is_stored_with_the_payout_that_wins,
        an_existing_record_does_not_prevent_a_creation,
        a_refused_creation_stores_no_record,
        a_quote_and_its_record_are_stored_together_or_not_at_all,
        an_endpoint_and_its_record_are_stored_together_or_not_at_all;
    reports:
        a_report_is_parked_once,
        a_parked_report_is_claimable_once_its_payout_exists,
        parked_reports_expire,
        a_planned_report_is_not_replaced,
        planned_reports_are_read_when_due;
    cancellation:
        cancelled_calls_leave_no_partial_write;
}

/// Creates a payout.
async fn created(test: &TestStore, payout: &NewPayout) -> Payout {
    assert_eq!(test.store.create(&[samples::create(payout)]).await.unwrap(), [Created::Inserted]);
    Payout::new(Arc::new(payout.clone()))
}

/// The payout as the store replays it.
async fn loaded(test: &TestStore, id: PayoutId) -> Payout {
    let mut loaded = test.store.load(&[id]).await.unwrap();
    loaded.remove(0).expect("a payout").replay().expect("a valid journal")
}

/// Records one report.
async fn recorded(test: &TestStore, payout: &Payout, report: payoutd_domain::Report) -> Payout {
    let (write, after) = samples::append(payout, report);
    assert_eq!(test.store.append(&[write]).await.unwrap(), [Appended::Committed]);
    after
}
