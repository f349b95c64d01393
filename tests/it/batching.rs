//! Functions that serve requests in batches: closed forms, vectors by hand, and what may not stand beside them.

use forewarm::measure::summary::{Stat, Summary};

use crate::harness::{Folder, assert_close, summary};

/// A model with steps of 10 ms + 1 ms for each request + 1 ms for each ten prompt tokens.
fn model(function: &str, more: &str) -> String {
    format!(
        "[scenario]\nname = \"model\"\n[simulation]\nhorizon = \"10m\"\n{more}\n[[function]]\nname = \"f\"\nmemory = \"80GB\"\n\
         keep-alive.forever = {{}}\n{function}\n"
    )
}

const STEP: &str = "batching.step = { a = \"10ms\", b = \"100us\", c = \"1ms\" }\n";

fn figure(found: &Summary, key: &str) -> Stat {
    found.components.batching.get("f").and_then(|figures| figures.get(key)).unwrap_or_else(|| panic!("no {key}"))
}

fn assert_is(found: f64, expected: f64) {
    // Quantiles come from histograms; means and extremes are exact.
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
}

#[test]
fn a_lone_request_takes_its_prompt_and_a_step_for_each_token() {
    let function = format!(
        "{STEP}batching.max-batch = 4\nbatching.prompt-tokens.constant.value = 200\nbatching.output-tokens.constant.value = 50"
    );
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"0.2/s\"\n";
    let found = summary(&(model(&function, "") + source));
    // 20 ms of prompt + 50 x 11 ms.
    assert_is(found.total.execution_s.mean.mean, 0.57);
    assert_is(found.total.execution_s.max.mean, 0.57);
    assert_is(figure(&found, "ttft_s.mean").mean, 0.031);
    assert_is(figure(&found, "tpot_s.mean").mean, 0.011);
    assert_is(figure(&found, "output_tokens").mean, 50.0 * found.total.requests.completed.mean);
}

#[test]
fn the_report_shows_times_of_tokens_and_no_empty_section() {
    let folder = Folder::new();
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"0.2/s\"\n";
    let function = format!(
        "{STEP}batching.max-batch = 4\nbatching.prompt-tokens.constant.value = 200\nbatching.output-tokens.constant.value = 50"
    );
    folder.write("x.toml", &(model(&function, "") + source));
    folder.run(&["run", "x.toml", "--out", "one", "--quiet"]).ends(0);
    let page = folder.read("one/report.html");
    assert!(page.contains("TTFT p50") && !page.contains(">Components<"), "{page}");
}

#[test]
fn requests_join_the_batch_between_steps() {
    let function = format!(
        "{STEP}batching.max-batch = 4\nbatching.prompt-tokens.constant.value = 10\nbatching.output-tokens.constant.value = 3"
    );
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\", \"15ms\"]\n";
    let found = summary(&(model(&function, "") + source));
    // The first: 12 ms, then steps of 11 ms: 23. There the second joins: 10 + 1 + 2 = 13 ms, to 36, where the first ends; the
    // second has two more steps of 11 ms, to 58.
    assert_is(found.total.latency_s.mean.mean, (0.036 + 0.043) / 2.0);
    assert_is(found.total.latency_s.max.mean, 0.043);
    assert_is(figure(&found, "ttft_s.max").mean, 0.021);
}

/// A full batch yields B / (a + c B) tokens a second.
#[test]
fn a_full_batch_has_the_throughput_of_the_closed_form() {
    let function = "batching.step = { a = \"8ms\", c = \"500us\" }\nbatching.max-batch = 16\n\
                    batching.prompt-tokens.constant.value = 100\nbatching.output-tokens.geometric.mean = 40\n\
                    concurrency = { per-instance = 64, max-instances = 1, overflow = \"queue\" }";
    // Users who ask again at once: the batch is always full.
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.closed = { users = 64, think-time.constant.value = \"1ms\" }\n";
    let found = summary(&(model(function, "warm-up = \"1m\"\nseed = 3\nreplications = 10") + source));
    assert_close("tokens a second", figure(&found, "output_tokens_per_s"), 10, 16.0 / (0.008 + 0.0005 * 16.0));
}

#[test]
fn weights_are_loaded_when_an_instance_starts() {
    let table = "cold-start.constant.value = \"2s\"\n[function.batching]\nstep = { a = \"10ms\", b = \"100us\", c = \"1ms\" }\n\
                 max-batch = 4\nmodel-size = \"16GB\"\nload-per-second = \"4GB\"\nprompt-tokens.constant.value = 10\n\
                 output-tokens.constant.value = 1\n";
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\"]\n";
    let found = summary(&(model(table, "") + source));
    assert_is(found.total.cold_start_s.mean.mean, 6.0);
    assert_is(figure(&found, "ttft_s.mean").mean, 6.012);
}

#[test]
fn who_is_cut_off_leaves_the_batch() {
    let function = format!(
        "timeout = \"60ms\"\n{STEP}batching.max-batch = 4\nbatching.prompt-tokens.constant.value = 10\n\
         batching.output-tokens.constant.value = 5"
    );
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\", \"15ms\"]\n";
    let found = summary(&(model(&function, "") + source));
    // Steps end at 12, 23, 36, 48 and 60 ms: the first has its last token when its time is over, and is not cut off. The second
    // has three by then, and is cut off at 75 ms in the middle of a step.
    assert_eq!(found.total.requests.completed.mean, 1.0);
    assert_eq!(found.total.requests.timed_out.mean, 1.0);
    assert_is(found.total.latency_s.max.mean, 0.060);
}

/// Three at once: the first begins alone, 12 ms, the others join it, 15 ms with two prompts, then 13 ms: at 40 ms it has its third
/// token, and the others are cut off. One that comes at 41 ms is alone again: 12 + 11 + 11 ms.
#[test]
fn the_batch_is_empty_when_those_cut_off_have_left() {
    let function = format!(
        "timeout = \"40ms\"\n{STEP}batching.max-batch = 4\nbatching.prompt-tokens.constant.value = 10\n\
         batching.output-tokens.constant.value = 3"
    );
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.times.at = [\"0s\", \"0s\", \"0s\", \"41ms\"]\n";
    let total = summary(&(model(&function, "") + source)).total;
    assert_eq!((total.requests.completed.mean, total.requests.timed_out.mean), (2.0, 2.0));
    assert_is(total.latency_s.mean.mean, (0.040 + 0.034) / 2.0);
}

/// Tokens of prompt and answer are kept until the answer is complete: K / (p + o) requests fit, and yield B / (a + c B) tokens a second.
#[test]
fn the_cache_bounds_the_batch() {
    let function = "batching.step = { a = \"8ms\", c = \"500us\" }\nbatching.max-batch = 64\nbatching.kv-cache-tokens = 1400\n\
                    batching.prompt-tokens.constant.value = 100\nbatching.output-tokens.constant.value = 40\n\
                    concurrency = { per-instance = 64, max-instances = 1, overflow = \"queue\" }";
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.closed = { users = 64, think-time.constant.value = \"1us\" }\n";
    let found = summary(&(model(function, "warm-up = \"1m\"\nseed = 3\nreplications = 2") + source));
    let expected = 10.0 / (0.008 + 0.0005 * 10.0);
    let tokens = figure(&found, "output_tokens_per_s").mean;
    // At the edges of the measured part a batch counts as a whole or not at all.
    assert!((tokens - expected).abs() <= 10.0 * 40.0 / 540.0, "{tokens} instead of {expected}");
    // At the end, when nobody waits any more, a batch is smaller, and faster.
    assert_is(figure(&found, "tpot_s.max").mean, 0.013);
}

/// The times of tokens are metrics as any other: objectives judge them, and what has no batches has none.
#[test]
fn objectives_are_about_tokens_too() {
    let function = format!(
        "{STEP}batching.max-batch = 4\nbatching.prompt-tokens.constant.value = 200\nbatching.output-tokens.constant.value = 50"
    );
    let source = "[[source]]\nname = \"s\"\nfunction = \"f\"\narrivals.constant.rate = \"0.2/s\"\n";
    let objective = |metric: &str, below: &str| {
        format!("[[objective]]\nfunction = \"f\"\nmetric = \"{metric}\"\nbelow = \"{below}\"\n")
    };
    let text = model(&function, "") + source;
    let found = summary(
        &(text.clone()
            + &objective("ttft_s.p99", "35ms")
            + &objective("tpot_s.mean", "11ms")
            + &objective("tpot_s.mean", "12ms")),
    );
    let met: Vec<bool> = found.objectives.iter().map(|one| one.met).collect();
    assert_eq!(met, [true, false, true]);
    assert_is(found.objectives[1].value.mean, 0.011);
    let folder = Folder::with("model.toml", &text);
    folder.run(&["run", "model.toml", "--no-progress", "--enforce=function.f:ttft_s.mean<30ms"]).ends(1);
    folder.run(&["run", "model.toml", "--no-progress", "--enforce=function.f:ttft_s.mean<32ms"]).ends(0);
    let said = folder.run(&["run", "model.toml", "--no-progress", "--enforce=ttft_s.mean<32ms"]).ends(2).said();
    assert!(said.contains("function.f:ttft_s.mean"), "{said}");
    let plain = text.replace(&function, "duration.constant.value = \"1s\"");
    let folder = Folder::with("plain.toml", &(plain + &objective("ttft_s.p99", "1s")));
    let said = folder.run(&["check", "plain.toml"]).ends(2).said();
    assert!(said.contains("has no `batching`"), "{said}");
}
