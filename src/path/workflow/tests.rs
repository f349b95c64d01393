use super::super::Action;
use super::super::testing::Bench;
use super::parameters::*;
use super::*;
use crate::rng::{Purpose, Streams};
use crate::schema::decode::{Field, Reader};
use crate::schema::tree::Node;

/// What a text defines, and its problems.
fn read(toml: &str, asl: Option<&str>) -> (Option<Workflow>, Problems) {
    let toml = format!("name = \"order\"\n{toml}");
    let mut problems = Problems::default();
    let source = problems.add_source("test", toml.clone(), 1);
    let node = Node::parse(&toml, source, &mut problems);
    let spec = WorkflowSpec::read(&node, &mut Reader::new(&mut problems, &["workflow", "order"]));
    let workflow = spec.and_then(|spec| spec.workflow(asl.map(|text| ("order.json", text)), &mut problems));
    (workflow, problems)
}

fn workflow(toml: &str) -> Workflow {
    let (workflow, problems) = read(toml, None);
    assert!(problems.is_empty(), "{problems}");
    workflow.expect("a workflow")
}

fn from_asl(toml: &str, asl: &str) -> Workflow {
    let (workflow, problems) = read(&format!("asl = \"order.json\"\n{toml}"), Some(asl));
    assert!(problems.is_empty(), "{problems}");
    workflow.expect("a workflow")
}

/// The calls since the last call of this function: time, target and token.
fn calls(bench: &mut Bench, workflow: &Workflow) -> Vec<(f64, String, Token)> {
    let call = |(at, action)| match action {
        Action::Call { token, target, .. } => Some((at, workflow.machine.targets[target as usize].clone(), token)),
        _ => None,
    };
    bench.take().into_iter().filter_map(call).collect()
}

/// When and how an execution ends; `None`: it is still running.
type End = Option<(f64, Outcome)>;

/// The calls of an execution and when and how it ends, if every task takes this long and ends like this.
fn run(workflow: &Workflow, task: impl Fn(&str, usize) -> (f64, Outcome)) -> (Vec<(f64, String)>, End) {
    let mut bench = Bench::new(workflow);
    let (mut made, mut out, mut end) = (Vec::new(), Vec::<(f64, Token, Outcome)>::new(), None);
    bench.arrive(1);
    for step in 0..=40_000u32 {
        let now = f64::from(step) / 100.0;
        bench.until(now);
        loop {
            for (at, action) in bench.take() {
                match action {
                    Action::Call { token, target, .. } => {
                        let name = workflow.machine.targets[target as usize].clone();
                        let (takes, outcome) = task(&name, made.len());
                        made.push(((at * 100.0).round() / 100.0, name));
                        out.push((at + takes, token, outcome));
                    }
                    Action::Abandon { token, how: Abandon::GoesOn } => out.retain(|(_, known, _)| *known != token),
                    Action::Answer { call: CallId(1), outcome } => end = Some(((at * 100.0).round() / 100.0, outcome)),
                    other => panic!("{other:?}"),
                }
            }
            let Some(at) = out.iter().position(|(ends, ..)| *ends <= now + 1e-9) else { break };
            let (_, token, outcome) = out.remove(at);
            bench.answer(token, outcome);
        }
    }
    (made, end)
}

/// Executions started at once whose tasks all succeed at once: the counters after this time.
fn books(workflow: &Workflow, executions: u32, until: f64) -> Books {
    let mut bench = Bench::new(workflow);
    for id in 1..=executions {
        bench.arrive(id);
        loop {
            let calls = calls(&mut bench, workflow);
            if calls.is_empty() {
                break;
            }
            for (.., token) in calls {
                bench.answer(token, Outcome::Completed);
            }
        }
    }
    bench.until(until);
    bench.books()
}

fn names(made: &[(f64, String)]) -> Vec<(f64, &str)> {
    made.iter().map(|(at, name)| (*at, name.as_str())).collect()
}

const TASK: &str = "[[state]]\nname = \"charge\"\ntask = \"payments\"\n";

#[test]
fn states_follow_each_other() {
    let workflow = workflow(&format!(
        "{TASK}[[state]]\nname = \"pause\"\nwait.constant.value = \"5s\"\n[[state]]\nname = \"ship\"\ntask = \"shipping\""
    ));
    assert_eq!(workflow.targets(), ["payments", "shipping"]);
    let (made, end) = run(&workflow, |_, _| (2.0, Outcome::Completed));
    assert_eq!(names(&made), [(0.0, "payments"), (7.0, "shipping")]);
    assert_eq!(end, Some((9.0, Outcome::Completed)));
}

#[test]
fn retries_come_after_1_2_and_4_seconds_and_then_the_catch() {
    let toml = format!(
        "{TASK}retry = [{{}}]\ncatch = [{{ next = \"refund\" }}]\nend = true\n[[state]]\nname = \"refund\"\ntask = \"refunds\""
    );
    let ends = |name: &str, _| (0.0, if name == "payments" { Outcome::Failed } else { Outcome::Completed });
    let (made, end) = run(&workflow(&toml), ends);
    let expected = [(0.0, "payments"), (1.0, "payments"), (3.0, "payments"), (7.0, "payments"), (7.0, "refunds")];
    assert_eq!((names(&made), end), (expected.to_vec(), Some((7.0, Outcome::Completed))));
    // Without the catch the execution fails.
    let (made, end) = run(&workflow(&format!("{TASK}retry = [{{ max-delay = \"1s\", max-retries = 2 }}]")), ends);
    assert_eq!((made.len(), end), (3, Some((2.0, Outcome::Failed))));
}

#[test]
fn each_retry_entry_counts_for_itself() {
    let toml = format!(
        "{TASK}retry = [{{ on = [\"throttled\"], max-retries = 2 }}, {{ on = [\"error\"], interval = \"10s\", max-retries = 1 }}]"
    );
    let ends = |_: &str, attempt: usize| (0.0, if attempt == 1 { Outcome::Failed } else { Outcome::Rejected });
    // Throttled at 0 s, failed at 1 s, throttled at 11 s, throttled at 13 s.
    let (made, end) = run(&workflow(&toml), ends);
    assert_eq!(made.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0.0, 1.0, 11.0, 13.0]);
    assert_eq!(end, Some((13.0, Outcome::Failed)));
}

#[test]
fn jitter_draws_anything_up_to_the_delay() {
    let retry = Retry {
        on: machine::Causes::ALL,
        interval: Span::from_secs(1),
        most: 3,
        rate: 2.0,
        max_delay: Some(Span::from_secs(3)),
        jitter: true,
    };
    let mut stream = Streams::new(1, 0).stream("jitter", Purpose::Path);
    let mut mean = |used| (0..10_000).map(|_| delay(&retry, used, &mut stream).as_secs_f64()).sum::<f64>() / 10_000.0;
    // Half of 1, 2 and 3 s, each with a standard error of at most 0.9 %.
    for (used, half) in [(0, 0.5), (1, 1.0), (2, 1.5), (9, 1.5)] {
        assert!((mean(used) / half - 1.0).abs() < 0.03);
    }
}

#[test]
fn a_task_that_takes_too_long_is_abandoned() {
    let toml = format!("{TASK}timeout = \"3s\"\nretry = [{{ on = [\"timeout\"], max-retries = 1 }}]");
    let (made, end) = run(&workflow(&toml), |_, _| (10.0, Outcome::Completed));
    assert_eq!(names(&made), [(0.0, "payments"), (4.0, "payments")]);
    assert_eq!(end, Some((7.0, Outcome::TimedOut)));
    let (_, end) = run(&workflow(&toml), |_, _| (2.99, Outcome::Completed));
    assert_eq!(end, Some((2.99, Outcome::Completed)));
}

const PARALLEL: &str = "[[state]]\nname = \"both\"\nparallel = [[\"charge\"], [\"reserve\", \"pack\"]]\n\
    [[state]]\nname = \"mail\"\ntask = \"mail\"\n\
    [[state]]\nname = \"charge\"\ntask = \"payments\"\n\
    [[state]]\nname = \"reserve\"\ntask = \"stock\"\n\
    [[state]]\nname = \"pack\"\ntask = \"packing\"\n";

#[test]
fn branches_begin_together_and_the_slowest_counts() {
    let takes = |name: &str, _| (if name == "payments" { 3.0 } else { 2.0 }, Outcome::Completed);
    let workflow = workflow(PARALLEL);
    let (made, end) = run(&workflow, takes);
    assert_eq!(names(&made), [(0.0, "payments"), (0.0, "stock"), (2.0, "packing"), (4.0, "mail")]);
    assert_eq!(end, Some((6.0, Outcome::Completed)));
    // The slowest path: 2 s in each of three states.
    let mut bench = Bench::new(&workflow);
    bench.arrive(1);
    let first = calls(&mut bench, &workflow);
    bench.until(2.0);
    bench.answer(first[1].2, Outcome::Completed);
    bench.until(3.0);
    bench.answer(first[0].2, Outcome::Completed);
    bench.until(4.0);
    let packing = calls(&mut bench, &workflow);
    bench.answer(packing[0].2, Outcome::Completed);
    let mail = calls(&mut bench, &workflow);
    bench.until(5.0);
    bench.answer(mail[0].2, Outcome::Completed);
    let books = bench.books();
    let shares =
        ["both", "charge", "reserve", "pack", "mail"].map(|state| books.get(&format!("critical_path.{state}")));
    assert_eq!(shares, [0.0, 0.0, 0.4, 0.4, 0.2].map(Some));
    assert_eq!(books.get("transitions"), Some(5.0));
    assert_eq!(books.get("cost_usd"), Some(5.0 * 25e-6));
}

#[test]
fn a_branch_that_fails_ends_the_others() {
    let ends = |name: &str, _| if name == "payments" { (1.0, Outcome::Failed) } else { (9.0, Outcome::Completed) };
    let (made, end) = run(&workflow(PARALLEL), ends);
    assert_eq!((made.len(), end), (2, Some((1.0, Outcome::Failed))));
    // The whole parallel state is retried.
    let retry = PARALLEL.replace("\"pack\"]]\n", "\"pack\"]]\nretry = [{ max-retries = 1, interval = \"2s\" }]\n");
    let (made, end) = run(&workflow(&retry), ends);
    assert_eq!(names(&made), [(0.0, "payments"), (0.0, "stock"), (3.0, "payments"), (3.0, "stock")]);
    assert_eq!(end, Some((4.0, Outcome::Failed)));
}

#[test]
fn fork_and_join_take_as_long_as_the_longest_of_n() {
    let branches: Vec<String> = (0..5).map(|n| format!("[\"b{n}\"]")).collect();
    let states: String =
        (0..5).map(|n| format!("[[state]]\nname = \"b{n}\"\nwait.exponential.mean = \"2s\"\n")).collect();
    let free = "start-throttle = \"none\"\ntransition-throttle = \"none\"\n";
    let workflow =
        workflow(&format!("{free}[[state]]\nname = \"fork\"\nparallel = [{}]\n{states}", branches.join(", ")));
    let books = books(&workflow, 20_000, 200.0);
    // H_5 / mu, with a variance of the sum of 1 / (k mu)^2.
    let (mean, variance) = (1..=5).fold((0.0, 0.0), |(mean, variance), k| {
        let each = 2.0 / f64::from(k);
        (mean + each, variance + each * each)
    });
    let found = books.get("latency_s.mean").expect("a mean");
    assert!((found - mean).abs() < 4.0 * (variance / 20_000.0).sqrt(), "{found} instead of {mean}");
    let shares: f64 = (0..5).map(|n| books.get(&format!("critical_path.b{n}")).expect("a share")).sum();
    assert!((shares - 1.0).abs() < 1e-9);
}

#[test]
fn a_map_does_so_many_items_at_the_same_time() {
    let map = |more: &str| {
        let toml = format!(
            "[[state]]\nname = \"all\"\nmap = {{ states = [\"one\"], {more} }}\n[[state]]\nname = \"one\"\ntask = \"resize\""
        );
        workflow(&toml)
    };
    let (made, end) = run(&map("items = 10, max-concurrency = 3"), |_, _| (1.0, Outcome::Completed));
    let at = |second: f64| made.iter().filter(|(at, _)| *at == second).count();
    assert_eq!(([0.0, 1.0, 2.0, 3.0].map(at), end), ([3, 3, 3, 1], Some((4.0, Outcome::Completed))));
    let (made, end) = run(&map("items = 0"), |_, _| (1.0, Outcome::Completed));
    assert_eq!((made.len(), end), (0, Some((0.0, Outcome::Completed))));
    // Two of ten may fail, three may not.
    let some = |fail: usize| {
        move |_: &str, number: usize| (1.0, if number < fail { Outcome::Failed } else { Outcome::Completed })
    };
    let tolerant = map("items = 10, max-concurrency = 5, tolerated-failures = 0.2");
    assert_eq!(run(&tolerant, some(2)).1, Some((2.0, Outcome::Completed)));
    assert_eq!(run(&tolerant, some(3)).1, Some((1.0, Outcome::Failed)));
    // Each item has two events and three of its task: 100 items need more than 300 events.
    let many = |more: &str| {
        let limited = format!(
            "max-history = 300\n[[state]]\nname = \"all\"\nmap = {{ states = [\"one\"], items = 100{more} }}\n[[state]]\nname = \"one\"\ntask = \"resize\""
        );
        run(&workflow(&limited), |_, _| (1.0, Outcome::Completed)).1
    };
    assert_eq!(
        (many("").map(|end| end.1), many(", distributed = true").map(|end| end.1)),
        (Some(Outcome::Failed), Some(Outcome::Completed))
    );
}

#[test]
fn choices_are_taken_by_their_shares() {
    let toml = "preset = \"google-workflows\"\n[[state]]\nname = \"which\"\nchoice = [{ share = 0.3, next = \"rare\" }, { share = 0.7, next = \"usual\" }]\n\
        [[state]]\nname = \"rare\"\nfail = true\n[[state]]\nname = \"usual\"\nsucceed = true";
    let books = books(&workflow(toml), 10_000, 1.0);
    let failed = books.get("executions.failed").expect("a count");
    // 3,000 with a standard deviation of 46.
    assert!((2_816.0..3_184.0).contains(&failed), "{failed}");
    assert_eq!(books.get("transitions"), Some(20_000.0));
}

#[test]
fn an_execution_has_its_time_and_its_price() {
    let express = "preset = \"step-functions-express\"\n";
    let (_, end) = run(&workflow(&format!("{express}{TASK}")), |_, _| (1_000.0, Outcome::Completed));
    assert_eq!(end, Some((300.0, Outcome::TimedOut)));
    let paused = workflow(&format!("{express}[[state]]\nname = \"pause\"\nwait.constant.value = \"10.05s\""));
    let cost = books(&paused, 1_000, 60.0).get("cost_usd").expect("a cost");
    // $1 per million, and 10.1 s of 64 MB each.
    assert!((cost - (0.001 + 1_000.0 * 10.1 / 16.0 * 0.00001667)).abs() < 1e-12, "{cost}");
}

#[test]
fn starts_are_refused_and_transitions_wait_where_there_are_too_many() {
    let limits =
        "start-throttle = { rate = \"1/s\", burst = 3 }\ntransition-throttle = { rate = \"2/s\", burst = 4 }\n";
    let toml = format!("{limits}[[state]]\nname = \"first\"\npass = true\n[[state]]\nname = \"second\"\ntask = \"f\"");
    let workflow = workflow(&toml);
    let mut bench = Bench::new(&workflow);
    (1..=5).for_each(|id| bench.arrive(id));
    bench.until(10.0);
    // Three executions with two transitions each: four at once, then one every half second.
    let times: Vec<f64> = calls(&mut bench, &workflow).into_iter().map(|(at, ..)| at).collect();
    assert_eq!(times, [0.0, 0.0, 1.0]);
    let books = bench.books();
    assert_eq!((books.get("executions.throttled"), books.get("executions.started")), (Some(2.0), Some(3.0)));
}

#[test]
fn who_starts_it_may_be_answered_at_once() {
    let (made, end) = run(&workflow(&format!("answer = \"start\"\n{TASK}")), |_, _| (5.0, Outcome::Failed));
    assert_eq!((made.len(), end), (1, Some((0.0, Outcome::Completed))));
}

#[test]
fn every_execution_is_somewhere_whatever_happens() {
    let toml = "[[state]]\nname = \"first\"\ntask = \"a\"\ntimeout = \"4s\"\nretry = [{ jitter = true, max-retries = 2 }]\n\
        [[state]]\nname = \"both\"\nparallel = [[\"x\", \"y\"], [\"all\"]]\ncatch = [{ next = \"last\" }]\n\
        [[state]]\nname = \"which\"\nchoice = [{ share = 0.5, next = \"first\" }, { share = 0.5, next = \"last\" }]\n\
        [[state]]\nname = \"last\"\ntask = \"b\"\n\
        [[state]]\nname = \"x\"\nwait.exponential.mean = \"1s\"\n\
        [[state]]\nname = \"y\"\ntask = \"c\"\n\
        [[state]]\nname = \"all\"\nmap = { states = [\"one\"], items = 5, max-concurrency = 2, tolerated-failures = 0.2 }\nretry = [{}]\n\
        [[state]]\nname = \"one\"\ntask = \"d\"";
    for seed in 0..40 {
        let mut stream = Streams::new(seed, 0).stream("generated", Purpose::Path);
        let mut of = |most: u32| stream.random_range(0..=most);
        let workflow = workflow(&format!("timeout = \"{}s\"\nmax-history = {}\n{toml}", 20 + of(100), 20 + of(200)));
        let mut bench = Bench::new(&workflow);
        let (mut out, mut answered, mut started) = (Vec::new(), 0, 0);
        for step in 0..1_200u32 {
            bench.until(f64::from(step) * 0.3);
            if step < 300 && of(3) == 0 {
                started += 1;
                bench.arrive(started);
            }
            loop {
                let before = out.len();
                for (_, action) in bench.take() {
                    match action {
                        Action::Call { token, .. } => out.push(token),
                        Action::Abandon { token, .. } => out.retain(|known| *known != token),
                        Action::Answer { .. } => answered += 1,
                        Action::Wake { .. } | Action::Lose { .. } => {}
                    }
                }
                let more = !out.is_empty() && of(4) > 0;
                if more {
                    let token = out.swap_remove(of(out.len() as u32 - 1) as usize);
                    let ends = [Outcome::Completed, Outcome::Completed, Outcome::Failed, Outcome::Rejected];
                    bench.answer(token, ends[of(3) as usize]);
                } else if out.len() == before {
                    break;
                }
            }
        }
        let books = bench.books();
        let of = |key: &str| books.get(&format!("executions.{key}")).expect(key);
        assert_eq!(of("started"), of("succeeded") + of("failed") + of("remaining"));
        assert_eq!((of("started"), of("remaining"), answered), (f64::from(started), 0.0, started), "{books:?}");
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    for (wrong, expected) in [
        ("", "`workflow.order` needs `asl`, or `state`"),
        ("[[state]]\nname = \"a\"", "`workflow.order.state.a` needs `task`"),
        (
            "[[state]]\nname = \"a\"\ntask = \"f\"\nnext = \"b\"",
            "`workflow.order.state.1.next` names \"b\", which is no state",
        ),
        (
            "[[state]]\nname = \"a\"\npass = true\nnext = \"b\"\n[[state]]\nname = \"b\"\npass = true\nnext = \"a\"",
            "leads into an endless loop",
        ),
        ("[[state]]\nname = \"a\"\nsucceed = true\n[[state]]\nname = \"b\"\npass = true", "can never be reached"),
        ("[[state]]\nname = \"a\"\nparallel = [[\"a\"]]", "is in a branch of itself"),
        (
            "[[state]]\nname = \"a\"\nparallel = [[\"b\"], [\"b\"]]\n[[state]]\nname = \"b\"\npass = true",
            "which is in another branch",
        ),
        (
            "[[state]]\nname = \"a\"\nparallel = [[\"b\"]]\n[[state]]\nname = \"b\"\npass = true\nnext = \"a\"",
            "which is in another branch",
        ),
        ("[[state]]\nname = \"a\"\npass = true\n[[state]]\nname = \"a\"\npass = true", "\"a\" is there twice"),
        ("[[state]]\nname = \"a\"\npass = true\nretry = [{}]", "only tasks, parallel and map fail"),
        ("[[state]]\nname = \"a\"\ntask = \"f\"\nretry = [{ rate = 0.5 }]", "it must be at least 1"),
        ("items = { a = 3 }\n[[state]]\nname = \"a\"\npass = true", "is about the states of an `asl` file"),
        (
            "[[state]]\nname = \"a\"\nmap = { states = [\"b\"], items = 9, max-concurrency = 50 }\n[[state]]\nname = \"b\"\npass = true",
            "at most 40 items",
        ),
    ] {
        let (_, problems) = read(wrong, None);
        assert!(problems.to_string().contains(expected), "{wrong}: {problems}");
    }
}

/// As written by the console and by frameworks.
const ASL: &str = r#"{
  "Comment": "An order",
  "StartAt": "Check stock",
  "TimeoutSeconds": 600,
  "States": {
    "Check stock": {
      "Type": "Task",
      "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:stock:live",
      "Retry": [ {
        "ErrorEquals": ["Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"],
        "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2, "JitterStrategy": "FULL"
      } ],
      "Catch": [ { "ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Sorry" } ],
      "Next": "In stock?"
    },
    "In stock?": {
      "Type": "Choice",
      "Choices": [ { "Variable": "$.left", "NumericGreaterThan": 0, "Next": "Deliver" } ],
      "Default": "Sorry"
    },
    "Deliver": {
      "Type": "Parallel",
      "Branches": [
        { "StartAt": "Charge", "States": { "Charge": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 20,
            "Parameters": { "FunctionName": "${ChargeFunctionArn}", "Payload.$": "$" }, "End": true } } },
        { "StartAt": "Each parcel", "States": { "Each parcel": {
            "Type": "Map", "MaxConcurrency": 0, "ItemsPath": "$.parcels",
            "ItemProcessor": { "ProcessorConfig": { "Mode": "INLINE" }, "StartAt": "Pack", "States": {
              "Pack": { "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": { "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/packing" }, "End": true } } },
            "End": true } } }
      ],
      "Next": "Pause"
    },
    "Pause": { "Type": "Wait", "Seconds": 10, "Next": "Done" },
    "Sorry": { "Type": "Fail", "Error": "NoStock" },
    "Done": { "Type": "Succeed" }
  }
}"#;

#[test]
fn states_language_is_read() {
    let workflow = from_asl("items = { \"Each parcel\" = 3 }\nchoices = { \"In stock?\" = [1.0] }", ASL);
    assert_eq!(workflow.targets(), ["stock", "Charge", "queue.packing"]);
    assert_eq!(workflow.settings.timeout, Span::from_secs(600));
    let (made, end) = run(&workflow, |_, _| (2.0, Outcome::Completed));
    let packing = (2.0, "queue.packing");
    assert_eq!(names(&made), [(0.0, "stock"), (2.0, "Charge"), packing, packing, packing]);
    assert_eq!(end, Some((14.0, Outcome::Completed)));
    // Throttling is retried; an error of the function is not: it is caught, and fails.
    let (made, end) = run(&workflow, |_, number| (0.0, if number == 0 { Outcome::Rejected } else { Outcome::Failed }));
    assert_eq!((made.len(), end.map(|end| end.1)), (2, Some(Outcome::Failed)));
    assert!((0.0..=1.0).contains(&made[1].0) && made[1].0 > 0.0, "{made:?}");
    // Both choices are equally likely unless the scenario says otherwise.
    let books = books(&from_asl("", ASL), 1_000, 60.0);
    let succeeded = books.get("executions.succeeded").expect("a count");
    assert!((437.0..563.0).contains(&succeeded), "{succeeded}");
    let keys: Vec<&str> = books.0.iter().filter_map(|(key, _)| key.strip_prefix("critical_path.")).collect();
    assert_eq!(keys[..2], ["Check-stock", "In-stock-"]);
}

#[test]
fn what_states_language_says_and_is_not_supported_is_said_with_its_line() {
    let asl = "{\n\"StartAt\": \"A\",\n\"States\": {\n\
        \"A\": { \"Type\": \"Task\", \"Resource\": \"arn:aws:states:::glue:startJobRun.sync\", \"Next\": \"B\" },\n\
        \"B\": { \"Type\": \"Wait\", \"SecondsPath\": \"$.s\", \"Next\": \"C\" },\n\
        \"C\": { \"Type\": \"Hop\", \"Next\": \"D\" },\n\
        \"D\": { \"Type\": \"Pass\", \"Next\": \"E\" },\n\
        \"F\": { \"Type\": \"Task\", \"Resource\": \"arn:aws:states:::lambda:invoke\", \"Parameters\": { \"FunctionName.$\": \"$.f\" }, \"End\": true } } }";
    let (workflow, problems) = read("asl = \"order.json\"\nwaits = { Q = \"1s\" }", Some(asl));
    assert_eq!(workflow, None);
    let said = problems.to_string();
    for expected in [
        "order.json:4",
        "the task \"A\" calls arn:aws:states:::glue:startJobRun.sync, which cannot be simulated",
        "targets.\"A\" = ",
        "order.json:5",
        "the state \"B\" waits for a time that is only known when it runs",
        "order.json:6",
        "the state \"C\" has the unknown type \"Hop\"",
        "order.json:7",
        "`Next` names no state beside this one",
        "order.json:8",
        "the task \"F\" calls arn:aws:states:::lambda:invoke",
        "`waits` names \"Q\", which is no state",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    // What the scenario says takes precedence.
    let asl = asl.replace("Hop", "Pass").replace("\"E\"", "\"F\"");
    let given = "targets = { A = \"job\", F = \"f\" }\nwaits = { B = \"5s\" }";
    let (made, end) = run(&from_asl(given, &asl), |_, _| (1.0, Outcome::Completed));
    assert_eq!((names(&made), end), (vec![(0.0, "job"), (6.0, "f")], Some((7.0, Outcome::Completed))));
}

#[test]
fn circles_that_never_end_and_broken_files_are_said() {
    for (asl, expected) in [
        (
            "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\", \"Next\": \"A\"}}}",
            "the state \"A\" leads into an endless loop",
        ),
        ("{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Pass\"}}}", "`Next` is missing"),
        ("{\"StartAt\": \"A\", \"States\": {}}", "there are no `States` here"),
        (
            "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Succeed\"}, \"A\": {\"Type\": \"Succeed\"}}}",
            "\"A\" is there twice",
        ),
        ("{\"StartAt\": \"A\",", "this is not JSON"),
        ("[]", "there are no `States` here"),
    ] {
        let (workflow, problems) = read("asl = \"order.json\"", Some(asl));
        assert!(workflow.is_none() && problems.to_string().contains(expected), "{asl}: {problems}");
    }
}
