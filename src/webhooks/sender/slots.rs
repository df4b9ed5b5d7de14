//! Who may be sent to just now: what keeps slow endpoints from delaying others.
//!
//! Endpoints that answer well share most of the room. One that failed or was slow last time gets a single slot, out of
//! a room of its own that all such endpoints share, until it answers well again. So however many of them there are,
//! they only wait for one another.

use std::collections::HashMap;

use super::SenderLimits;
use crate::webhooks::EndpointId;

/// The two rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Well,
    Poorly,
}

#[derive(Debug, Default)]
struct Occupant {
    in_flight: HashMap<i64, Room>,
    poorly: bool,
    /// Good answers in a row, up to the most that count.
    good: usize,
}

/// Who is being sent to. Counts, and nothing else.
#[derive(Debug)]
pub(super) struct ConcurrencyLimiter {
    limits: SenderLimits,
    occupants: HashMap<EndpointId, Occupant>,
    well: usize,
    poorly: usize,
}

impl Occupant {
    fn room(&self) -> Room {
        if self.poorly { Room::Poorly } else { Room::Well }
    }
}

impl ConcurrencyLimiter {
    pub(super) fn new(limits: SenderLimits) -> Self {
        Self { limits, occupants: HashMap::new(), well: 0, poorly: 0 }
    }

    /// Takes a slot for a delivery. `false` where there is none, or where it is under way already. `failing` is what is
    /// known of an endpoint that was not sent to yet.
    pub(super) fn take(&mut self, endpoint: EndpointId, delivery: i64, failing: bool) -> bool {
        let mut occupant = self.occupants.remove(&endpoint).unwrap_or_default();
        if occupant.in_flight.is_empty() {
            occupant.poorly |= failing;
        }
        let free = self.has_room(&occupant) && !occupant.in_flight.contains_key(&delivery);
        if free {
            let room = occupant.room();
            occupant.in_flight.insert(delivery, room);
            *self.count(room) += 1;
        }
        self.keep(endpoint, occupant);
        free
    }

    /// Gives a slot back, and remembers how the endpoint answered.
    pub(super) fn give_back(&mut self, endpoint: EndpointId, delivery: i64, answered_well: bool) {
        let Some(mut occupant) = self.occupants.remove(&endpoint) else { return };
        if let Some(room) = occupant.in_flight.remove(&delivery) {
            *self.count(room) -= 1;
        }
        occupant.poorly = !answered_well;
        occupant.good = if answered_well { (occupant.good + 1).min(self.limits.per_endpoint) } else { 0 };
        self.keep(endpoint, occupant);
    }

    /// Endpoints that cannot be sent to just now.
    pub(super) fn busy(&self) -> Vec<EndpointId> {
        let full = self.occupants.iter().filter(|(_, occupant)| !self.has_room(occupant));
        full.map(|(id, _)| *id).collect()
    }

    /// Whether there is room for one more attempt. An endpoint gets one slot more with each good answer, so that one
    /// nobody knows yet cannot take many before it shows how it answers.
    fn has_room(&self, occupant: &Occupant) -> bool {
        let (of_its_own, taken, size) = match occupant.room() {
            Room::Well => ((occupant.good + 1).min(self.limits.per_endpoint), self.well, self.limits.well),
            Room::Poorly => (1, self.poorly, self.limits.poorly),
        };
        taken < size && occupant.in_flight.len() < of_its_own
    }

    fn count(&mut self, room: Room) -> &mut usize {
        match room {
            Room::Well => &mut self.well,
            Room::Poorly => &mut self.poorly,
        }
    }

    /// Remembers an endpoint, as long as there is something to remember.
    fn keep(&mut self, endpoint: EndpointId, occupant: Occupant) {
        if occupant.poorly || occupant.good > 0 || !occupant.in_flight.is_empty() {
            self.occupants.insert(endpoint, occupant);
        }
    }

    /// Whether nothing at all can be sent.
    pub(super) fn is_full(&self) -> bool {
        self.well >= self.limits.well && self.poorly >= self.limits.poorly
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const LIMITS: SenderLimits =
        SenderLimits { well: 6, poorly: 2, per_endpoint: 3, ..SenderLimits::DEFAULT };

    fn endpoint(number: u8) -> EndpointId {
        EndpointId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn trust_grows_with_each_good_answer_and_nobody_takes_everything() {
        let mut slots = ConcurrencyLimiter::new(LIMITS);
        let take_all =
            |slots: &mut ConcurrencyLimiter| (0..10).filter(|n| slots.take(endpoint(1), *n, false)).count();
        assert_eq!(take_all(&mut slots), 1, "nobody knows it yet");
        assert_eq!(slots.busy(), [endpoint(1)]);
        slots.give_back(endpoint(1), 0, true);
        assert_eq!(take_all(&mut slots), 2);
        slots.give_back(endpoint(1), 0, true);
        assert_eq!(take_all(&mut slots), 2, "one is still under way");
        slots.give_back(endpoint(1), 1, true);
        assert_eq!(take_all(&mut slots), 1, "three are the most");
        assert!(slots.take(endpoint(2), 20, false), "others have room");
        slots.give_back(endpoint(1), 0, false);
        assert_eq!(take_all(&mut slots), 0, "trust is gone");
    }

    #[test]
    fn those_that_answer_poorly_wait_only_for_one_another() {
        let mut slots = ConcurrencyLimiter::new(LIMITS);
        for number in 1..=9 {
            let taken = slots.take(endpoint(number), number.into(), true);
            assert_eq!(taken, number <= 2, "{number}");
        }
        assert!(!slots.take(endpoint(1), 100, true), "one at a time");
        assert!(slots.take(endpoint(50), 50, false));
        slots.give_back(endpoint(1), 1, false);
        assert!(slots.take(endpoint(3), 3, true));
        assert!(!slots.take(endpoint(1), 1, false), "it still answers poorly");
        slots.give_back(endpoint(3), 3, true);
        assert!(slots.take(endpoint(3), 4, false) && slots.take(endpoint(4), 5, false), "it is well again");
    }

    #[test]
    fn a_delivery_is_under_way_once() {
        let mut slots = ConcurrencyLimiter::new(LIMITS);
        assert!(slots.take(endpoint(1), 7, false));
        assert!(!slots.take(endpoint(1), 7, false));
        slots.give_back(endpoint(1), 7, true);
        assert!(slots.take(endpoint(1), 7, false));
    }

    proptest! {
        #[test]
        fn rooms_never_overflow_and_empty_again(
            steps in proptest::collection::vec((0u8..12, 0i64..8, any::<bool>(), any::<bool>()), 0..300)
        ) {
            let mut slots = ConcurrencyLimiter::new(LIMITS);
            let mut taken: Vec<(EndpointId, i64)> = Vec::new();
            for (number, delivery, take, well) in steps {
                let id = endpoint(number);
                let delivery = i64::from(number) * 100 + delivery;
                if take {
                    if slots.take(id, delivery, !well) {
                        prop_assert!(!taken.contains(&(id, delivery)));
                        taken.push((id, delivery));
                    }
                } else if let Some(at) = taken.iter().position(|other| *other == (id, delivery)) {
                    taken.swap_remove(at);
                    slots.give_back(id, delivery, well);
                }
                prop_assert!(slots.well <= LIMITS.well && slots.poorly <= LIMITS.poorly);
                prop_assert_eq!(slots.well + slots.poorly, taken.len());
            }
            for (id, delivery) in taken {
                slots.give_back(id, delivery, true);
            }
            prop_assert_eq!(slots.well + slots.poorly, 0);
            prop_assert!(slots.busy().is_empty());
        }
    }
}
