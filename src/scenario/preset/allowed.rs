//! What a platform allows.

use crate::schema::declare::*;
use crate::schema::diagnostic::Problems;
use crate::schema::scalars::{Count, Positive, PositiveDuration, Size, Text};
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
        /// Minimum memory of an instance, by its vCPUs.
        optional memory_from: List<MemoryTable, 1, 100>,
        /// Minimum and maximum vCPUs.
        optional vcpus: List<Positive, 2, 2>,
        /// The only valid numbers of vCPUs from 1 up.
        optional vcpu_sizes: List<Positive, 1, 100>,
        /// Minimum and maximum memory per vCPU.
        optional memory_per_vcpu: List<Size, 2, 2>,
        /// Minimum vCPUs of an instance that serves several requests at a time.
        optional sharing_vcpus: Positive,
        /// Minimum and maximum of instances that are kept at all times.
        optional always_ready: List<Count<0, 1_000_000>, 2, 2>,
        /// The scaling policies, besides those that set provisioned concurrency.
        optional scaling: List<Text, 1, 100>,
        /// The runtimes whose instances can be restored from a snapshot.
        optional snapshot_runtimes: List<Text, 1, 100>,
        /// Part of the names of the runtimes of all frameworks.
        optional framework_runtimes: Text,
        /// Minimum and maximum ephemeral storage.
        optional ephemeral_storage: List<Size, 2, 2>,
    }
}

table! {
    /// Minimum vCPUs.
    struct VcpusTable {
        /// For instances with more than this memory.
        required above: Size,
        /// Minimum vCPUs.
        required vcpus: Positive,
    }
}

table! {
    /// Minimum memory.
    struct MemoryTable {
        /// For instances with at least this many vCPUs.
        required vcpus: Positive,
        /// Minimum memory.
        required memory: Size,
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
    /// What the vCPUs of an instance can be.
    pub(in crate::scenario) vcpus: AllowedVcpus,
    /// Minimum and maximum of instances that are kept at all times; `None`: no limits.
    pub(in crate::scenario) always_ready: Option<(u32, u32)>,
    /// The scaling policies, besides those that set provisioned concurrency.
    pub(in crate::scenario) scaling: Vec<String>,
    /// The runtimes whose instances can be restored from a snapshot; empty: all.
    pub(in crate::scenario) snapshot_runtimes: Vec<String>,
    /// Part of the names of the runtimes of all frameworks.
    pub(in crate::scenario) framework_runtimes: Option<String>,
    /// Minimum and maximum ephemeral storage, MB; `None`: it cannot be set.
    pub(in crate::scenario) ephemeral_mb: Option<(u32, u32)>,
    /// What the platform sets by itself: parts of keys, and their meaning.
    pub(in crate::scenario) fixed: Vec<(String, String)>,
    /// What the platform does not have: a key, and the message about it.
    pub(in crate::scenario) lacks: Vec<(String, String)>,
}

/// What the vCPUs of an instance can be.
#[derive(Debug)]
pub(in crate::scenario) struct AllowedVcpus {
    /// Minimum and maximum.
    range: Option<(f64, f64)>,
    /// The only valid numbers from 1 up; empty: all.
    sizes: Vec<f64>,
    /// Minimum and maximum memory per vCPU, MB.
    memory_each_mb: Option<(u32, u32)>,
    /// Minimum vCPUs with more memory (MB) than this.
    with_memory: Vec<(u32, f64)>,
    /// Minimum memory (MB) with this many vCPUs or more.
    needed_memory: Vec<(f64, u32)>,
    /// Minimum of an instance that serves several requests at a time.
    to_share: Option<f64>,
}

impl AllowedVcpus {
    fn read(table: Option<&LimitsTable>) -> Self {
        let pair = |list: Option<&[f64]>| match list {
            Some([least, most]) => Some((*least, *most)),
            _ => None,
        };
        let each = table.and_then(|table| match table.memory_per_vcpu.as_deref() {
            Some([least, most]) => Some((*least, *most)),
            _ => None,
        });
        let with_memory = table.and_then(|table| (*table.vcpus_from).as_ref());
        let needed_memory = table.and_then(|table| (*table.memory_from).as_ref());
        Self {
            range: pair(table.and_then(|table| table.vcpus.as_deref())),
            sizes: table.and_then(|table| (*table.vcpu_sizes).clone()).unwrap_or_default(),
            memory_each_mb: each,
            with_memory: with_memory.map_or_else(Vec::new, |rows| {
                rows.iter().filter_map(|row| Some(((*row.above)?, (*row.vcpus)?))).collect()
            }),
            needed_memory: needed_memory.map_or_else(Vec::new, |rows| {
                rows.iter().filter_map(|row| Some(((*row.vcpus)?, (*row.memory)?))).collect()
            }),
            to_share: table.and_then(|table| *table.sharing_vcpus),
        }
    }

    /// Why an instance with this memory, so many vCPUs and so many requests at a time is not valid, and what to write
    /// instead.
    pub(in crate::scenario) fn refused(&self, memory_mb: u32, vcpus: f64, slots: u32) -> Option<(String, String)> {
        let limit = |vcpus: f64| format!("cpu.limit = {vcpus}");
        if let Some((least, most)) = self.range.filter(|(least, most)| !(*least..=*most).contains(&vcpus)) {
            let valid = if vcpus < least { least } else { most };
            return Some((format!("allows {least} to {most} vCPUs"), limit(valid)));
        }
        if vcpus >= 1.0 && !self.sizes.is_empty() && !self.sizes.contains(&vcpus) {
            let listed: Vec<String> = self.sizes.iter().map(f64::to_string).collect();
            let valid = self.sizes.iter().find(|size| **size >= vcpus).or(self.sizes.last()).copied();
            let from_one = if self.range.is_some_and(|(least, _)| least < 1.0) { "less than 1, or " } else { "" };
            return Some((format!("allows {from_one}{} vCPUs", listed.join(", ")), limit(valid.unwrap_or(1.0))));
        }
        let least = self.with_memory.iter().rfind(|(above, _)| memory_mb > *above).map_or(0.0, |(_, vcpus)| *vcpus);
        if vcpus < least {
            return Some((format!("requires at least {least} vCPUs for that much memory"), limit(least)));
        }
        let needed = self.needed_memory.iter().rfind(|(from, _)| vcpus >= *from).map_or(0, |(_, memory)| *memory);
        if memory_mb < needed {
            return Some((
                format!("requires at least {needed}MB for that many vCPUs"),
                format!("memory = \"{needed}MB\""),
            ));
        }
        if let Some((least, most)) = self.memory_each_mb {
            let each = f64::from(memory_mb) / vcpus;
            if !(f64::from(least)..=f64::from(most)).contains(&each) {
                let valid =
                    f64::from(memory_mb) / if each < f64::from(least) { f64::from(least) } else { f64::from(most) };
                return Some((format!("requires {least}MB to {most}MB per vCPU"), limit(valid)));
            }
        }
        let least = self.to_share.filter(|least| vcpus < *least && slots > 1)?;
        Some((
            format!("serves one request at a time on an instance with less than {least} vCPU"),
            format!("{}, or a concurrency of 1", limit(least)),
        ))
    }
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
            vcpus: AllowedVcpus::read(table),
            always_ready: table.and_then(|table| match table.always_ready.as_deref() {
                Some([least, most]) => Some((*least, *most)),
                _ => None,
            }),
            scaling: table.and_then(|table| (*table.scaling).clone()).unwrap_or_default(),
            snapshot_runtimes: table.and_then(|table| (*table.snapshot_runtimes).clone()).unwrap_or_default(),
            ephemeral_mb: table.and_then(|table| match table.ephemeral_storage.as_deref() {
                Some([least, most]) => Some((*least, *most)),
                _ => None,
            }),
            framework_runtimes: table.and_then(|table| (*table.framework_runtimes).clone()),
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
