//! APIs of CloudFormation and SAM: what is in front of functions.

use super::Resource;
use crate::import::formats::lambda::{self, duration, setting};
use crate::import::model::{Kind, Link, Model, Origin, Setting, Thing, seconds, text};
use crate::import::path::FUNCTION_URL;
use crate::import::reader::{Item, Table};
use crate::import::tree::{Node, Place, Value};

/// The API that SAM makes of the events of functions.
pub(super) fn implicit(is_rest: bool) -> &'static str {
    if is_rest { "ServerlessRestApi" } else { "ServerlessHttpApi" }
}

/// The name by which an authorizer of a SAM API is known.
pub(super) fn authorizer_id(api: &[String], name: &str) -> String {
    format!("{}/authorizer/{name}", api.first().map_or("", String::as_str))
}

/// The URL of a function.
pub(super) fn url(id: &str, to: Vec<String>, place: Place) -> Link {
    let from = vec![format!("{id}-url"), FUNCTION_URL.to_owned()];
    Link { from, kind: Kind::Gateway, to, place, settings: Vec::new() }
}

impl Resource<'_> {
    pub(super) fn api(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let mut gateway = self.thing(Kind::Gateway, place, "Name");
        let is_rest = !self.kind.contains("V2") && !self.kind.ends_with("HttpApi");
        if table.text("ProtocolType").is_some_and(|found| found.value == "WEBSOCKET") {
            let reason = || Origin::Default("a WebSocket API: 29 s for an integration".to_owned());
            gateway.set("preset", text("aws-http"), reason());
            gateway.set("timeout", seconds(29.0), reason());
        } else {
            api_preset(&mut gateway, is_rest);
        }
        gateway.settings.extend(self.throttle());
        self.sam_authorizers(table, &mut gateway, model);
        for key in ["Body", "DefinitionBody"] {
            if let Some(body) = table.get(key) {
                self.open_api(body.node, place, model);
            }
        }
        for key in ["DefinitionUri", "BodyS3Location"] {
            table.refuse(key, "not read: routes that are in another file");
        }
        // SAM writes the settings of its implicit API under Globals.
        if let Some(target) = table.get("Target") {
            model.links.push(lambda_link(self.id, target.reference(), place, Vec::new()));
        }
        table.skip_rest();
        model.things.push(gateway);
    }

    /// Authorizers that are functions, as SAM writes them.
    fn sam_authorizers(&self, table: &Table<'_>, gateway: &mut Thing, model: &mut Model) {
        let auth = table.table("Auth");
        let default = auth.text("DefaultAuthorizer");
        if let Some(authorizers) = auth.get("Authorizers") {
            for entry in authorizers.node.entries() {
                let item = Item::new(&entry.node, format!("{}.{}", authorizers.address, entry.key), self.notes);
                let authorizer = item.table();
                let function = authorizer.get("FunctionArn");
                let identity = authorizer.table("Identity");
                let ttl = duration("authorizer.cache-ttl", identity.get("ReauthorizeEvery"));
                identity.skip_rest();
                let is_default = default.as_ref().is_some_and(|default| default.value == entry.key);
                if let Some(function) = function {
                    let names = function.reference();
                    model.aliases.push((authorizer_id(&[self.id.to_owned()], &entry.key), names));
                    if is_default {
                        gateway.apply(Setting::reference("authorizer.target", &function));
                        gateway.settings.extend(ttl);
                    }
                }
                authorizer.skip_rest();
            }
        }
        auth.skip_rest();
    }

    /// Integrations in a description of OpenAPI.
    fn open_api(&self, body: &Node, place: Place, model: &mut Model) {
        let paths = body.get("paths").map_or(&[][..], Node::entries);
        for method in paths.iter().flat_map(|path| path.node.entries()) {
            let Some(integration) = method.node.get("x-amazon-apigateway-integration") else { continue };
            let item = Item::new(integration, format!("{}.paths", self.id), self.notes);
            let table = item.table();
            let to = table.get("uri").map(|uri| uri.reference()).unwrap_or_default();
            let timeout = timeout(table.get("timeoutInMillis"));
            table.skip_rest();
            if !to.is_empty() {
                model.links.push(lambda_link(self.id, to, integration.place.or(place), timeout));
            }
        }
    }

    /// What an API does with a request: calls a function, or another service.
    pub(super) fn integration(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        if self.kind == "AWS::ApiGatewayV2::Integration" {
            let (from, to) = (self.names("ApiId"), self.names("IntegrationUri"));
            let settings = timeout(table.get("TimeoutInMillis"));
            model.links.push(Link { from, kind: Kind::Gateway, to, place, settings });
        } else {
            let integration = table.table("Integration");
            let to = integration.get("Uri").map(|uri| uri.reference()).unwrap_or_default();
            let mut settings = timeout(integration.get("TimeoutInMillis"));
            integration.skip_rest();
            settings.extend(table.get("AuthorizerId").map(|id| Setting::reference("authorizer.target", &id)));
            // OPTIONS answers by itself, and needs nothing behind it.
            if !to.is_empty() {
                model.links.push(Link { from: self.names("RestApiId"), kind: Kind::Gateway, to, place, settings });
            }
        }
        table.skip_rest();
    }

    pub(super) fn stage(&self, place: Place, model: &mut Model) {
        let api = if self.kind.contains("V2") { "ApiId" } else { "RestApiId" };
        let settings = self.throttle();
        let to = self.names(api);
        self.table.skip_rest();
        self.add(model, to, place, settings);
    }

    pub(super) fn authorizer(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let api = self.names(if self.kind.contains("V2") { "ApiId" } else { "RestApiId" });
        let function = self.names("AuthorizerUri");
        let ttl = duration("authorizer.cache-ttl", table.get("AuthorizerResultTtlInSeconds"));
        table.skip_rest();
        if !function.is_empty() {
            model.aliases.push((self.id.to_owned(), function));
            self.add(model, api, place, ttl.into_iter().collect());
        }
    }

    pub(super) fn route(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let asks = table.text("AuthorizationType").is_some_and(|found| found.value == "CUSTOM");
        let authorizer = table.get("AuthorizerId").filter(|_| asks);
        let settings = authorizer.map(|id| Setting::reference("authorizer.target", &id)).into_iter().collect();
        self.add(model, self.names("ApiId"), place, settings);
        table.skip_rest();
    }

    pub(super) fn usage_plan(&self) {
        self.table.refuse(
            "Throttle",
            "not simulated: a limit for each API key; with one key write it as `throttle` of the gateway",
        );
        self.table.skip_rest();
    }

    /// A function behind a load balancer.
    pub(super) fn target_group(&self, place: Place, model: &mut Model) {
        let table = &self.table;
        let is_lambda = table.text("TargetType").is_some_and(|found| found.value == "lambda");
        let targets: Vec<_> = table.list("Targets").into_iter().map(|item| item.table()).collect();
        for target in targets.iter().filter(|_| is_lambda) {
            let to = target.get("Id").map(|id| id.reference()).unwrap_or_default();
            model.links.push(lambda_link(self.id, to, place, Vec::new()));
        }
        targets.iter().for_each(Table::skip_rest);
        if is_lambda {
            let mut gateway = self.thing(Kind::Gateway, place, "Name");
            gateway.set("preset", text("aws-alb"), Origin::Default("an Application Load Balancer".to_owned()));
            model.things.push(gateway);
        }
        table.skip_rest();
    }

    /// The throttle of an API or a stage: of all methods or routes, else of the first that has one.
    fn throttle(&self) -> Vec<Setting> {
        let table = &self.table;
        let methods: Vec<_> = table.list("MethodSettings").into_iter().map(|item| item.table()).collect();
        let routes = [table.table("DefaultRouteSettings")];
        let is_for_all =
            |table: &&Table<'_>| matches!(table.node.get("HttpMethod").and_then(Node::text), None | Some("*"));
        let places = methods.iter().filter(is_for_all).chain(methods.iter()).chain(&routes);
        let found = places
            .map(|place| lambda::throttle(place.number("ThrottlingRateLimit"), place.number("ThrottlingBurstLimit")))
            .find(|throttle| !throttle.is_empty());
        methods.iter().chain(&routes).for_each(|place| {
            if place.node.get("CachingEnabled").and_then(Node::text) == Some("true") {
                place.refuse("CachingEnabled", "not simulated: no file says how often the cache has the answer; write `cache = { hit-ratio = ... }`");
            }
            place.skip_rest();
        });
        found.unwrap_or_default()
    }
}

/// What an API of API Gateway does.
fn api_preset(gateway: &mut Thing, is_rest: bool) {
    let (preset, what) = if is_rest { ("aws-rest", "a REST API") } else { ("aws-http", "an HTTP API") };
    gateway.set("preset", text(preset), Origin::Default(what.to_owned()));
}

fn timeout(item: Option<Item<'_>>) -> Vec<Setting> {
    let found = item.filter(|item| !matches!(item.node.value, Value::Null)).and_then(|item| item.number());
    setting("timeout", found.map(|found| found.map(|ms| seconds(ms / 1_000.0)))).into_iter().collect()
}

fn lambda_link(id: &str, to: Vec<String>, place: Place, settings: Vec<Setting>) -> Link {
    Link { from: vec![id.to_owned()], kind: Kind::Gateway, to, place, settings }
}
