//! What has happened to a payout altogether, as far as a reader tells it apart: the words for it, and the rail of steps.

use payoutd_domain::{Snapshot, State, Status};

use super::words::{Message, Words};

/// The courses a payout can have taken so far.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    Pending,
    Sent,
    Delivered,
    FailedUnsent,
    FailedSent,
    Reversed,
}

impl Course {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let had = |status| snapshot.timeline.iter().any(|entry| entry.status == status);
        match &snapshot.state {
            State::Pending(_) => Self::Pending,
            State::Broadcast(_) => Self::Sent,
            State::Delivered(_) => Self::Delivered,
            State::Failed(_) if had(Status::Delivered) => Self::Reversed,
            State::Failed(_) if had(Status::Broadcast) => Self::FailedSent,
            State::Failed(_) => Self::FailedUnsent,
        }
    }

    pub(super) fn message(self, w: &Words) -> Message {
        match self {
            Self::Pending => w.pending,
            Self::Sent => w.broadcast,
            Self::Delivered => w.delivered,
            Self::FailedUnsent | Self::FailedSent => w.failed,
            Self::Reversed => w.reversed,
        }
    }

    pub(super) fn tone(self) -> &'static str {
        match self {
            Self::Pending | Self::Sent => "open",
            Self::Delivered => "good",
            Self::FailedUnsent | Self::FailedSent | Self::Reversed => "bad",
        }
    }

    pub(super) fn steps(self, w: &'static Words) -> [Step; 3] {
        use StepState::{Done, NotReached, Stopped, ToCome, UnderWay};
        let states = match self {
            Self::Pending => [UnderWay, ToCome, ToCome],
            Self::Sent => [Done, UnderWay, ToCome],
            Self::Delivered => [Done, Done, Done],
            Self::FailedUnsent => [Done, Stopped, NotReached],
            Self::FailedSent | Self::Reversed => [Done, Done, Stopped],
        };
        let stopped = if self == Self::Reversed { w.step_reversed } else { w.step_failed };
        let labels = [w.step_prepared, w.step_sent, w.step_delivered];
        std::array::from_fn(|index| {
            let (label, state) = (labels[index], states[index]);
            Step { label: if state == Stopped { stopped } else { label }, state, said: state.said(w) }
        })
    }
}

impl StepState {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::UnderWay => "under-way",
            Self::ToCome => "to-come",
            Self::Stopped => "stopped",
            Self::NotReached => "not-reached",
        }
    }

    fn said(self, w: &Words) -> &'static str {
        match self {
            Self::Done => w.done,
            Self::UnderWay => w.under_way,
            Self::ToCome => w.to_come,
            Self::Stopped => w.stopped,
            Self::NotReached => w.not_reached,
        }
    }

    pub(super) fn is_current(self) -> bool {
        matches!(self, Self::UnderWay | Self::Stopped)
    }
}

/// One stop of the rail.
pub(super) struct Step {
    pub(super) label: &'static str,
    pub(super) state: StepState,
    pub(super) said: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum StepState {
    Done,
    UnderWay,
    ToCome,
    Stopped,
    NotReached,
}
