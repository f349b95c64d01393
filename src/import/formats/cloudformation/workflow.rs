//! State machines of CloudFormation and SAM.

use super::Resource;
use crate::import::model::{Definition, Kind, Model, Setting, text};
use crate::import::reader::Item;
use crate::import::tree::{Node, Place, Value};
use crate::import::workflow::{ELSEWHERE, of_text};

impl Resource<'_> {
    pub(super) fn state_machine(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let mut workflow = self.thing(Kind::Workflow, place, "StateMachineName");
        let kind = table.get("StateMachineType").or_else(|| table.get("Type"));
        let preset = kind.and_then(|kind| {
            kind.parsed("STANDARD or EXPRESS", |kind| match kind {
                "STANDARD" => Some("step-functions"),
                "EXPRESS" => Some("step-functions-express"),
                _ => None,
            })
        });
        workflow.put("preset", preset, text);
        let substitutions = table.get("DefinitionSubstitutions").map_or(&[][..], |item| item.node.entries()).to_vec();
        let inline = table.get("Definition").or_else(|| table.get("DefinitionString"));
        if let Some(item) = inline
            && let Some(machine) = of_text(item.node, self.notes, &item.address)
        {
            workflow.definition = Some(Definition { machine, substitutions, address: item.address });
        } else if let Some(uri) = table.get("DefinitionUri")
            && let Some(found) = uri.text()
        {
            workflow.apply(Setting::new(ELSEWHERE, text(found.value), found.origin));
            let machine = Node::new(Value::Null, place);
            workflow.definition = Some(Definition { machine, substitutions, address: uri.address });
        }
        table.refuse("DefinitionS3Location", "its definition is not in the template: name its file too");
        if let Some(events) = table.get("Events") {
            for entry in events.node.entries() {
                let event = Item::new(&entry.node, format!("{}.{}", events.address, entry.key), self.notes).table();
                self.event(&event, &entry.key, model);
            }
        }
        table.skip_rest();
        model.things.push(workflow);
    }
}
