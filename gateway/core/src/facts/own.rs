//! The gateway's own facts: time, lane, lists' ages. They are never absent.

use crate::decision::{Cause, FactState};
use crate::facts::gather::{Gathered, word};
use crate::facts::{Fact, Facts};
use crate::lists::List;
use crate::moment::ClockTrust;
use crate::site::{Direction, LaneKind};

impl Gathered<'_> {
    pub(super) fn own_facts(&self, facts: &mut Facts) {
        let clock = |value: Option<u16>| match value {
            Some(value) => FactState::Number(i64::from(value)),
            None => FactState::Missing(Cause::ClockUntrusted),
        };
        let minute = self.at.minute();
        facts.set(Fact::TimeHour, clock(minute.map(|minute| minute / 60)));
        facts.set(Fact::TimeMinute, clock(minute));
        facts.set(Fact::TimeWeekday, clock(self.at.weekday().map(u16::from)));
        let lane = self.lane;
        facts.set(Fact::LaneId, word(lane.id.as_str()));
        let kind = match lane.kind {
            LaneKind::Vehicle => "vehicle",
            LaneKind::Pedestrian => "pedestrian",
        };
        facts.set(Fact::LaneKind, word(kind));
        let direction = match lane.direction {
            Direction::Entry => "entry",
            Direction::Exit => "exit",
        };
        facts.set(Fact::LaneDirection, word(direction));
        facts.set(Fact::LaneAttended, FactState::Truth(lane.attended));
        facts.set(Fact::LaneEmergency, FactState::Truth(self.emergency));
        facts.set(Fact::LaneLockedDown, FactState::Truth(self.locked_down));
        facts.set(Fact::LaneDevicesDown, FactState::Number(self.devices_down));
        self.ages(facts);
    }

    fn ages(&self, facts: &mut Facts) {
        let lists = self.lists;
        let ages = [
            (Fact::ResidentsAge, self.age(&lists.residents)),
            (Fact::HouseholdsAge, self.age(&lists.households)),
            (Fact::VehiclesAge, self.age(&lists.vehicles)),
            (Fact::CardsAge, self.age(&lists.cards)),
            (Fact::VisitorsAge, self.age(&lists.visitors)),
            (Fact::DeliveriesAge, self.age(&lists.deliveries)),
            (Fact::PassesAge, self.age(&lists.passes)),
            (Fact::WatchedPlatesAge, self.age(&lists.watched_plates)),
            (Fact::WatchedAreasAge, self.age(&lists.watched_areas)),
            (
                Fact::EmergencyVehiclesAge,
                self.age(&lists.emergency_vehicles),
            ),
        ];
        for (fact, state) in ages {
            facts.set(fact, state);
        }
    }

    /// Whole hours since the owner of the list last confirmed it.
    fn age<K: Ord, V>(&self, list: &List<K, V>) -> FactState {
        if list.confirmed_ms == 0 {
            FactState::Missing(Cause::ListStale)
        } else if self.at.trust == ClockTrust::Unknown {
            FactState::Missing(Cause::ClockUntrusted)
        } else {
            let hours = list.age_hours(self.at.wall_ms);
            hours.map_or(FactState::Missing(Cause::ListStale), FactState::Number)
        }
    }
}
