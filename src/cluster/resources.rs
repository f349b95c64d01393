//! What nodes have and pods request: CPU, memory, GPUs, and places for pods.

use std::ops::{AddAssign, SubAssign};

/// Amounts of everything that is requested of a node; whole numbers, so that they add up exactly in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU, thousandths of a vCPU (millicores).
    pub cpu_m: u64,
    /// Memory, MB.
    pub memory_mb: u64,
    /// GPUs, thousandths.
    pub gpu_m: u64,
    /// Pods.
    pub pods: u64,
}

/// The resource of which a node has too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// GPUs.
    Gpu,
    /// Places for pods.
    Pods,
}

impl Shortage {
    /// All of them, with their keys in results.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Cpu, "cpu"), (Self::Memory, "memory"), (Self::Gpu, "gpu"), (Self::Pods, "pods")];
}

/// Thousandths of a number of vCPUs or GPUs.
#[must_use]
pub fn thousandths(number: f64) -> u64 {
    (number * 1000.0).round() as u64
}

impl Resources {
    /// The first resource of which `free` has less than this, if there is one.
    #[must_use]
    pub fn shortage_in(&self, free: &Self) -> Option<Shortage> {
        let Self { cpu_m, memory_mb, gpu_m, pods } = *self;
        let checks = [
            (cpu_m <= free.cpu_m, Shortage::Cpu),
            (memory_mb <= free.memory_mb, Shortage::Memory),
            (gpu_m <= free.gpu_m, Shortage::Gpu),
            (pods <= free.pods, Shortage::Pods),
        ];
        checks.into_iter().find(|(fits, _)| !fits).map(|(_, short)| short)
    }

    /// Whether this fits in what is free.
    #[inline]
    #[must_use]
    pub const fn fits_in(&self, free: &Self) -> bool {
        self.cpu_m <= free.cpu_m
            && self.memory_mb <= free.memory_mb
            && self.gpu_m <= free.gpu_m
            && self.pods <= free.pods
    }

    /// How many times this fits in what is free.
    #[must_use]
    pub fn times_in(&self, free: &Self) -> u64 {
        let times = |need: u64, have: u64| have.checked_div(need).unwrap_or(u64::MAX);
        times(self.cpu_m, free.cpu_m)
            .min(times(self.memory_mb, free.memory_mb))
            .min(times(self.gpu_m, free.gpu_m))
            .min(times(self.pods, free.pods))
    }

    /// This so many times.
    #[must_use]
    pub const fn times(&self, number: u64) -> Self {
        Self {
            cpu_m: self.cpu_m * number,
            memory_mb: self.memory_mb * number,
            gpu_m: self.gpu_m * number,
            pods: self.pods * number,
        }
    }

    /// What is left of it when `less` is taken away; nothing where that is more.
    #[must_use]
    pub const fn without(&self, less: &Self) -> Self {
        Self {
            cpu_m: self.cpu_m.saturating_sub(less.cpu_m),
            memory_mb: self.memory_mb.saturating_sub(less.memory_mb),
            gpu_m: self.gpu_m.saturating_sub(less.gpu_m),
            pods: self.pods.saturating_sub(less.pods),
        }
    }
}

/// The smallest of some requests: where none of these fits, none of all does.
pub(super) fn smallest(all: impl Iterator<Item = Resources>) -> Vec<Resources> {
    let mut found: Vec<Resources> = Vec::new();
    for one in all {
        if !found.iter().any(|known| known.fits_in(&one)) {
            found.retain(|known| !one.fits_in(known));
            found.push(one);
        }
    }
    found
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        let Self { cpu_m, memory_mb, gpu_m, pods } = other;
        self.cpu_m += cpu_m;
        self.memory_mb += memory_mb;
        self.gpu_m += gpu_m;
        self.pods += pods;
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Self) {
        let Self { cpu_m, memory_mb, gpu_m, pods } = other;
        self.cpu_m -= cpu_m;
        self.memory_mb -= memory_mb;
        self.gpu_m -= gpu_m;
        self.pods -= pods;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Resources = Resources { cpu_m: 3500, memory_mb: 4096, gpu_m: 0, pods: 10 };

    #[test]
    fn the_scarcest_resource_decides_how_many_fit() {
        let of = |cpu_m, memory_mb| Resources { cpu_m, memory_mb, gpu_m: 0, pods: 1 };
        assert_eq!(of(1000, 512).times_in(&FREE), 3);
        assert_eq!(of(100, 1024).times_in(&FREE), 4);
        assert_eq!(of(1, 1).times_in(&FREE), 10);
        assert_eq!(of(0, 0).times_in(&FREE), 10);
        assert_eq!(Resources { gpu_m: 1000, ..of(1, 1) }.times_in(&FREE), 0);
        assert_eq!(of(4000, 5000).shortage_in(&FREE), Some(Shortage::Cpu));
        assert_eq!(of(500, 5000).shortage_in(&FREE), Some(Shortage::Memory));
        assert_eq!(of(500, 500).shortage_in(&FREE), None);
        assert!(of(500, 500).fits_in(&FREE) && !of(3501, 1).fits_in(&FREE));
    }

    #[test]
    fn of_requests_those_that_no_other_fits_into_are_the_smallest() {
        let of = |cpu_m, memory_mb| Resources { cpu_m, memory_mb, gpu_m: 0, pods: 1 };
        let all = [of(500, 512), of(1000, 512), of(100, 1024), of(100, 2048), of(500, 512)];
        assert_eq!(smallest(all.into_iter()), [of(500, 512), of(100, 1024)]);
        assert_eq!(smallest([of(2, 2), of(1, 1)].into_iter()), [of(1, 1)]);
    }

    #[test]
    fn vcpus_are_millicores() {
        assert_eq!([thousandths(0.25), thousandths(1.769), thousandths(0.1 + 0.2)], [250, 1769, 300]);
    }
}
