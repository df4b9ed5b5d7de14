//! The progress of a payout as the page presents it: a message, a tone and three steps.

use payoutd_domain::{Snapshot, State, Status};

use super::translations::{Message, Translations};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    Broadcast,
    Delivered,
    /// Failed before its broadcast.
    FailedUnsent,
    /// Failed after its broadcast.
    FailedSent,
    /// Failed after its delivery.
    Reversed,
}

impl Progress {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let had = |status| snapshot.timeline.iter().any(|entry| entry.status == status);
        match &snapshot.state {
            State::Pending(_) => Self::Pending,
            State::Broadcast(_) => Self::Broadcast,
            State::Delivered(_) => Self::Delivered,
            State::Failed(_) if had(Status::Delivered) => Self::Reversed,
            State::Failed(_) if had(Status::Broadcast) => Self::FailedSent,
            State::Failed(_) => Self::FailedUnsent,
        }
    }

    pub(super) fn message(self, t: &Translations) -> Message {
        match self {
            Self::Pending => t.pending,
            Self::Broadcast => t.broadcast,
            Self::Delivered => t.delivered,
            Self::FailedUnsent | Self::FailedSent => t.failed,
            Self::Reversed => t.reversed,
        }
    }

    /// The CSS class that sets the colour.
    pub(super) fn tone(self) -> &'static str {
        match self {
            Self::Pending | Self::Broadcast => "open",
            Self::Delivered => "good",
            Self::FailedUnsent | Self::FailedSent | Self::Reversed => "bad",
        }
    }

    pub(super) fn steps(self, t: &'static Translations) -> [Step; 3] {
        use StepState::{Done, NotReached, Stopped, ToCome, UnderWay};
        let states = match self {
            Self::Pending => [UnderWay, ToCome, ToCome],
            Self::Broadcast => [Done, UnderWay, ToCome],
            Self::Delivered => [Done, Done, Done],
            Self::FailedUnsent => [Done, Stopped, NotReached],
            Self::FailedSent | Self::Reversed => [Done, Done, Stopped],
        };
        let stopped = if self == Self::Reversed { t.step_reversed } else { t.step_failed };
        let labels = [t.step_prepared, t.step_sent, t.step_delivered];
        std::array::from_fn(|index| {
            let (label, state) = (labels[index], states[index]);
            let label = if state == Stopped { stopped } else { label };
            Step { label, state, state_label: state.label(t) }
        })
    }
}

/// One step of the progress bar.
pub(super) struct Step {
    pub(super) label: &'static str,
    pub(super) state: StepState,
    /// The state in words, for screen readers.
    pub(super) state_label: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StepState {
    Done,
    UnderWay,
    ToCome,
    Stopped,
    NotReached,
}

impl StepState {
    /// The CSS class.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::UnderWay => "under-way",
            Self::ToCome => "to-come",
            Self::Stopped => "stopped",
            Self::NotReached => "not-reached",
        }
    }

    fn label(self, t: &Translations) -> &'static str {
        match self {
            Self::Done => t.done,
            Self::UnderWay => t.under_way,
            Self::ToCome => t.to_come,
            Self::Stopped => t.stopped,
            Self::NotReached => t.not_reached,
        }
    }

    pub(super) fn is_current(self) -> bool {
        matches!(self, Self::UnderWay | Self::Stopped)
    }
}
