//! What a platform allows.

use crate::schema::declare::*;
use crate::schema::diagnostic::Problems;
use crate::schema::scalars::{Count, PositiveDuration, Size};
use crate::time::Span;

table! {
    /// `[limits]` of a preset: what the platform refuses beyond.
    struct LimitsTable {
        /// The least memory of an instance.
        optional memory_least: Size,
        /// Largest size.
        optional memory_most: Size,
        /// Memory comes in multiples of this.
        optional memory_step: Size,
        /// The only sizes there are.
        optional memory_sizes: List<Size, 1, 100>,
        /// The longest timeout.
        optional timeout: PositiveDuration,
        /// The most requests at a time on an instance.
        optional per_instance: Count<1, 1_000_000>,
        /// The most instances of a function.
        optional max_instances: Count<1, 1_000_000_000>,
        /// The most attempts of an asynchronous invocation.
        optional async_attempts: Count<1, 1_000>,
        /// The least and the most that `async.max-age` may be.
        optional async_age: List<PositiveDuration, 2, 2>,
        /// The least vCPUs of an instance, by its memory: from so much memory on.
        optional vcpus_from: List<VcpusTable, 1, 100>,
    }
}

table! {
    /// So many vCPUs at least.
    struct VcpusTable {
        /// Of an instance with more than this.
        required above: Size,
        /// At least so many.
        required vcpus: Count<1, 1000>,
    }
}

/// What a platform allows.
#[derive(Debug)]
pub(in crate::scenario) struct Allowed {
    /// The platform.
    pub(in crate::scenario) platform: String,
    /// The least memory of an instance, MB.
    pub(in crate::scenario) memory_least_mb: u32,
    /// Largest size.
    pub(in crate::scenario) memory_most_mb: u32,
    /// Memory comes in multiples of this, MB.
    pub(in crate::scenario) memory_step_mb: u32,
    /// The only sizes, MB; empty: all between the least and the most.
    pub(in crate::scenario) memory_sizes_mb: Vec<u32>,
    /// The longest timeout; none: as long as one likes.
    pub(in crate::scenario) timeout: Option<Span>,
    /// The most requests at a time on an instance; none: as many as one likes.
    pub(in crate::scenario) per_instance: Option<u32>,
    /// The most instances of a function; none: as many as one likes.
    pub(in crate::scenario) max_instances: Option<u32>,
    /// The most attempts of an asynchronous invocation; none: as many as one likes.
    pub(in crate::scenario) async_attempts: Option<u32>,
    /// The least and the most that `async.max-age` may be; none: anything.
    pub(in crate::scenario) async_age: Option<(Span, Span)>,
    /// With more memory (MB) than this, at least so many vCPUs.
    pub(in crate::scenario) vcpus_from: Vec<(u32, u32)>,
    /// What the platform decides by itself: parts of keys, and what they mean.
    pub(in crate::scenario) fixed: Vec<(String, String)>,
    /// What the platform does not have: a word for it, and what to say.
    pub(in crate::scenario) lacks: Vec<(String, String)>,
}

impl Allowed {
    /// Reads the sections of a preset's file.
    pub(super) fn read(platform: String, limits: &Node, decides: Option<&Node>, lacks: Option<&Node>) -> Self {
        let mut problems = Problems::default();
        let table = LimitsTable::read(limits, &mut Reader::new(&mut problems, &[]));
        let pairs = |node: Option<&Node>| {
            let entries = node.map_or(&[][..], Node::entries).iter();
            entries.map(|entry| (entry.key.clone(), entry.node.text().unwrap_or_default().to_owned())).collect()
        };
        let table = table.as_ref();
        let sizes = table.and_then(|table| (*table.memory_sizes).clone()).unwrap_or_default();
        let least = table.and_then(|table| *table.memory_least).or(sizes.first().copied());
        let most = table.and_then(|table| *table.memory_most).or(sizes.last().copied());
        let from = table.and_then(|table| (*table.vcpus_from).clone()).unwrap_or_default();
        Self {
            platform,
            memory_least_mb: least.unwrap_or(1),
            memory_most_mb: most.unwrap_or(u32::MAX),
            memory_step_mb: table.and_then(|table| *table.memory_step).unwrap_or(1),
            memory_sizes_mb: sizes,
            timeout: table.and_then(|table| *table.timeout),
            per_instance: table.and_then(|table| *table.per_instance),
            max_instances: table.and_then(|table| *table.max_instances),
            async_attempts: table.and_then(|table| *table.async_attempts),
            async_age: table.and_then(|table| match table.async_age.as_deref() {
                Some([least, most]) => Some((*least, *most)),
                _ => None,
            }),
            vcpus_from: from.iter().filter_map(|row| Some(((*row.above)?, (*row.vcpus)?))).collect(),
            fixed: pairs(decides),
            lacks: pairs(lacks),
        }
    }

    /// The memory that an instance can have, in words, if it cannot have this much.
    pub(in crate::scenario) fn refused_memory(&self, memory_mb: u32) -> Option<String> {
        let sizes = &self.memory_sizes_mb;
        if !sizes.is_empty() {
            let listed: Vec<String> = sizes.iter().map(|size| format!("{size}MB")).collect();
            return (!sizes.contains(&memory_mb)).then(|| listed.join(", "));
        }
        let (least, most) = (self.memory_least_mb, self.memory_most_mb);
        if !(least..=most).contains(&memory_mb) {
            return Some(format!("{least}MB to {most}MB"));
        }
        let step = self.memory_step_mb;
        (!memory_mb.is_multiple_of(step) && memory_mb != least)
            .then(|| format!("{least}MB to {most}MB in steps of {step}MB"))
    }

    /// The memory that an instance can have and that is nearest to this, but not less if there is any.
    pub(in crate::scenario) fn memory_near_mb(&self, memory_mb: u32) -> u32 {
        let sizes = &self.memory_sizes_mb;
        if let Some(largest) = sizes.last() {
            return *sizes.iter().find(|size| **size >= memory_mb).unwrap_or(largest);
        }
        let (least, most) = (self.memory_least_mb, self.memory_most_mb);
        if memory_mb <= least {
            return least;
        }
        memory_mb.next_multiple_of(self.memory_step_mb).clamp(least, most)
    }

    /// What is said of something that the platform does not have.
    pub(in crate::scenario) fn lack(&self, what: &str) -> Option<&str> {
        self.lacks.iter().find(|(known, _)| known == what).map(|(_, text)| text.as_str())
    }
}
