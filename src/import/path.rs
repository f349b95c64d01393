//! From what hands requests to what, as the files say it, to the path of a scenario: gateways, queues, streams and topics with
//! their targets, schedules as sources, and the places where requests come in from outside.

mod entrances;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::join::resolved;
use super::model::{
    Definition, Kind, Link, Model, Names, Origin, Platform, Setting, Thing, as_name, name_in, part, text,
};
use super::reader::Notes;
use super::tree::Place;
use super::workflow;

/// What can be called, in the order in which a name is looked up.
const CALLED: [Kind; 6] = [Kind::Function, Kind::Queue, Kind::Topic, Kind::Stream, Kind::Workflow, Kind::Dependency];

/// The mark of a rule that is switched off.
pub(super) const OFF: &str = "off";

/// Settings of a mapping that only streams have, and that only queues have.
const OF_STREAMS: [&str; 5] =
    ["consumer.parallelization", "consumer.bisect", "consumer.max-attempts", "consumer.max-age", "on-failure"];
const OF_QUEUES: [&str; 2] = ["consumer.max-concurrency", "consumer.provisioned"];

/// The id of every gateway that is the URL of a function.
pub(super) const FUNCTION_URL: &str = "lambda-url:*";

/// Lays the path: every thing that stays has its targets, or is a source.
pub(super) fn lay(model: &mut Model, scenario: &str, notes: &Notes) {
    let links = std::mem::take(&mut model.links);
    let mut laying = Laying::new(std::mem::take(&mut model.things), &model.aliases, notes);
    let definitions = laying.definitions(scenario, &mut model.beside);
    let mut edges = laying.edges(links);
    laying.triggers(&mut edges);
    laying.workflows(definitions, &mut edges);
    let useful = laying.useful(&edges);
    let mut made = laying.components(&edges, &useful);
    edges.retain(|edge| useful[edge.to]);
    let (entries, sources) = made.entrances(&laying, &edges);
    model.things = made.things.into_iter().flatten().chain(sources).collect();
    model.entries = entries;
}

/// One thing calls another.
struct Edge {
    kind: Kind,
    from: usize,
    to: usize,
    place: Place,
    settings: Vec<Setting>,
}

struct Laying<'a> {
    things: Vec<Thing>,
    /// Things by their names and ids.
    known: HashMap<String, Vec<usize>>,
    names: RefCell<Names>,
    aliases: &'a [(String, Vec<String>)],
    notes: &'a Notes,
}

impl<'a> Laying<'a> {
    fn new(things: Vec<Thing>, aliases: &'a [(String, Vec<String>)], notes: &'a Notes) -> Self {
        let (known, names) = (HashMap::new(), RefCell::default());
        let mut laying = Self { things: Vec::new(), known, names, aliases, notes };
        things.into_iter().for_each(|thing| {
            laying.push(thing);
        });
        laying
    }

    fn push(&mut self, mut thing: Thing) -> usize {
        let at = self.things.len();
        thing.name = self.free(thing.kind, &thing.name);
        for name in std::iter::once(&thing.name).chain(&thing.ids) {
            self.known.entry(name.clone()).or_default().push(at);
        }
        self.things.push(thing);
        at
    }

    fn free(&self, kind: Kind, name: &str) -> String {
        self.names.borrow_mut().free(kind, as_name(name))
    }

    /// The thing of one of these kinds that the names mean: a whole name counts before a part of one.
    fn find(&self, names: &[String], kinds: &[Kind]) -> Option<usize> {
        let names = resolved(names, self.aliases);
        let of = |part: fn(&str) -> &str| {
            let called: Vec<usize> =
                names.iter().filter_map(|name| self.known.get(part(name))).flatten().copied().collect();
            kinds.iter().find_map(|kind| called.iter().copied().find(|at| self.things[*at].kind == *kind))
        };
        of(|name| name).or_else(|| of(part))
    }

    /// The definitions of workflows, which become files beside the scenario.
    fn definitions(&mut self, scenario: &str, beside: &mut Vec<(String, String)>) -> Vec<(usize, Definition)> {
        let mut definitions = Vec::new();
        for (at, thing) in self.things.iter_mut().enumerate() {
            let Some(definition) = thing.definition.take() else { continue };
            let file = format!("{}.asl.json", as_name(&format!("{scenario}-{}", thing.name)));
            beside.push((file.clone(), workflow::written(&definition.machine)));
            let origin = Origin::Read { place: definition.machine.place, address: definition.address.clone() };
            thing.set("asl", text(file), origin);
            definitions.push((at, definition));
        }
        definitions
    }

    /// An Azure template does not say what takes messages of its queues: the only app does.
    fn triggers(&self, edges: &mut Vec<Edge>) {
        let [app] = self.of_azure(Kind::Function)[..] else { return };
        for kind in [Kind::Queue, Kind::Stream] {
            for from in self.of_azure(kind) {
                if !edges.iter().any(|edge| edge.from == from) {
                    let reason = "function.json says what takes its messages: the only app of these files is taken";
                    let assumed = Setting::new("target", target(&self.things[app]), Origin::Assumed(reason.to_owned()));
                    let place = self.things[from].place;
                    edges.push(Edge { kind, from, to: app, place, settings: vec![assumed] });
                }
            }
        }
    }

    fn of_azure(&self, kind: Kind) -> Vec<usize> {
        let is = |at: &usize| self.things[*at].kind == kind && self.things[*at].platform == Platform::Azure;
        (0..self.things.len()).filter(is).collect()
    }

    /// What the tasks of workflows call; something stands for what is not in the files.
    fn workflows(&mut self, definitions: Vec<(usize, Definition)>, edges: &mut Vec<Edge>) {
        let useful = self.useful(edges);
        for (at, definition) in definitions {
            let found = workflow::tasks(&definition);
            for task in &found.tasks {
                // A queue takes messages even if nobody receives them.
                let takes =
                    |to: &usize| useful.get(*to).copied().unwrap_or(true) || self.things[*to].kind == Kind::Queue;
                let to = self.find(&task.names, &CALLED).filter(takes).unwrap_or_else(|| {
                    let stand_in = workflow::stand_in(&self.things[at], task);
                    let known = self.find(std::slice::from_ref(&stand_in.name), &[Kind::Dependency]);
                    known.unwrap_or_else(|| self.push(stand_in))
                });
                let origin = Origin::Read { place: task.place, address: format!("States.{}", task.state) };
                let key = format!("targets.{}", workflow::key(&task.state));
                let value = target(&self.things[to]);
                self.things[at].set(key, value, origin);
                edges.push(Edge { kind: Kind::Workflow, from: at, to, place: task.place, settings: Vec::new() });
            }
            found.assumed.into_iter().for_each(|setting| self.things[at].apply(setting));
        }
    }

    /// Every link as an edge between things; what hands on and is in no file is made.
    fn edges(&mut self, links: Vec<Link>) -> Vec<Edge> {
        let mut edges = Vec::new();
        for Link { from, kind, to, place, settings } in links {
            let Some(to) = self.find(&to, &CALLED) else {
                let named = if to.is_empty() { "what it calls cannot be told".to_owned() } else { unknown(&to) };
                let from = from.last().map_or("", String::as_str);
                self.notes.ignore(place, format!("{} {from}", kind.name()).trim_end().to_owned(), named);
                continue;
            };
            // A mapping may not say whether it reads a queue or a stream, and a target not whether its rule is a schedule.
            let kinds: &[Kind] = match kind {
                Kind::Topic => &[Kind::Topic, Kind::Schedule],
                Kind::Queue => &[Kind::Queue, Kind::Stream],
                Kind::Stream => &[Kind::Stream, Kind::Queue],
                _ => &[kind],
            };
            let known = self.find(&from, kinds).filter(|_| kind != Kind::Source);
            let from = known.unwrap_or_else(|| self.imply(kind, &from, to, place));
            // It has been listed.
            if self.things[from].has(OFF) {
                continue;
            }
            edges.push(Edge { kind: self.things[from].kind, from, to, place, settings });
        }
        edges
    }

    /// Something that hands on and of which only the name is known.
    fn imply(&mut self, kind: Kind, names: &[String], to: usize, place: Place) -> usize {
        let name = name_in(names).unwrap_or_else(|| format!("{}-{}", self.things[to].name, kind.name()));
        let mut thing = Thing::new(kind, self.things[to].platform, name, place);
        thing.ids = names.to_vec();
        let reason = |what: &str| Origin::Default(format!("{what}; its own settings are in none of the files"));
        let has = |part: &str| names.iter().any(|name| name.contains(part));
        let (preset, what) = match kind {
            Kind::Gateway if has(FUNCTION_URL) => (None, ""),
            Kind::Gateway if has("LoadBalancer") => (Some("aws-alb"), "an Application Load Balancer"),
            Kind::Gateway if has("Http") => (Some("aws-http"), "an HTTP API"),
            Kind::Gateway => (Some("aws-rest"), "a REST API"),
            Kind::Queue if has(".fifo") => (Some("sqs-fifo"), "an SQS queue"),
            Kind::Queue => (Some("sqs"), "an SQS queue"),
            Kind::Stream if has("dynamodb") => (Some("dynamodb"), "a stream of DynamoDB"),
            Kind::Stream if has("kafka") => (Some("kafka"), "a Kafka topic"),
            Kind::Stream => (Some("kinesis"), "a Kinesis stream"),
            Kind::Topic => (Some("sns"), "an SNS topic"),
            _ => (None, ""),
        };
        if let Some(preset) = preset {
            thing.set("preset", text(preset), reason(what));
        }
        self.push(thing)
    }

    /// The components that are of use, with their targets.
    fn components(&mut self, edges: &[Edge], useful: &[bool]) -> Made {
        let mut made = Made::default();
        for at in 0..self.things.len() {
            let thing = &self.things[at];
            let own: Vec<&Edge> = edges.iter().filter(|edge| edge.from == at && useful[edge.to]).collect();
            match thing.kind {
                Kind::Schedule | Kind::Source => {}
                Kind::Function | Kind::Dependency | Kind::NodeGroup => made.push(at, thing.clone()),
                Kind::Workflow if thing.has("asl") => made.push(at, thing.clone()),
                _ if !useful[at] => {
                    let what = format!("{} {}", thing.kind.name(), thing.name);
                    self.notes.ignore(thing.place, what, "nothing in these files takes requests from it");
                }
                Kind::Gateway => made.gateways(at, thing, &own, self),
                Kind::Topic => made.topic(at, thing, &own, self),
                Kind::Queue => made.queue(at, thing, &own, self),
                Kind::Stream => made.stream(at, thing, &own, self),
                Kind::Workflow => {}
            }
        }
        // References of what there is: dead letters, destinations, authorizers.
        for thing in made.things.iter_mut().flatten() {
            for mut setting in std::mem::take(&mut thing.settings) {
                if setting.names.is_empty() {
                    // A reference to nothing, as of a route without the authorizer of its API, says that there is none.
                    if !setting.value.is_empty() {
                        thing.settings.push(setting);
                    }
                    continue;
                }
                match self.find(&setting.names, &CALLED).filter(|to| useful[*to]) {
                    Some(to) => {
                        made.called.insert(to);
                        setting.value = target(&self.things[to]);
                        thing.settings.push(setting);
                    }
                    None => {
                        if let Origin::Read { place, address } = setting.origin {
                            self.notes.ignore(place, address, format!("not simulated: {}", unknown(&setting.names)));
                        }
                    }
                }
            }
            if thing.has("authorizer") && !thing.has("authorizer.target") {
                thing.settings.retain(|setting| !setting.key.starts_with("authorizer."));
            }
        }
        made.called.extend(edges.iter().filter(|edge| useful[edge.from]).map(|edge| edge.to));
        made
    }

    /// What takes part: functions and workflows, what hands on to something that does, and queues where messages end.
    fn useful(&self, edges: &[Edge]) -> Vec<bool> {
        let is_end = |thing: &Thing| {
            matches!(thing.kind, Kind::Function | Kind::Dependency) || thing.kind == Kind::Workflow && thing.has("asl")
        };
        let mut useful: Vec<bool> = self.things.iter().map(is_end).collect();
        // Dead letters of what takes part may go where nobody takes them.
        loop {
            let before = useful.iter().filter(|is| **is).count();
            for edge in edges.iter().filter(|edge| self.things[edge.from].kind != Kind::Workflow) {
                useful[edge.from] |= useful[edge.to];
            }
            let ends = self.things.iter().zip(&useful).filter(|(_, is)| **is).flat_map(|(thing, _)| &thing.settings);
            let of_mappings = edges.iter().filter(|edge| useful[edge.from]).flat_map(|edge| &edge.settings);
            let ends: Vec<usize> = ends
                .chain(of_mappings)
                .filter(|setting| !setting.names.is_empty())
                .filter_map(|setting| self.find(&setting.names, &[Kind::Queue]))
                .chain(edges.iter().filter(|edge| self.things[edge.to].kind == Kind::Queue).map(|edge| edge.to))
                .collect();
            ends.into_iter().for_each(|queue| useful[queue] = true);
            if useful.iter().filter(|is| **is).count() == before {
                return useful;
            }
        }
    }
}

/// What has been made so far.
#[derive(Default)]
struct Made {
    /// By the thing it was made of.
    things: Vec<Vec<Thing>>,
    /// Where requests can come in: the thing it was made of, its place among those, the thing that it calls.
    open: Vec<(usize, usize, usize)>,
    /// What is called by something.
    called: HashSet<usize>,
}

impl Made {
    fn push(&mut self, at: usize, thing: Thing) {
        self.things.resize(self.things.len().max(at + 1), Vec::new());
        self.things[at].push(thing);
    }

    /// One gateway for each target: requests of an API are told apart by their routes, each of which has its own load.
    fn gateways(&mut self, at: usize, thing: &Thing, edges: &[&Edge], laying: &Laying<'_>) {
        let mut targets: Vec<usize> = Vec::new();
        for edge in edges {
            if !targets.contains(&edge.to) {
                targets.push(edge.to);
            }
        }
        for (number, to) in targets.iter().enumerate() {
            let mut gateway = thing.clone();
            if targets.len() > 1 {
                gateway.name = laying.free(Kind::Gateway, &format!("{}-{}", thing.name, laying.things[*to].name));
            }
            let own: Vec<_> = edges.iter().filter(|edge| edge.to == *to).collect();
            gateway.set("target", target(&laying.things[*to]), at_place(own[0].place));
            // What a route says counts before what its API says; of several routes to the same function the first counts.
            let of_routes = || own.iter().rev().flat_map(|edge| &edge.settings);
            if of_routes().any(|setting| setting.key == "authorizer.target") {
                gateway.settings.retain(|setting| !setting.key.starts_with("authorizer."));
            }
            of_routes().for_each(|setting| gateway.apply(setting.clone()));
            limit_of_url(&mut gateway, &laying.things[*to]);
            self.open.push((at, number, *to));
            self.push(at, gateway);
        }
    }

    fn topic(&mut self, at: usize, thing: &Thing, edges: &[&Edge], laying: &Laying<'_>) {
        let mut targets: Vec<String> = Vec::new();
        for edge in edges {
            let to = target(&laying.things[edge.to]);
            if !targets.contains(&to) {
                targets.push(to);
            }
        }
        let (Some(first), false) = (edges.first(), targets.is_empty()) else { return };
        let mut topic = thing.clone();
        topic.set("targets", format!("[{}]", targets.join(", ")), at_place(first.place));
        edges.iter().flat_map(|edge| &edge.settings).for_each(|setting| topic.apply(setting.clone()));
        self.open.push((at, 0, first.to));
        self.push(at, topic);
    }

    fn queue(&mut self, at: usize, thing: &Thing, edges: &[&Edge], laying: &Laying<'_>) {
        let mut queue = thing.clone();
        if let Some((edge, others)) = edges.split_first() {
            queue.set("target", target(&laying.things[edge.to]), at_place(edge.place));
            let is_known = |setting: &&Setting| !OF_STREAMS.contains(&setting.key.as_str());
            edge.settings.iter().filter(is_known).for_each(|setting| queue.apply(setting.clone()));
            for other in others {
                let what = format!("queue {} -> {}", thing.name, laying.things[other.to].name);
                laying.notes.ignore(other.place, what, "not simulated: a second consumer of the same queue");
            }
            self.open.push((at, 0, edge.to));
        }
        self.push(at, queue);
    }

    /// Each consumer reads all records: several get a stream each, behind a topic that gives every record to all.
    fn stream(&mut self, at: usize, thing: &Thing, edges: &[&Edge], laying: &Laying<'_>) {
        let Some(first) = edges.first() else { return };
        let mut streams = Vec::new();
        for edge in edges {
            let mut stream = thing.clone();
            stream.set("target", target(&laying.things[edge.to]), at_place(edge.place));
            let is_known = |setting: &&Setting| !OF_QUEUES.iter().any(|key| setting.key.starts_with(key));
            edge.settings.iter().filter(is_known).for_each(|setting| stream.apply(setting.clone()));
            if edges.len() > 1 {
                let name = format!("{}-{}", thing.name, laying.things[edge.to].name);
                stream.name = laying.free(Kind::Stream, &name);
                if !streams.is_empty() {
                    let reason = "the stream is paid for once".to_owned();
                    stream.set("per-million-usd", "0.0", Origin::Default(reason.clone()));
                    stream.set("shard-per-hour-usd", "0.0", Origin::Default(reason));
                }
            }
            streams.push(stream);
        }
        if streams.len() > 1 {
            let name = laying.free(Kind::Topic, &thing.name);
            let mut topic = Thing::new(Kind::Topic, thing.platform, name, thing.place);
            topic.ids.clone_from(&thing.ids);
            let names: Vec<String> = streams.iter().map(target).collect();
            let reason = "every consumer of the stream gets each record".to_owned();
            topic.set("targets", format!("[{}]", names.join(", ")), Origin::Default(reason.clone()));
            topic.set("per-million-usd", "0.0", Origin::Default(reason));
            self.push(at, topic);
        }
        self.open.push((at, 0, first.to));
        streams.into_iter().for_each(|stream| self.push(at, stream));
    }
}

/// The URL of a function takes 10 requests a second for each unit of its reserved concurrency (Lambda developer guide, "Lambda
/// function URLs", throttling).
fn limit_of_url(gateway: &mut Thing, function: &Thing) {
    let is_url = gateway.ids.iter().any(|id| id == FUNCTION_URL);
    let reserved = function.settings.iter().find(|setting| is_url && setting.key == "concurrency.reserved");
    let Some(reserved) = reserved.and_then(|setting| setting.value.parse::<f64>().ok()).filter(|limit| *limit > 0.0)
    else {
        return;
    };
    let reason = "a function URL takes 10 requests a second for each unit of reserved concurrency".to_owned();
    gateway.set("throttle.rate", text(format!("{}/s", 10.0 * reserved)), Origin::Default(reason));
}

/// A thing as others name it, as TOML.
fn target(thing: &Thing) -> String {
    text(format!("{}.{}", thing.kind.name(), thing.name))
}

fn at_place(place: Place) -> Origin {
    Origin::Read { place, address: String::new() }
}

fn unknown(names: &[String]) -> String {
    format!("no file describes {}", names.join(" or "))
}
