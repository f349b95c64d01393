//! What the scenario file says about a gateway, and what presets add.

use super::super::bucket::{BucketSpec, Throttle};
use super::super::client::ClientParameters;
use crate::dist::{Dist, DistSpec};
use crate::schema::declare::*;
use crate::schema::scalars::{Amount, Count, Duration, Name, PositiveDuration, Ratio, Text};
use crate::schema::sizes::Bytes;
use crate::time::Span;

parameters! {
    /// A gateway or load balancer in front of a target.
    pub struct GatewaySpec {
        /// Unique name.
        required name: Name,
        /// Its site. Default: the first `[[site]]`.
        optional site: Name,
        /// The function or component that it calls.
        required target: Text,
        /// The product that provides all values not set here.
        optional preset: Preset,
        /// Token buckets, as a table or an ordered list; "none": no throttling.
        optional throttle: OrNone<Throttle>,
        /// How long it waits for the target, which keeps running after a timeout; "none": no limit.
        optional timeout: OrNone<PositiveDuration>,
        /// Latency added by the gateway itself.
        optional latency: OrNone<DistSpec>,
        /// Response cache.
        optional cache: CacheSpec,
        /// Authorizer that is called before the target.
        optional authorizer: AuthorizerSpec,
        /// Outcome for the caller when the target throttles.
        optional throttled_as: ThrottledAs,
        /// Largest payload of a request; a larger one is rejected, as by HTTP 413, and not retried; "none": no limit.
        optional payload_limit: OrNone<Bytes>,
        /// Price per million requests that were not throttled.
        optional per_million_usd: Amount,
        /// How it calls the target: retries, circuit breaker; the timeout of an attempt is `timeout`.
        optional client: Box<ClientParameters>,
    }
}

parameters! {
    /// Response cache of a gateway.
    pub struct CacheSpec {
        /// Hit ratio while the cache is warm.
        required hit_ratio: Ratio,
        /// How long the cache stays warm after the last success of the target.
        default ttl: PositiveDuration = Span::from_secs(300),
    }
}

parameters! {
    /// Called first, to decide whether a request may pass.
    pub struct AuthorizerSpec {
        /// The function or component that authorizes.
        required target: Text,
        /// How long its decision about a caller is cached; 0s: not cached.
        default cache_ttl: Duration = Span::from_secs(300),
        /// Number of distinct callers; each request is from a random one.
        default callers: Count<1, 1_000_000> = 1,
    }
}

choice! {
    /// The caller's outcome when the target throttles.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ThrottledAs {
        "throttled" => Throttled, "Throttled, as by HTTP 429.";
        "error" => Error, "An error, as by HTTP 502 or 503.";
    }
}

choice! {
    /// The product that a preset describes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Preset {
        "aws-rest" => AwsRest, "Amazon API Gateway, REST API.";
        "aws-http" => AwsHttp, "Amazon API Gateway, HTTP API.";
        "aws-alb" => AwsAlb, "Amazon Application Load Balancer; its hourly price is not included.";
        "azure" => Azure, "The HTTP front end of Azure Functions.";
        "gcp" => Gcp, "Google Cloud API Gateway.";
    }
}

impl GatewaySpec {
    fn check(&self, check: &mut Check<'_, '_, '_>) {
        if let Some(key) = self.client.as_ref().and_then(|client| client.per_instance()) {
            let key = format!("client.{key}");
            check.wrong_with(&key, "means nothing at a gateway", "only steps of functions have instances");
        }
        let longest = Span::from_secs(30);
        if let (Some(Preset::AwsHttp), Some(Some(timeout))) = (self.preset, self.timeout)
            && timeout > longest
        {
            check.refused("timeout", format!("= {timeout}: it is at most {longest}"), "AWS");
        }
        if self.client.as_ref().is_some_and(|client| client.timeout.is_some()) {
            check.wrong_with("client.timeout", "cannot be set", "write it as `timeout` of the gateway");
        }
    }

    /// What the gateway does: values of the scenario, else of the preset.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let preset = self.preset.map_or(Settings::PLAIN, Preset::settings);
        let latency = |latency: &Option<DistSpec>| latency.as_ref().and_then(|latency| latency.dist().ok());
        Settings {
            throttle: self.throttle.clone().map_or(preset.throttle, Option::unwrap_or_default),
            timeout: self.timeout.unwrap_or(preset.timeout),
            latency: self.latency.as_ref().map_or(preset.latency, latency),
            throttled_as: self.throttled_as.unwrap_or(preset.throttled_as),
            payload_limit: self.payload_limit.unwrap_or(preset.payload_limit),
            per_million_usd: self.per_million_usd.unwrap_or(preset.per_million_usd),
        }
    }
}

/// What a gateway does.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Token buckets in order.
    pub throttle: Throttle,
    /// Timeout of a call of the target.
    pub timeout: Option<Span>,
    /// The gateway's own latency.
    pub latency: Option<Dist>,
    /// Outcome for the caller when the target throttles.
    pub throttled_as: ThrottledAs,
    /// Largest payload of a request, bytes.
    pub payload_limit: Option<u64>,
    /// Price per million requests.
    pub per_million_usd: f64,
}

const MB: u64 = 1 << 20;

impl Settings {
    const PLAIN: Self = Self {
        throttle: Throttle(Vec::new()),
        timeout: None,
        latency: None,
        throttled_as: ThrottledAs::Throttled,
        payload_limit: None,
        per_million_usd: 0.0,
    };
}

impl Preset {
    /// Values of the vendors as of November 2026, in the largest region. No vendor publishes the gateway's own latency:
    /// the medians and 99th percentiles are assumptions, as is the caller's outcome when the function is throttled.
    fn settings(self) -> Settings {
        let millis = Span::from_millis;
        let latency = |median, p99| Dist::log_normal_p99(millis(median), millis(p99)).ok();
        let account = Throttle(vec![BucketSpec { rate: 10_000.0, burst: Some(5_000.0) }]);
        match self {
            // Developer guide, "Amazon API Gateway quotas": 10,000/s and 5,000 in the account (some regions 2,500 and
            // 1,250), integration 29 s, payload 10 MB; $3.50 per million. The caller of a throttled function gets HTTP
            // 502.
            Self::AwsRest => Settings {
                throttle: account,
                timeout: Some(Span::from_secs(29)),
                latency: latency(6, 30),
                throttled_as: ThrottledAs::Error,
                payload_limit: Some(10 * MB),
                per_million_usd: 3.5,
            },
            // The same page: 30 s, fixed; payload 10 MB; $1.00 per million. The caller of a throttled function gets
            // HTTP 503.
            Self::AwsHttp => Settings {
                throttle: account,
                timeout: Some(Span::from_secs(30)),
                latency: latency(3, 15),
                throttled_as: ThrottledAs::Error,
                payload_limit: Some(10 * MB),
                per_million_usd: 1.0,
            },
            // Elastic Load Balancing, "Edit attributes for your Application Load Balancer": idle timeout 60 s. It is
            // billed by the hour and by capacity units, not by request. "Lambda functions as targets": a request body
            // of 1 MB; other targets have no limit.
            Self::AwsAlb => Settings {
                timeout: Some(Span::from_secs(60)),
                latency: latency(1, 5),
                throttled_as: ThrottledAs::Error,
                payload_limit: Some(MB),
                ..Settings::PLAIN
            },
            // "Azure Functions scale and hosting": the load balancer's idle timeout of 230 s limits every HTTP
            // response.
            Self::Azure => Settings { timeout: Some(Span::from_secs(230)), latency: latency(2, 10), ..Settings::PLAIN },
            // cloud.google.com/api-gateway/docs/pricing: $3.00 per million above 2 million; the default deadline of a
            // backend, 15 s, is from memory.
            Self::Gcp => Settings {
                timeout: Some(Span::from_secs(15)),
                latency: latency(6, 30),
                per_million_usd: 3.0,
                ..Settings::PLAIN
            },
        }
    }
}
