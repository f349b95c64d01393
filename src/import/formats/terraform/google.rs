//! Cloud Run services and Cloud Functions in Terraform.

use super::Resource;
use crate::import::formats::google;
use crate::import::formats::kubernetes::{CLOUD_FUNCTIONS, CLOUD_RUN, CloudRun, cloud_run};
use crate::import::formats::lambda::is_said;
use crate::import::model::{Kind, Model, Platform, Thing, as_name};
use crate::import::reader::Table;

impl Resource<'_> {
    /// Takes in a resource of Google Cloud; false if it is none that is known.
    pub(super) fn google(&self, model: &mut Model) -> bool {
        let table = &self.table;
        match self.kind {
            "google_cloud_run_v2_service" => model.things.push(self.cloud_run()),
            "google_cloudfunctions2_function" => {
                let function = self.google_function();
                let trigger = table.block("event_trigger");
                let mut topic = trigger.get("pubsub_topic").map(|item| item.reference()).unwrap_or_default();
                topic.extend(self.referred("event_trigger").into_iter().filter(|name| name.contains("_pubsub_topic.")));
                trigger.skip_rest();
                if !topic.is_empty() {
                    let mut queue = self.of_google(Kind::Queue);
                    queue.name = as_name(&format!("{}-events", function.name));
                    queue.ids = vec![queue.name.clone()];
                    google::subscription(&mut queue, None, [None, None], None);
                    google::push_to(queue, topic, vec![function.name.clone()], table.place(), model);
                }
                model.things.push(function);
            }
            "google_cloud_run_service" => model.things.push(self.cloud_run_v1()),
            "google_pubsub_topic" => {
                let name = table.text("name").map_or_else(|| self.name.to_owned(), |found| found.value);
                // A subscription that stands before it has made it.
                let is_it = |thing: &Thing| thing.kind == Kind::Topic && thing.is_called(self.address);
                if !model.things.iter().any(is_it) {
                    let ids = [self.ids(), vec![name.clone()]].concat();
                    model.things.push(google::topic(&name, ids, table.place()));
                }
            }
            "google_pubsub_subscription" => {
                let push = table.block("push_config");
                let mut to = push.get("push_endpoint").map(|item| item.reference()).unwrap_or_default();
                to.extend(self.referred("push_config"));
                push.skip_rest();
                let (retry, dead) = (table.block("retry_policy"), table.block("dead_letter_policy"));
                let mut queue = self.of_google(Kind::Queue);
                google::subscription(
                    &mut queue,
                    table.get("ack_deadline_seconds"),
                    [retry.get("minimum_backoff"), retry.get("maximum_backoff")],
                    dead.get("max_delivery_attempts"),
                );
                [retry, dead].iter().for_each(Table::skip_rest);
                google::push_to(queue, self.refers("topic"), to, table.place(), model);
            }
            "google_cloud_tasks_queue" => {
                let (rates, retry) = (table.block("rate_limits"), table.block("retry_config"));
                let mut queue = self.of_google(Kind::Queue);
                google::tasks(
                    &mut queue,
                    [rates.get("max_dispatches_per_second"), rates.get("max_concurrent_dispatches")],
                    [
                        retry.get("max_attempts"),
                        retry.get("min_backoff"),
                        retry.get("max_backoff"),
                        retry.get("max_doublings"),
                    ],
                );
                [rates, retry].iter().for_each(Table::skip_rest);
                model.things.push(queue);
            }
            "google_cloud_scheduler_job" => {
                let mut to = Vec::new();
                for (key, name) in [("http_target", "uri"), ("pubsub_target", "topic_name")] {
                    let target = table.block(key);
                    to.extend(target.get(name).map(|item| item.reference()).unwrap_or_default());
                    to.extend(self.referred(key));
                    target.skip_rest();
                }
                let settings = google::cron(table.get("schedule"), table.get("time_zone"));
                self.link(model, Kind::Schedule, vec![self.address.to_owned()], to, settings);
            }
            _ => return false,
        }
        true
    }

    fn of_google(&self, kind: Kind) -> Thing {
        let mut thing = self.thing(kind);
        thing.platform = Platform::CloudRun;
        thing
    }

    /// The older form of a Cloud Run service, which is that of Knative.
    fn cloud_run_v1(&self) -> Thing {
        let mut service = self.of_google(Kind::Function);
        let template = self.table.block("template");
        let (spec, metadata) = (template.block("spec"), template.block("metadata"));
        let container = spec.block("containers");
        let resources = container.block("resources");
        let limits = resources.table("limits");
        let annotations = metadata.table("annotations");
        let throttling = annotations.get("run.googleapis.com/cpu-throttling").and_then(|item| item.flag());
        cloud_run(
            &mut service,
            &CLOUD_RUN,
            &CloudRun {
                concurrency: spec.get("container_concurrency"),
                cpu: limits.get("cpu"),
                memory: limits.get("memory"),
                timeout: spec.get("timeout_seconds"),
                min: [annotations.get("autoscaling.knative.dev/minScale"), None],
                max: [annotations.get("autoscaling.knative.dev/maxScale"), None],
                cpu_is_throttled: throttling.is_none_or(|found| found.value),
            },
        );
        [template, spec, metadata, container, resources, limits, annotations].iter().for_each(Table::skip_rest);
        service
    }

    fn cloud_run(&self) -> Thing {
        let mut service = self.of_google(Kind::Function);
        let (template, own) = (self.table.block("template"), self.table.block("scaling"));
        let (scaling, container) = (template.block("scaling"), template.block("containers"));
        let resources = container.block("resources");
        let limits = resources.table("limits");
        // Without `resources` it is true, with them it has to be said (google_cloud_run_v2_service, cpu_idle).
        let is_idle = resources.get("cpu_idle").filter(is_said).and_then(|item| item.flag());
        cloud_run(
            &mut service,
            &CLOUD_RUN,
            &CloudRun {
                concurrency: template.get("max_instance_request_concurrency").filter(is_said),
                cpu: limits.get("cpu"),
                memory: limits.get("memory"),
                timeout: template.get("timeout").filter(is_said),
                min: [own.get("min_instance_count").filter(is_said), scaling.get("min_instance_count").filter(is_said)],
                max: [own.get("max_instance_count").filter(is_said), scaling.get("max_instance_count").filter(is_said)],
                cpu_is_throttled: is_idle.map_or(resources.node.entries().is_empty(), |found| found.value),
            },
        );
        [template, own, scaling, container, resources, limits].iter().for_each(Table::skip_rest);
        service
    }

    fn google_function(&self) -> Thing {
        let mut function = self.of_google(Kind::Function);
        let config = self.table.block("service_config");
        function.ids.extend(config.text("uri").map(|found| found.value));
        cloud_run(
            &mut function,
            &CLOUD_FUNCTIONS,
            &CloudRun {
                concurrency: config.get("max_instance_request_concurrency").filter(is_said),
                cpu: config.get("available_cpu").filter(is_said),
                memory: config.get("available_memory").filter(is_said),
                timeout: config.get("timeout_seconds").filter(is_said),
                min: [config.get("min_instance_count").filter(is_said), None],
                max: [config.get("max_instance_count").filter(is_said), None],
                cpu_is_throttled: true,
            },
        );
        config.skip_rest();
        function
    }
}
