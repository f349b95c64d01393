//! The home node of a function and the way from there, as the load balancer of Apache OpenWhisk (`ShardingContainerPoolBalancer`,
//! read in its source): the hash of the name gives the first node, and the size of the steps to the next ones, which is one of
//! the numbers that are coprime to the number of nodes and to each other. So each function has its images and its idle instances
//! on few nodes, and functions with one home leave it in different directions.
//!
//! Where OpenWhisk has no node left it puts the request on any; here the pod waits.

use super::{NodeId, Placement, View};

#[derive(Debug, Default)]
pub(super) struct HomeNode {
    /// For how many nodes the steps are.
    size: u32,
    steps: Vec<u32>,
}

/// The absolute value of the hash of a text as Java computes it.
fn java_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.wrapping_abs().cast_unsigned() & 0x7fff_ffff
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The numbers up to `size` that are coprime to it and to each other.
fn pairwise_coprime(size: u32) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    for number in 1..=size {
        if gcd(number, size) == 1 && found.iter().all(|known| gcd(*known, number) == 1) {
            found.push(number);
        }
    }
    found
}

impl Placement for HomeNode {
    fn choose(&mut self, view: &View<'_>) -> Option<NodeId> {
        let size = view.nodes.places() as u32;
        if size == 0 {
            return None;
        }
        if self.size != size {
            (self.size, self.steps) = (size, pairwise_coprime(size));
        }
        let hash = java_hash(&view.of_class.name);
        let (home, step) = (hash % size, self.steps[hash as usize % self.steps.len()]);
        let way = (0..size)
            .map(|number| NodeId(((u64::from(home) + u64::from(number) * u64::from(step)) % u64::from(size)) as u32));
        let mut way = way.into_iter().filter(|id| view.only.is_none_or(|only| only.contains(id)));
        way.find(|id| view.fitting(*id).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the test of OpenWhisk itself (`ShardingContainerPoolBalancerTests`).
    #[test]
    fn steps_are_coprime_to_the_number_of_nodes_and_to_each_other() {
        let expected: [&[u32]; 12] = [
            &[1],
            &[1],
            &[1, 2],
            &[1, 3],
            &[1, 2, 3],
            &[1, 5],
            &[1, 2, 3, 5],
            &[1, 3, 5, 7],
            &[1, 2, 5, 7],
            &[1, 3, 7],
            &[1, 2, 3, 5, 7],
            &[1, 5, 7, 11],
        ];
        for (size, expected) in (1..).zip(expected) {
            assert_eq!(pairwise_coprime(size), expected, "{size}");
        }
    }

    #[test]
    fn the_hash_is_that_of_java() {
        // "hello".hashCode() and "checkout".hashCode().
        assert_eq!((java_hash("hello"), java_hash("")), (99_162_322, 0));
        // "polygenelubricants" is the classic text whose hash is the smallest integer, of which there is no absolute value.
        assert_eq!(java_hash("polygenelubricants"), 0);
    }
}
