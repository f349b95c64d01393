//! Logs and metrics as scenarios: every format is read, what made a log is found again in it, and no bytes make it panic.

use std::fs;

use forewarm::fit::arrivals::Kind;
use forewarm::fit::laws::Family;
use forewarm::fit::{Measured, Metric, Outcome, fit, read};
use proptest::prelude::*;

use crate::harness::{Folder, shared};

const REPORT: &str = "2026-03-20T07:13:52.102Z START RequestId: a Version: $LATEST\n2026-03-20T07:13:53.102Z REPORT RequestId: a\tDuration: 890.00 ms\t\
    Billed Duration: 1164 ms \tMemory Size: 512 MB\tMax Memory Used: 79 MB\tInit Duration: 273.63 ms\t\n\
    2026/03/20/[$LATEST]df9d6b71ef1e49789f4ebca64fc19270 2026-03-20T07:14:53.000Z REPORT RequestId: b\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t\
    Memory Size: 512 MB\tMax Memory Used: 79 MB\tStatus: timeout\nINIT_REPORT Init Duration: 10009.13 ms\tPhase: init\tStatus: timeout\n";
const EVENTS: &str = r#"{"events":[{"logStreamName":"s1","timestamp":1774000000000,"message":"REPORT RequestId: a\tDuration: 100.00 ms\tBilled Duration: 101 ms\tMemory Size: 128 MB\tMax Memory Used: 60 MB\n"}]}"#;
const STRUCTURED: &str = r#"{"time":"2026-03-20T07:13:52.000Z","type":"platform.start","record":{"requestId":"a"}}
{"time":"2026-03-20T07:13:53.000Z","type":"platform.report","record":{"requestId":"a","metrics":{"durationMs":101.25,"billedDurationMs":402,"memorySizeMB":512,"initDurationMs":300.5},"status":"success"}}
"#;
const INSIGHTS_CSV: &str = "@timestamp,@duration,@billedDuration,@initDuration,@memorySize\n2026-03-20 07:13:53.000,1000.0,1001.0,,1.28E8\n2026-03-20 07:13:54.500,250.0,251.0,250.0,1.28E8\n";
const INSIGHTS_JSON: &str = r#"{"results":[[{"field":"@timestamp","value":"2026-03-20 07:13:53.000"},{"field":"@duration","value":"1000.0"},{"field":"@memorySize","value":"128000000"}]],"status":"Complete"}"#;
const METRIC_DATA: &str = r#"{"MetricDataResults":[{"Id":"i","Label":"Invocations","Timestamps":["2026-03-20T07:10:00Z","2026-03-20T07:00:00Z"],"Values":[120.0,60.0],"StatusCode":"Complete"},{"Id":"d","Label":"Duration p99","Timestamps":["2026-03-20T07:00:00Z"],"Values":[900.0]},{"Id":"m","Label":"Duration p50","Timestamps":["2026-03-20T07:00:00Z"],"Values":[100.0]}],"Messages":[]}"#;
const STATISTICS: &str = r#"{"Label":"Invocations","Datapoints":[{"Timestamp":"2026-03-20T07:05:00Z","Sum":30.0,"Unit":"Count"},{"Timestamp":"2026-03-20T07:00:00Z","Sum":60.0,"Unit":"Count"}]}"#;
const CONSOLE: &str =
    "Full label,Invocations,Duration p50\nLabel,shop,shop\n2026/03/20 07:00:00,60,100\n2026/03/20 07:01:00,90,110\n";
const PROMETHEUS: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","pod":"a"},"values":[[1774000000,"10"],[1774000015,"40"],[1774000030.5,"5"]]},{"metric":{"__name__":"autoscaler_actual_pods"},"values":[[1774000000,"2"],[1774000015,"NaN"]]}]}}"#;
const OTLP: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[{"traceId":"1","spanId":"2","parentSpanId":"9","name":"GET","kind":2,"startTimeUnixNano":"1774000000000000000","endTimeUnixNano":1774000000250000000,"attributes":[{"key":"faas.coldstart","value":{"boolValue":true}}],"status":{"code":2}},{"spanId":"3","parentSpanId":"2","kind":3,"startTimeUnixNano":"1774000000000000000","endTimeUnixNano":"1774000000100000000"}]}]}]}"#;
const XRAY: &str = r#"{"Traces":[{"Id":"1","Segments":[{"Id":"a","Document":"{\"name\":\"shop\",\"origin\":\"AWS::Lambda::Function\",\"start_time\":1774000000.5,\"end_time\":1774000001.0,\"subsegments\":[{\"name\":\"Initialization\",\"start_time\":1774000000.0,\"end_time\":1774000000.4}]}"}]}]}"#;
const ALB: &str = r#"https 2026-03-20T07:13:52.500000Z app/x/1 192.0.2.1:2817 10.0.0.1:80 0.000 0.400 0.100 200 200 34 366 "GET https://x:443/ HTTP/1.1" "curl/7.46.0" - - arn "Root=1-58" "x" "-" 0 2026-03-20T07:13:52.0Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"
https 2026-03-20T07:13:53.000000Z app/x/1 192.0.2.1:2817 - -1 -1 -1 503 - 34 366 "GET https://x:443/ HTTP/1.1" "curl" - - arn "Root" "x" "-" 0 2026-03-20T07:13:53.0Z "forward" "-" "-" "-" "-" "-" "-"
"#;
const GATEWAY: &str = r#"{"requestId":"a","requestTimeEpoch":1774000000123,"status":"200","integrationLatency":"250","responseLatency":"255"}
{"requestId":"b","requestTimeEpoch":1774000001123,"status":429,"integrationLatency":"-","responseLatency":"3"}
"#;
const NGINX: &str = "192.0.2.1 - - [20/Mar/2026:07:13:52 +0000] \"GET /a\\\"b HTTP/1.1\" 200 512 \"-\" \"curl/8\" 0.250\n192.0.2.1 - - [20/Mar/2026:07:13:53 +0000] \"GET / HTTP/1.1\" 504 5 \"-\" \"curl/8\" 1.000\nbroken\n";
const APACHE: &str = "192.0.2.1 - bob [20/Mar/2026:07:13:52 +0100] \"GET / HTTP/1.0\" 200 2326\n";
const K6_JSON: &str = r#"{"type":"Metric","data":{"name":"http_req_duration"},"metric":"http_req_duration"}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-03-20T09:13:52.250+02:00","value":250.0,"tags":{"status":"200"}}}
{"metric":"vus","type":"Point","data":{"time":"2026-03-20T09:13:52+02:00","value":5,"tags":null}}
"#;
const K6_CSV: &str = "metric_name,timestamp,metric_value,check,error,status\nhttp_req_duration,1774000001,500.0,,,200\nvus,1774000001,5,,,\n";
const LOCUST: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\n\
    GET,/a,1500,0,12,15,5,120,450,50.0,0.0,12,14,16,18,25,40,60,80,110,120,120\n,Aggregated,1500,0,12,15,5,120,450,50.0,0.0,12,14,16,18,25,40,60,80,110,120,120\n";
const JMETER: &str =
    "timeStamp,elapsed,label,responseCode,success\n1774000000000,250,home,200,true\n1774000001000,300,home,500,false\n";
const OWN: &str = "source,number,function,instance,born_s,assigned_s,started_s,ended_s,latency_s,wait_s,queueing_s,cold_start_s,execution_s,cold,cold_affected,outcome\n\
    web,0,shop,1,0.5,0.5,1.5,1.75,1.25,1,0,1,0.25,true,true,completed\nweb,1,shop,,2.5,2.5,2.5,2.5,0,0,0,0,0,false,false,rejected\n";
const ROWS: &str = "time_s,function,duration_s\n0.5,shop,0.25\n1.5,cart,0.5\n";

const ALL: [(&str, &str); 20] = [
    ("report.log", REPORT),
    ("events.json", EVENTS),
    ("structured.log", STRUCTURED),
    ("insights.csv", INSIGHTS_CSV),
    ("insights.json", INSIGHTS_JSON),
    ("data.json", METRIC_DATA),
    ("statistics.json", STATISTICS),
    ("console.csv", CONSOLE),
    ("prometheus.json", PROMETHEUS),
    ("otlp.json", OTLP),
    ("xray.json", XRAY),
    ("alb.log", ALB),
    ("gateway.log", GATEWAY),
    ("nginx.log", NGINX),
    ("apache.log", APACHE),
    ("k6.json", K6_JSON),
    ("k6.csv", K6_CSV),
    ("locust.csv", LOCUST),
    ("jmeter.jtl", JMETER),
    ("own.csv", OWN),
];

fn measured(text: &str) -> Measured {
    read([("file", text)]).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

/// 2026-03-20T07:13:52Z.
const T: f64 = 1_773_990_832.0;

#[test]
fn every_format_is_told_by_what_is_in_it() {
    let names: Vec<&str> = ALL.iter().map(|(_, text)| measured(text).read[0].1).collect();
    let expected = [
        "AWS Lambda log",
        "AWS Lambda log",
        "AWS Lambda log",
        "CloudWatch Logs Insights",
        "CloudWatch Logs Insights",
        "CloudWatch get-metric-data",
        "CloudWatch get-metric-statistics",
        "table of metrics",
        "Prometheus range query",
        "OTLP traces",
        "X-Ray traces",
        "ALB access log",
        "API Gateway access log",
        "web server access log",
        "web server access log",
        "k6 JSON",
        "k6 CSV",
        "Locust statistics",
        "JMeter results",
        "table of requests",
    ];
    assert_eq!(names, expected);
}

/// When the first request arrived, how long it ran, whether it was cold, how it ended; and how many there are.
fn first(text: &str) -> (usize, f64, Option<f64>, Option<bool>, Outcome) {
    let measured = measured(text);
    let request = &measured.requests[0];
    (measured.requests.len(), request.at_s.expect("a time"), request.duration_s, request.cold, request.outcome)
}

#[test]
fn requests_are_what_the_lines_say() {
    use Outcome::{Completed, Failed};
    let close = |found: (usize, f64, Option<f64>, Option<bool>, Outcome),
                 expected: (usize, f64, Option<f64>, Option<bool>, Outcome)| {
        assert!((found.1 - expected.1).abs() < 1e-3, "{found:?} instead of {expected:?}");
        let durations = found.2.unwrap_or(-1.0) - expected.2.unwrap_or(-1.0);
        assert!(durations.abs() < 1e-6, "{found:?} instead of {expected:?}");
        assert_eq!((found.0, found.3, found.4), (expected.0, expected.3, expected.4));
    };
    // The start line comes after initialization.
    close(first(REPORT), (2, T + 0.102 - 0.273_63, Some(0.89), Some(true), Completed));
    close(first(EVENTS), (1, 1_774_000_000.0 - 0.1, Some(0.1), Some(false), Completed));
    close(first(STRUCTURED), (1, T - 0.300_5, Some(0.101_25), Some(true), Completed));
    close(first(INSIGHTS_CSV), (2, T, Some(1.0), Some(false), Completed));
    close(first(INSIGHTS_JSON), (1, T, Some(1.0), Some(false), Completed));
    close(first(OTLP), (1, 1_774_000_000.0, Some(0.25), Some(true), Failed));
    close(first(XRAY), (1, 1_774_000_000.1, Some(0.5), Some(true), Completed));
    close(first(ALB), (2, T, Some(0.4), None, Completed));
    close(first(GATEWAY), (2, 1_774_000_000.123, Some(0.25), None, Completed));
    close(first(NGINX), (2, T - 0.25, Some(0.25), None, Completed));
    close(first(APACHE), (1, T - 3_600.0, None, None, Completed));
    close(first(K6_JSON), (1, T, Some(0.25), None, Completed));
    close(first(K6_CSV), (1, 1_774_000_000.5, Some(0.5), None, Completed));
    close(first(JMETER), (2, 1_774_000_000.0, Some(0.25), None, Completed));
    close(first(OWN), (2, 0.5, Some(0.25), Some(true), Completed));
    close(first(ROWS), (2, 0.5, Some(0.25), None, Completed));
    let report = measured(REPORT);
    assert_eq!(
        (report.requests[1].outcome, report.requests[1].memory_mb, report.failed_inits.len()),
        (Outcome::TimedOut, Some(512), 1)
    );
    assert_eq!(measured(NGINX).skipped_count, 1);
    assert_eq!(measured(INSIGHTS_CSV).requests[0].memory_mb, Some(128));
    assert_eq!(measured(ROWS).functions, ["shop", "cart"]);
}

#[test]
fn metrics_are_what_the_series_say() {
    let series = |text: &str, metric| measured(text).series.get(&metric).cloned().unwrap_or_default();
    let of = |text, metric| series(text, metric).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    // Newest first in the file, oldest first afterwards.
    assert_eq!(of(METRIC_DATA, Metric::Requests), [60.0, 120.0]);
    assert_eq!(of(METRIC_DATA, Metric::DurationP99), [0.9]);
    assert_eq!(of(STATISTICS, Metric::Requests), [60.0, 30.0]);
    assert_eq!(of(CONSOLE, Metric::Requests), [60.0, 90.0]);
    assert_eq!(of(CONSOLE, Metric::DurationP50), [0.1, 0.11]);
    // A counter that was reset counts from 0.
    assert_eq!(of(PROMETHEUS, Metric::Requests), [30.0, 5.0]);
    assert_eq!(of(PROMETHEUS, Metric::Instances), [2.0]);
    let locust = measured(LOCUST);
    assert_eq!(locust.percentiles[0], (0.5, 0.012));
    // Ten minutes apart: 180 requests in 20 minutes.
    let found = fit("x", &measured(METRIC_DATA));
    assert!((found.functions[0].arrivals.as_ref().expect("arrivals").rate - 180.0 / 1_200.0).abs() < 1e-9);
    assert!(found.scenario.contains("log-normal = { median = \"100ms\""), "{}", found.scenario);
}

#[test]
fn what_is_fitted_is_a_scenario() {
    for (name, text) in ALL {
        let found = fit("fitted", &measured(text));
        crate::harness::scenario(&found.scenario);
        assert!(!found.functions[0].caveats.is_empty(), "{name}: every kind of data leaves something open");
    }
}

#[test]
fn what_made_a_log_is_found_in_it() {
    let folder = Folder::new();
    let text = "[scenario]\nname = \"made\"\n[simulation]\nhorizon = \"100h\"\nseed = 5\n[[function]]\nname = \"shop\"\nmemory = \"512MB\"\n\
        duration = { gamma = { mean = \"3s\", shape = 2.0 } }\ncold-start = { log-normal = { median = \"1s\", sigma = 0.3 } }\n\
        keep-alive.fixed.window = \"10m\"\n[[source]]\nname = \"web\"\nfunction = \"shop\"\narrivals.poisson.rate = \"20/h\"\n";
    folder.write("made.toml", text);
    folder.run(&["run", "made.toml", "--requests", "log.csv", "--quiet"]).ends(0);
    let log = folder.read("log.csv");
    let found = fit("again", &read([("log.csv", log.as_str())]).expect("a log"));
    let function = &found.functions[0];
    let arrivals = function.arrivals.as_ref().expect("arrivals");
    assert_eq!(arrivals.kind, Kind::Poisson, "{:?}", arrivals.evidence);
    assert!((arrivals.rate - 20.0 / 3_600.0).abs() < arrivals.half_width, "{}", found.report);
    let durations = function.durations.as_ref().expect("durations");
    let gamma = durations.fitted.iter().find(|fitted| fitted.law.family == Family::Gamma).expect("gamma").law;
    assert!(
        durations.best().expect("a law").law.family == Family::Gamma
            || durations.fitted[1].aic - durations.fitted[0].aic < 4.0,
        "{}",
        found.report
    );
    for (place, expected) in [3.0, 2.0].into_iter().enumerate() {
        assert!(
            (gamma.parameters[place] - expected).abs() < 1.5 * gamma.half_widths[place].expect("an interval"),
            "{}",
            found.report
        );
    }
    let inits = function.inits.as_ref().expect("cold starts");
    assert!((inits.quantile(0.5) - 1.0).abs() < 0.15, "{}", inits.quantile(0.5));
    let keep = function.keep_alive.expect("a window");
    assert!(keep.is_good() && keep.between_s.0 <= 601.0 && (590.0..620.0).contains(&keep.window_s), "{keep:?}");
    // And the scenario that is made of it behaves like the first.
    folder.run(&["fit", "log.csv", "--out", "again.toml", "--quiet"]).ends(0);
    folder.run(&["check", "again.toml"]).ends(0);
    folder.run(&["run", "again.toml", "--quiet"]).ends(0);
    let share = |name: &str| {
        folder.json(&format!("results/{name}/summary.json"))["total"]["cold_start_ratio"]["mean"]
            .as_f64()
            .expect("a share")
    };
    let (made, again) = (share("made"), share("again"));
    assert!((made - again).abs() < 0.15 * made, "{made} and {again}");
}

/// 40 logs of the same scenario with other random draws: how many have the value within the 95 % interval that is fitted to them.
#[test]
fn parameters_of_simulated_logs_are_within_their_intervals() {
    const LOGS: u32 = 40;
    let folder = Folder::new();
    let text = "[scenario]\nname = \"made\"\n[simulation]\nhorizon = \"50h\"\n[[function]]\nname = \"shop\"\nmemory = \"512MB\"\n\
        duration = { gamma = { mean = \"3s\", shape = 2.0 } }\ncold-start = { constant = { value = \"1s\" } }\n\
        keep-alive.fixed.window = \"10m\"\n[[source]]\nname = \"web\"\nfunction = \"shop\"\narrivals.poisson.rate = \"20/h\"\n";
    folder.write("made.toml", text);
    let [mut rate, mut mean, mut shape, mut window] = [0_u32; 4];
    for seed in 0..LOGS {
        let seed = seed.to_string();
        folder
            .run(&["run", "made.toml", "--seed", &seed, "--requests", "log.csv", "--replications", "1", "--quiet"])
            .ends(0);
        let found = fit("again", &read([("log.csv", folder.read("log.csv").as_str())]).expect("a log"));
        let function = &found.functions[0];
        let arrivals = function.arrivals.as_ref().expect("arrivals");
        rate += u32::from((arrivals.rate - 20.0 / 3_600.0).abs() <= arrivals.half_width);
        let durations = function.durations.as_ref().expect("durations");
        let gamma = durations.fitted.iter().find(|fitted| fitted.law.family == Family::Gamma).expect("gamma").law;
        let covers = |place: usize, value: f64| {
            let half_width = gamma.half_widths[place].expect("an interval");
            u32::from((gamma.parameters[place] - value).abs() <= half_width)
        };
        mean += covers(0, 3.0);
        shape += covers(1, 2.0);
        let (least, most) = function.keep_alive.expect("a window").between_s;
        window += u32::from(least < 600.1 && most > 599.9);
    }
    // Of 95 % intervals 38 of 40 are expected to hold the value, and fewer than 35 in one of 80 tries.
    for (what, count) in [("rate", rate), ("mean", mean), ("shape", shape), ("window", window)] {
        assert!(count * 10 >= LOGS * 9, "{what}: {count} of {LOGS}");
    }
}

#[test]
fn wrong_files_are_named_in_one_sentence() {
    let wrong = |text: &str| read([("x", text)]).expect_err("it is refused");
    assert!(wrong("").contains("x is empty"));
    assert!(wrong("hello\nworld\n").contains("not in a supported format"));
    assert!(wrong("{\"a\": 1}").contains("not in a supported format"));
    assert!(wrong("timeStamp,elapsed\nx,y\n").contains("nothing in it could be used: line 2"));
    let folder = Folder::new();
    let missing = folder.run(&["fit", "nothing.log"]).ends(2);
    assert!(missing.err.contains("nothing.log"), "{}", missing.err);
}

#[test]
fn measured_data_of_aws_are_described() {
    let Some(path) = shared("data/aws-lambda-experiments-2020/res-01-2020-05-26_01-31-35.csv") else { return };
    let text = fs::read_to_string(path).expect("a file");
    let found = fit("measured", &read([("measured.csv", text.as_str())]).expect("requests"));
    let function = &found.functions[0];
    // 1,648 requests of a Poisson process, 29 cold.
    assert_eq!((function.counts.requests, function.counts.cold), (1_648, 29));
    assert_eq!(function.arrivals.as_ref().expect("arrivals").kind, Kind::Poisson);
    let keep = function.keep_alive.expect("a window");
    assert!(keep.is_good() && (1_200.0..1_600.0).contains(&keep.window_s), "{keep:?}");
    crate::harness::scenario(&found.scenario);
    let Some(path) = shared("data/aws-lambda-logs/slack_invitor_logs.platform.log") else { return };
    let text = fs::read_to_string(path).expect("a file");
    let found = fit("log", &read([("lambda.log", text.as_str())]).expect("requests"));
    assert_eq!((found.functions[0].counts.requests, found.functions[0].counts.cold), (2_197, 1_080));
    crate::harness::scenario(&found.scenario);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(number in 0..ALL.len(), at in any::<prop::sample::Index>(), cut in 0..30_usize, bytes in prop::collection::vec(any::<u8>(), 0..6)) {
        let mut text = ALL[number].1.as_bytes().to_vec();
        let at = at.index(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, bytes);
        let text = String::from_utf8_lossy(&text).into_owned();
        if let Ok(measured) = read([("x", text.as_str())]) {
            let found = fit("x", &measured);
            crate::harness::scenario(&found.scenario);
        }
    }
}

/// Durations of all requests, in seconds.
fn durations(text: &str) -> Vec<f64> {
    measured(text).requests.iter().map(|request| request.duration_s.unwrap_or(f64::NAN)).collect()
}

fn close(found: &[f64], expected: &[f64]) {
    let is_close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1e-3);
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(is_close),
        "{found:?} instead of {expected:?}"
    );
}

#[test]
fn all_lines_of_an_access_log_tell_the_unit() {
    let log = |values: &[&str]| -> String {
        let line = |(second, value)| {
            format!(
                "192.0.2.1 - - [20/Mar/2026:07:13:{second:02} +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\" {value}\n"
            )
        };
        values.iter().enumerate().map(line).collect()
    };
    let microseconds = log(&["1500", "900", "1100"]);
    close(&durations(&microseconds), &[1.5e-3, 0.9e-3, 1.1e-3]);
    // Apache's time is that of the start, nginx's that of the end.
    let starts = |text: &str| {
        measured(text).requests.iter().map(|request| request.at_s.unwrap() - 1_773_990_780.0).collect::<Vec<_>>()
    };
    close(&starts(&microseconds), &[0.0, 1.0, 2.0]);
    close(&starts(&log(&["270794", "571021"])), &[0.0, 1.0]);
    close(&starts(&log(&["0.250", "0.500"])), &[-0.25, 0.5]);
    // Numbers below 300 are seconds only if there are zeros among them.
    close(&durations(&log(&["12", "250"])), &[12e-6, 250e-6]);
    close(&durations(&log(&["0", "2", "0", "1"])), &[0.0, 2.0, 0.0, 1.0]);
    close(&durations(&log(&["0.250 371", "1.000 371"])), &[0.25, 1.0]);
    close(&durations(&log(&["duration_ms=250", "duration_ms=0"])), &[0.25, 0.0]);
    let found = fit("x", &measured(&microseconds));
    assert!(found.report.contains("read as microseconds, as Apache's %D"), "{}", found.report);
    assert!(found.scenario.contains("# ASSUMED: file: durations are whole numbers"), "{}", found.scenario);
    assert!(fit("x", &measured(&log(&["0", "2"]))).report.contains("read as seconds"));
    assert!(measured(&log(&["0.250"])).assumed.is_empty() && measured(&log(&["duration_ms=1"])).assumed.is_empty());
}

/// Why a table is refused.
fn refused(text: &str) -> String {
    read([("x.csv", text)]).expect_err("it is refused")
}

/// How many requests a table of metrics has a second, and over how many seconds.
fn rate(text: &str) -> (f64, f64) {
    let found = fit("x", &measured(text));
    let arrivals = found.functions[0].arrivals.as_ref().expect("arrivals");
    (arrivals.rate, arrivals.length_s)
}

#[test]
fn columns_of_requests_name_their_unit() {
    // The same requests in many ways.
    for table in [
        "timestamp,duration_us\n1774000800487624,270794\n1774000801280469,571021\n1774000801953811,511044\n",
        "start_ns,duration_ns\n1774000800487624704,270794000\n1774000801280469760,571021000\n1774000801953811456,511044000\n",
        "end_time,duration\n2026-03-20T10:00:00.758418Z,0.270794\n2026-03-20T10:00:01.851490Z,0.571021\n2026-03-20T10:00:02.464855Z,0.511044\n",
        "time,latency\n1774000800.487624,0.270794\n1774000801.280469,0.571021\n1774000801.953811,0.511044\n",
        "time_ms,response_time\n1774000800487.624,270.794\n1774000801280.469,571.021\n1774000801953.811,511.044\n",
        "Start Time,Duration (ms)\n1774000800.487624,270.794\n1774000801.280469,571.021\n1774000801.953811,511.044\n",
        "time,duration\n1774000800.487624,270.794ms\n1774000801.280469,0.571021 s\n1774000801.953811,511.044ms\n",
        "time;durationMs\n1774000800,487624;270,794\n1774000801,280469;571,021\n1774000801,953811;511,044\n",
        "time_s,duration_minutes\n1774000800.487624,0.00451323333\n1774000801.280469,0.00951701667\n1774000801.953811,0.0085174\n",
    ] {
        let measured = measured(table);
        assert_eq!((measured.read[0].1, measured.skipped_count), ("table of requests", 0), "{table}");
        close(&durations(table), &[0.270_794, 0.571_021, 0.511_044]);
        let starts: Vec<f64> =
            measured.requests.iter().map(|request| request.at_s.unwrap() - 1_774_000_800.0).collect();
        assert!(
            starts.iter().zip([0.487_624, 1.280_469, 1.953_811]).all(|(a, b)| (a - b).abs() < 1e-5),
            "{starts:?} {table}"
        );
    }
}

#[test]
fn assumed_units_are_said() {
    let seconds = fit("x", &measured("time,latency\n1,0.2\n1.5,0.3\n9,0.2\n"));
    for text in [&seconds.report, &seconds.scenario] {
        assert!(text.contains("`latency` names no unit and is read as seconds"), "{text}");
        assert!(text.contains("rename the column, such as to `latency_ms`"), "{text}");
    }
    let milliseconds = fit("x", &measured("time_ms,latency\n1,0.2\n1.5,0.3\n9,0.2\n"));
    assert!(milliseconds.report.contains("read as milliseconds, as `time_ms` does"), "{}", milliseconds.report);
    let metrics = measured("time,count,latency p50\n0,60,100\n60,60,120\n");
    assert!(
        metrics.assumed[0].contains("`latency p50` names no unit and is read as milliseconds"),
        "{:?}",
        metrics.assumed
    );
    for named in
        ["time,duration_s\n1,0.2\n1.5,0.3\n", "time,duration\n1,0.2s\n", "time,count,latency p50 (ms)\n0,60,100\n"]
    {
        assert!(measured(named).assumed.is_empty(), "{named}");
    }
}

#[test]
fn tables_of_metrics_are_no_requests() {
    for table in
        ["time,count,duration\n0,60,100\n60,60,120\n120,60,100\n", "time,latency\n0,100\n60,120\n180,100\n240,110\n"]
    {
        let measured = measured(table);
        assert_eq!(measured.read[0].1, "table of metrics", "{table}");
        assert_eq!(measured.series[&Metric::DurationMean][0], (0.0, 0.1), "{table}");
    }
    // A job that is started every minute.
    assert_eq!(measured("start_time,duration_ms\n0,100\n60,120\n120,100\n").requests.len(), 3);
    let units = measured("time,count,latency_p50_s,latency_p95_us,latency_p99 (ms)\n0,60,0.1,200000,300\n");
    let value = |metric| units.series[&metric][0].1;
    close(&[value(Metric::DurationP50), value(Metric::DurationP95), value(Metric::DurationP99)], &[0.1, 0.2, 0.3]);
    let found = fit("x", &measured("time,latency\n0,100\n60,120\n180,100\n240,110\n"));
    assert!(found.report.contains("the metrics include no numbers of requests"), "{}", found.report);
}

#[test]
fn the_column_of_times_names_its_unit() {
    let is = |text: &str, rate_expected: f64, length: f64| {
        let (found, over) = rate(text);
        assert!((found - rate_expected).abs() < 1e-9 && (over - length).abs() < 1e-6, "{found} over {over}: {text}");
    };
    is("minute,count\n0,60\n1,60\n2,60\n3,60\n", 1.0, 240.0);
    is("time_ms,count\n0,100\n60000,100\n120000,100\n", 100.0 / 60.0, 180.0);
    is("hour,requests_per_minute\n0,60\n1,120\n", 1.5, 7_200.0);
    is("time,rpm\n0,60\n60,60\n", 1.0, 120.0);
    is("time,count\n0,60\n60,60\n", 1.0, 120.0);
}

#[test]
fn dates_are_read_one_way_in_a_file() {
    let day_first = "time,count\n01/02/2026 00:00,100\n02/02/2026 00:00,100\n13/02/2026 00:00,100\n";
    assert_eq!(measured(day_first).series[&Metric::Requests][0].0, 1_769_904_000.0);
    let month_first = "time,count\n01/02/2026 00:00,100\n01/13/2026 00:00,100\n";
    assert_eq!(measured(month_first).series[&Metric::Requests][0].0, 1_767_312_000.0);
    for table in [
        "time,count\n01/02/2026 00:00,100\n02/02/2026 00:00,100\n",
        "time,duration\n01/02/2026 00:00,1.5\n02/02/2026 00:10,1.5\n",
    ] {
        let why = refused(table);
        assert!(
            why.starts_with("x.csv:2: `01/02/2026 00:00` is ambiguous: day and month could be swapped")
                && why.contains("2024-03-01T10:00:00Z"),
            "{why}"
        );
    }
    assert!(refused("time,count\n13/02/2026,1\n02/14/2026,1\n").contains("x.csv:3: `02/14/2026` has the month first"));
}

#[test]
fn commas_are_never_dropped_from_numbers() {
    let table = "time;count;duration p50 (ms)\n2026-03-20 10:00:00;120;85,3\n2026-03-20 10:01:00;120;1,5\n";
    close(
        &measured(table).series[&Metric::DurationP50].iter().map(|(_, value)| *value).collect::<Vec<_>>(),
        &[0.0853, 0.0015],
    );
    let groups = measured("time,count\n0,\"1,200\"\n60,\"85,3\"\n120,\n180,-\n");
    assert_eq!(groups.series[&Metric::Requests], [(0.0, 1_200.0)]);
    let (_, line, why) = &groups.skipped[0];
    assert!(
        groups.skipped_count == 1 && *line == 3 && why.contains("`85,3` in the column `count` is not a number"),
        "{why}"
    );
    // Nothing vanishes from a table of requests without being said.
    let rows = measured("time,duration_ms\n0,\"270,8\"\n1.5,300\n");
    assert_eq!((rows.requests.len(), rows.skipped_count), (1, 1));
    assert!(rows.skipped[0].2.contains("`270,8` in the column `duration_ms` is not a duration"), "{:?}", rows.skipped);
    assert!(refused("time,duration_ms\n0,abc\n1.5,def\n").contains("line 2: `abc`"));
}

/// A document of `get-metric-data` with labels and values of three times.
fn metric_data(series: &[(&str, [f64; 3])]) -> String {
    let results: Vec<String> = series
        .iter()
        .map(|(label, [a, b, c])| {
            format!(
                "{{\"Id\":\"m1\",\"Label\":\"{label}\",\"Timestamps\":[\"2026-03-20T10:00:00Z\",\
                 \"2026-03-20T10:05:00Z\",\"2026-03-20T10:10:00Z\"],\"Values\":[{a},{b},{c}]}}"
            )
        })
        .collect();
    format!("{{\"MetricDataResults\":[{}]}}", results.join(","))
}

fn sum(measured: &Measured, metric: Metric) -> f64 {
    measured.series.get(&metric).into_iter().flatten().map(|(_, value)| value).sum()
}

#[test]
fn labels_are_whole_names_of_metrics() {
    let data = metric_data(&[
        ("RequestCount", [300.0; 3]),
        ("HealthyHostCount", [4.0; 3]),
        ("HTTPCode_Target_2XX_Count", [290.0; 3]),
        ("RequestCountPerTarget", [75.0; 3]),
        ("Duration p99", [400.0; 3]),
        ("Duration p99.9", [2_000.0; 3]),
        ("Duration p75", [150.0; 3]),
        ("Duration p99_9", [2_000.0; 3]),
        ("Duration TM(10%:90%)", [90.0; 3]),
        ("Duration tm99", [90.0; 3]),
        ("Duration Maximum", [9_000.0; 3]),
    ]);
    let found = measured(&data);
    assert_eq!(sum(&found, Metric::Requests), 900.0);
    close(&found.series[&Metric::DurationP99].iter().map(|(_, value)| *value).collect::<Vec<_>>(), &[0.4; 3]);
    assert!(!found.series.contains_key(&Metric::DurationMean));
    assert_eq!(found.skipped_count, 9);
    for (label, metric) in [
        ("error-handler Invocations", Metric::Requests),
        ("Errors count-words", Metric::Errors),
        ("us-east-1 Duration latency-test", Metric::DurationMean),
        ("gw Count", Metric::Requests),
        ("Request Count", Metric::Requests),
        ("shop_invocations", Metric::Requests),
        ("HTTPCode_ELB_5XX_Count", Metric::Errors),
        ("ConcurrentExecutions", Metric::Concurrency),
        ("Response Time P95", Metric::DurationP95),
        ("p50Latency", Metric::DurationP50),
        ("max-retries Duration", Metric::DurationMean),
        ("Duration 99th", Metric::DurationP99),
    ] {
        let found = measured(&metric_data(&[(label, [1_000.0; 3])]));
        let expected = if metric.name().contains("duration") { 3.0 } else { 3_000.0 };
        assert!(
            (sum(&found, metric) - expected).abs() < 1e-9 && found.series.len() == 1,
            "{label}: {:?}",
            found.series
        );
    }
}

#[test]
fn series_of_different_names_are_added_up() {
    let data = metric_data(&[("fnA Invocations", [300.0; 3]), ("fnB Invocations", [300.0, 300.0, 301.0])]);
    assert_eq!(sum(&measured(&data), Metric::Requests), 1_801.0);
    let table = "time,function,count\n0,a,60\n0,b,60\n60,a,60\n60,b,61\n60,b,61\n";
    assert_eq!(sum(&measured(table), Metric::Requests), 241.0);
    // Two exports of one series that overlap count once; the same name with other values is of something else.
    let of = |files: [&[(&str, [f64; 3])]; 2]| {
        let [a, b] = files.map(metric_data);
        read([("a", a.as_str()), ("b", b.as_str())]).expect("metrics")
    };
    let same = of([&[("Invocations", [1.0, 2.0, 3.0])], &[("Invocations", [1.0, 2.0, 3.0])]]);
    assert_eq!(sum(&same, Metric::Requests), 6.0);
    assert!(
        same.assumed[0].contains("requests: 3 values of a series that is in several files counted once"),
        "{:?}",
        same.assumed
    );
    let tables = ["time,minute,count\n0,0,5\n60,1,6\n", "time,minute,count\n0,0,5\n60,1,9\n"];
    let other_tables = read([("a", tables[0]), ("b", tables[1])]).expect("metrics");
    assert_eq!(sum(&other_tables, Metric::Requests), 25.0);
    // The last interval of an export is incomplete.
    let incomplete = of([&[("Invocations", [1.0, 2.0, 3.0])], &[("Invocations", [1.0, 2.0, 4.0])]]);
    assert_eq!(sum(&incomplete, Metric::Requests), 7.0);
    let other = of([&[("Invocations", [1.0, 2.0, 0.0])], &[("Invocations", [1.0, 3.0, 0.0])]]);
    assert_eq!(sum(&other, Metric::Requests), 7.0);
    assert!(other.assumed[0].contains("requests: series that have the same name in several files, but other values"));
    let days = ["time,count\n0,5\n0,6\n", "time,count\n60,5\n60,6\n"];
    assert_eq!(sum(&read([("a", days[0]), ("b", days[1]), ("c", days[1])]).expect("metrics"), Metric::Requests), 22.0);
    let twice = read([("a", PROMETHEUS), ("b", PROMETHEUS)]).expect("metrics");
    assert_eq!(sum(&twice, Metric::Requests), 35.0);
}
