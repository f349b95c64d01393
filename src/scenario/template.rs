//! Commented example scenarios, for `forewarm init`.

/// An example scenario.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Its name.
    pub name: &'static str,
    /// A one-line description.
    pub about: &'static str,
    /// The file.
    pub text: &'static str,
}

impl Template {
    /// The file with another scenario name; without one, it keeps its own.
    #[must_use]
    pub fn named(&self, name: &str) -> String {
        let own = self.text.split_once("[scenario]\nname = \"").and_then(|(_, rest)| rest.split_once('"'));
        match own {
            Some((own, _)) if name.contains(|c: char| c.is_ascii_alphanumeric()) => {
                self.text.replacen(&format!("name = \"{own}\""), &format!("name = \"{name}\""), 1)
            }
            _ => self.text.to_owned(),
        }
    }
}

/// All templates, the simplest first.
pub const TEMPLATES: [Template; 5] = [
    Template {
        name: "minimal",
        about: "one function and one source: the smallest possible scenario",
        text: include_str!("templates/minimal.toml"),
    },
    Template {
        name: "web-api",
        about: "a web API with a daily traffic pattern, two functions and an objective",
        text: include_str!("templates/web-api.toml"),
    },
    Template {
        name: "aws-lambda",
        about: "the preset of AWS Lambda: limits, cold starts by runtime, prices; variants to compare",
        text: include_str!("templates/aws-lambda.toml"),
    },
    Template {
        name: "queue",
        about: "bursts of messages in a queue with a limited number of workers",
        text: include_str!("templates/queue.toml"),
    },
    Template { name: "trace", about: "recorded requests from a CSV file", text: include_str!("templates/trace.toml") },
];

/// The template with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}
