//! Images: which of them a node keeps on disk, and how those that it has not get there.
//!
//! A pull waits for its turn on its node, is downloaded (all downloads share the bandwidth of their node and that of the registry),
//! and is unpacked. The pods that need it wait meanwhile; who comes later waits for the same pull.
//!
//! Layers that images share are on a node once, and are pulled once, as containerd and CRI-O do: a pull is of the layers that no image on
//! the node has and no earlier pull brings. Images are removed as a whole, and with them the layers that no other image has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::node::NodeId;
use super::parameters::RegistrySpec;
use super::pods::PodId;
use crate::time::{NANOS_PER_SECOND, SimTime, Span};

const BYTES_PER_MB: f64 = 1_048_576.0;

/// An image: its number, its size, and the layers that other images may have too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Functions with one image have one number.
    pub id: usize,
    /// Its compressed size, MB, with all its layers.
    pub size_mb: u32,
    /// The layers that other images may have too.
    pub layers: Arc<[Layer]>,
}

/// A layer of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The same layer has the same number in all images.
    pub id: usize,
    /// Its compressed size, MB.
    pub size_mb: u32,
}

impl Image {
    /// The size of its layers that no other image has, MB.
    fn own_mb(&self) -> u32 {
        self.size_mb.saturating_sub(self.layers.iter().map(|layer| layer.size_mb).sum())
    }
}

/// The images on the disk of a node.
#[derive(Clone, Debug)]
pub(super) struct ImageCache {
    capacity_mb: u64,
    kept: Vec<Kept>,
}

#[derive(Clone, Debug)]
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

    /// Whether an image that is there has this layer.
    fn has_layer(&self, id: usize) -> bool {
        self.kept.iter().any(|kept| kept.image.layers.iter().any(|layer| layer.id == id))
    }

    /// The layers of an image that are not there.
    pub(super) fn missing(&self, image: &Image) -> Vec<Layer> {
        image.layers.iter().filter(|layer| !self.has_layer(layer.id)).copied().collect()
    }

    /// What all images take together, each layer once, MB.
    fn used_mb(&self) -> u64 {
        let mut known: Vec<usize> = Vec::new();
        let mut used = 0;
        for Kept { image, .. } in &self.kept {
            used += u64::from(image.own_mb());
            for layer in image.layers.iter() {
                if !known.contains(&layer.id) {
                    known.push(layer.id);
                    used += u64::from(layer.size_mb);
                }
            }
        }
        used
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
        let id = image.id;
        self.kept.push(Kept { image, users: 0, last_used: now });
        while self.used_mb() > self.capacity_mb {
            let others = self.kept.iter().enumerate().filter(|(_, kept)| kept.users == 0 && kept.image.id != id);
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
    /// The shared layers that it brings, and its size with these, MB.
    brings: Vec<Layer>,
    size_mb: u32,
    waiting: Vec<PodId>,
    stage: Stage,
}

impl Pull {
    fn bytes(&self) -> f64 {
        f64::from(self.size_mb) * BYTES_PER_MB
    }

    /// Whether it needs a layer that another pull brings.
    fn needs_of(&self, other: &Self) -> bool {
        let has = |layer: &Layer| self.image.layers.iter().any(|own| own.id == layer.id);
        self.image.id != other.image.id && other.brings.iter().any(has)
    }
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

    /// A pod on a node needs an image that is not there, and of whose shared layers these are missing.
    pub(super) fn ask(&mut self, node: NodeId, image: &Image, missing: &[Layer], pod: PodId, now: SimTime) {
        let queue = self.queues.entry(node).or_default();
        match queue.iter_mut().find(|pull| pull.image.id == image.id) {
            Some(pull) => pull.waiting.push(pod),
            None => {
                let is_coming = |layer: &&Layer| queue.iter().any(|pull| pull.brings.contains(layer));
                let brings: Vec<Layer> = missing.iter().filter(|layer| !is_coming(layer)).copied().collect();
                let size_mb = image.own_mb() + brings.iter().map(|layer| layer.size_mb).sum::<u32>();
                let (image, waiting) = (image.clone(), vec![pod]);
                queue.push_back(Pull { node, image, brings, size_mb, waiting, stage: Stage::Queued });
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
                let bytes = pull.bytes();
                let Stage::Downloading(left) = &mut pull.stage else { continue };
                let rate = Self::rate(spec, on_node, all);
                *left -= rate * passed;
                // Half a nanosecond is none.
                if *left <= rate * 0.5e-9 {
                    let unpack = spec.unpack.map_or(Span::ZERO, |unpack| seconds(bytes / unpack));
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
            for place in 0..queue.len() {
                let waits = |pull: &Pull| queue.iter().take(place).any(|earlier| pull.needs_of(earlier));
                let Some(pull) = queue.get(place).filter(|pull| pull.stage == Stage::Queued) else { continue };
                if !is_free && self.spec.serialize_pulls {
                    break;
                }
                // The layers that an earlier pull brings have to be there first.
                if waits(pull) {
                    continue;
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
                let bytes = pull.bytes();
                queue[place].stage = Stage::Downloading(bytes);
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

    fn image(id: usize, size_mb: u32, layers: &[(usize, u32)]) -> Image {
        let layers = layers.iter().map(|(id, size_mb)| Layer { id: *id, size_mb: *size_mb });
        Image { id, size_mb, layers: layers.collect() }
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
                pulls.ask(NodeId(*node), &image(*id, *size_mb, &[]), &[], PodId::NIL, now);
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

    /// Two images of 500 MB share a layer of 400 MB, at 100 MB/s: the second brings its own 100 MB only.
    #[test]
    fn shared_layers_are_pulled_once() {
        let images = [image(0, 500, &[(7, 400)]), image(1, 500, &[(7, 400)])];
        for (serialize_pulls, expected) in [(true, [5.0, 6.0]), (false, [5.0, 6.0])] {
            let mut pulls = Pulls::new(RegistrySpec { serialize_pulls, ..RegistrySpec::standard() });
            let cache = ImageCache::new(None);
            for image in &images {
                pulls.ask(NodeId(0), image, &cache.missing(image), PodId::NIL, SimTime::ZERO);
            }
            let mut ended = Vec::new();
            while pulls.next() < SimTime::NEVER {
                let now = pulls.next();
                ended.extend(pulls.due(now).into_iter().map(|_| now.since(SimTime::ZERO).as_secs_f64()));
            }
            assert_eq!(ended, expected, "{serialize_pulls}");
        }
    }

    /// 650 MB hold three images of 400 MB that share 300 MB, but not four. A layer goes with the last image that has it.
    #[test]
    fn shared_layers_take_their_place_once() {
        let mut cache = ImageCache::new(Some(650));
        let shared = |id| image(id, 400, &[(7, 300)]);
        assert!(cache.missing(&shared(0)).len() == 1);
        for id in 0..3 {
            assert!(cache.add(shared(id), at(id as f64)).is_empty());
        }
        assert!(cache.missing(&shared(3)).is_empty());
        assert_eq!(cache.add(shared(3), at(3.0)), [0]);
        assert_eq!(cache.add(image(4, 650, &[]), at(4.0)), [1, 2, 3]);
        assert_eq!(cache.missing(&shared(0)).len(), 1);
    }

    #[test]
    fn what_was_used_longest_ago_goes_first_unless_it_is_in_use() {
        let image = |id| image(id, 400, &[]);
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
