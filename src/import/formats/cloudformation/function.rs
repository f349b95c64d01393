//! Functions of CloudFormation and SAM, and the events that start them.

use super::{Resource, api};
use crate::import::formats::lambda::{self, Spelling, setting};
use crate::import::model::{Kind, Model, Setting, Thing, seconds};
use crate::import::reader::{Item, Table};
use crate::import::tree::Place;

impl Resource<'_> {
    pub(super) fn function(&self, place: Place, model: &mut Model) -> Thing {
        let table = &self.table;
        table.skip(&[
            "Handler",
            "CodeUri",
            "Code",
            "Role",
            "Policies",
            "Environment",
            "Description",
            "Tags",
            "Tracing",
            "TracingConfig",
            "Layers",
            "VpcConfig",
            "EphemeralStorage",
            "LoggingConfig",
            "AutoPublishAlias",
            "AutoPublishAliasAllProperties",
            "DeploymentPreference",
            "InlineCode",
            "ImageUri",
            "ImageConfig",
            "KmsKeyArn",
            "PermissionsBoundary",
            "FileSystemConfigs",
            "AssumeRolePolicyDocument",
            "VersionDescription",
            "CodeSigningConfigArn",
            "RuntimeManagementConfig",
            "PropagateTags",
            "RolePath",
            "SourceKMSKeyArn",
            "RecursiveLoop",
        ]);
        let mut function = lambda::function(self.id, place);
        if let Some(name) = table.get("FunctionName") {
            function.ids.extend(name.reference());
        }
        lambda::memory(&mut function, table.number("MemorySize"));
        lambda::timeout(&mut function, table.number("Timeout"));
        lambda::architecture(&mut function, table.get("Architectures"));
        lambda::runtime(&mut function, table.get("Runtime"));
        lambda::package(&mut function, table.get("PackageType"));
        lambda::reserved(&mut function, table.get("ReservedConcurrentExecutions"));
        let config = table.table("ProvisionedConcurrencyConfig");
        function.settings.extend(lambda::provisioned(config.get("ProvisionedConcurrentExecutions")));
        lambda::snap_start(table.table("SnapStart").get("ApplyOn"), self.notes);
        let invoke = table.table("EventInvokeConfig");
        function.settings.extend(self.invoke_config(&invoke));
        let dead = [table.table("DeadLetterQueue"), table.table("DeadLetterConfig")];
        for dead in dead {
            dead.skip(&["Type"]);
            if let Some(item) = dead.get("TargetArn").filter(lambda::is_said) {
                function.apply(Setting::reference("async.dead-letter", &item));
            }
        }
        if let Some(url) = table.get("FunctionUrlConfig").filter(lambda::is_said) {
            model.links.push(api::url(self.id, vec![self.id.to_owned()], url.node.place));
        }
        if let Some(events) = table.get("Events") {
            for entry in events.node.entries() {
                let event = Item::new(&entry.node, format!("{}.{}", events.address, entry.key), self.notes).table();
                self.event(&event, &entry.key, model);
            }
        }
        function
    }

    /// Retries and destinations of asynchronous invocations.
    pub(super) fn invoke_config(&self, table: &Table<'_>) -> Vec<Setting> {
        let destinations = table.table("DestinationConfig");
        destinations.refuse("OnSuccess", "not simulated: destination of results of asynchronous invocations");
        let on_failure = destinations.table("OnFailure");
        on_failure.skip(&["Type"]);
        lambda::asynchronous(
            table.get("MaximumRetryAttempts"),
            table.get("MaximumEventAgeInSeconds"),
            on_failure.get("Destination"),
        )
    }

    /// What starts a function or a state machine.
    pub(super) fn event(&self, event: &Table<'_>, name: &str, model: &mut Model) {
        let kind = event.text("Type").map(|kind| kind.value).unwrap_or_default();
        let table = event.table("Properties");
        let place = event.place();
        let own = format!("{}-{name}", self.id);
        let names = |key: &'static str| table.get(key).map(|item| item.reference());
        let link = |kind, from, settings| lambda::link(kind, from, self.id, place, settings);
        match kind.as_str() {
            "Api" | "HttpApi" => {
                let is_rest = kind == "Api";
                let api = names(if is_rest { "RestApiId" } else { "ApiId" });
                let from = api.unwrap_or_else(|| vec![api::implicit(is_rest).to_owned()]);
                let timeout = table.number("TimeoutInMillis").map(|found| found.map(|ms| seconds(ms / 1_000.0)));
                let mut settings: Vec<Setting> = setting("timeout", timeout).into_iter().collect();
                let auth = table.table("Auth");
                // The authorizer of the API is asked unless the event says that none is.
                if let Some(authorizer) = auth.get("Authorizer") {
                    let mut setting = Setting::reference("authorizer.target", &authorizer);
                    setting.names.retain(|name| !matches!(name.as_str(), "NONE" | "AWS_IAM"));
                    setting.names = setting.names.iter().map(|name| api::authorizer_id(&from, name)).collect();
                    settings.push(setting);
                }
                auth.skip_rest();
                table.skip_rest();
                model.links.push(link(Kind::Gateway, from, settings));
            }
            "SQS" => {
                let from = names("Queue").unwrap_or_default();
                let settings = lambda::consumer(&table, Spelling::Aws);
                if self.is_enabled(&table) {
                    model.links.push(link(Kind::Queue, from, settings));
                }
            }
            "Kinesis" | "DynamoDB" | "MSK" | "SelfManagedKafka" => {
                let topics = || table.get("Topics").and_then(|topics| topics.elements().first().map(Item::reference));
                let from = names("Stream").or_else(topics).unwrap_or_default();
                let settings = lambda::consumer(&table, Spelling::Aws);
                if self.is_enabled(&table) {
                    model.links.push(link(Kind::Stream, from, settings));
                }
                table.skip_rest();
            }
            "Schedule" | "ScheduleV2" => {
                let item = table.get("Schedule").or_else(|| table.get("ScheduleExpression"));
                let settings = lambda::schedule(item, &table, self.notes);
                if self.is_enabled(&table) {
                    model.links.push(link(Kind::Schedule, vec![own], settings));
                }
                table.skip_rest();
            }
            "SNS" => self.sns_event(&table, &own, place, model),
            "EventBridgeRule" | "CloudWatchEvent" => self.rule_event(&table, &own, place, model),
            "" => self.notes.ignore(place, event.address.clone(), "it has no Type"),
            _ => {
                table.skip_rest();
                model.links.push(link(Kind::Source, vec![own], Vec::new()));
            }
        }
    }
}
