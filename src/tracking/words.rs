//! Every word on the page. A language that lacks one does not compile.

mod english;
mod spanish;

use super::Language;

/// A heading and the sentence below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) headline: &'static str,
    pub(super) explanation: &'static str,
}

/// What the page says in one language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) page_name: &'static str,
    pub(super) choose_language: &'static str,

    // What the payment is doing.
    pub(super) pending: Message,
    pub(super) broadcast: Message,
    pub(super) delivered: Message,
    pub(super) failed: Message,
    pub(super) reversed: Message,
    pub(super) late: Message,
    pub(super) test_mode: &'static str,

    // The rail of steps, and what each has come to.
    pub(super) progress: &'static str,
    pub(super) step_prepared: &'static str,
    pub(super) step_sent: &'static str,
    pub(super) step_delivered: &'static str,
    pub(super) step_failed: &'static str,
    pub(super) step_reversed: &'static str,
    pub(super) done: &'static str,
    pub(super) under_way: &'static str,
    pub(super) to_come: &'static str,
    pub(super) stopped: &'static str,
    pub(super) not_reached: &'static str,

    // When it arrives.
    pub(super) time_left: &'static str,
    pub(super) expected_by: &'static str,
    pub(super) was_expected: &'static str,
    pub(super) delivered_at: &'static str,
    pub(super) any_moment: &'static str,
    pub(super) under_a_minute: &'static str,
    pub(super) about: &'static str,

    // Where the money of a failed payment is.
    pub(super) where_is_the_money: &'static str,
    pub(super) with_sender: &'static str,
    pub(super) in_transit: &'static str,
    pub(super) with_recipient: &'static str,
    pub(super) returned: &'static str,
    pub(super) unknown: &'static str,
    pub(super) reason_given: &'static str,

    // Details.
    pub(super) details: &'static str,
    pub(super) recipient_gets: &'static str,
    pub(super) recipient_got: &'static str,
    pub(super) amount: &'static str,
    pub(super) destination: &'static str,
    pub(super) network: &'static str,

    // History.
    pub(super) history: &'static str,
    pub(super) was_created: &'static str,
    pub(super) was_sent: &'static str,
    pub(super) was_sent_again: &'static str,
    pub(super) sent_again_note: &'static str,
    pub(super) was_delivered: &'static str,
    pub(super) has_failed: &'static str,
    pub(super) was_reversed: &'static str,
    pub(super) inferred_note: &'static str,
    pub(super) transaction: &'static str,
    pub(super) new_tab: &'static str,

    // The page itself.
    pub(super) updates_live: &'static str,
    pub(super) updates_polling: &'static str,
    pub(super) updates_lost: &'static str,
    pub(super) reloads: &'static str,
    pub(super) times_utc: &'static str,
    pub(super) times_local: &'static str,
    pub(super) who_can_see: &'static str,

    // Instead of a payment.
    pub(super) not_found: Message,
    pub(super) too_many: Message,
    pub(super) unavailable: Message,
    pub(super) try_again: &'static str,

    /// January to December, short.
    pub(super) months: [&'static str; 12],
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &english::WORDS,
            Language::Spanish => &spanish::WORDS,
        }
    }
}
