//! What arrives: arrival processes, traces, synthetic populations.

use std::sync::Arc;

use crate::dist::{Dist, DistSpec};
use crate::schema::declare::*;
use crate::time::{SimTime, Span};

union! {
    /// When requests come.
    pub enum ArrivalParameters ("arrivals"): Process {
        "constant" => Constant(ConstantRate),
        "poisson" => Poisson(PoissonRate),
        "mmpp" => Mmpp(MmppSpec),
        "piecewise" => Piecewise(PiecewiseSpec),
        "diurnal" => Diurnal(DiurnalSpec),
        "burst" => Burst(BurstSpec),
        "gamma" => Gamma(GammaGaps),
        "weibull" => Weibull(WeibullGaps),
        "renewal" => Renewal(RenewalSpec),
        "closed" => Closed(ClosedSpec),
        "times" => Times(TimesSpec),
        "schedule" => Schedule(ScheduleSpec),
        "fleet" => Fleet(FleetSpec),
        "trace" => Trace(TraceSpec),
        "rate-trace" => RateTrace(RateTraceSpec),
        "population" => Population(PopulationSpec),
    }
}

/// What the parameters of an arrival process mean.
pub trait Process {
    /// The process; none where files must be read or the start of the run be known first, and where its distribution is always
    /// zero.
    fn arrivals(&self) -> Option<ArrivalSpec>;

    /// The distribution that it draws from, whose values may have to be read from a file.
    fn distribution(&mut self) -> Option<&mut DistSpec> {
        None
    }
}

/// What is said of rates that are all zero.
const ALL_ZERO: &str = "all rates are zero, so nothing would ever arrive";

/// When requests come: the checked description of an arrival process. Rates are per second and positive.
#[derive(Clone, Debug)]
pub enum ArrivalSpec {
    /// One request every 1/rate seconds, the first after one gap.
    Constant {
        /// Requests per second.
        rate: f64,
    },
    /// Poisson.
    Poisson {
        /// Requests per second.
        rate: f64,
    },
    /// Markov-modulated Poisson: stays in each state for an exponential time, then moves to the next, the last to the first.
    Mmpp {
        /// The states, in order.
        states: Arc<[MmppState]>,
    },
    /// Non-homogeneous Poisson with a rate that is linear between points.
    Piecewise {
        /// Time and rate, times rising from the first. Before the first point and after the last the rate stays as there.
        points: Arc<[(SimTime, f64)]>,
        /// Start again after this long; none: once.
        period: Option<Span>,
    },
    /// Non-homogeneous Poisson with a sinusoidal rate: mean * (1 + amplitude * cos(2 pi (t - peak_at) / period)).
    Diurnal {
        /// Mean rate.
        rate: f64,
        /// 0 (flat) to 1 (down to nothing at night).
        amplitude: f64,
        /// Usually a day.
        period: Span,
        /// Time of the peak within the period.
        peak_at: Span,
    },
    /// `size` requests at random moments within `within` of every `every`, over a Poisson background.
    Burst {
        /// Requests per burst.
        size: u32,
        /// From the start of one burst to the start of the next.
        every: Span,
        /// The first burst starts here.
        first: Span,
        /// The burst is spread uniformly over this long; zero: all at the same moment.
        within: Span,
        /// Rate of the background; may be 0.
        background: f64,
    },
    /// Independent gaps of any distribution (gamma, Weibull, ...).
    Renewal {
        /// Interarrival time.
        gap: Dist,
    },
    /// Closed loop: users who wait for a response, think, and send the next request.
    Closed {
        /// How many.
        users: u32,
        /// Time between an answer and the next request.
        think: Dist,
    },
    /// At these moments, in order.
    Times {
        /// Arrival times, in increasing order.
        at: Arc<[SimTime]>,
    },
    /// By a timer.
    Schedule(Arc<Schedule>),
    /// Devices that report at regular intervals.
    Fleet(Fleet),
    /// As counted in intervals of equal length.
    Counts(Arc<Counts>),
    /// As recorded, request by request, of all functions of a trace that is too long to be kept: read again each time.
    Rows(Arc<RowTrace>),
    /// As recorded, request by request, of one function of a trace that is kept.
    Recorded {
        /// The trace.
        of: Arc<RowTrace>,
        /// The function's place in it.
        function: u32,
    },
    /// Given requests (`Times`, `Rows`), each repeated or left out so that there are `factor` times as many.
    Repeated {
        /// The requests.
        of: Arc<ArrivalSpec>,
        /// How many times as many.
        factor: f64,
    },
}

/// A state of [`ArrivalSpec::Mmpp`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MmppState {
    /// Requests per second in this state; may be 0.
    pub rate: f64,
    /// Mean time in this state.
    pub stay: Span,
}

mod arrivals;
mod busiest;
pub mod calendar;
mod counts;
mod expected;
mod input;
mod load;
mod payload;
pub mod population;
mod rate;
pub mod trace;

pub use arrivals::{Arrival, Arrivals, ClosedUsers, Fleet, Schedule};
pub use busiest::busiest_second;
pub use counts::{Counts, Spread};
pub use input::Input;
pub use payload::{Payload, SizeSpec};
pub use trace::TraceError;

use arrivals::{
    BurstSpec, ClosedSpec, ConstantRate, DiurnalSpec, FleetSpec, GammaGaps, MmppSpec, PiecewiseSpec, PoissonRate,
    RenewalSpec, ScheduleSpec, TimesSpec, WeibullGaps,
};
use population::PopulationSpec;
use trace::{RateTraceSpec, RowTrace, TraceSpec};
