//! Function apps, queues and event hubs of Azure in Terraform.

use super::Resource;
use crate::import::formats::azure::{self, SERVICE_BUS, STORAGE_QUEUES};
use crate::import::formats::lambda::count;
use crate::import::model::{Kind, Model, Origin, Setting, Thing, megabytes};

impl Resource<'_> {
    /// Takes in a resource of Azure; false if it is none that is known.
    pub(super) fn azure(&self, model: &mut Model) -> bool {
        let table = &self.table;
        let name = || table.text("name").map_or_else(|| self.name.to_owned(), |found| found.value);
        match self.kind {
            "azurerm_linux_function_app" | "azurerm_windows_function_app" | "azurerm_function_app" => {
                let mut app = azure::app(&name(), table.place());
                app.ids.extend(self.ids());
                let site = table.block("site_config");
                let plan = [self.refers("service_plan_id"), self.refers("app_service_plan_id")].concat();
                let size = self.size(&plan).map(|found| found.value).unwrap_or_default();
                let (most, least) = (site.get("app_scale_limit"), site.get("elastic_instance_minimum"));
                azure::on_plan(&mut app, &size, most, least, self.notes);
                site.skip_rest();
                model.things.push(app);
            }
            "azurerm_function_app_flex_consumption" => {
                let mut app = azure::app(&name(), table.place());
                app.ids.extend(self.ids());
                let reason = || Origin::Default("the Flex Consumption plan".to_owned());
                app.set("memory", megabytes(2_048.0), reason());
                app.set("scaling.azure-flex.max-instances", "100", reason());
                app.put("memory", table.number("instance_memory_in_mb"), megabytes);
                let most = table.whole("maximum_instance_count");
                app.put("scaling.azure-flex.max-instances", most, |count| count.to_string());
                let each = table.whole("http_concurrency").filter(|found| found.value > 0);
                app.put("scaling.azure-flex.per-instance-concurrency", each, |count| count.to_string());
                model.things.push(app);
            }
            // Read where an app names it.
            "azurerm_service_plan" | "azurerm_app_service_plan" => {}
            "azurerm_servicebus_queue" | "azurerm_servicebus_subscription" => {
                let name = name();
                azure::queue(&name, "service-bus", SERVICE_BUS, table.place(), model);
                let keys = ["lock_duration", "max_delivery_count", "default_message_ttl"];
                self.complete(Kind::Queue, &name, azure::service_bus(table, keys), model);
            }
            "azurerm_storage_queue" => {
                let name = name();
                azure::queue(&name, "azure-storage", STORAGE_QUEUES, table.place(), model);
                self.complete(Kind::Queue, &name, Vec::new(), model);
            }
            "azurerm_eventhub" => {
                let name = name();
                azure::hub(&name, table.place(), model);
                let shards = count("shards", table.get("partition_count"));
                self.complete(Kind::Stream, &name, shards.into_iter().collect(), model);
            }
            _ => return false,
        }
        true
    }

    /// Gives what a resource made its settings and its ids.
    fn complete(&self, kind: Kind, name: &str, settings: Vec<Setting>, model: &mut Model) {
        let is_it = |thing: &&mut Thing| thing.kind == kind && thing.is_called(name);
        if let Some(thing) = model.things.iter_mut().find(is_it) {
            thing.ids.extend(self.ids());
            settings.into_iter().for_each(|setting| thing.apply(setting));
        }
    }
}
