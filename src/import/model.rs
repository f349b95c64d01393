//! What files describe, whatever format they have: things with settings and references to each other.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::reader::{Found, Item};
use super::tree::{Entry, Node, Place};
use crate::time::Span;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// From a place in a file.
    Read {
        /// Where.
        place: Place,
        /// The key, as `Resources.Web.Properties.MemorySize`.
        address: String,
    },
    /// Nothing says it, so it is what the platform takes then; says why.
    Default(String),
    /// No file can say it; says why, and what was made up.
    Assumed(String),
    /// An option says it.
    Given(String),
}

/// One value of the scenario.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The dotted key within the thing.
    pub(super) key: String,
    /// As TOML.
    pub(super) value: String,
    pub(super) origin: Origin,
    /// What it refers to, where the value is the name of another thing: that is found when all files are read.
    pub(super) names: Vec<String>,
}

impl Setting {
    pub(super) fn new(key: impl Into<String>, value: impl Into<String>, origin: Origin) -> Self {
        Self { key: key.into(), value: value.into(), origin, names: Vec::new() }
    }

    /// One whose value is the name of the thing that these names mean.
    pub(super) fn reference(key: impl Into<String>, item: &Item<'_>) -> Self {
        Self { names: item.reference(), ..Self::new(key, "", item.origin()) }
    }
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Function,
    Queue,
    Stream,
    Topic,
    Gateway,
    Schedule,
    Workflow,
    Dependency,
    Source,
    NodeGroup,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Queue => "queue",
            Self::Stream => "stream",
            Self::Topic => "topic",
            Self::Gateway => "gateway",
            Self::Schedule => "schedule",
            Self::Workflow => "workflow",
            Self::Dependency => "dependency",
            Self::Source => "source",
            Self::NodeGroup => "node-group",
        }
    }
}

/// Where functions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Lambda,
    CloudRun,
    /// Cloud Run that is billed for whole instances.
    CloudRunInstances,
    Azure,
    Kubernetes,
}

/// Where the keys of a function are written.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) dialect: Dialect,
    /// Where the first key stands.
    pub(super) first: Place,
    /// All keys.
    pub(super) keys: Vec<String>,
}

impl Body {
    /// Of a map that is written there.
    pub(super) fn of(dialect: Dialect, map: &Node) -> Option<Self> {
        let entries = map.entries();
        let first = entries.first()?.place;
        Some(Self { dialect, first, keys: entries.iter().map(|entry| entry.key.clone()).collect() })
    }
}

/// How a function's keys are spelt where they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sam,
    CloudFormation,
    Serverless,
}

/// A function, a queue, a gateway ...
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) platform: Platform,
    pub(super) name: String,
    /// Other names by which it is referred to: its logical id, its ARN.
    pub(super) ids: Vec<String>,
    pub(super) place: Place,
    pub(super) settings: Vec<Setting>,
    /// Where more of its keys can be written: the place of the first.
    pub(super) body: Option<Body>,
    /// Of a workflow: its definition in Amazon States Language.
    pub(super) definition: Option<Definition>,
}

/// What a workflow does, as its file says it.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// The state machine.
    pub(super) machine: Node,
    /// What placeholders such as `${CheckoutArn}` stand for.
    pub(super) substitutions: Vec<Entry>,
    /// The key under which it stands.
    pub(super) address: String,
}

impl Thing {
    pub(super) fn new(kind: Kind, platform: Platform, name: impl Into<String>, place: Place) -> Self {
        Self {
            kind,
            platform,
            name: name.into(),
            ids: Vec::new(),
            place,
            settings: Vec::new(),
            body: None,
            definition: None,
        }
    }

    /// Sets a key to TOML; what was there before is replaced.
    pub(super) fn set(&mut self, key: impl Into<String>, value: impl Into<String>, origin: Origin) {
        self.apply(Setting::new(key, value, origin));
    }

    /// Takes over a setting; what was there before is replaced.
    pub(super) fn apply(&mut self, setting: Setting) {
        match self.settings.iter_mut().find(|known| known.key == setting.key) {
            Some(known) => *known = setting,
            None => self.settings.push(setting),
        }
    }

    pub(super) fn put<T>(&mut self, key: &str, found: Option<Found<T>>, write: impl FnOnce(T) -> String) {
        if let Some(Found { value, origin }) = found {
            self.set(key, write(value), origin);
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.key == key || setting.key.starts_with(&format!("{key}.")))
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.settings.retain(|setting| setting.key != key);
    }

    /// Whether a reference means it.
    pub(super) fn is_meant(&self, name: &str) -> bool {
        self.is_called(name) || self.is_called(part(name))
    }

    /// Whether it has this name or id.
    pub(super) fn is_called(&self, name: &str) -> bool {
        !name.is_empty() && (self.name == name || self.ids.iter().any(|id| id == name))
    }
}

/// The name within an ARN, a URL or an address.
pub(super) fn part(name: &str) -> &str {
    // arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER, also within the URI of an API's integration;
    // arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/TIME
    const MARKS: [&str; 5] = [":function:", ":table/", ":stream/", ":stateMachine:", "/queues/"];
    let marked = MARKS.iter().find_map(|mark| name.split_once(mark)).map(|(_, rest)| rest);
    // Colons of `${AWS::StackName}` part nothing.
    let mut braces = 0_i32;
    let mut is_end = |c: char| {
        braces += i32::from(c == '{') - i32::from(c == '}');
        braces == 0 && matches!(c, ':' | '/')
    };
    match marked {
        Some(rest) => rest.split(is_end).next().unwrap_or(rest),
        None => name.char_indices().filter(|(_, c)| is_end(*c)).last().map_or(name, |(at, _)| &name[at + 1..]),
    }
}

/// What to call something of which only a reference is known.
pub(super) fn name_in(names: &[String]) -> Option<String> {
    let name = names.iter().find(|name| !name.trim().is_empty())?;
    Some(as_name(part(name)))
}

/// Names that are taken: they are unique within a kind.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<(Kind, String)>,
    /// The number to try next after a name that is taken.
    next: HashMap<(Kind, String), u32>,
}

impl Names {
    /// The name, or the first `name-2`, `name-3` ... that is free; it is taken then.
    pub(super) fn free(&mut self, kind: Kind, name: String) -> String {
        if self.taken.insert((kind, name.clone())) {
            return name;
        }
        let next = self.next.entry((kind, name.clone())).or_insert(2);
        loop {
            let numbered = format!("{name}-{next}");
            *next += 1;
            if self.taken.insert((kind, numbered.clone())) {
                return numbered;
            }
        }
    }
}

/// One thing hands requests to another, or scales it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// What hands on; may be nothing that a file describes.
    pub(super) from: Vec<String>,
    pub(super) kind: Kind,
    pub(super) to: Vec<String>,
    pub(super) place: Place,
    /// What is said about the way, as `consumer.batch-size`.
    pub(super) settings: Vec<Setting>,
}

/// Settings for a thing that is named elsewhere, maybe in another file.
#[derive(Clone, Debug)]
pub(super) struct Addition {
    pub(super) to: Vec<String>,
    pub(super) place: Place,
    /// What says it, as "HorizontalPodAutoscaler web".
    pub(super) what: String,
    pub(super) settings: Vec<Setting>,
}

/// Everything that the files describe.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) things: Vec<Thing>,
    pub(super) links: Vec<Link>,
    pub(super) additions: Vec<Addition>,
    /// Names that stand for others: of a version of a function, of a scalable target.
    pub(super) aliases: Vec<(String, Vec<String>)>,
    /// The name of the file that is being read.
    pub(super) file: String,
    /// Values that files give to parameters of templates, each under `value`.
    pub(super) parameters: Vec<Entry>,
    /// Settings of `[platform]`.
    pub(super) platform: Vec<Setting>,
    /// Where requests come in; known when the path has been laid.
    pub(super) entries: Vec<Entrance>,
    /// Files that the scenario names, to be written beside it: name and text.
    pub(super) beside: Vec<(String, String)>,
}

/// Where requests come in from outside.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    /// The source, without its arrivals.
    pub(super) source: Thing,
    /// Names of what it calls.
    pub(super) through: Vec<String>,
    /// Names of the function to which that leads first.
    pub(super) function: Vec<String>,
}

impl Entrance {
    /// Whether a name means what it calls.
    pub(super) fn is_through(&self, name: &str) -> bool {
        self.through.iter().any(|known| known == name)
    }

    /// Whether a name means the function to which it leads.
    pub(super) fn is_to(&self, name: &str) -> bool {
        self.function.iter().any(|known| known == name)
    }
}

impl Model {
    pub(super) fn functions(&self) -> impl Iterator<Item = &Thing> {
        self.things.iter().filter(|thing| thing.kind == Kind::Function)
    }
}

/// A text as TOML.
pub(super) fn text(text: impl AsRef<str>) -> String {
    let mut quoted = String::from("\"");
    for character in text.as_ref().chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Seconds as TOML.
pub(super) fn seconds(seconds: f64) -> String {
    text(Span::from_secs_f64(seconds.max(0.0)).unwrap_or(Span::ZERO).to_string())
}

/// MB as TOML.
pub(super) fn megabytes(mb: f64) -> String {
    text(format!("{}MB", mb.max(1.0).round()))
}

/// A number as TOML.
pub(super) fn number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{number:.0}") } else { number.to_string() }
}

/// What a name may be in a scenario.
pub(super) fn as_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .take(60)
        .collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() { "function".to_owned() } else { name }
}
