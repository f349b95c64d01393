//! Sizes of virtual machines by the names that the clouds give their types, and node groups made of them.

use super::model::{Kind, Origin, Platform, Setting, Thing, megabytes, number};
use super::reader::Found;
use super::tree::Place;

/// vCPUs and memory (GB) of a type; none where the name does not tell.
pub(super) fn size(kind: &str) -> Option<(f64, f64)> {
    aws(kind).or_else(|| google(kind)).or_else(|| azure(kind))
}

/// `m5.xlarge`: the family says how much memory there is for a vCPU.
fn aws(kind: &str) -> Option<(f64, f64)> {
    let (family, size) = kind.split_once('.')?;
    let multiple = size.strip_suffix("xlarge").map(|times| if times.is_empty() { Some(1) } else { times.parse().ok() });
    let cpu = match (size, multiple) {
        (_, Some(times)) => 4.0 * f64::from(times?),
        ("large", None) => 2.0,
        ("medium", None) => 1.0,
        _ => return None,
    };
    if matches!(family, "t2" | "t3" | "t3a" | "t4g") {
        // Burstable ones have two vCPUs or more.
        return match size {
            "medium" => Some((2.0, 4.0)),
            "large" => Some((2.0, 8.0)),
            "xlarge" => Some((4.0, 16.0)),
            "2xlarge" => Some((8.0, 32.0)),
            _ => None,
        };
    }
    let is_generation = |rest: &str| {
        rest.starts_with(|c: char| ('4'..='9').contains(&c))
            && rest[1..].chars().all(|c| matches!(c, 'a' | 'i' | 'g' | 'd' | 'n' | 'b'))
    };
    let each = match family.split_at_checked(1)? {
        ("m", rest) if is_generation(rest) => 4.0,
        ("c", rest) if is_generation(rest) && family != "c5n" && !family.starts_with("c4") => 2.0,
        ("r", rest) if is_generation(rest) && !family.starts_with("r4") => 8.0,
        _ => return None,
    };
    Some((cpu, cpu * each))
}

/// `n2-standard-4`, `e2-highmem-8`.
fn google(kind: &str) -> Option<(f64, f64)> {
    if kind == "e2-medium" {
        return Some((2.0, 4.0));
    }
    let mut parts = kind.split('-');
    let (family, class, cpu) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !matches!(family, "e2" | "n2" | "n2d" | "n4" | "c3" | "c3d" | "t2d") {
        return None;
    }
    let cpu: f64 = cpu.parse::<u32>().ok()?.into();
    let each = match class {
        "standard" => 4.0,
        "highmem" => 8.0,
        "highcpu" if matches!(family, "e2" | "n2" | "n2d") => 1.0,
        _ => return None,
    };
    Some((cpu, cpu * each))
}

/// `Standard_D4s_v5`.
fn azure(kind: &str) -> Option<(f64, f64)> {
    let rest = kind.strip_prefix("Standard_")?;
    let (family, rest) = rest.split_at_checked(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let is_new = ["_v3", "_v4", "_v5", "_v6"].iter().any(|version| rest.ends_with(version));
    let cpu: f64 = digits.parse::<u32>().ok()?.into();
    match family {
        "D" if is_new && !rest.contains('l') => Some((cpu, cpu * 4.0)),
        "E" if is_new => Some((cpu, cpu * 8.0)),
        "F" if rest.ends_with("s_v2") => Some((cpu, cpu * 2.0)),
        _ => None,
    }
}

/// A node group whose machines are of a type, the first of those that it may have.
pub(super) fn node_group(name: &str, place: Place, kind: Option<Found<String>>) -> Thing {
    let mut thing = Thing::new(Kind::NodeGroup, Platform::Kubernetes, super::model::as_name(name), place);
    thing.ids.push(name.to_owned());
    let known = kind.as_ref().and_then(|found| size(&found.value));
    let (cpu, memory_gb) = known.unwrap_or((4.0, 16.0));
    let origin = match (kind, known) {
        (Some(found), Some(_)) => found.origin,
        (Some(found), None) => {
            Origin::Assumed(format!("the size of `{}` is not known here: 4 vCPUs and 16 GB are assumed", found.value))
        }
        (None, _) => {
            Origin::Assumed("no file names the type of the machines: 4 vCPUs and 16 GB are assumed".to_owned())
        }
    };
    thing.set("cpu", number(cpu), origin.clone());
    thing.set("memory", megabytes(memory_gb * 1024.0), origin);
    let reason = "no file says how long a node takes to become ready".to_owned();
    thing.set("boot.uniform", "{ min = \"40s\", max = \"90s\" }", Origin::Assumed(reason));
    thing
}

/// Whether a tag of an Auto Scaling group makes its machines nodes of a cluster.
pub(super) fn is_of_cluster(tag: &str) -> bool {
    tag.starts_with("kubernetes.io/cluster/") || tag.starts_with("k8s.io/cluster-autoscaler/")
}

/// Why other groups are ignored.
pub(super) const NO_NODES: &str = "not nodes of a cluster: it has no tag kubernetes.io/cluster/NAME";

/// How many nodes there are: a fixed number, or what an autoscaler may have.
pub(super) fn bounds(thing: &mut Thing, min: Option<Found<u64>>, max: Option<Found<u64>>, autoscaler: &str, why: &str) {
    let is_fixed = matches!((&min, &max), (Some(min), Some(max)) if min.value == max.value && max.value > 0);
    if is_fixed {
        thing.put("count", max, |count| count.to_string());
        thing.remove("boot.uniform");
        return;
    }
    thing.put("min", min, |count| count.to_string());
    match max.filter(|max| max.value > 0) {
        Some(max) => thing.put("max", Some(max), |count| count.clamp(1, 100_000).to_string()),
        None => {
            let reason = "no file limits the number of nodes: 100 are assumed".to_owned();
            thing.apply(Setting::new("max", "100", Origin::Assumed(reason)));
        }
    }
    if !thing.has("autoscaler") {
        thing.set("autoscaler", format!("\"{autoscaler}\""), Origin::Default(why.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_machines_tell_their_size() {
        for (kind, expected) in [
            ("m5.xlarge", Some((4.0, 16.0))),
            ("m7g.medium", Some((1.0, 4.0))),
            ("c6i.2xlarge", Some((8.0, 16.0))),
            ("r6gd.12xlarge", Some((48.0, 384.0))),
            ("t3.medium", Some((2.0, 4.0))),
            ("e2-standard-4", Some((4.0, 16.0))),
            ("n2-highcpu-8", Some((8.0, 8.0))),
            ("e2-medium", Some((2.0, 4.0))),
            ("Standard_D4s_v5", Some((4.0, 16.0))),
            ("Standard_E8s_v4", Some((8.0, 64.0))),
            ("Standard_F2s_v2", Some((2.0, 4.0))),
            ("p3.2xlarge", None),
            ("c5n.large", None),
            ("x.large", None),
            ("m5.", None),
            ("é.large", None),
            ("m5.metal", None),
            ("n1-standard-1", None),
            ("Standard_", None),
        ] {
            assert_eq!(size(kind), expected, "{kind}");
        }
    }
}
