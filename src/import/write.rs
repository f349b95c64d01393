//! The scenario with a comment per value, and the list of what was understood, assumed and ignored.

use std::fmt::Write as _;

use super::model::{Kind, Model, Origin, Platform, Setting, Thing, seconds, text};
use super::reader::Note;
use super::traffic::{horizon_s, total_rps};

/// A scenario made of other files.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The scenario.
    pub scenario: String,
    /// What was understood, assumed and ignored, for people.
    pub report: String,
    /// Files that the scenario names and that belong beside it: name and text.
    pub beside: Vec<(String, String)>,
}

/// The order in which things are written.
const ORDER: [Kind; 9] = [
    Kind::NodeGroup,
    Kind::Function,
    Kind::Gateway,
    Kind::Queue,
    Kind::Stream,
    Kind::Topic,
    Kind::Workflow,
    Kind::Dependency,
    Kind::Source,
];

/// What may be planned of a scaling policy.
const RANGES: [(&str, &str); 4] = [
    ("scaling.hpa.target-cpu-utilization", "{ values = [50, 60, 70, 80] }"),
    ("scaling.keda.queue-length", "{ values = [2, 5, 10, 20] }"),
    ("scaling.knative.target", "{ values = [10, 20, 50, 100] }"),
    ("scaling.cloud-run.concurrency", "{ values = [10, 20, 40, 80] }"),
];

/// The column in which comments begin.
const COMMENTS: usize = 44;

/// Writes all of it.
pub(super) fn write(name: &str, model: &Model, ignored: &[Note], files: Vec<String>) -> Imported {
    let writer = Writer { files };
    let things = |kind: Kind| model.things.iter().filter(move |thing| thing.kind == kind);
    let mut values: Vec<(String, &Setting)> = Vec::new();
    for setting in &model.platform {
        values.push((format!("platform.{}", setting.key), setting));
    }
    for thing in ORDER.into_iter().flat_map(things) {
        let settings = thing.settings.iter().filter(|setting| !is_nameless(setting));
        // A key of TOML may need quotes; the dotted key of a scenario has none.
        let key = |setting: &Setting| format!("{}.{}.{}", thing.kind.name(), thing.name, setting.key.replace('"', ""));
        values.extend(settings.map(|setting| (key(setting), setting)));
    }
    let assumed = values.iter().filter(|(_, setting)| matches!(setting.origin, Origin::Assumed(_))).count();
    let mut text = writer.head(name, model, assumed, ignored.len());
    for kind in ORDER {
        things(kind).for_each(|thing| writer.thing(&mut text, thing));
    }
    writer.advice(&mut text, model);
    writer.origins(&mut text, &values);
    let report = writer.report(&values, model, ignored);
    Imported { scenario: text, report, beside: model.beside.clone() }
}

struct Writer {
    files: Vec<String>,
}

impl Writer {
    fn head(&self, name: &str, model: &Model, assumed: usize, ignored: usize) -> String {
        let mut head = "# Written by `forewarm import`. Comments name the file and line of each value.\n".to_owned();
        if assumed > 0 {
            let _ = match assumed {
                1 => writeln!(
                    head,
                    "# 1 value is ASSUMED: replace it with a measured value before you rely on a result."
                ),
                _ => writeln!(
                    head,
                    "# {assumed} values are ASSUMED: replace them with measured values before you rely on a result."
                ),
            };
        }
        if ignored > 0 {
            let _ = match ignored {
                1 => writeln!(head, "# 1 part of the files was ignored; `forewarm import` lists it."),
                _ => writeln!(head, "# {ignored} parts of the files were ignored; `forewarm import` lists them."),
            };
        }
        let horizon = horizon_s(total_rps(model));
        let warm_up = (horizon / 5.0 / 60.0).round() * 60.0;
        let _ = write!(
            head,
            "\n[scenario]\nname = {}\n\n[simulation]\nhorizon = {}\nwarm-up = {}\nseed = 1\nreplications = 5\n",
            text(name),
            seconds(horizon),
            seconds(warm_up)
        );
        let preset = preset(model);
        if preset.is_some() || !model.platform.is_empty() {
            head.push_str("\n[platform]\n");
            if let Some(preset) = preset {
                let _ = writeln!(head, "preset = \"{preset}\"");
            }
            model.platform.iter().for_each(|setting| self.line(&mut head, &setting.key, setting));
        }
        head
    }

    fn thing(&self, out: &mut String, thing: &Thing) {
        let _ = write!(out, "\n[[{}]]\n", thing.kind.name());
        let origin = Origin::Read { place: thing.place, address: String::new() };
        let name = Setting::new("name", text(&thing.name), origin);
        match thing.kind {
            Kind::Source => self.line(out, "name", &Setting { origin: Origin::Default(String::new()), ..name }),
            _ => self.line(out, "name", &name),
        }
        let mut settings: Vec<&Setting> = thing.settings.iter().collect();
        settings.sort_by_key(|setting| order(&setting.key));
        settings.into_iter().for_each(|setting| self.line(out, &setting.key, setting));
    }

    fn line(&self, out: &mut String, key: &str, setting: &Setting) {
        let line = format!("{key} = {}", setting.value);
        let comment = self.comment(&setting.origin);
        let _ = match comment.is_empty() {
            true => writeln!(out, "{line}"),
            false => writeln!(out, "{line:COMMENTS$} # {comment}"),
        };
    }

    fn comment(&self, origin: &Origin) -> String {
        let comment = match origin {
            Origin::Read { place, address } if address.is_empty() => self.at(*place),
            Origin::Read { place, address } => format!("{} {address}", self.at(*place)),
            Origin::Default(reason) => reason.clone(),
            Origin::Assumed(reason) => format!("ASSUMED: {reason}"),
            Origin::Given(what) => what.clone(),
        };
        comment.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    }

    /// `template.yaml:12`.
    fn at(&self, place: super::tree::Place) -> String {
        format!("{}:{}", self.files.get(place.file()).map_or("", String::as_str), place.line())
    }

    /// What to write next, as comments.
    fn advice(&self, out: &mut String, model: &Model) {
        let Some(function) = model.functions().next() else { return };
        let _ = write!(
            out,
            "\n# Objectives, for `forewarm run` and `forewarm plan`:\n\
             # [[objective]]\n\
             # metric = \"latency_s.p99\"\n\
             # below = \"1s\"\n"
        );
        let ranges = match function.platform {
            Platform::Lambda => vec![
                ("memory", "{ values = [\"512MB\", \"1GB\", \"2GB\"], cpu-bound-share = 0.7 }"),
                ("concurrency.provisioned", "{ from = 0, to = 20 }"),
            ],
            _ => RANGES.into_iter().filter(|(key, _)| function.has(key)).collect(),
        };
        if !ranges.is_empty() {
            out.push_str("#\n# What `forewarm plan` may change:\n# [plan]\n");
            for (key, range) in ranges {
                let _ = writeln!(out, "# \"function.{}.{key}\" = {range}", function.name);
            }
        }
        if function.platform == Platform::Kubernetes {
            out.push_str("#\n# Prices, which `forewarm plan` needs and no Kubernetes file has: ");
            out.push_str(match model.things.iter().any(|thing| thing.kind == Kind::NodeGroup) {
                true => "per-hour-usd of each [[node-group]].\n",
                false => {
                    "such as $0.192 an hour for 16 GB.\n# [platform.billing]\n# instance-gb-second-usd = 0.0000033\n"
                }
            });
        }
    }

    /// The same as the comments say, for programs.
    fn origins(&self, out: &mut String, values: &[(String, &Setting)]) {
        out.push_str("\n# Where values come from, for programs. An assumption ends when its value changes or its line here goes.\n[origin]\n");
        for (key, setting) in values {
            let key = text(key);
            let _ = match &setting.origin {
                Origin::Read { place, address } => {
                    let file = text(self.files.get(place.file()).map_or("", String::as_str));
                    let address =
                        if address.is_empty() { String::new() } else { format!(", address = {}", text(address)) };
                    writeln!(out, "{key} = {{ file = {file}, line = {}{address} }}", place.line())
                }
                Origin::Assumed(reason) => {
                    let value =
                        if setting.value.starts_with('"') { setting.value.clone() } else { text(&setting.value) };
                    writeln!(out, "{key} = {{ assumed = {}, value = {value} }}", text(reason))
                }
                Origin::Default(_) | Origin::Given(_) => Ok(()),
            };
        }
    }

    fn report(&self, values: &[(String, &Setting)], model: &Model, ignored: &[Note]) -> String {
        let mut report = String::new();
        let of =
            |is: fn(&Origin) -> bool| values.iter().filter(move |(_, setting)| is(&setting.origin)).collect::<Vec<_>>();
        let section = |report: &mut String, title: &str, values: Vec<&(String, &Setting)>| {
            if values.is_empty() {
                return;
            }
            let _ = writeln!(report, "{title}: {}", values.len());
            for (key, setting) in values {
                let value = format!("{key} = {}", setting.value);
                let _ =
                    writeln!(report, "  {value:64} {}", self.comment(&setting.origin).trim_start_matches("ASSUMED: "));
            }
        };
        let counts = ORDER.into_iter().filter(|kind| *kind != Kind::Source).map(|kind| {
            let count = model.things.iter().filter(|thing| thing.kind == kind).count();
            let plural = match kind {
                Kind::Dependency => "dependencies".to_owned(),
                Kind::NodeGroup => "node groups".to_owned(),
                kind => format!("{}s", kind.name()),
            };
            (count, if count == 1 { kind.name().replace('-', " ") } else { plural })
        });
        let counts: Vec<String> =
            counts.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        let _ = writeln!(report, "{}", counts.join(", "));
        section(&mut report, "Understood", of(|origin| matches!(origin, Origin::Read { .. })));
        section(&mut report, "Given by options", of(|origin| matches!(origin, Origin::Given(_))));
        section(
            &mut report,
            "Defaults of the platform",
            of(|origin| matches!(origin, Origin::Default(reason) if !reason.is_empty())),
        );
        section(&mut report, "ASSUMED", of(|origin| matches!(origin, Origin::Assumed(_))));
        if !ignored.is_empty() {
            let _ = writeln!(report, "Ignored: {}", ignored.len());
            for note in ignored {
                let at = if note.place == super::tree::Place::NOWHERE {
                    String::new()
                } else {
                    format!("{}: ", self.at(note.place))
                };
                let _ = writeln!(report, "  {at}{}: {}", note.what, note.why);
            }
        }
        report
    }
}

/// The preset of the platform, if all functions are on one.
fn preset(model: &Model) -> Option<&'static str> {
    let of = |function: &Thing| match function.platform {
        Platform::Lambda => Some("aws-lambda"),
        Platform::CloudRun if !function.has("scaling.cloud-run") => Some("gcp-functions-1st-gen"),
        Platform::CloudRun => Some("gcp-cloud-run"),
        Platform::CloudRunInstances => Some("gcp-cloud-run-instance-based"),
        Platform::Azure if function.has("scaling.azure-flex") => Some("azure-flex"),
        Platform::Azure if function.has("scaling.azure-consumption.always-ready") => Some("azure-premium"),
        Platform::Azure => Some("azure-consumption"),
        Platform::Kubernetes if function.has("scaling.knative") => Some("knative"),
        Platform::Kubernetes => None,
    };
    let first = of(model.functions().next()?)?;
    model.functions().all(|function| of(function) == Some(first)).then_some(first)
}

/// Whether it needs no word: what a source calls.
fn is_nameless(setting: &Setting) -> bool {
    matches!(&setting.origin, Origin::Default(reason) if reason.is_empty())
}

/// The order in which keys are written.
fn order(key: &str) -> usize {
    const FIRST: [&str; 18] = [
        "function",
        "target",
        "targets",
        "preset",
        "invoke",
        "memory",
        "timeout",
        "architecture",
        "runtime",
        "package",
        "termination-grace-period",
        "duration",
        "cold-duration",
        "cold-start",
        "keep-alive",
        "concurrency",
        "scaling",
        "arrivals",
    ];
    let first = key.split('.').next().unwrap_or(key);
    FIRST.iter().position(|known| *known == first).unwrap_or(FIRST.len())
}
