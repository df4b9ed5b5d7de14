use super::texts::{Message, Translations};

pub(super) const ENGLISH: Translations = Translations {
    page_name: "Payment tracking",
    choose_language: "Language",

    pending: Message {
        headline: "Getting ready to send",
        explanation: "The payment is set up. It has not been sent to the network yet.",
    },
    broadcast: Message {
        headline: "On its way",
        explanation: "The payment was sent and is being confirmed by the network.",
    },
    delivered: Message {
        headline: "Delivered",
        explanation: "The payment has arrived at the recipient’s address.",
    },
    failed: Message {
        headline: "The payment failed",
        explanation: "It did not complete, and it will not be tried again by itself.",
    },
    reversed: Message {
        headline: "The delivery was reversed",
        explanation: "The payment had arrived, but the delivery was taken back afterwards.",
    },
    late: Message {
        headline: "Taking longer than expected.",
        explanation: "A delay does not mean that the payment failed. Any change shows here as soon as it is known.",
    },
    test_mode: "Test payment: no real money moves.",

    progress: "Progress",
    step_prepared: "Set up",
    step_sent: "On its way",
    step_delivered: "Delivered",
    step_failed: "Failed",
    step_reversed: "Reversed",
    done: "done",
    under_way: "under way",
    to_come: "to come",
    stopped: "stopped here",
    not_reached: "not reached",

    time_left: "Estimated time left",
    expected_by: "Expected by",
    was_expected: "Was expected by",
    delivered_at: "Arrived",
    any_moment: "any moment now",
    under_a_minute: "less than a minute",
    about: "about",

    where_is_the_money: "Where is the money?",
    with_sender: "It never left the sender.",
    in_transit: "It is on its way to the recipient.",
    with_recipient: "It is with the recipient.",
    returned: "It came back to the sender.",
    unknown: "We cannot say yet. Please do not pay again before this is cleared up: ask the company that gave you this link.",
    reason_given: "Reason given",

    details: "Details",
    recipient_gets: "Recipient gets",
    recipient_got: "Recipient got",
    amount: "Amount",
    destination: "To address",
    network: "Network",

    history: "History",
    was_created: "Payment set up",
    was_sent: "Sent to the network",
    was_sent_again: "Another transaction sent",
    sent_again_note: "A further step of the way, or a replacement of the transaction before.",
    was_delivered: "Delivered",
    has_failed: "Failed",
    was_reversed: "Delivery reversed",
    inferred_note: "Not seen separately: it follows from the delivery.",
    transaction: "Transaction",
    new_tab: "opens in a new tab",

    updates_live: "Live: this page updates by itself.",
    updates_polling: "This page checks for changes every few seconds.",
    updates_lost: "Connection lost. Trying again…",
    reloads: "This page reloads itself every 5 seconds.",
    times_utc: "Times are in UTC",
    times_local: "Times are in your own time zone",
    who_can_see: "Anyone who has this link can see this page. It never asks for passwords, keys or money.",

    not_found: Message {
        headline: "We cannot find this payment",
        explanation: "Please check that the link is complete, exactly as you received it. If it still does not work, ask whoever sent it to you.",
    },
    too_many: Message {
        headline: "Too many attempts",
        explanation: "Please wait a minute, then open your link again.",
    },
    unavailable: Message {
        headline: "This page is not available right now",
        explanation: "This does not affect the payment. Please try again in a moment.",
    },
    try_again: "Try again",

    months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
};
