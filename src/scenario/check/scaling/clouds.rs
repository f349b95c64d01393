//! The scaling of Azure, Google Cloud and OpenFaaS: what their values mean together, and what would be refused there.

use crate::policy::scaling::{
    AzureConsumptionSpec, AzureFlexSpec, CloudRunSpec, OpenFaasCeSpec, OpenFaasSpec, ScalingSpec, Trigger,
};

use super::{REMEMBERED_MAX, UNLIMITED_SLOTS};
use crate::scenario::check::Checker;
use crate::scenario::model::{Concurrency, Overflow, Phase};
use crate::scenario::raw::function::FunctionTable;
use crate::scenario::raw::scaling::{
    AzureConsumptionTable, AzureFlexTable, CloudRunTable, OpenFaasCeTable, OpenFaasTable,
};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan};
use crate::time::Span;

/// What Service Bus and Storage Queue give an instance unless told otherwise.
const TARGET_EXECUTIONS: f64 = 16.0;

impl Checker<'_, '_> {
    pub(super) fn azure_consumption(
        &mut self,
        table: &AzureConsumptionTable,
        path: &str,
    ) -> Option<AzureConsumptionSpec> {
        let path = format!("{path}.azure-consumption");
        let (concurrent, outstanding) = (*table.max_concurrent_requests, *table.max_outstanding_requests);
        let rules = [
            self.rule(&table.max_instances, *table.max_instances <= 200, &format!("{path}.max-instances"), || {
                "the Consumption plan has at most 200 instances (100 on Linux)".to_owned()
            }),
            self.rule(
                &table.max_outstanding_requests,
                outstanding >= concurrent,
                &format!("{path}.max-outstanding-requests"),
                || format!("the {concurrent} requests that run at once are outstanding too"),
            ),
        ];
        let idle_timeout =
            self.positive(table.idle_timeout.place, *table.idle_timeout, &format!("{path}.idle-timeout"))?;
        if table.target_executions_per_instance.broken || rules.contains(&None) {
            return None;
        }
        let target = *table.target_executions_per_instance;
        let (target, slots) = match *table.trigger {
            Trigger::Http => (target.unwrap_or_else(|| f64::from(concurrent)), concurrent),
            Trigger::TargetBased | Trigger::Incremental => {
                let target = target.unwrap_or(TARGET_EXECUTIONS);
                (target, (target.ceil() as u32).min(UNLIMITED_SLOTS))
            }
        };
        Some(AzureConsumptionSpec {
            trigger: *table.trigger,
            target,
            slots,
            waiting: outstanding - concurrent,
            max_instances: *table.max_instances,
            idle_timeout,
        })
    }

    pub(super) fn azure_flex(
        &mut self,
        table: &AzureFlexTable,
        function: &FunctionTable,
        path: &str,
    ) -> Option<AzureFlexSpec> {
        let name = path.strip_suffix(".scaling").unwrap_or(path);
        let path = format!("{path}.azure-flex");
        let most = *table.max_instances;
        let by_memory = AzureFlexSpec::standard_concurrency(*function.memory);
        if by_memory.is_none() {
            let message = format!(
                "`{name}.memory` is {}MB: the Flex Consumption plan has instances of 512MB, 2048MB and 4096MB",
                *function.memory
            );
            let help = "write memory = \"2048MB\", which is what the plan gives unless told otherwise";
            self.problems.push(Problem::error(function.memory.place, message).help(help));
        }
        let rules = [
            self.rule(&table.max_instances, most <= 1000, &format!("{path}.max-instances"), || {
                "the Flex Consumption plan has at most 1000 instances".to_owned()
            }),
            self.rule(&table.always_ready, *table.always_ready <= most, &format!("{path}.always-ready"), || {
                format!("there are at most {most} instances (max-instances)")
            }),
        ];
        if table.per_instance_concurrency.broken || rules.contains(&None) {
            return None;
        }
        Some(AzureFlexSpec {
            concurrency: table.per_instance_concurrency.or(by_memory)?,
            always_ready: *table.always_ready,
            max_instances: most,
            scale_in_delay: *table.scale_in_delay,
        })
    }

    pub(super) fn cloud_run(&mut self, table: &CloudRunTable, path: &str) -> Option<CloudRunSpec> {
        let path = format!("{path}.cloud-run");
        let key = |key: &str| format!("{path}.{key}");
        let (concurrency, most) = (*table.concurrency, *table.max_instances);
        let above_zero = || "a target is above 0".to_owned();
        let rules = [
            self.rule(&table.concurrency, concurrency <= 1000, &key("concurrency"), || {
                "an instance of Cloud Run takes at most 1000 requests".to_owned()
            }),
            self.rule(&table.cpu, *table.cpu >= 1.0 || concurrency == 1, &key("cpu"), || {
                "less than 1 vCPU takes one request at a time: write concurrency = 1".to_owned()
            }),
            self.rule(
                &table.concurrency_target,
                *table.concurrency_target > 0.0,
                &key("concurrency-target"),
                above_zero,
            ),
            self.rule(&table.cpu_target, *table.cpu_target > 0.0, &key("cpu-target"), above_zero),
            self.rule(&table.min_instances, *table.min_instances <= most, &key("min-instances"), || {
                format!("there are at most {most} instances (max-instances)")
            }),
        ];
        let window = self.positive(table.window.place, *table.window, &key("window"))?;
        let interval = self.pause(table.interval.place, *table.interval, &key("interval"))?;
        let remembered = window.as_nanos() / interval.as_nanos();
        let rule = self.rule(&table.interval, remembered <= REMEMBERED_MAX, &key("interval"), || {
            format!("that is {remembered} times in a `window`, and each is remembered: at most {REMEMBERED_MAX}")
        });
        rule?;
        (!rules.contains(&None)).then_some(CloudRunSpec {
            concurrency,
            concurrency_target: *table.concurrency_target,
            cpu: *table.cpu,
            cpu_target: *table.cpu_target,
            cpu_per_request: *table.cpu_per_request,
            window,
            interval,
            idle_timeout: *table.idle_timeout,
            min_instances: *table.min_instances,
            max_instances: most,
        })
    }

    pub(super) fn openfaas(&mut self, table: &OpenFaasTable, path: &str) -> Option<OpenFaasSpec> {
        let path = format!("{path}.openfaas");
        let key = |key: &str| format!("{path}.{key}");
        let least = self.at_most(&table.min, *table.max, &key("min"));
        let window = *table.down_window;
        let rule = self.rule(&table.down_window, window <= Span::from_secs(300), &key("down-window"), || {
            "com.openfaas.scale.down.window is at most 5m".to_owned()
        });
        let interval = self.pause(table.interval.place, *table.interval, &key("interval"))?;
        rule?;
        Some(OpenFaasSpec {
            load: *table.load,
            target: *table.target,
            target_proportion: *table.target_proportion,
            min: least?,
            max: *table.max,
            zero: *table.zero,
            zero_duration: *table.zero_duration,
            down_window: window,
            max_inflight: *table.max_inflight,
            cpu_per_request: *table.cpu_per_request,
            interval,
        })
    }

    pub(super) fn openfaas_ce(&mut self, table: &OpenFaasCeTable, path: &str) -> Option<OpenFaasCeSpec> {
        let path = format!("{path}.openfaas-ce");
        let least = self.at_most(&table.min, *table.max, &format!("{path}.min"));
        let rule = self.rule(&table.max, *table.max <= 5, &format!("{path}.max"), || {
            "the Community Edition has at most 5 replicas of a function".to_owned()
        });
        rule?;
        Some(OpenFaasCeSpec {
            threshold: *table.threshold,
            min: least?,
            max: *table.max,
            factor: *table.factor,
            max_inflight: *table.max_inflight,
        })
    }

    /// How long a request waits for an instance of Cloud Run unless the scenario says it: 3.5 times the mean start, and at
    /// least 10 s (docs.cloud.google.com/run/docs/about-instance-autoscaling).
    pub(in crate::scenario::check) fn pending(
        table: &FunctionTable,
        scaling: &ScalingSpec,
        cold_start: &[Phase],
        concurrency: &mut Concurrency,
    ) {
        let ScalingSpec::CloudRun(_) = scaling else { return };
        if let Overflow::Queue { timeout: timeout @ None, .. } = &mut concurrency.overflow
            && table.concurrency.queue_timeout.is_none()
        {
            let start: f64 = cold_start.iter().map(|phase| phase.duration.mean_s()).sum();
            // A start whose mean is infinite is waited for.
            *timeout = Span::from_secs_f64((3.5 * start).max(10.0)).ok();
        }
    }

    fn at_most(&mut self, min: &Spanned<u32>, max: u32, path: &str) -> Option<u32> {
        self.rule(min, **min <= max, path, || format!("there are at most {max} replicas (max)"))?;
        Some(**min)
    }

    /// Reports a value that breaks a rule of the real system.
    fn rule<T: std::fmt::Display>(
        &mut self,
        at: &Spanned<T>,
        holds: bool,
        path: &str,
        rule: impl FnOnce() -> String,
    ) -> Option<()> {
        if !holds {
            self.refuse(at.place, format!("`{path}` = {}: {}", at.value, rule()));
        }
        holds.then_some(())
    }

    fn refuse(&mut self, place: SourceSpan, message: String) {
        self.problems.push(Problem::error(place, message));
    }
}
