//! Machines: node groups, the functions that run on them, and functions that would never fit.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Checker, FileTable};
use crate::cluster::{Image, Layer, NodeGroup, NodeGroupSpec, Resources, Shortage};
use crate::dist::Dist;
use crate::id::GroupId;
use crate::scenario::model::Function;
use crate::scenario::raw::function::ImageTable;
use crate::scenario::raw::platform::PlatformTable;
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan, instead};
use crate::schema::tree::Node;
use crate::time::Span;

impl Checker<'_, '_> {
    /// The node groups; resolves the node group and image of `functions`.
    pub(super) fn node_groups(
        &mut self,
        file: &FileTable,
        root: &Node,
        functions: &mut [Function],
    ) -> Option<Vec<NodeGroup>> {
        let groups: Option<Vec<NodeGroup>> = file.node_group.iter().map(|table| self.node_group(table)).collect();
        let names: Vec<&str> = file.node_group.iter().map(|table| table.name.as_str()).collect();
        self.images(file, functions);
        for (table, function) in file.function.iter().zip(functions.iter_mut()) {
            let Some(wanted) = table.node_group.as_ref() else { continue };
            let place = names.iter().position(|name| name == wanted);
            if place.is_none() && !file.node_group.broken {
                let problem = Problem::error(table.node_group.place, format!("there is no node group \"{wanted}\""));
                let help = match names.is_empty() {
                    true => "add it with [[node-group]]".to_owned(),
                    false => instead(wanted, "the node groups are", names.iter().copied()),
                };
                self.problems.push(problem.help(help));
            }
            function.node_group = place.map(|place| GroupId(place as u32));
        }
        let groups = groups?;
        self.autoscalers(&groups, file);
        if groups.is_empty() {
            self.without_machines(file);
        } else {
            if functions.iter().all(|function| function.has_own_machines)
                && let (Some(table), Some(function)) = (file.node_group.iter().next(), functions.first())
            {
                self.unused_machines(table, function, file);
            }
            let placed = functions.iter().enumerate().filter(|(_, function)| !function.has_own_machines);
            for (place, function) in placed {
                let table = file.function.get(place);
                let at = table.map_or(root.place, |table| table.place);
                self.fits_somewhere(function, &groups, at);
            }
        }
        Some(groups)
    }

    fn node_group(&mut self, table: &Spanned<NodeGroupSpec>) -> Option<NodeGroup> {
        let spec = table.value.clone();
        let boot = match &spec.boot {
            Some(boot) => self.dist(boot)?,
            None => Dist::Constant(Span::ZERO),
        };
        Some(NodeGroup { spec, boot })
    }

    /// One autoscaler of a kind manages all groups that name it, so it has one set of parameters.
    fn autoscalers(&mut self, groups: &[NodeGroup], file: &FileTable) {
        let mut known: HashMap<&str, &NodeGroup> = HashMap::new();
        for (group, table) in groups.iter().zip(file.node_group.iter()) {
            let first = *known.entry(group.spec.autoscaler.name()).or_insert(group);
            if first.spec.autoscaler != group.spec.autoscaler {
                let message = format!(
                    "`node-group.{}.autoscaler` is not that of `node-group.{}`: there is one {} in a cluster",
                    group.spec.name,
                    first.spec.name,
                    group.spec.autoscaler.name()
                );
                self.problems.push(Problem::error(table.place, message).help("give both groups the same parameters"));
            }
        }
    }

    /// The images of functions: the same name means the same image.
    fn images(&mut self, file: &FileTable, functions: &mut [Function]) {
        let mut known: HashMap<String, (Image, SourceSpan)> = HashMap::new();
        let mut layers: HashMap<String, (Layer, SourceSpan)> = HashMap::new();
        for (table, function) in file.function.iter().zip(functions) {
            let Some(image) = table.image.as_ref() else { continue };
            let Some(size_mb) = *image.size else { continue };
            // An image may have the name of a function, so they are kept apart.
            let name = image.name.as_ref().map_or_else(|| format!("of {}", function.name), Clone::clone);
            let own = self.layers(&function.name, size_mb, image, &mut layers);
            let next = Image { id: known.len(), size_mb, layers: own.clone() };
            let (first, place) = known.entry(name).or_insert((next, image.size.place)).clone();
            if first.layers != own {
                let message =
                    format!("`function.{}.image.layers` are not those of the same image above", function.name);
                let line = self.problems.line_number(place);
                let problem = Problem::error(image.layers.place, message);
                self.problems
                    .push(problem.help(format!("the other one is on line {line}; give one of them another name")));
            }
            if first.size_mb != size_mb {
                let message = format!(
                    "`function.{}.image.size` is {size_mb}MB: another function sets {}MB for the same image",
                    function.name, first.size_mb
                );
                let line = self.problems.line_number(place);
                let problem = Problem::error(image.size.place, message);
                self.problems
                    .push(problem.help(format!("the other one is on line {line}; give one of them another name")));
            }
            function.image = Some(first);
        }
    }

    /// The layers of an image: a name means the same layer in all images.
    fn layers(
        &mut self,
        function: &str,
        size_mb: u32,
        image: &ImageTable,
        known: &mut HashMap<String, (Layer, SourceSpan)>,
    ) -> Arc<[Layer]> {
        let mut own = Vec::new();
        for (name, size) in image.layers.iter() {
            let next = Layer { id: known.len(), size_mb: size.value };
            let (first, place) = *known.entry(name.clone()).or_insert((next, size.place));
            if first.size_mb != size.value {
                let message = format!(
                    "`function.{function}.image.layers.{name}` is {}MB: another image sets {}MB for the same layer",
                    size.value, first.size_mb
                );
                let line = self.problems.line_number(place);
                let problem = Problem::error(size.place, message);
                self.problems
                    .push(problem.help(format!("the other one is on line {line}; give one of them another name")));
            }
            own.push(first);
        }
        let sum: u64 = own.iter().map(|layer| u64::from(layer.size_mb)).sum();
        if sum > u64::from(size_mb) {
            let message =
                format!("the layers of `function.{function}.image` add up to {sum}MB, and its `size` is {size_mb}MB");
            let help = "`size` is the compressed size of the image with all its layers";
            self.problems.push(Problem::error(image.layers.place, message).help(help));
        }
        own.into()
    }

    /// Rejects node groups on whose nodes no function runs.
    fn unused_machines(&mut self, table: &Spanned<NodeGroupSpec>, function: &Function, file: &FileTable) {
        let message = format!("no instance runs on the nodes of `node-group.{}`", table.name);
        let preset = file.platform.as_ref().and_then(|platform| *platform.preset);
        let platform = preset.map_or("a platform", |preset| preset.allowed().platform.as_str());
        let help = format!(
            "`{}` runs on {platform}, which has machines of its own: remove the node group, or the preset",
            function.name
        );
        self.problems.push(Problem::error(table.place, message).help(help));
    }

    /// Rejects keys about machines where there are no machines.
    fn without_machines(&mut self, file: &FileTable) {
        let platform = file.platform.as_ref();
        // What a preset says of them is of no effect either, and nobody has written it.
        let is_written = |table: &PlatformTable| table.preset.is_none() || table.placement.place != table.preset.place;
        let placement = platform
            .filter(|table| is_written(table))
            .and_then(|table| table.placement.as_ref().map(|_| ("placement", table.placement.place)));
        let registry = platform.and_then(|table| table.registry.as_ref().map(|_| ("registry", table.registry.place)));
        for (key, place) in [placement, registry].into_iter().flatten() {
            let message = format!("`platform.{key}` has no effect without node groups");
            self.problems.push(Problem::warning(place, message).help("add a [[node-group]]"));
        }
        for table in file.function.iter().filter(|table| table.image.is_some()) {
            let message =
                format!("`function.{}.image` has no effect without node groups", table.name.as_deref().unwrap_or("?"));
            let help = "add a [[node-group]], or write the time as a phase: cold-start.phases.image";
            self.problems.push(Problem::warning(table.image.place, message).help(help));
        }
    }

    /// An instance that is larger than any node would wait forever.
    fn fits_somewhere(&mut self, function: &Function, groups: &[NodeGroup], at: SourceSpan) {
        let demand = function.requests();
        let named = function.node_group.map(|id| &groups[id.index()]);
        let candidates: Vec<&NodeGroup> = match named {
            Some(group) => vec![group],
            None => groups.iter().collect(),
        };
        if candidates.iter().any(|group| demand.fits_in(&group.spec.allocatable())) {
            return;
        }
        let Some(nearest) = candidates.first() else { return };
        let has = nearest.spec.allocatable();
        let which = if named.is_some() { "a node of" } else { "any node; the first is" };
        let message = format!(
            "an instance of `function.{}` does not fit on {which} `node-group.{}`",
            function.name, nearest.spec.name
        );
        let help = format!(
            "it requests {}, and a node has {} for instances: {}",
            amounts(&demand),
            amounts(&has),
            match demand.shortage_in(&has) {
                Some(Shortage::Cpu) => "request less in cpu.request, or write a larger node-group.cpu",
                Some(Shortage::Gpu) => "write a larger node-group.gpu",
                Some(Shortage::Memory | Shortage::Pods) | None => "give it less `memory`, or the nodes more",
            }
        );
        self.problems.push(Problem::error(at, message).help(help));
    }
}

/// As in "2 vCPU, 4096MB".
fn amounts(of: &Resources) -> String {
    let gpus = if of.gpu_m > 0 { format!(", {} GPU", of.gpu_m as f64 / 1000.0) } else { String::new() };
    format!("{} vCPU, {}MB{gpus}", of.cpu_m as f64 / 1000.0, of.memory_mb)
}
