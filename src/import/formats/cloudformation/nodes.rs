//! Node groups of Kubernetes clusters in CloudFormation.

use super::Resource;
use crate::import::machine::{NO_NODES, bounds, is_of_cluster, node_group};
use crate::import::model::Model;
use crate::import::reader::{Found, Item, Table};
use crate::import::tree::{Node, Place};

/// Why it has an autoscaler.
const SCALED: &str = "a node group with a minimum and a maximum is scaled by the Cluster Autoscaler";

impl Resource<'_> {
    /// A managed node group of EKS, or an Auto Scaling group whose machines are nodes.
    pub(super) fn nodes(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        table.skip_rest();
        let scaling = table.table("ScalingConfig");
        scaling.skip_rest();
        let (kind, name, sizes) = if self.kind == "AWS::EKS::Nodegroup" {
            let kind = table.list("InstanceTypes").first().and_then(Item::text).or_else(|| self.launched(table));
            (kind, table.text("NodegroupName"), &scaling)
        } else {
            let tags = table.list("Tags");
            if !tags.iter().filter_map(|tag| tag.node.get("Key").and_then(Node::text)).any(is_of_cluster) {
                self.notes.ignore(place, format!("Resources.{}", self.id), NO_NODES);
                return;
            }
            let mixed = table.table("MixedInstancesPolicy").table("LaunchTemplate");
            mixed.skip_rest();
            let first = mixed.list("Overrides").first().and_then(|one| one.table().text("InstanceType"));
            let kind = first.or_else(|| self.launched(&mixed)).or_else(|| self.launched(table));
            (kind, table.text("AutoScalingGroupName"), table)
        };
        let mut thing = node_group(&name.map_or_else(|| self.id.to_owned(), |found| found.value), place, kind);
        thing.ids.push(self.id.to_owned());
        bounds(&mut thing, sizes.whole("MinSize"), sizes.whole("MaxSize"), "cluster-autoscaler", SCALED);
        model.things.push(thing);
    }

    /// The type of the machines of the launch template of this file that a group names.
    fn launched(&self, table: &Table<'_>) -> Option<Found<String>> {
        let blocks = [table.table("LaunchTemplate"), table.table("LaunchTemplateSpecification")];
        blocks.iter().for_each(Table::skip_rest);
        let keys = ["LaunchTemplateId", "LaunchTemplateName", "Id", "Name"];
        let named = blocks.iter().flat_map(|block| keys.map(|key| block.get(key))).flatten();
        let named = named.chain(table.get("LaunchConfigurationName"));
        let names: Vec<String> = named.flat_map(|item| item.reference()).collect();
        let is_meant = |properties: &Node, id: &String| {
            names.contains(id)
                || properties
                    .get("LaunchTemplateName")
                    .and_then(Node::text)
                    .is_some_and(|name| names.iter().any(|known| known == name))
        };
        self.resources.iter().find_map(|entry| {
            let properties = entry.node.get("Properties").filter(|properties| is_meant(properties, &entry.key))?;
            let kind =
                properties.at(&["LaunchTemplateData", "InstanceType"]).or_else(|| properties.get("InstanceType"))?;
            let address = format!("Resources.{}.Properties.InstanceType", entry.key);
            Item::new(&self.template.resolve(kind), address, self.notes).text()
        })
    }
}
