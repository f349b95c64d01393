//! A `ScaledObject` on the queue of its function, as a scaling policy: KEDA's poller and its HPA, each with its own
//! clock, on one Deployment.

use super::{Keda, ScaledObject};
use crate::policy::scaling::hpa::behavior::Behavior;
use crate::policy::scaling::hpa::calculator::{Reading, Target};
use crate::policy::scaling::hpa::controller::{Hpa, HpaSpec, SYNC_PERIOD};
use crate::policy::scaling::{Removal, Scaling, View, next_multiple};
use crate::time::SimTime;

/// The settings of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct KedaSpec {
    /// The `ScaledObject`.
    pub object: ScaledObject,
    /// Whether messages in progress count as well as waiting ones.
    pub scale_on_in_flight: bool,
    /// Windows and rates of the HPA.
    pub behavior: Option<Behavior>,
    /// Pods at the start of the run.
    pub initial_replicas: u32,
}

/// The state of the poller and the HPA. KEDA polls first when its object is created, the HPA syncs one period later;
/// where both act at the same time, the HPA sees what was there before.
#[derive(Clone, Debug)]
pub struct KedaAutoscaler {
    spec: KedaSpec,
    keda: Keda,
    hpa: Hpa,
    target: Target,
    replicas: i32,
    poll_at: SimTime,
    sync_at: SimTime,
    /// The number of messages last seen, the HPA's proposal for them if it synced, and the result.
    last: Option<(i64, Option<i32>, i32)>,
}

impl KedaAutoscaler {
    /// A `ScaledObject` created at the start of the run.
    #[must_use]
    pub fn new(spec: KedaSpec) -> Self {
        let (hpa, target) = spec.object.hpa();
        Self {
            keda: Keda::new(spec.object.clone(), SimTime::ZERO),
            hpa: Hpa::new(HpaSpec { behavior: spec.behavior.clone(), ..hpa }),
            target,
            replicas: spec.initial_replicas as i32,
            poll_at: SimTime::ZERO,
            sync_at: SimTime::ZERO + SYNC_PERIOD,
            last: None,
            spec,
        }
    }

    /// The length of the queue at this time, as KEDA and, through it, the HPA read it.
    fn messages(&self, view: &View<'_>) -> i64 {
        let in_flight = if self.spec.scale_on_in_flight { view.in_progress } else { 0 };
        i64::from(view.queued) + i64::from(in_flight)
    }

    /// Returns the replicas that the messages require.
    fn sync(&mut self, view: &View<'_>) -> Option<i32> {
        let reading = Reading::Value { value: self.messages(view) * 1000, ready: view.ready as i32 };
        let status = view.existing as i32;
        let sync = self.hpa.sync(view.now, self.replicas, status, &[(self.target, Ok(reading))]);
        self.replicas = sync.desired;
        self.sync_at = next_multiple(view.now, SYNC_PERIOD);
        sync.proposal
    }

    fn poll(&mut self, view: &View<'_>) {
        self.replicas = self.keda.poll(view.now, self.replicas, Some(self.messages(view)));
        self.poll_at = next_multiple(view.now, self.spec.object.polling_interval);
    }
}

impl Scaling for KedaAutoscaler {
    fn next(&self) -> SimTime {
        self.poll_at.min(self.sync_at)
    }

    fn decide(&mut self, view: &View<'_>) -> Option<f64> {
        if self.last.is_some() {
            // The last order, from either of them.
            self.replicas = view.ordered as i32;
        }
        let proposal = if self.sync_at <= view.now { self.sync(view) } else { None };
        if self.poll_at <= view.now {
            self.poll(view);
        }
        let replicas = view.bounded(f64::from(self.replicas));
        self.replicas = replicas as i32;
        self.last = Some((self.messages(view), proposal, self.replicas));
        Some(replicas)
    }

    fn why(&self) -> Option<String> {
        let (messages, proposal, replicas) = self.last?;
        let proposal = match proposal {
            Some(proposal) if proposal == replicas => format!("the HPA proposes {proposal}"),
            Some(proposal) => {
                format!("the HPA proposes {proposal}; stabilization, rate limits and bounds make it {replicas}")
            }
            None => format!("polled for activation: {replicas}"),
        };
        Some(format!("{messages} messages; {proposal}"))
    }

    fn removal(&self) -> Removal {
        Removal::Youngest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstanceId;
    use crate::policy::scaling::{InstanceView, Totals};
    use crate::time::Span;

    /// (s, replicas) after each change, with this many messages waiting from each time (s) on; pods start at once.
    fn changes(spec: KedaSpec, queue: &[(u64, u32)], until: u64) -> Vec<(u64, u32)> {
        let mut policy = KedaAutoscaler::new(spec);
        let mut found = Vec::new();
        let mut pods: Vec<InstanceView> = Vec::new();
        while policy.next() <= SimTime::ZERO + Span::from_secs(until) {
            let now = policy.next();
            let secs = now.as_nanos() / 1_000_000_000;
            let queued = queue.iter().rev().find(|(from, _)| *from <= secs).map_or(0, |(_, length)| *length);
            let view = View {
                now,
                limit: 1000,
                ordered: pods.len() as u32,
                per_instance: 1,
                existing: pods.len() as u32,
                ready: pods.len() as u32,
                taken: 0,
                instances: &pods,
                in_progress: 0,
                queued,
                totals: Totals::default(),
            };
            let answer = policy.decide(&view).expect("it always answers") as usize;
            if answer != pods.len() {
                let pod = |index| InstanceView {
                    id: InstanceId(index),
                    created: now,
                    ready: Some(now),
                    in_flight: 0,
                    last_used: SimTime::ZERO,
                };
                pods = (0..answer as u64).map(pod).collect();
                found.push((secs, answer as u32));
            }
        }
        found
    }

    fn spec(object: ScaledObject) -> KedaSpec {
        KedaSpec { object, scale_on_in_flight: true, behavior: None, initial_replicas: 0 }
    }

    #[test]
    fn from_zero_to_one_to_many_and_back() {
        let queue = [(20, 42), (100, 0)];
        // Polled at 30 s. 42 / 5 = 8.4, but an HPA without a behavior scales from 1 to at most 4. Last active at 90 s,
        // so inactive for more than 300 s at the poll of 420 s; until then the HPA remembers the 9 of 90 s.
        let expected = [(30, 1), (45, 4), (60, 8), (75, 9), (405, 1), (420, 0)];
        assert_eq!(changes(spec(ScaledObject::default()), &queue, 900), expected);
    }

    #[test]
    fn a_minimum_is_there_at_the_first_poll() {
        let object = ScaledObject { min_replicas: 2, ..ScaledObject::default() };
        assert_eq!(changes(spec(object), &[], 900), [(0, 2)]);
    }
}
