//! Node groups of Kubernetes clusters in Terraform.

use super::Resource;
use crate::import::machine::{bounds, node_group};
use crate::import::model::Model;
use crate::import::reader::{Item, Table};

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
                (table.text("node_group_name"), kind, min, max)
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
}
