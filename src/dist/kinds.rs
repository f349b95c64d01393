//! The list that `forewarm list distributions` prints.

/// Every kind of distribution: its name in a scenario, what it is, and its parameters.
#[must_use]
pub fn kinds() -> &'static [(&'static str, &'static str, &'static str)] {
    &[
        ("constant", "always the same value", "value"),
        ("uniform", "equally likely from min to max", "min, max"),
        ("exponential", "memoryless", "mean"),
        ("log-normal", "skewed, as most service times are", "median with p99 or sigma; or mean with sd"),
        ("normal", "bell-shaped, negative draws counting as 0", "mean, sd"),
        ("gamma", "cv = 1 / sqrt(shape)", "mean, shape"),
        ("erlang", "the sum of exponential stages, cv = 1 / sqrt(stages)", "mean, stages"),
        ("weibull", "heavy-tailed below shape 1, exponential at 1", "scale or mean; shape"),
        ("pareto", "power-law tail: P(X > x) = (scale / x)^shape", "scale (the minimum), shape"),
        ("hyper-exponential", "a mixture of exponentials, cv above 1", "branches: probability, mean"),
        ("burr", "Burr XII: P(X > x) = (1 + (x / scale)^c)^-k", "c, k, scale"),
        ("percentiles", "through known percentiles, such as p50, p90, p99", "points: p, value; mean"),
        ("empirical", "drawn from observed values", "values or a file of them"),
    ]
}
