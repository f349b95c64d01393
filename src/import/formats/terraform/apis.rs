//! APIs and load balancers of AWS in Terraform.

use super::Resource;
use crate::import::formats::lambda::{self, duration, is_said, setting};
use crate::import::model::{Kind, Model, Origin, Setting, seconds, text};
use crate::import::tree::Value;

impl Resource<'_> {
    /// Takes in a resource of an API or a load balancer; false if it is none that is known.
    pub(super) fn api(&self, model: &mut Model) -> bool {
        let table = &self.table;
        let is_v2 = self.kind.contains("v2");
        let api = if is_v2 { "api_id" } else { "rest_api_id" };
        match self.kind {
            "aws_api_gateway_rest_api" | "aws_apigatewayv2_api" => {
                let mut gateway = self.thing(Kind::Gateway);
                let (preset, what) = if is_v2 { ("aws-http", "an HTTP API") } else { ("aws-rest", "a REST API") };
                gateway.set("preset", text(preset), Origin::Default(what.to_owned()));
                if table.text("protocol_type").is_some_and(|found| found.value == "WEBSOCKET") {
                    let reason = "a WebSocket API: 29 s for an integration".to_owned();
                    gateway.set("timeout", seconds(29.0), Origin::Default(reason));
                }
                // The short form names its function itself.
                let to = self.refers("target");
                if !to.is_empty() {
                    self.link(model, Kind::Gateway, vec![self.address.to_owned()], to, Vec::new());
                }
                model.things.push(gateway);
            }
            "aws_api_gateway_integration" | "aws_apigatewayv2_integration" => {
                let to = self.refers(if is_v2 { "integration_uri" } else { "uri" });
                let timeout = table.get("timeout_milliseconds").filter(|item| !matches!(item.node.value, Value::Null));
                let timeout = timeout.and_then(|item| item.number()).map(|found| found.map(|ms| seconds(ms / 1_000.0)));
                // An integration that answers by itself has nothing behind it.
                if !to.is_empty() {
                    let settings = setting("timeout", timeout).into_iter().collect();
                    self.link(model, Kind::Gateway, self.refers(api), to, settings);
                }
            }
            "aws_api_gateway_method_settings" | "aws_apigatewayv2_stage" => {
                let block = table.block(if is_v2 { "default_route_settings" } else { "settings" });
                let throttle =
                    lambda::throttle(block.number("throttling_rate_limit"), block.number("throttling_burst_limit"));
                block.skip_rest();
                self.add(model, self.refers(api), throttle);
            }
            "aws_api_gateway_authorizer" | "aws_apigatewayv2_authorizer" => {
                let to = self.refers("authorizer_uri");
                if !to.is_empty() {
                    model.aliases.push((self.address.to_owned(), to));
                    let ttl = duration("authorizer.cache-ttl", table.get("authorizer_result_ttl_in_seconds"));
                    self.add(model, self.refers(api), ttl.into_iter().collect());
                }
            }
            "aws_api_gateway_method" | "aws_apigatewayv2_route" => {
                let asks = |key: &'static str| table.text(key).is_some_and(|found| found.value == "CUSTOM");
                if asks("authorization") || asks("authorization_type") {
                    let authorizer = self.reference("authorizer.target", "authorizer_id", None);
                    self.add(model, self.refers(api), authorizer.into_iter().collect::<Vec<Setting>>());
                }
            }
            "aws_lb_target_group" | "aws_alb_target_group" => {
                if table.text("target_type").is_some_and(|found| found.value == "lambda") {
                    let mut gateway = self.thing(Kind::Gateway);
                    let reason = "an Application Load Balancer".to_owned();
                    gateway.set("preset", text("aws-alb"), Origin::Default(reason));
                    model.things.push(gateway);
                }
            }
            "aws_lb_target_group_attachment" | "aws_alb_target_group_attachment" => {
                // Other targets than functions are no concern of this scenario.
                let to = self.refers("target_id");
                let is_function = |name: &String| name.contains("aws_lambda_") || name.contains(":function:");
                if to.iter().any(is_function) {
                    self.link(model, Kind::Gateway, self.refers("target_group_arn"), to, Vec::new());
                }
            }
            "aws_api_gateway_usage_plan" => {
                if let Some(item) = table.get("throttle_settings").filter(is_said) {
                    let why =
                        "not simulated: a limit for each API key; with one key write it as `throttle` of the gateway";
                    self.notes.ignore(item.node.place, item.address, why);
                }
            }
            _ => return false,
        }
        true
    }
}
