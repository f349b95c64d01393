//! Definitions in Amazon States Language, a file each.

use super::Format;
use crate::import::model::{Definition, Kind, Model, Platform, Thing, as_name};
use crate::import::reader::Notes;
use crate::import::tree::Node;

pub(in crate::import) const FORMAT: Format = Format { name: "Amazon States Language", is, read };

fn is(document: &Node) -> bool {
    document.get("StartAt").is_some() && document.get("States").is_some()
}

fn read(document: &Node, model: &mut Model, _: &Notes) {
    let file = model.file.clone();
    let stem = file.rsplit(['/', '\\']).next().unwrap_or("workflow").split('.').next().unwrap_or("workflow");
    let mut workflow = Thing::new(Kind::Workflow, Platform::Lambda, as_name(stem), document.place);
    workflow.ids.push(file.clone());
    let (machine, substitutions) = (document.clone(), Vec::new());
    workflow.definition = Some(Definition { machine, substitutions, address: "States".to_owned() });
    model.things.push(workflow);
}
