//! Writing a population as a trace: the three files of Azure 2019, or a row for each request.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use crate::hash::Fnv1a;
use crate::rng::{Purpose, Stream, Streams};
use crate::time::{NANOS_PER_SECOND, SimTime};
use crate::workload::Arrivals;
use crate::workload::population::SyntheticFunction;

/// Percentiles in the files of durations and of memory.
const DURATIONS: [(u32, f64); 7] =
    [(0, 0.000_1), (1, 0.01), (25, 0.25), (50, 0.5), (75, 0.75), (99, 0.99), (100, 0.999_9)];
const MEMORY: [u32; 8] = [1, 5, 25, 50, 75, 95, 99, 100];

/// Where the three files go.
#[derive(Debug)]
pub struct Azure2019Output<W> {
    /// Invocations per function and minute.
    pub invocations: W,
    /// Percentiles of durations, ms.
    pub durations: W,
    /// Memory by app, MB.
    pub memory: W,
}

/// Writes `minutes` minutes of a population and says how many requests they have. `each` is told of every function done.
///
/// # Errors
/// What the files answer, and what `each` does.
pub fn azure_2019<W: Write>(
    to: &mut Azure2019Output<W>,
    functions: &[SyntheticFunction],
    minutes: u32,
    streams: &Streams,
    mut each: impl FnMut() -> io::Result<()>,
) -> io::Result<u64> {
    let mut row = Vec::new();
    row.extend_from_slice(b"HashOwner,HashApp,HashFunction,Trigger");
    (1..=minutes).for_each(|minute| number(&mut row, u64::from(minute)));
    end(&mut row, &mut to.invocations)?;
    row.extend_from_slice(b"HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum");
    DURATIONS.iter().try_for_each(|(p, _)| write!(row, ",percentile_Average_{p}"))?;
    end(&mut row, &mut to.durations)?;
    row.extend_from_slice(b"HashOwner,HashApp,SampleCount,AverageAllocatedMb");
    MEMORY.iter().try_for_each(|p| write!(row, ",AverageAllocatedMb_pct{p}"))?;
    end(&mut row, &mut to.memory)?;
    let (mut total, mut last_app) = (0, None);
    for function in functions {
        let app = hash(&format!("app {}", function.app));
        let owner = hash(&format!("owner {}", function.app));
        write!(row, "{owner},{app},{},{}", hash(&function.name), function.trigger)?;
        let mut requests = 0;
        for count in function.counts(minutes, streams) {
            requests += count;
            number(&mut row, count);
        }
        end(&mut row, &mut to.invocations)?;
        let law = function.duration();
        let at = |p: f64| law.quantile(p).as_secs_f64() * 1e3;
        write!(row, "{owner},{app},{},{:.3},{requests}", hash(&function.name), function.duration_mean_s * 1e3)?;
        write!(row, ",{:.3},{:.3}", at(DURATIONS[0].1), at(DURATIONS[6].1))?;
        DURATIONS.iter().try_for_each(|(_, p)| write!(row, ",{:.3}", at(*p)))?;
        end(&mut row, &mut to.durations)?;
        if last_app.replace(function.app) != Some(function.app) {
            write!(row, "{owner},{app},{requests},{}", function.memory_mb)?;
            MEMORY.iter().try_for_each(|_| write!(row, ",{}", function.memory_mb))?;
            end(&mut row, &mut to.memory)?;
        }
        total += requests;
        each()?;
    }
    [&mut to.invocations, &mut to.durations, &mut to.memory].into_iter().try_for_each(Write::flush)?;
    Ok(total)
}

/// Writes every request before `horizon` as a row of forewarm's own format and says how many. `each` is told of every
/// request.
///
/// # Errors
/// What the file answers, and what `each` does.
pub fn rows(
    mut to: impl Write,
    functions: &[SyntheticFunction],
    horizon: SimTime,
    streams: &Streams,
    mut each: impl FnMut(SimTime) -> io::Result<()>,
) -> io::Result<u64> {
    let mut row = b"time_s,function,duration_s,memory_mb".to_vec();
    end(&mut row, &mut to)?;
    let mut next = BinaryHeap::new();
    let mut sources: Vec<(Arrivals, Stream)> = Vec::with_capacity(functions.len());
    for (place, function) in functions.iter().enumerate() {
        let mut arrivals = Arrivals::new(&function.arrivals(), streams, &function.name).map_err(io::Error::other)?;
        next.extend(arrivals.next().map(|first| Reverse((first.at, place))));
        sources.push((arrivals, streams.stream(&function.name, Purpose::Service)));
    }
    let laws: Vec<_> = functions.iter().map(SyntheticFunction::duration).collect();
    let mut total = 0;
    while let Some(Reverse((at, place))) = next.pop() {
        if at >= horizon {
            break;
        }
        let (arrivals, service) = &mut sources[place];
        next.extend(arrivals.next().map(|later| Reverse((later.at, place))));
        let function = &functions[place];
        seconds(&mut row, at.as_nanos())?;
        write!(row, ",{},", function.name)?;
        seconds(&mut row, laws[place].sample(service).as_nanos())?;
        write!(row, ",{}", function.memory_mb)?;
        end(&mut row, &mut to)?;
        total += 1;
        each(at)?;
    }
    to.flush()?;
    Ok(total)
}

/// Whole nanoseconds as decimal seconds, exactly.
fn seconds(row: &mut Vec<u8>, nanos: u64) -> io::Result<()> {
    write!(row, "{}.{:09}", nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND)
}

/// A comma and a number.
fn number(row: &mut Vec<u8>, number: u64) {
    row.push(b',');
    if number < 10 {
        row.push(b'0' + number as u8);
    } else {
        // Writing to memory cannot fail.
        let _ = write!(row, "{number}");
    }
}

fn end(row: &mut Vec<u8>, to: &mut impl Write) -> io::Result<()> {
    row.push(b'\n');
    to.write_all(row)?;
    row.clear();
    Ok(())
}

/// 64 hexadecimal digits that stand for a name, as the published hashes do.
fn hash(name: &str) -> String {
    let mut hash = Fnv1a::default();
    let mut word = |salt: u8| {
        hash.add(name.bytes().chain([salt]));
        // The low bits of this hash are good, its high ones less so.
        hash.finish() ^ hash.finish().rotate_left(32)
    };
    format!("{:016x}{:016x}{:016x}{:016x}", word(1), word(2), word(3), word(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::population::PopulationSpec;
    use crate::workload::trace::{Azure2019, Azure2019Files, OnError, RowFormat, RowOptions, RowTrace};
    use crate::workload::{Input, Spread};

    fn population() -> Vec<SyntheticFunction> {
        PopulationSpec { functions: 300, invocations_per_day: 200_000.0, seed: 5 }.draw()
    }

    #[test]
    fn what_is_written_as_azure_2019_reads_back() {
        let functions = population();
        let mut to = Azure2019Output { invocations: Vec::new(), durations: Vec::new(), memory: Vec::new() };
        let total = azure_2019(&mut to, &functions, 1_440, &Streams::new(1, 0), || Ok(())).unwrap();
        let files = Azure2019Files {
            invocations: vec![Input::of_bytes("i", to.invocations)],
            durations: vec![Input::of_bytes("d", to.durations)],
            memory: vec![Input::of_bytes("m", to.memory)],
        };
        let trace = Azure2019::read(&files, Spread::Uniform, OnError::Fail).unwrap();
        assert_eq!((trace.invocations(), trace.functions.len(), trace.minutes), (total, 300, 1_440));
        assert_eq!(trace.apps, u64::from(functions[299].app) + 1);
        for ((read, _), written) in trace.functions.iter().zip(&functions) {
            assert_eq!((read.memory_mb, read.trigger.as_str()), (Some(written.memory_mb), written.trigger));
            let medians = [read.duration.as_ref().unwrap().quantile(0.5), written.duration().quantile(0.5)];
            let [read, written] = medians.map(crate::time::Span::as_secs_f64);
            assert!((read / written - 1.0).abs() < 0.01 || (read - written).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_written_by_row_reads_back() {
        let mut bytes = Vec::new();
        let horizon = SimTime::from_nanos(3_600 * NANOS_PER_SECOND);
        let total = rows(&mut bytes, &population(), horizon, &Streams::new(1, 0), |_| Ok(())).unwrap();
        let input = Input::of_bytes("rows", bytes);
        let trace = RowTrace::scan(&input, RowFormat::Forewarm, RowOptions::default()).unwrap();
        assert_eq!(trace.invocations(), total);
        assert_eq!(trace.read().unwrap().count() as u64, total);
    }
}
