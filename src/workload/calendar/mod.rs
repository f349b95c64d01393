//! Moments by the clock on the wall: cron expressions in a time zone, on the clock of a run.

mod cron;

pub use cron::Cron;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::schema::diagnostic::nearest;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

/// When a cron expression fires in a time zone.
///
/// Clock changes as Amazon EventBridge Scheduler documents them: what falls into the hour that a spring day lacks is skipped;
/// what falls into the hour that an autumn day has twice fires once, the first time.
#[derive(Clone, Debug)]
pub struct Calendar {
    cron: Cron,
    zone: TimeZone,
    /// When the run begins, seconds since 1970 UTC.
    start: i64,
}

/// Seconds of a moment of the run, by the clock of the world.
type Seconds = i64;

impl Calendar {
    /// `start` is when the run begins, in seconds since 1970 UTC.
    #[must_use]
    pub const fn new(cron: Cron, zone: TimeZone, start: i64) -> Self {
        Self { cron, zone, start }
    }

    /// The day on which the run begins.
    fn first_day(&self) -> Date {
        let start = Timestamp::from_second(self.start).unwrap_or_default();
        self.zone.to_datetime(start).date()
    }

    /// When a minute of a day is; none where clocks skip it.
    fn moment(&self, day: Date, minute: u32) -> Option<Seconds> {
        let time = day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        let ambiguous = self.zone.to_ambiguous_timestamp(time);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => None,
            // The first of the two is meant.
            _ => ambiguous.earlier().ok().map(Timestamp::as_second),
        }
    }

    /// The first moment of a day.
    fn begins(&self, day: Date) -> Option<Seconds> {
        self.zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().ok().map(Timestamp::as_second)
    }

    /// All moments of a day at which it fires, in their order, on the clock of the run.
    fn moments_of(&self, day: Date) -> impl Iterator<Item = SimTime> {
        let minutes = self.cron.fits(day).then(|| self.cron.minutes()).into_iter().flatten();
        minutes.filter_map(move |minute| self.on_clock(self.moment(day, minute)?))
    }

    /// None before the run begins, and beyond its clock.
    fn on_clock(&self, at: Seconds) -> Option<SimTime> {
        let seconds = u64::try_from(at.checked_sub(self.start)?).ok()?;
        seconds.checked_mul(NANOS_PER_SECOND).map(SimTime::from_nanos)
    }

    /// The moments at which it fires.
    pub(super) fn moments(&self) -> Moments {
        Moments { of: self.clone(), day: Some(self.first_day()), left: Vec::new() }
    }

    /// How often it fires on a day on which clocks do not change, and which lies in the run as a whole.
    fn times_on(&self, day: Date) -> u32 {
        if self.cron.fits(day) { self.cron.minutes_of_a_day() } else { 0 }
    }

    /// How many requests are expected before each of these rising moments, where each comes up to `precision` late.
    pub(super) fn expected_before_each(&self, ends: impl Iterator<Item = SimTime>, precision: Span) -> Vec<f64> {
        let late = (precision.as_nanos().div_ceil(NANOS_PER_SECOND)).cast_signed();
        let (mut day, mut whole) = (Some(self.first_day()), 0.0);
        let expected = ends.map(|end| {
            let until = self.start.saturating_add((end.as_nanos() / NANOS_PER_SECOND).cast_signed());
            // Days that lie before it as a whole are counted once.
            while let Some((today, next)) = day.and_then(|today| Some((today, today.tomorrow().ok()?))) {
                let (Some(from), Some(to)) = (self.begins(today), self.begins(next)) else { break };
                if to.saturating_add(late) > until {
                    break;
                }
                whole += if from >= self.start && to - from == 86_400 {
                    f64::from(self.times_on(today))
                } else {
                    self.moments_of(today).count() as f64
                };
                day = Some(next);
            }
            let mut partly = 0.0;
            let mut today = day;
            while let Some(date) = today.filter(|date| self.begins(*date).is_some_and(|from| from <= until)) {
                partly += self.moments_of(date).map(|at| part_before(at, end, precision)).sum::<f64>();
                today = date.tomorrow().ok();
            }
            whole + partly
        });
        expected.collect()
    }
}

/// The probability that what is due at a moment has come before `end`, where it comes up to `precision` late.
pub(super) fn part_before(due: SimTime, end: SimTime, precision: Span) -> f64 {
    let since = end.since(due).as_nanos();
    if due >= end {
        0.0
    } else if since >= precision.as_nanos() {
        1.0
    } else {
        since as f64 / precision.as_nanos() as f64
    }
}

/// Moments at which a cron expression fires, one after the other.
pub(super) struct Moments {
    of: Calendar,
    /// The next day that is looked at.
    day: Option<Date>,
    /// Moments of the day before that, the next one last.
    left: Vec<SimTime>,
}

impl Iterator for Moments {
    type Item = SimTime;

    fn next(&mut self) -> Option<SimTime> {
        loop {
            if let Some(at) = self.left.pop() {
                return Some(at);
            }
            let day = self.day?;
            self.left.extend(self.of.moments_of(day));
            self.left.reverse();
            let is_over =
                self.of.begins(day).is_none_or(|from| from > self.of.start && self.of.on_clock(from).is_none());
            self.day = if is_over { None } else { day.tomorrow().ok() };
        }
    }
}

/// A time zone by its name in the IANA database, as it was when this program was built: no run depends on the machine.
///
/// # Errors
/// If there is none of this name: what to write instead.
pub(crate) fn zone_of(name: &str) -> Result<TimeZone, String> {
    let known = TimeZoneDatabase::bundled();
    known.get(name).map_err(|_| {
        let names: Vec<String> = known.available().map(|name| name.to_string()).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use a name of the IANA time zone database, as in \"Europe/Berlin\", or \"UTC\"".to_owned(),
        }
    })
}
