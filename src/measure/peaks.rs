//! Peaks of the levels of all functions together.

use super::tally::Peaks;
use crate::engine::Levels;
use crate::time::SimTime;

/// The peaks of functions that are simulated together: calls are in order of time, so counting is enough.
#[derive(Debug, Default)]
pub(super) struct OnlinePeaks {
    instances: u64,
    in_progress: u64,
    in_system: u64,
    since: SimTime,
    peaks: Peaks,
}

impl OnlinePeaks {
    /// What is counted has held until `now`; only what holds for some time between `from` and `until` matters.
    #[inline]
    pub(super) fn held(&mut self, now: SimTime, from: SimTime, until: SimTime) {
        if now > self.since {
            if now > from && self.since < until {
                self.peaks.instances = self.peaks.instances.max(self.instances);
                self.peaks.in_progress = self.peaks.in_progress.max(self.in_progress);
                self.peaks.queued = self.peaks.queued.max(self.in_system - self.in_progress);
            }
            self.since = now;
        }
    }

    pub(super) fn arrived(&mut self) {
        self.in_system += 1;
    }

    pub(super) fn assigned(&mut self) {
        self.in_progress += 1;
    }

    pub(super) fn finished(&mut self, was_assigned: bool) {
        self.in_system -= 1;
        self.in_progress -= u64::from(was_assigned);
    }

    pub(super) fn created(&mut self) {
        self.instances += 1;
    }

    pub(super) fn removed(&mut self) {
        self.instances -= 1;
    }

    pub(super) const fn peaks(&self) -> Peaks {
        self.peaks
    }
}

/// An upper bound of the peaks of functions that are simulated separately: time is divided into slots of about a
/// second, and the highest levels of each function in a slot are added. Exact if levels are constant within a slot;
/// otherwise too high by changes within one.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    shift: u32,
    horizon: SimTime,
    /// Differences from slot to slot. The last slot has no end.
    instances: Vec<i64>,
    in_progress: Vec<i64>,
    queued: Vec<i64>,
}

/// The highest of some levels: instances, requests in progress, requests queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HighLevels([u32; 3]);

impl HighLevels {
    #[inline]
    pub(super) const fn of(levels: &Levels) -> Self {
        Self([levels.instances(), levels.in_progress, levels.queued])
    }

    #[inline]
    pub(super) fn raise(&mut self, other: Self) {
        let (HighLevels([a, b, c]), HighLevels([x, y, z])) = (*self, other);
        *self = Self([a.max(x), b.max(y), c.max(z)]);
    }
}

impl Peaks {
    pub(super) fn raise(&mut self, HighLevels([instances, in_progress, queued]): HighLevels) {
        self.instances = self.instances.max(u64::from(instances));
        self.in_progress = self.in_progress.max(u64::from(in_progress));
        self.queued = self.queued.max(u64::from(queued));
    }
}

/// One function's place in the slots.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SlotTrack {
    slot: usize,
    /// The highest levels in this slot so far.
    highest: HighLevels,
    /// The levels of the function recorded in the rows from here on.
    written: HighLevels,
}

impl SlotTrack {
    /// Higher levels, somewhere between the beginning of its slot and its end.
    pub(super) fn raise(&mut self, levels: HighLevels) {
        self.highest.raise(levels);
    }
}

/// Slots are not shorter than 2^30 ns, and not more than about this many.
const SLOTS_MAX: u64 = 1 << 17;

impl Slots {
    pub(super) fn new(horizon: SimTime) -> Self {
        let mut shift = 30;
        while horizon.as_nanos() >> shift >= SLOTS_MAX {
            shift += 1;
        }
        // The last slot before the horizon is cut short by it; one for what is after it, one for the difference behind that.
        let slots = (horizon.as_nanos() >> shift) as usize + 3;
        Self { shift, horizon, instances: vec![0; slots], in_progress: vec![0; slots], queued: vec![0; slots] }
    }

    fn slot(&self, at: SimTime) -> usize {
        if at < self.horizon { (at.as_nanos() >> self.shift) as usize } else { self.instances.len() - 2 }
    }

    /// A function had `held` from `since`, where its track ends, to `now`.
    #[inline]
    pub(super) fn hold(&mut self, track: &mut SlotTrack, since: SimTime, now: SimTime, held: &Levels) {
        let (first, last) = (self.slot(since), self.slot(SimTime::from_nanos(now.as_nanos() - 1)));
        let held = HighLevels::of(held);
        if first == track.slot {
            track.highest.raise(held);
            if last == first {
                return;
            }
        }
        self.write(track.slot, track.highest, &mut track.written);
        if last > track.slot + 1 {
            self.write(track.slot + 1, held, &mut track.written);
        }
        (track.slot, track.highest) = (last, held);
    }

    /// When the slot of a track ends.
    pub(super) fn end_of(&self, track: &SlotTrack) -> SimTime {
        if track.slot + 2 < self.instances.len() {
            SimTime::from_nanos((track.slot as u64 + 1) << self.shift).min(self.horizon)
        } else {
            SimTime::NEVER
        }
    }

    /// A function is finished.
    pub(super) fn close(&mut self, track: &mut SlotTrack) {
        self.write(track.slot, track.highest, &mut track.written);
        self.write(track.slot + 1, HighLevels::default(), &mut track.written);
    }

    /// From `slot` on a function has these levels.
    fn write(&mut self, slot: usize, levels: HighLevels, written: &mut HighLevels) {
        let rows = [&mut self.instances, &mut self.in_progress, &mut self.queued];
        for (row, (level, written)) in rows.into_iter().zip(levels.0.into_iter().zip(&mut written.0)) {
            if level != *written {
                row[slot] += i64::from(level) - i64::from(*written);
                *written = level;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Self { shift: _, horizon: _, instances, in_progress, queued } = other;
        let rows = [&mut self.instances, &mut self.in_progress, &mut self.queued];
        for (row, other) in rows.into_iter().zip([instances, in_progress, queued]) {
            row.iter_mut().zip(other).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    /// The peaks from `from` to `until`.
    pub(super) fn peaks(&self, from: SimTime, until: SimTime) -> Peaks {
        let (first, last) = (self.slot(from), self.slot(SimTime::from_nanos(until.as_nanos().saturating_sub(1))));
        let peak = |row: &[i64]| highest(row, first, last);
        Peaks { instances: peak(&self.instances), in_progress: peak(&self.in_progress), queued: peak(&self.queued) }
    }

    /// The most requests ever in progress, warm-up and drain included.
    pub(super) fn in_progress_bound(&self) -> u64 {
        highest(&self.in_progress, 0, self.in_progress.len())
    }
}

fn highest(differences: &[i64], first: usize, last: usize) -> u64 {
    let mut level = 0;
    let levels = differences.iter().map(|difference| {
        level += difference;
        level
    });
    levels.take(last.saturating_add(1)).skip(first).max().unwrap_or(0).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> SimTime {
        SimTime::from_nanos((secs * f64::from(1 << 30)) as u64)
    }

    fn levels(in_progress: u32) -> Levels {
        Levels { in_progress, ..Levels::default() }
    }

    #[test]
    fn what_is_gone_does_not_count_any_more() {
        let mut online = OnlinePeaks::default();
        let held = |online: &mut OnlinePeaks, until| online.held(at(until), at(0.0), at(100.0));
        for second in [0.0, 10.0, 20.0] {
            held(&mut online, second);
            online.created();
            online.arrived();
            online.assigned();
            held(&mut online, second + 5.0);
            online.finished(true);
            online.removed();
        }
        let peaks = online.peaks();
        assert_eq!((peaks.instances, peaks.in_progress, peaks.queued), (1, 1, 0));
    }

    #[test]
    fn highest_levels_of_a_slot_add_up() {
        let mut slots = Slots::new(at(10.0));
        let mut one = SlotTrack::default();
        slots.hold(&mut one, at(0.0), at(1.5), &levels(1));
        slots.hold(&mut one, at(1.5), at(1.6), &levels(3));
        slots.hold(&mut one, at(1.6), at(8.0), &levels(2));
        slots.close(&mut one);
        assert_eq!(slots.peaks(at(0.0), at(1.0)).in_progress, 1);
        assert_eq!(slots.peaks(at(0.0), at(2.0)).in_progress, 3);
        assert_eq!(slots.peaks(at(2.0), at(8.0)).in_progress, 2);
        assert_eq!(slots.peaks(at(8.0), at(10.0)).in_progress, 0);
        let mut other = Slots::new(at(10.0));
        let mut two = SlotTrack::default();
        other.hold(&mut two, at(0.0), at(1.1), &levels(5));
        other.hold(&mut two, at(1.1), at(50.0), &levels(0));
        other.close(&mut two);
        slots.merge(&other);
        // In the slot from 1 to 2 one had 3 and the other 5, though never at once: a bound.
        assert_eq!(slots.in_progress_bound(), 8);
        assert_eq!(slots.peaks(at(2.0), at(8.0)).in_progress, 2);
    }

    #[test]
    fn the_first_slot_counts_and_a_long_horizon_has_longer_slots() {
        let mut slots = Slots::new(at(10.0));
        let mut track = SlotTrack::default();
        slots.hold(&mut track, at(0.0), at(0.5), &levels(4));
        slots.hold(&mut track, at(0.5), at(10.0), &levels(1));
        slots.close(&mut track);
        assert_eq!(slots.in_progress_bound(), 4);
        let slots = Slots::new(SimTime::from_nanos(3 << 48));
        assert_eq!((slots.shift, slots.in_progress.len()), (33, (3 << 15) + 3));
    }

    #[test]
    fn what_comes_after_the_horizon_counts_for_the_bound_only() {
        let mut slots = Slots::new(at(10.0));
        let mut track = SlotTrack::default();
        slots.hold(&mut track, at(0.0), at(20.0), &levels(1));
        slots.hold(&mut track, at(20.0), at(30.0), &levels(9));
        slots.close(&mut track);
        assert_eq!(slots.in_progress_bound(), 9);
        assert_eq!(slots.peaks(at(0.0), at(10.0)).in_progress, 1);
    }

    #[test]
    fn a_horizon_within_a_slot_ends_it() {
        let mut slots = Slots::new(at(10.5));
        let mut track = SlotTrack::default();
        slots.hold(&mut track, at(0.0), at(10.5), &levels(2));
        assert_eq!(slots.end_of(&track), at(10.5));
        slots.hold(&mut track, at(10.5), at(10.6), &levels(7));
        assert_eq!(slots.end_of(&track), SimTime::NEVER);
        slots.hold(&mut track, at(10.6), at(90.0), &levels(1));
        slots.close(&mut track);
        assert_eq!(slots.in_progress_bound(), 7);
        assert_eq!(slots.peaks(at(0.0), at(10.5)).in_progress, 2);
    }

    #[test]
    fn only_what_holds_for_some_time_is_a_peak() {
        let mut running = OnlinePeaks::default();
        let (from, until) = (at(1.0), at(5.0));
        running.arrived();
        running.arrived();
        running.held(at(0.5), from, until);
        running.assigned();
        running.held(at(2.0), from, until);
        assert_eq!((running.peaks().in_progress, running.peaks().queued), (1, 1));
        running.arrived();
        running.finished(false);
        running.held(at(3.0), from, until);
        assert_eq!(running.peaks().queued, 1);
    }
}
