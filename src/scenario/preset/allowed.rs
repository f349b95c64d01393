//! What a platform allows.

use crate::schema::declare::*;
use crate::schema::diagnostic::Problems;
use crate::schema::scalars::{Count, PositiveDuration, Size};
use crate::time::Span;

table! {
    /// `[limits]` of a preset: what the platform refuses beyond.
    struct LimitsTable {
        /// Minimum memory of an instance.
        optional memory_least: Size,
        /// Largest size.
        optional memory_most: Size,
        /// Memory comes in multiples of this.
        optional memory_step: Size,
        /// The only valid sizes.
        optional memory_sizes: List<Size, 1, 100>,
        /// Maximum timeout.
        optional timeout: PositiveDuration,
        /// Maximum concurrency per instance.
        optional per_instance: Count<1, 1_000_000>,
        /// Maximum number of instances of a function.
        optional max_instances: Count<1, 1_000_000_000>,
        /// Maximum number of attempts of an asynchronous invocation.
        optional async_attempts: Count<1, 1_000>,
        /// Minimum and maximum of `async.max-age`.
        optional async_age: List<PositiveDuration, 2, 2>,
        /// Minimum vCPUs of an instance, by its memory.
        optional vcpus_from: List<VcpusTable, 1, 100>,
    }
}

table! {
    /// Minimum vCPUs.
    struct VcpusTable {
        /// For instances with more than this memory.
        required above: Size,
        /// Minimum vCPUs.
        required vcpus: Count<1, 1000>,
    }
}

/// What a platform allows.
#[derive(Debug)]
pub(in crate::scenario) struct Allowed {
    /// The name of the platform.
    pub(in crate::scenario) platform: String,
    /// Minimum memory of an instance, MB.
    pub(in crate::scenario) memory_least_mb: u32,
    /// Largest size.
    pub(in crate::scenario) memory_most_mb: u32,
    /// Memory comes in multiples of this, MB.
    pub(in crate::scenario) memory_step_mb: u32,
    /// The only valid sizes, MB; empty: all between the minimum and the maximum.
    pub(in crate::scenario) memory_sizes_mb: Vec<u32>,
    /// Maximum timeout; `None`: no limit.
    pub(in crate::scenario) timeout: Option<Span>,
    /// Maximum concurrency per instance; `None`: no limit.
    pub(in crate::scenario) per_instance: Option<u32>,
    /// Maximum number of instances of a function; `None`: no limit.
    pub(in crate::scenario) max_instances: Option<u32>,
    /// Maximum number of attempts of an asynchronous invocation; `None`: no limit.
    pub(in crate::scenario) async_attempts: Option<u32>,
    /// Minimum and maximum of `async.max-age`; `None`: no limits.
    pub(in crate::scenario) async_age: Option<(Span, Span)>,
    /// Minimum vCPUs with more memory (MB) than this.
    pub(in crate::scenario) vcpus_from: Vec<(u32, u32)>,
    /// What the platform sets by itself: parts of keys, and their meaning.
    pub(in crate::scenario) fixed: Vec<(String, String)>,
    /// What the platform does not have: a key, and the message about it.
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

    /// The valid memory sizes in words, if this size is not valid.
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

    /// The valid memory size nearest to this one, not smaller if possible.
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

    /// The message about something that the platform does not have.
    pub(in crate::scenario) fn lack(&self, what: &str) -> Option<&str> {
        self.lacks.iter().find(|(known, _)| known == what).map(|(_, text)| text.as_str())
    }
}
