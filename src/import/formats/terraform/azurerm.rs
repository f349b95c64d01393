//! Function apps, queues and event hubs of Azure in Terraform.

use super::Resource;
use crate::import::formats::azure::{self, SERVICE_BUS, STORAGE_QUEUES, iso_duration};
use crate::import::formats::lambda::{count, setting};
use crate::import::model::{Kind, Model, Origin, Setting, Thing, megabytes, seconds};
use crate::import::reader::Item;

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
                let is_limit = |item: &Item<'_>| !matches!(item.node.text(), Some("0") | None);
                let most = site.get("app_scale_limit").filter(is_limit);
                azure::consumption(&mut app, count("scaling.azure-consumption.max-instances", most));
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
            "azurerm_servicebus_queue" | "azurerm_servicebus_subscription" => {
                let name = name();
                azure::queue(&name, "service-bus", SERVICE_BUS, table.place(), model);
                let duration = |key: &'static str| {
                    let is_finite = |item: &Item<'_>| item.node.text().is_some_and(|text| iso_duration(text).is_some());
                    let item = table.get(key).filter(is_finite);
                    item.and_then(|item| item.parsed("a duration such as PT30S", iso_duration))
                        .map(|found| found.map(seconds))
                };
                let settings = [
                    setting("visibility-timeout", duration("lock_duration")),
                    count("max-receives", table.get("max_delivery_count")),
                    setting("retention", duration("default_message_ttl")),
                ];
                self.complete(Kind::Queue, &name, settings.into_iter().flatten().collect(), model);
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
