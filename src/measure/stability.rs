//! Whether a function keeps up with its load, from its time series.
//!
//! A *backlog* is a queue that grew more than by chance. While a queue is not empty, its length is a random walk with
//! drift: of A requests that arrived since it was empty, chance alone leaves about the square root of A (Kingman 1962,
//! heavy traffic). A queue several times as long has another reason: arrivals exceed capacity. Without waiting, load
//! beyond capacity is *shed*: rejected, or timed out in the queue. On a path, a rejection by a function is not final,
//! because its caller may retry. There, requests without a successful response at the source count as shed, and queues
//! and streams can have backlogs too.

use serde::{Deserialize, Serialize};

use super::timeline::Point;
use super::window::Window;
use crate::metric::Stability;
use crate::path::books::Books;
use crate::time::SimTime;

/// A queue longer than this multiple of the square root of its arrivals is not due to chance.
const NO_CHANCE: f64 = 6.0;
/// Shorter queues are ignored.
const FEW: f64 = 10.0;
/// Share of shed requests above which capacity is insufficient.
const SHED: f64 = 0.05;
/// Minimum number of shed requests in an interval.
const FEW_SHED: f64 = 5.0;
/// Consecutive intervals required.
const LASTS: usize = 3;

/// The worst that was seen in any replication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it is.
    pub verdict: Stability,
    /// When it became unstable, s: the mean over the replications in which it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since_s: Option<f64>,
    /// In how many replications.
    pub replications: u32,
}

impl Verdict {
    /// The worst of several replications.
    pub(super) fn worst(all: &[Tipped]) -> Self {
        let verdict = all.iter().map(|one| one.verdict).max().unwrap_or_default();
        let worst: Vec<&Tipped> = all.iter().filter(|one| one.verdict == verdict).collect();
        let since: Vec<f64> = worst.iter().filter_map(|one| one.since_s).collect();
        let since_s = (!since.is_empty()).then(|| since.iter().sum::<f64>() / since.len() as f64);
        Self { verdict, since_s, replications: worst.len() as u32 }
    }
}

/// What one replication shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tipped {
    pub(super) verdict: Stability,
    pub(super) since_s: Option<f64>,
}

impl Tipped {
    /// What a time series shows. `given_up`: which part of those that timed out did so in the queue.
    pub(super) fn of(points: &[Point], given_up: f64, window: &Window) -> Self {
        let start = |place: usize| {
            let start = if place == 0 { SimTime::ZERO } else { window.end_of(place - 1) };
            start.since(SimTime::ZERO).as_secs_f64()
        };
        // The warm-up does not count.
        let first = (0..points.len()).take_while(|place| window.end_of(*place) <= window.from).count();
        let points = &points[first..];
        let [backlog, shed] = [backlog(points), shed(points, given_up)];
        let worst = if shed.map(|one| one.0) > backlog.map(|one| one.0) { shed } else { backlog };
        worst.map_or_else(Self::default, |(verdict, place)| Self { verdict, since_s: Some(start(first + place)) })
    }

    /// The stability of a function on a path: its backlog only, because rejected calls may be retried.
    pub(super) fn of_backlog(points: &[Point], window: &Window) -> Self {
        let unrefused: Vec<Point> =
            points.iter().map(|point| Point { rejected: 0.0, timed_out: 0.0, ..point.clone() }).collect();
        Self::of(&unrefused, 0.0, window)
    }

    /// The stability of a source, from arrived, succeeded, attempts and failed by interval.
    pub(super) fn of_source(counts: &[[u64; 4]], window: &Window) -> Self {
        let point = |&[arrived, _, _, failed]: &[u64; 4]| Point {
            arrived: arrived as f64,
            rejected: failed as f64,
            ..Point::default()
        };
        Self::of(&counts.iter().map(point).collect::<Vec<_>>(), 0.0, window)
    }

    /// The stability of a component that stores messages: overloaded if far more remain than by chance. None for a
    /// queue without consumers, such as a dead-letter queue.
    pub(super) fn of_kept(books: &Books) -> Option<Self> {
        let kinds = [("messages.sent", "messages"), ("records.sent", "records"), ("events.received", "events")];
        let (sent, remaining) =
            kinds.iter().find_map(|(sent, kind)| Some((books.get(sent)?, books.get(&format!("{kind}.remaining"))?)))?;
        if books.get("receives") == Some(0.0) {
            return None;
        }
        let is_real = remaining >= FEW && remaining > NO_CHANCE * sent.max(1.0).sqrt();
        let verdict = if is_real { Stability::Overloaded } else { Stability::Stable };
        Some(Self { verdict, since_s: None })
    }

    /// The worse of two; ties by the earlier time.
    pub(super) fn or(self, other: Self) -> Self {
        let earlier = other.since_s.unwrap_or(f64::INFINITY) < self.since_s.unwrap_or(f64::INFINITY);
        if other.verdict > self.verdict || other.verdict == self.verdict && earlier { other } else { self }
    }
}

/// The last backlog that is not due to chance, and its first interval: overloaded if it does not shrink until the end.
fn backlog(points: &[Point]) -> Option<(Stability, usize)> {
    let (mut found, mut episode) = (None, Episode::default());
    for (place, point) in points.iter().enumerate() {
        if point.queue < 1.0 {
            episode = Episode::default();
            continue;
        }
        if episode.arrived == 0.0 {
            episode.begin = place;
        }
        episode.arrived += point.arrived;
        if point.queue > episode.peak {
            (episode.peak, episode.peaked) = (point.queue, place);
        }
        episode.is_real |= point.queue >= FEW && point.queue > NO_CHANCE * episode.arrived.max(1.0).sqrt();
        if episode.is_real {
            found = Some((Stability::Backlogged, episode.begin));
        }
    }
    let is_growing = || {
        let last = points.len() - 1;
        let lasted = last - episode.begin;
        lasted >= LASTS && episode.peaked > episode.begin + lasted / 2 && points[last].queue > episode.peak / 2.0
    };
    if episode.is_real && is_growing() { Some((Stability::Overloaded, episode.begin)) } else { found }
}

/// A time in which the queue is never empty.
#[derive(Clone, Copy, Debug, Default)]
struct Episode {
    begin: usize,
    arrived: f64,
    peak: f64,
    peaked: usize,
    is_real: bool,
}

/// The last time in which load was shed, and the interval in which it began: overloaded if it lasts to the end.
fn shed(points: &[Point], given_up: f64) -> Option<(Stability, usize)> {
    let is_shedding = |point: &Point| {
        let shed = point.rejected + point.timed_out * given_up;
        shed >= FEW_SHED && shed > SHED * point.arrived
    };
    let last = points.iter().rposition(|point| point.arrived > 0.0)?;
    let (mut found, mut since) = (None, None);
    for (place, point) in points.iter().enumerate().take(last + 1) {
        if !is_shedding(point) {
            since = None;
            continue;
        }
        let since = *since.get_or_insert(place);
        if place + 1 - since >= LASTS {
            let is_last = place == last;
            found = Some((if is_last { Stability::Overloaded } else { Stability::Backlogged }, since));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn what_remains_in_a_queue_is_a_backlog_and_what_is_refused_on_a_path_is_none() {
        let books = |remaining| {
            let mut books = Books::default();
            books.count("messages.sent", 10_000);
            books.count("messages.remaining", remaining);
            books
        };
        let verdict = |remaining| Tipped::of_kept(&books(remaining)).map(|tipped| tipped.verdict);
        assert_eq!(verdict(500), Some(Stability::Stable));
        assert_eq!(verdict(700), Some(Stability::Overloaded));
        let mut unread = books(700);
        unread.count("receives", 0);
        assert_eq!([Tipped::of_kept(&unread), Tipped::of_kept(&Books::default())], [None, None]);
        let refused = vec![Point { arrived: 100.0, rejected: 90.0, ..Point::default() }; 10];
        assert_eq!(Tipped::of(&refused, 0.0, &window(10)).verdict, Stability::Overloaded);
        assert_eq!(Tipped::of_backlog(&refused, &window(10)).verdict, Stability::Stable);
        assert_eq!(Tipped::of_source(&[[100, 10, 300, 90]; 10], &window(10)).verdict, Stability::Overloaded);
        assert_eq!(Tipped::of_source(&[[100, 100, 300, 0]; 10], &window(10)).verdict, Stability::Stable);
    }

    fn window(intervals: usize) -> Window {
        Window {
            from: SimTime::ZERO,
            until: SimTime::from(Span::from_secs(10 * intervals as u64)),
            interval: Span::from_secs(10),
            series_by_function: true,
        }
    }

    fn verdict(queues: &[f64], rejected: &[f64]) -> (Stability, Option<f64>) {
        let point = |place: usize| Point {
            arrived: 100.0,
            queue: queues.get(place).copied().unwrap_or(0.0),
            rejected: rejected.get(place).copied().unwrap_or(0.0),
            ..Point::default()
        };
        let many = queues.len().max(rejected.len());
        let points: Vec<Point> = (0..many).map(point).collect();
        let found = Tipped::of(&points, 1.0, &window(many));
        (found.verdict, found.since_s)
    }

    #[test]
    fn a_queue_that_only_chance_makes_is_stable() {
        assert_eq!(verdict(&[0.0, 2.0, 5.0, 9.0, 8.0, 20.0, 30.0, 10.0, 3.0], &[]), (Stability::Stable, None));
        assert_eq!(verdict(&[0.0; 9], &[0.0, 3.0, 0.0, 6.0, 4.0, 6.0, 0.0, 0.0, 6.0]), (Stability::Stable, None));
        assert_eq!(verdict(&[], &[]), (Stability::Stable, None));
        // Ten of one arrival cannot be chance, nine are too few to tell.
        let few = |queue| Tipped::of_backlog(&[Point { arrived: 1.0, queue, ..Point::default() }], &window(1)).verdict;
        assert_eq!((few(9.9), few(10.0)), (Stability::Stable, Stability::Backlogged));
    }

    #[test]
    fn a_burst_is_a_backlog_until_it_is_served() {
        let queues = [0.0, 0.0, 500.0, 300.0, 100.0, 0.0, 0.0];
        assert_eq!(verdict(&queues, &[]), (Stability::Backlogged, Some(20.0)));
        // One that waits on average is a queue, and the burst joins it.
        assert_eq!(verdict(&[0.0, 1.0, 500.0, 300.0, 100.0, 0.9, 0.0], &[]), (Stability::Backlogged, Some(10.0)));
        // It is still being served when the run ends.
        assert_eq!(verdict(&[0.0, 0.0, 900.0, 700.0, 500.0, 300.0], &[]), (Stability::Backlogged, Some(20.0)));
    }

    #[test]
    fn what_grows_to_the_end_is_overloaded_since_it_began() {
        let queues: Vec<f64> = (0..20).map(|place| f64::from(place - 5).max(0.0) * 40.0).collect();
        assert_eq!(verdict(&queues, &[]), (Stability::Overloaded, Some(60.0)));
        // In three intervals after the first it may.
        let growing = [0.0, 0.0, 0.0, 100.0, 200.0, 300.0, 400.0];
        assert_eq!(verdict(&growing, &[]), (Stability::Overloaded, Some(30.0)));
        assert_eq!(verdict(&[200.0, 300.0, 400.0], &[]), (Stability::Backlogged, Some(0.0)));
        // The peak is in the second half, and half of it is left.
        let peak_at_40_s = [100.0, 200.0, 300.0, 350.0, 400.0, 300.0];
        assert_eq!(verdict(&[&peak_at_40_s[..], &[201.0]].concat(), &[]), (Stability::Overloaded, Some(0.0)));
        assert_eq!(verdict(&[&peak_at_40_s[..], &[200.0]].concat(), &[]), (Stability::Backlogged, Some(0.0)));
        let peak_at_30_s = [100.0, 200.0, 300.0, 400.0, 390.0, 380.0, 370.0];
        assert_eq!(verdict(&peak_at_30_s, &[]), (Stability::Backlogged, Some(0.0)));
    }

    #[test]
    fn what_sheds_to_the_end_is_overloaded_too() {
        assert_eq!(verdict(&[], &[0.0, 0.0, 20.0, 20.0, 20.0, 20.0]), (Stability::Overloaded, Some(20.0)));
        assert_eq!(verdict(&[], &[0.0, 20.0, 20.0, 20.0, 0.0, 0.0]), (Stability::Backlogged, Some(10.0)));
        // Two intervals are too few, and six of 200 requests too: that is 3 %.
        assert_eq!(verdict(&[], &[0.0, 20.0, 20.0, 0.0]), (Stability::Stable, None));
        let little = vec![Point { arrived: 200.0, rejected: 6.0, ..Point::default() }; 10];
        assert_eq!(Tipped::of(&little, 1.0, &window(10)).verdict, Stability::Stable);
        // It ends with the arrivals, whatever is given up afterwards.
        let point = |arrived| Point { arrived, rejected: 20.0, ..Point::default() };
        let points = [100.0, 100.0, 100.0, 100.0, 0.0, 0.0].map(point);
        let found = Tipped::of(&points, 1.0, &window(6));
        assert_eq!((found.verdict, found.since_s), (Stability::Overloaded, Some(0.0)));
        let points = [20.0, 20.0, 20.0, 20.0, 0.0, 0.0].map(|shed| Point {
            arrived: 5.0 * shed,
            rejected: shed,
            ..Point::default()
        });
        let found = Tipped::of(&points, 1.0, &window(6));
        assert_eq!((found.verdict, found.since_s), (Stability::Overloaded, Some(0.0)));
        // What is refused counts, and of what times out that which does so in the queue.
        let both = vec![Point { arrived: 100.0, rejected: 3.0, timed_out: 6.0, ..Point::default() }; 10];
        let given_up = |part| Tipped::of(&both, part, &window(10)).verdict;
        assert_eq!([0.25, 0.5].map(given_up), [Stability::Stable, Stability::Overloaded]);
        // Exactly one in twenty is not too many yet.
        let shed =
            |rejected| Tipped::of(&vec![Point { arrived: 200.0, rejected, ..Point::default() }; 10], 1.0, &window(10));
        assert_eq!([10.0, 10.1].map(|rejected| shed(rejected).verdict), [Stability::Stable, Stability::Overloaded]);
    }

    #[test]
    fn the_worst_replication_counts() {
        let one = |verdict, since_s| Tipped { verdict, since_s };
        let all = [
            one(Stability::Stable, None),
            one(Stability::Overloaded, Some(10.0)),
            one(Stability::Overloaded, Some(30.0)),
            one(Stability::Backlogged, Some(5.0)),
        ];
        let worst = Verdict::worst(&all);
        assert_eq!((worst.verdict, worst.since_s, worst.replications), (Stability::Overloaded, Some(20.0), 2));
        assert_eq!(Verdict::worst(&all[..1]), Verdict { replications: 1, ..Verdict::default() });
    }
}
