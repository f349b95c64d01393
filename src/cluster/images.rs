//! Images: which of them a node keeps on disk, and how those that it has not get there.
//!
//! A pull waits for its turn on its node, is downloaded (all downloads share the bandwidth of their node and that of the registry),
//! and is unpacked. The pods that need it wait meanwhile; who comes later waits for the same pull.

use std::collections::{BTreeMap, VecDeque};

use super::node::NodeId;
use super::parameters::RegistrySpec;
use super::pods::PodId;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

const BYTES_PER_MB: f64 = 1_048_576.0;

/// An image: its number, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Functions with one image have one number.
    pub id: usize,
    /// Its compressed size, MB.
    pub size_mb: u32,
}

impl Image {
    fn bytes(self) -> f64 {
        f64::from(self.size_mb) * BYTES_PER_MB
    }
}

/// The images on the disk of a node.
#[derive(Clone, Debug)]
pub(super) struct ImageCache {
    capacity_mb: u64,
    kept: Vec<Kept>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    image: Image,
    /// Pods that use it: it stays as long as there is one.
    users: u32,
    last_used: SimTime,
}

impl ImageCache {
    pub(super) fn new(capacity_mb: Option<u32>) -> Self {
        Self { capacity_mb: capacity_mb.map_or(u64::MAX, u64::from), kept: Vec::new() }
    }

    pub(super) fn has(&self, id: usize) -> bool {
        self.kept.iter().any(|kept| kept.image.id == id)
    }

    /// One more pod uses an image that is there.
    pub(super) fn acquire(&mut self, id: usize, now: SimTime) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.image.id == id) {
            kept.users += 1;
            kept.last_used = now;
        }
    }

    /// A pod uses it no longer.
    pub(super) fn release(&mut self, id: usize, now: SimTime) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.image.id == id) {
            kept.users = kept.users.saturating_sub(1);
            kept.last_used = now;
        }
    }

    /// An image comes; those used longest ago go until all fit, as far as no pod uses them. Says which are gone.
    pub(super) fn add(&mut self, image: Image, now: SimTime) -> Vec<usize> {
        let mut gone = Vec::new();
        self.kept.push(Kept { image, users: 0, last_used: now });
        while self.kept.iter().map(|kept| u64::from(kept.image.size_mb)).sum::<u64>() > self.capacity_mb {
            let others = self.kept.iter().enumerate().filter(|(_, kept)| kept.users == 0 && kept.image.id != image.id);
            let Some((oldest, _)) = others.min_by_key(|(_, kept)| kept.last_used) else { break };
            gone.push(self.kept.remove(oldest).image.id);
        }
        gone
    }

    pub(super) fn all(&self) -> impl Iterator<Item = usize> + '_ {
        self.kept.iter().map(|kept| kept.image.id)
    }
}

/// A pull of an image to a node.
#[derive(Debug)]
struct Pull {
    node: NodeId,
    image: Image,
    waiting: Vec<PodId>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// It waits for its turn.
    Queued,
    /// So many bytes are left.
    Downloading(f64),
    /// It is unpacked until then.
    Unpacking(SimTime),
}

/// How often pulls begin on a node: a token bucket, as the generic cell rate algorithm has it.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// When the bucket would be full again.
    full: SimTime,
}

/// What a pull that has ended leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pulled {
    pub(super) node: NodeId,
    pub(super) image: Image,
    pub(super) waiting: Vec<PodId>,
}

/// All pulls.
#[derive(Debug)]
pub(super) struct Pulls {
    spec: RegistrySpec,
    /// In the order in which they were asked for.
    queues: BTreeMap<NodeId, VecDeque<Pull>>,
    paces: BTreeMap<NodeId, Pace>,
    /// What downloads have done is known up to here.
    at: SimTime,
    due: SimTime,
}

impl Pulls {
    pub(super) fn new(spec: RegistrySpec) -> Self {
        Self { spec, queues: BTreeMap::new(), paces: BTreeMap::new(), at: SimTime::ZERO, due: SimTime::NEVER }
    }

    /// When the next one gets further.
    pub(super) const fn next(&self) -> SimTime {
        self.due
    }

    /// A pod on a node needs an image that is not there.
    pub(super) fn ask(&mut self, node: NodeId, image: Image, pod: PodId, now: SimTime) {
        let queue = self.queues.entry(node).or_default();
        match queue.iter_mut().find(|pull| pull.image.id == image.id) {
            Some(pull) => pull.waiting.push(pod),
            None => {
                queue.push_back(Pull { node, image, waiting: vec![pod], stage: Stage::Queued });
                self.advance(now);
                self.go_on(now);
            }
        }
    }

    /// A node is gone, and what it pulls.
    pub(super) fn forget(&mut self, node: NodeId, now: SimTime) {
        self.paces.remove(&node);
        if self.queues.contains_key(&node) {
            self.advance(now);
            self.queues.remove(&node);
            self.go_on(now);
        }
    }

    /// Time has passed: the pulls that have ended.
    pub(super) fn due(&mut self, now: SimTime) -> Vec<Pulled> {
        self.advance(now);
        let mut ended = Vec::new();
        for queue in self.queues.values_mut() {
            let is_over = |pull: &Pull| matches!(pull.stage, Stage::Unpacking(until) if until <= now);
            while let Some(place) = queue.iter().position(is_over) {
                if let Some(Pull { node, image, waiting, .. }) = queue.remove(place) {
                    ended.push(Pulled { node, image, waiting });
                }
            }
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        self.go_on(now);
        ended
    }

    /// The rate of a download, bytes a second: the share of the bandwidth of its node, and of that of the registry.
    fn rate(spec: &RegistrySpec, on_node: usize, all: usize) -> f64 {
        let of_node = spec.node_bandwidth / on_node as f64;
        spec.bandwidth.map_or(of_node, |bandwidth| of_node.min(bandwidth / all as f64))
    }

    fn downloads(&self) -> usize {
        let is_downloading = |pull: &&Pull| matches!(pull.stage, Stage::Downloading(_));
        self.queues.values().flatten().filter(is_downloading).count()
    }

    /// Downloads have done what they could until now; who has nothing left is unpacked.
    fn advance(&mut self, now: SimTime) {
        let (all, passed) = (self.downloads(), now.since(self.at).as_secs_f64());
        self.at = now;
        let spec = &self.spec;
        for queue in self.queues.values_mut() {
            let on_node = queue.iter().filter(|pull| matches!(pull.stage, Stage::Downloading(_))).count();
            for pull in queue.iter_mut() {
                let Stage::Downloading(left) = &mut pull.stage else { continue };
                let rate = Self::rate(spec, on_node, all);
                *left -= rate * passed;
                // Half a nanosecond is none.
                if *left <= rate * 0.5e-9 {
                    let unpack = spec.unpack.map_or(Span::ZERO, |unpack| seconds(pull.image.bytes() / unpack));
                    pull.stage = Stage::Unpacking(now + unpack);
                }
            }
        }
    }

    /// Begins what may begin, and finds out when something happens next.
    fn go_on(&mut self, now: SimTime) {
        let interval = (self.spec.pull_qps > 0.0).then(|| seconds(1.0 / self.spec.pull_qps));
        let burst = u64::from(self.spec.pull_burst - 1);
        let mut due = SimTime::NEVER;
        for (node, queue) in &mut self.queues {
            let mut is_free = !queue.iter().any(|pull| pull.stage != Stage::Queued);
            for pull in queue.iter_mut().filter(|pull| pull.stage == Stage::Queued) {
                if !is_free && self.spec.serialize_pulls {
                    break;
                }
                if let Some(interval) = interval {
                    let pace = self.paces.entry(*node).or_default();
                    let ahead = Span::from_nanos(interval.as_nanos().saturating_mul(burst));
                    let earliest = SimTime::from_nanos(pace.full.as_nanos().saturating_sub(ahead.as_nanos()));
                    if earliest > now {
                        due = due.min(earliest);
                        break;
                    }
                    pace.full = pace.full.max(now) + interval;
                }
                pull.stage = Stage::Downloading(pull.image.bytes());
                is_free = false;
            }
        }
        let all = self.downloads();
        for queue in self.queues.values() {
            let on_node = queue.iter().filter(|pull| matches!(pull.stage, Stage::Downloading(_))).count();
            for pull in queue {
                due = due.min(match pull.stage {
                    Stage::Queued => SimTime::NEVER,
                    Stage::Downloading(left) => now + seconds(left / Self::rate(&self.spec, on_node, all)),
                    Stage::Unpacking(until) => until,
                });
            }
        }
        self.due = due;
    }
}

/// A time, to the nearest nanosecond.
fn seconds(secs: f64) -> Span {
    Span::from_nanos_f64_saturating((secs * NANOS_PER_SECOND as f64).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> SimTime {
        SimTime::ZERO + seconds(secs)
    }

    /// Lets pulls of (node, image, size, when) run to their end; says when each image was there.
    fn run(spec: RegistrySpec, asked: &[(u32, usize, u32, f64)]) -> Vec<(u32, usize, f64)> {
        let mut pulls = Pulls::new(spec);
        let mut ended = Vec::new();
        let mut asked = asked.iter().peekable();
        loop {
            let next = asked.peek().map_or(SimTime::NEVER, |(.., when)| at(*when));
            let now = pulls.next().min(next);
            if now == SimTime::NEVER {
                return ended;
            }
            if pulls.next() == now {
                let pulled = pulls.due(now).into_iter();
                ended.extend(pulled.map(|one| (one.node.0, one.image.id, now.since(SimTime::ZERO).as_secs_f64())));
            } else if let Some((node, id, size_mb, _)) = asked.next() {
                pulls.ask(NodeId(*node), Image { id: *id, size_mb: *size_mb }, PodId::NIL, now);
            }
        }
    }

    /// Three images of 300 MB at 100 MB/s on one node, one after the other: 3, 6, 9 s. All at once: all at 9 s.
    #[test]
    fn pulls_on_one_node_queue_behind_each_other() {
        let asked = [(0, 0, 300, 0.0), (0, 1, 300, 0.0), (0, 2, 300, 0.0)];
        assert_eq!(run(RegistrySpec::standard(), &asked), [(0, 0, 3.0), (0, 1, 6.0), (0, 2, 9.0)]);
        let at_once = RegistrySpec { serialize_pulls: false, ..RegistrySpec::standard() };
        assert_eq!(run(at_once, &asked), [(0, 0, 9.0), (0, 1, 9.0), (0, 2, 9.0)]);
    }

    /// The registry gives 100 MB/s: alone for 1 s, then two share it until the first has its 300 MB at 5 s; the other has had 200 MB
    /// then, and gets its last 100 MB in 1 s.
    #[test]
    fn nodes_share_the_bandwidth_of_the_registry() {
        let shared = RegistrySpec { bandwidth: Some(100.0 * BYTES_PER_MB), ..RegistrySpec::standard() };
        assert_eq!(run(shared, &[(0, 0, 300, 0.0), (1, 0, 300, 1.0)]), [(0, 0, 5.0), (1, 0, 6.0)]);
    }

    #[test]
    fn unpacking_holds_the_turn_of_its_node() {
        let slow = RegistrySpec { unpack: Some(150.0 * BYTES_PER_MB), ..RegistrySpec::standard() };
        assert_eq!(run(slow, &[(0, 0, 300, 0.0), (0, 1, 300, 0.0)]), [(0, 0, 5.0), (0, 1, 10.0)]);
    }

    /// Two at once, then one every 2 s, of images that take 0.1 s each.
    #[test]
    fn pulls_begin_at_a_rate() {
        let spec = RegistrySpec { pull_qps: 0.5, pull_burst: 2, serialize_pulls: true, ..RegistrySpec::standard() };
        let asked = [(0, 0, 10, 0.0), (0, 1, 10, 0.0), (0, 2, 10, 0.0), (0, 3, 10, 0.0)];
        assert_eq!(run(spec, &asked), [(0, 0, 0.1), (0, 1, 0.2), (0, 2, 2.1), (0, 3, 4.1)]);
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_unless_it_is_in_use() {
        let image = |id| Image { id, size_mb: 400 };
        let mut cache = ImageCache::new(Some(1000));
        assert!(cache.add(image(0), at(0.0)).is_empty());
        assert!(cache.add(image(1), at(1.0)).is_empty());
        cache.acquire(0, at(2.0));
        assert_eq!(cache.add(image(2), at(3.0)), [1]);
        cache.release(0, at(4.0));
        assert_eq!(cache.add(image(3), at(5.0)), [2]);
        assert_eq!(cache.all().collect::<Vec<_>>(), [0, 3]);
    }
}
