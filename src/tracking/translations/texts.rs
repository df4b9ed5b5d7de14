//! The texts that each language provides.

/// A heading and the sentence below it.
#[derive(Debug, Clone, Copy)]
pub(in crate::tracking) struct Message {
    pub(in crate::tracking) headline: &'static str,
    pub(in crate::tracking) explanation: &'static str,
}

/// The texts of the page in one language. A missing text is a compile error.
#[derive(Debug)]
pub(in crate::tracking) struct Translations {
    pub(in crate::tracking) page_name: &'static str,
    pub(in crate::tracking) choose_language: &'static str,

    // Progress of the payment.
    pub(in crate::tracking) pending: Message,
    pub(in crate::tracking) broadcast: Message,
    pub(in crate::tracking) delivered: Message,
    pub(in crate::tracking) failed: Message,
    pub(in crate::tracking) reversed: Message,
    pub(in crate::tracking) late: Message,
    pub(in crate::tracking) test_mode: &'static str,

    // The steps and their states.
    pub(in crate::tracking) progress: &'static str,
    pub(in crate::tracking) step_prepared: &'static str,
    pub(in crate::tracking) step_sent: &'static str,
    pub(in crate::tracking) step_delivered: &'static str,
    pub(in crate::tracking) step_failed: &'static str,
    pub(in crate::tracking) step_reversed: &'static str,
    pub(in crate::tracking) done: &'static str,
    pub(in crate::tracking) under_way: &'static str,
    pub(in crate::tracking) to_come: &'static str,
    pub(in crate::tracking) stopped: &'static str,
    pub(in crate::tracking) not_reached: &'static str,

    // Time of arrival.
    pub(in crate::tracking) time_left: &'static str,
    pub(in crate::tracking) expected_by: &'static str,
    pub(in crate::tracking) was_expected: &'static str,
    pub(in crate::tracking) delivered_at: &'static str,
    pub(in crate::tracking) any_moment: &'static str,
    pub(in crate::tracking) under_a_minute: &'static str,
    pub(in crate::tracking) about: &'static str,

    // Location of the funds of a failed payment.
    pub(in crate::tracking) where_is_the_money: &'static str,
    pub(in crate::tracking) with_sender: &'static str,
    pub(in crate::tracking) in_transit: &'static str,
    pub(in crate::tracking) with_recipient: &'static str,
    pub(in crate::tracking) returned: &'static str,
    pub(in crate::tracking) unknown: &'static str,
    pub(in crate::tracking) reason_given: &'static str,

    // Details.
    pub(in crate::tracking) details: &'static str,
    pub(in crate::tracking) recipient_gets: &'static str,
    pub(in crate::tracking) recipient_got: &'static str,
    pub(in crate::tracking) amount: &'static str,
    pub(in crate::tracking) destination: &'static str,
    pub(in crate::tracking) network: &'static str,

    // History.
    pub(in crate::tracking) history: &'static str,
    pub(in crate::tracking) was_created: &'static str,
    pub(in crate::tracking) was_sent: &'static str,
    pub(in crate::tracking) was_sent_again: &'static str,
    pub(in crate::tracking) sent_again_note: &'static str,
    pub(in crate::tracking) was_delivered: &'static str,
    pub(in crate::tracking) has_failed: &'static str,
    pub(in crate::tracking) was_reversed: &'static str,
    pub(in crate::tracking) inferred_note: &'static str,
    pub(in crate::tracking) transaction: &'static str,
    pub(in crate::tracking) new_tab: &'static str,

    // Page updates and notes.
    pub(in crate::tracking) updates_live: &'static str,
    pub(in crate::tracking) updates_polling: &'static str,
    pub(in crate::tracking) updates_lost: &'static str,
    pub(in crate::tracking) reloads: &'static str,
    pub(in crate::tracking) times_utc: &'static str,
    pub(in crate::tracking) times_local: &'static str,
    pub(in crate::tracking) who_can_see: &'static str,

    // Error pages.
    pub(in crate::tracking) not_found: Message,
    pub(in crate::tracking) too_many: Message,
    pub(in crate::tracking) unavailable: Message,
    pub(in crate::tracking) try_again: &'static str,

    /// January to December, abbreviated.
    pub(in crate::tracking) months: [&'static str; 12],
}
