//! How much faster more memory makes a function, where it was seen with several sizes.

use super::measured::Request;

/// Beyond this one thread gains nothing.
const ONE_CPU_MB: f64 = 1_769.0;

/// The share of the duration that is bound by the CPU.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuBound {
    /// The share, 0 to 1.
    pub share: f64,
    /// Sizes (MB), requests and mean durations.
    pub sizes: Vec<(u32, usize, f64)>,
}

impl CpuBound {
    /// From the means of warm requests of each size: least squares, weighted with the number of requests.
    #[must_use]
    pub fn of(requests: &[&Request]) -> Option<Self> {
        let mut sizes: Vec<(u32, usize, f64)> = Vec::new();
        for request in requests.iter().filter(|request| request.cold != Some(true)) {
            let (Some(memory), Some(duration)) = (request.memory_mb.filter(|memory| *memory > 0), request.duration_s)
            else {
                continue;
            };
            match sizes.iter_mut().find(|(size, ..)| *size == memory) {
                Some((_, count, sum)) => {
                    *count += 1;
                    *sum += duration;
                }
                None => sizes.push((memory, 1, duration)),
            }
        }
        sizes.retain(|(_, count, _)| *count >= 10);
        sizes.iter_mut().for_each(|(_, count, sum)| *sum /= *count as f64);
        sizes.sort_by_key(|(size, ..)| *size);
        let least = sizes.first()?.0;
        if sizes.len() < 2 {
            return None;
        }
        // mean = base (1 - share + share x), x = least memory over memory: a line in x.
        let x = |size: u32| f64::from(least).min(ONE_CPU_MB) / f64::from(size).min(ONE_CPU_MB);
        let weight: f64 = sizes.iter().map(|(_, count, _)| *count as f64).sum();
        let mean_x = sizes.iter().map(|(size, count, _)| *count as f64 * x(*size)).sum::<f64>() / weight;
        let mean_y = sizes.iter().map(|(_, count, mean)| *count as f64 * mean).sum::<f64>() / weight;
        let over =
            sizes.iter().map(|(size, count, mean)| *count as f64 * (x(*size) - mean_x) * (mean - mean_y)).sum::<f64>();
        let under = sizes.iter().map(|(size, count, _)| *count as f64 * (x(*size) - mean_x).powi(2)).sum::<f64>();
        if under <= 0.0 {
            return None;
        }
        let slope = over / under;
        let base = mean_y + slope * (1.0 - mean_x);
        Some(Self { share: (slope / base).clamp(0.0, 1.0), sizes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_found_from_two_sizes() {
        let at = |memory_mb: u32, duration: f64| Request {
            memory_mb: Some(memory_mb),
            duration_s: Some(duration),
            ..Request::default()
        };
        // 1 s at 512 MB, of which 0.8 s are bound by the CPU: 0.6 s at 1024 MB.
        let requests: Vec<Request> = (0..40).map(|n| if n % 2 == 0 { at(512, 1.0) } else { at(1_024, 0.6) }).collect();
        let found = CpuBound::of(&requests.iter().collect::<Vec<_>>()).unwrap();
        assert!((found.share - 0.8).abs() < 1e-9, "{found:?}");
        assert!(CpuBound::of(&requests.iter().step_by(2).collect::<Vec<_>>()).is_none());
    }
}
