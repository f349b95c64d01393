//! Node groups of Kubernetes clusters in Terraform.

use super::Resource;
use crate::import::machine::{NO_NODES, bounds, is_of_cluster, node_group};
use crate::import::model::Model;
use crate::import::reader::{Found, Item, Table};
use crate::import::tree::Node;

/// Why it has an autoscaler.
const SCALED: &str = "a node group with a minimum and a maximum is scaled by the Cluster Autoscaler";

impl Resource<'_> {
    /// Takes in machines of a cluster; false if it is none that is known.
    pub(super) fn nodes(&self, model: &mut Model) -> bool {
        let table = &self.table;
        let (name, kind, min, max) = match self.kind {
            "aws_eks_node_group" => {
                let scaling = table.block("scaling_config");
                let (min, max) = (scaling.whole("min_size"), scaling.whole("max_size"));
                scaling.skip_rest();
                let kind = table.list("instance_types").first().and_then(Item::text);
                (table.text("node_group_name"), kind.or_else(|| self.launched(table)), min, max)
            }
            // Read where a group names it.
            "aws_launch_template" | "aws_launch_configuration" => return true,
            "aws_autoscaling_group" => {
                let tags = table.list("tag").into_iter().chain(table.list("tags"));
                let mut keys = tags.filter_map(|tag| tag.node.get("key").and_then(Node::text));
                if !keys.any(is_of_cluster) {
                    self.notes.ignore(table.place(), self.address, NO_NODES);
                    return true;
                }
                let mixed = table.block("mixed_instances_policy").block("launch_template");
                let first = mixed.list("override").first().and_then(|one| one.table().text("instance_type"));
                let kind = first.or_else(|| self.launched(&mixed)).or_else(|| self.launched(table));
                mixed.skip_rest();
                (table.text("name"), kind, table.whole("min_size"), table.whole("max_size"))
            }
            "google_container_node_pool" => {
                let (scaling, node) = (table.block("autoscaling"), table.block("node_config"));
                let count = table.whole("node_count");
                let min = scaling.whole("min_node_count").or(scaling.whole("total_min_node_count")).or(count.clone());
                let max = scaling.whole("max_node_count").or(scaling.whole("total_max_node_count")).or(count);
                let kind = node.text("machine_type");
                [scaling, node].iter().for_each(Table::skip_rest);
                (table.text("name"), kind, min, max)
            }
            "azurerm_kubernetes_cluster_node_pool" => {
                let count = table.whole("node_count");
                let (min, max) = (table.whole("min_count"), table.whole("max_count"));
                (table.text("name"), table.text("vm_size"), min.or(count.clone()), max.or(count))
            }
            _ => return false,
        };
        let name = name.map_or_else(|| self.name.to_owned(), |found| found.value);
        let mut thing = node_group(&name, table.place(), kind);
        thing.ids.extend(self.ids());
        bounds(&mut thing, min, max, "cluster-autoscaler", SCALED);
        model.things.push(thing);
        true
    }

    /// The type of the machines of the launch template that a group names.
    fn launched(&self, table: &Table<'_>) -> Option<Found<String>> {
        let template = table.block("launch_template");
        let mixed = table.block("launch_template_specification");
        let keys = [
            template.get("id"),
            template.get("name"),
            mixed.get("launch_template_id"),
            mixed.get("launch_template_name"),
            table.get("launch_configuration"),
        ];
        [&template, &mixed].into_iter().for_each(Table::skip_rest);
        let mut names: Vec<String> = keys.into_iter().flatten().flat_map(|item| item.reference()).collect();
        for key in ["launch_template", "launch_configuration", "mixed_instances_policy"] {
            names.extend(self.referred(key));
        }
        self.size(&names)
    }
}
