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
}

/// Who is being sent to. Counts, and nothing else.
#[derive(Debug)]
pub(super) struct Slots {
    limits: SenderLimits,
    occupants: HashMap<EndpointId, Occupant>,
    well: usize,
    poorly: usize,
}

impl Slots {
    pub(super) fn new(limits: SenderLimits) -> Self {
        Self { limits, occupants: HashMap::new(), well: 0, poorly: 0 }
    }

    /// Takes a slot for a delivery. `false` where there is none, or where it is under way already. `failing` is what is
    /// known of an endpoint that was not sent to yet.
    pub(super) fn take(&mut self, endpoint: EndpointId, delivery: i64, failing: bool) -> bool {
        let limits = self.limits;
        let (well, poorly) = (self.well, self.poorly);
        let occupant = self.occupants.entry(endpoint).or_default();
        if occupant.in_flight.is_empty() {
            occupant.poorly |= failing;
        }
        let room = if occupant.poorly { Room::Poorly } else { Room::Well };
        let (of_its_own, taken, size) = match room {
            Room::Well => (limits.per_endpoint, well, limits.well),
            Room::Poorly => (1, poorly, limits.poorly),
        };
        let free = taken < size
            && occupant.in_flight.len() < of_its_own
            && !occupant.in_flight.contains_key(&delivery);
        if free {
            occupant.in_flight.insert(delivery, room);
            match room {
                Room::Well => self.well += 1,
                Room::Poorly => self.poorly += 1,
            }
        } else if occupant.in_flight.is_empty() && !occupant.poorly {
            self.occupants.remove(&endpoint);
        }
        free
    }

    /// Gives a slot back, and remembers how the endpoint answered.
    pub(super) fn give_back(&mut self, endpoint: EndpointId, delivery: i64, answered_well: bool) {
        let Some(occupant) = self.occupants.get_mut(&endpoint) else { return };
        if let Some(room) = occupant.in_flight.remove(&delivery) {
            match room {
                Room::Well => self.well -= 1,
                Room::Poorly => self.poorly -= 1,
            }
        }
        occupant.poorly = !answered_well;
        if occupant.in_flight.is_empty() && answered_well {
            self.occupants.remove(&endpoint);
        }
    }

    /// Endpoints that cannot be sent to just now.
    pub(super) fn busy(&self) -> Vec<EndpointId> {
        let full = |occupant: &Occupant| {
            let (of_its_own, room_full) = if occupant.poorly {
                (1, self.poorly >= self.limits.poorly)
            } else {
                (self.limits.per_endpoint, self.well >= self.limits.well)
            };
            room_full || occupant.in_flight.len() >= of_its_own
        };
        self.occupants.iter().filter(|(_, occupant)| full(occupant)).map(|(id, _)| *id).collect()
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
    fn nobody_takes_everything() {
        let mut slots = Slots::new(LIMITS);
        let taken = (0..10).filter(|delivery| slots.take(endpoint(1), *delivery, false)).count();
        assert_eq!(taken, 3);
        assert_eq!(slots.busy(), [endpoint(1)]);
        assert!(slots.take(endpoint(2), 20, false));
    }

    #[test]
    fn those_that_answer_poorly_wait_only_for_one_another() {
        let mut slots = Slots::new(LIMITS);
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
        assert!(slots.take(endpoint(3), 4, false) && slots.take(endpoint(3), 5, false), "it is well again");
    }

    #[test]
    fn a_delivery_is_under_way_once() {
        let mut slots = Slots::new(LIMITS);
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
            let mut slots = Slots::new(LIMITS);
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
