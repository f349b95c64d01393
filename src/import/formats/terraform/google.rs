//! Cloud Run services and Cloud Functions in Terraform.

use super::Resource;
use crate::import::formats::kubernetes;
use crate::import::formats::lambda::duration;
use crate::import::model::{Kind, Model, Platform, Setting, Thing, seconds};
use crate::import::reader::Table;

impl Resource<'_> {
    /// Takes in a resource of Google Cloud; false if it is none that is known.
    pub(super) fn google(&self, model: &mut Model) -> bool {
        match self.kind {
            "google_cloud_run_v2_service" => model.things.push(self.cloud_run()),
            "google_cloudfunctions2_function" => model.things.push(self.google_function()),
            _ => return false,
        }
        true
    }

    fn cloud_run(&self) -> Thing {
        let mut service = self.thing(Kind::Function);
        service.platform = Platform::CloudRun;
        let template = self.table.block("template");
        let scaling = template.block("scaling");
        let container = template.block("containers");
        let limits = container.block("resources").table("limits");
        kubernetes::cloud_run(
            &mut service,
            template.get("max_instance_request_concurrency"),
            limits.get("cpu"),
            scaling.get("min_instance_count"),
            scaling.get("max_instance_count"),
        );
        kubernetes::memory(&mut service, limits.get("memory"));
        service.settings.extend(template.get("timeout").and_then(|item| {
            let found = item.parsed("seconds such as 300s", |text| text.trim_end_matches('s').parse::<f64>().ok())?;
            Some(Setting::new("timeout", seconds(found.value), found.origin))
        }));
        [template, scaling, container, limits].iter().for_each(Table::skip_rest);
        service
    }

    fn google_function(&self) -> Thing {
        let mut service = self.thing(Kind::Function);
        service.platform = Platform::CloudRun;
        let config = self.table.block("service_config");
        kubernetes::cloud_run(
            &mut service,
            config.get("max_instance_request_concurrency"),
            config.get("available_cpu"),
            config.get("min_instance_count"),
            config.get("max_instance_count"),
        );
        kubernetes::memory(&mut service, config.get("available_memory"));
        service.settings.extend(duration("timeout", config.get("timeout_seconds")));
        config.skip_rest();
        service
    }
}
