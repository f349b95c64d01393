//! Contenders side by side: the same luck for all, and replications until it is clear.

use std::num::NonZeroUsize;

use super::{Prepared, Progress, Unit, simulate_all};
use crate::engine::SimError;
use crate::measure::comparison::{Comparison, Design, Sample};
use crate::measure::{Replication, RunResult};
use crate::scenario::Scenario;

/// Who takes part: a name and a scenario.
pub type Contender = (String, Scenario);

/// What a comparison gives back.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What was found.
    pub comparison: Comparison,
    /// What each contender did by itself, in their order.
    pub results: Vec<(String, RunResult)>,
    /// Requests simulated, over all contenders and replications.
    pub simulated: u64,
    /// Whether it ended by itself. If not, replications that were whole for all contenders are in, and no others.
    pub is_whole: bool,
}

/// Compares at least two contenders on `threads` threads, which do not change the result.
///
/// Replication `k` of each contender is a function of its seed and `k`: contenders with the same seed meet the same requests
/// with the same luck, and so differences need few replications. After each of the design's looks it goes on only if
/// something that is followed is not clear.
///
/// # Errors
/// When a trace turns out to be malformed, and when `progress` breaks before two replications are whole.
pub fn compare(
    contenders: &[Contender],
    design: &Design,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Compared, SimError> {
    let prepared: Vec<Prepared<'_>> = contenders.iter().map(|(_, scenario)| Prepared::of(scenario)).collect();
    let mut all: Vec<Vec<Replication>> = vec![Vec::new(); contenders.len()];
    let mut done = 0;
    let mut is_whole = true;
    for look in design.looks() {
        progress.begin();
        // Replication by replication, so that what is interrupted is whole for all contenders as far as possible.
        let units: Vec<Unit<'_>> =
            (done..*look).flat_map(|number| prepared.iter().map(move |one| one.unit(number, progress))).collect();
        let (replications, stopped) = simulate_all(&units, threads, None::<()>);
        let whole = add_whole(&mut all, replications);
        match stopped {
            None => {}
            Some(SimError::Cancelled) if done + whole >= 2 => is_whole = false,
            Some(error) => return Err(error),
        }
        done += whole;
        if !is_whole || design.is_settled(&samples(contenders, design, &mut all)) {
            break;
        }
    }
    let simulated = all.iter().flatten().map(Replication::simulated).sum();
    let samples = samples(contenders, design, &mut all);
    let results: Vec<(String, RunResult)> = (contenders.iter().zip(all))
        .map(|((name, scenario), replications)| (name.clone(), RunResult::of(scenario, replications)))
        .collect();
    Ok(Compared { comparison: design.conclude(&samples, &results), results, simulated, is_whole })
}

/// Adds the replications of one look, which come in turns for each contender, up to the first that somebody lacks. Says
/// how many that are.
fn add_whole(all: &mut [Vec<Replication>], replications: Vec<Option<Replication>>) -> u32 {
    let mut whole = 0;
    let mut replications = replications.into_iter();
    loop {
        let round: Option<Vec<Replication>> = replications.by_ref().take(all.len()).collect();
        match round {
            Some(round) if round.len() == all.len() => all.iter_mut().zip(round).for_each(|(list, one)| list.push(one)),
            _ => return whole,
        }
        whole += 1;
    }
}

fn samples(contenders: &[Contender], design: &Design, all: &mut [Vec<Replication>]) -> Vec<Sample> {
    let pairs = contenders.iter().zip(all);
    pairs.map(|((name, scenario), replications)| Sample::of(design, name, scenario, replications)).collect()
}
