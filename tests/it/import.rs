//! Files of infrastructure as scenarios: what is made of each of `tests/import` stands beside it, with the list of what was
//! understood. `FOREWARM_BLESS=1 cargo test import` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use forewarm::import::export::{Form, export};
use forewarm::import::{File, Traffic, import};
use forewarm::scenario::{ParseOptions, parse};
use proptest::prelude::*;

use crate::harness::{Folder, Memory};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn file(name: &str) -> File {
    File { name: name.to_owned(), bytes: fs::read(folder().join(name)).expect("a file") }
}

fn text(name: &str, text: &str) -> File {
    File { name: name.to_owned(), bytes: text.as_bytes().to_vec() }
}

/// What is said about files that are refused.
fn refused(files: &[File]) -> String {
    import("refused", files, &Traffic::default()).expect_err("it is refused").to_string()
}

#[test]
fn every_format_becomes_a_scenario_that_is_accepted() {
    let cases: [&[&str]; 21] = [
        &["sam.yaml"],
        &["shop.yaml"],
        &["routes.yaml"],
        &["nodes.yaml"],
        &["nodes.json", "kubernetes.yaml"],
        &["cdk.template.json"],
        &["serverless.yml"],
        &["plan.json"],
        &["terraform.tfstate"],
        &["kubernetes.yaml"],
        &["knative.yaml"],
        &["cluster.yaml"],
        &["cloud-run.yaml"],
        &["host.json"],
        &["azure-app/host.json", "azure-app/orders/function.json", "azure-app/nightly/function.json"],
        &["azuredeploy.json"],
        &["gcloud.json"],
        &["gen1.json"],
        &["eventing.yaml"],
        &["clouds.json"],
        &["get-function.json", "mappings.json", "account.json"],
    ];
    for names in cases {
        let files: Vec<File> = names.iter().map(|name| file(name)).collect();
        let name = names[0].trim_end_matches(".yaml").split(['.', '/']).next().expect("a name");
        let name = if names[0] == "nodes.json" { "nodes-terraform" } else { name };
        let imported = import(name, &files, &Traffic::default()).unwrap_or_else(|wrong| panic!("{names:?}: {wrong}"));
        let beside = |files: Memory, (name, text): &(String, String)| files.with(name, text.as_bytes());
        let files = imported.beside.iter().fold(Memory::default(), beside);
        parse("imported.toml", &imported.scenario, &ParseOptions::default(), &files)
            .unwrap_or_else(|wrong| panic!("{wrong}\n{}", imported.scenario));
        assert!(imported.scenario.contains("assumed = "), "{names:?}: nobody said how much comes");
        let path = folder().join(format!("{name}.expected"));
        let made = format!("{}\n----\n{}", imported.scenario, imported.report);
        if std::env::var_os("FOREWARM_BLESS").is_some() {
            fs::write(&path, &made).expect("a file");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(made, expected, "{names:?}: FOREWARM_BLESS=1 cargo test import, if it is meant so");
    }
}

#[test]
fn every_line_that_is_named_holds_the_value() {
    let names = [
        "sam.yaml",
        "shop.yaml",
        "serverless.yml",
        "plan.json",
        "kubernetes.yaml",
        "knative.yaml",
        "cloud-run.yaml",
        "host.json",
        "get-function.json",
        "azuredeploy.json",
        "gcloud.json",
        "eventing.yaml",
        "clouds.json",
    ];
    for name in names {
        let written = fs::read_to_string(folder().join(name)).expect("a file");
        let lines: Vec<&str> = written.lines().collect();
        let imported = import("x", &[file(name)], &Traffic::default()).expect("a scenario");
        let mut count = 0;
        for line in imported.scenario.lines().filter(|line| line.contains(&format!("# {name}:"))) {
            let (value, comment) = line.split_once('#').expect("a comment");
            let number: usize = comment
                .trim()
                .trim_start_matches(&format!("{name}:"))
                .split(' ')
                .next()
                .expect("a line")
                .parse()
                .expect("a number");
            let key = comment.trim().split(' ').nth(1).unwrap_or_default().rsplit('.').next().unwrap_or_default();
            let digits: String =
                value.split('=').nth(1).expect("a value").chars().filter(char::is_ascii_digit).collect();
            let shown = lines[number - 1];
            count += 1;
            // Units may change (1 GB is 1024 MB), but then the key stands on the line.
            assert!(
                shown.contains(&digits) || shown.contains(key.split('[').next().unwrap_or_default()),
                "{name}: {line}\n{shown}"
            );
        }
        assert!(count >= 3, "{name}: {count} values");
    }
}

#[test]
fn options_say_what_no_file_does() {
    let folder = Folder::new();
    folder.write("sam.yaml", &fs::read_to_string(self::folder().join("sam.yaml")).expect("a file"));
    let typed = [
        "import",
        "sam.yaml",
        "--rps",
        "Checkout=30",
        "--rps",
        "5",
        "--p50",
        "40ms",
        "--p99",
        "200ms",
        "--out",
        "shop.toml",
    ];
    let answer = folder.run(&typed).ends(0);
    assert!(
        answer.out.contains("did you mean `MemorySize`?") && answer.out.contains("Next: forewarm run shop.toml"),
        "{}",
        answer.out
    );
    assert!(!answer.out.contains("ASSUMED"), "{}", answer.out);
    let scenario = folder.read("shop.toml");
    assert!(
        scenario.contains("arrivals.poisson.rate = \"30/s\"") && scenario.contains("arrivals.poisson.rate = \"5/s\""),
        "{scenario}"
    );
    folder.run(&["check", "shop.toml"]).ends(0);
    // Nothing is written over.
    let again = folder.run(&typed).ends(2);
    assert!(again.err.contains("already exists"), "{}", again.err);
    let unknown = folder.run(&["import", "sam.yaml", "--rps", "Chekout=30"]).ends(0);
    assert!(unknown.err.contains("did you mean `Checkout`?"), "{}", unknown.err);
}

#[test]
fn a_definition_is_written_beside_the_scenario() {
    let folder = Folder::new();
    folder.write("shop.yaml", &fs::read_to_string(self::folder().join("shop.yaml")).expect("a file"));
    let typed = ["import", "shop.yaml", "--rps", "2", "--rps", "Fulfil=1", "--p50", "40ms", "--p99", "200ms"];
    // On standard output there is no place for it.
    let refused = folder.run(&typed).ends(2);
    assert!(refused.err.contains("shop-Fulfil.asl.json") && refused.err.contains("--out FILE"), "{}", refused.err);
    folder.run(&[&typed[..], &["--out", "shop.toml"]].concat()).ends(0);
    let definition = folder.read("shop-Fulfil.asl.json");
    assert!(definition.contains("\"TimeoutSeconds\": 30") && definition.contains("\"End\": true"), "{definition}");
    let run = [
        "run",
        "shop.toml",
        "--set",
        "simulation.horizon=10m",
        "--set",
        "simulation.warm-up=0s",
        "--replications",
        "1",
        "--format",
        "json",
    ];
    let answer = folder.run(&run).ends(0);
    let summary: serde_json::Value = serde_json::from_str(&answer.out).expect("JSON");
    // What comes in at each entrance goes where the template sends it.
    let count = |path: &str| summary.pointer(path).and_then(|value| value["mean"].as_f64()).unwrap_or(f64::NAN);
    let near = |path: &str, expected: f64| {
        let found = count(path);
        assert!((found - expected).abs() < 4.0 * expected.sqrt(), "{path}: {found}, not {expected}");
    };
    near("/gateways/Api-Orders/requests/arrived", 1_200.0);
    near("/queues/Jobs/messages/sent", 1_200.0);
    near("/queues/Pack-Returns/messages/sent", 1_200.0);
    near("/streams/Clicks/records/sent", 1_200.0);
    near("/workflows/Fulfil/executions/started", 600.0);
    // Both consumers read every change of the table.
    assert_eq!(count("/streams/Table-Project/records/sent"), count("/streams/Table-Index/records/sent"));
    // An authorizer is asked once a minute for each route.
    assert!((9.0..=22.0).contains(&count("/functions/Authorize/requests/arrived")), "{}", answer.out);
    // A file that is there already is left alone, and nothing else is left either.
    let again = folder.run(&[&typed[..], &["--out", "other/shop.toml"]].concat()).ends(2);
    assert!(!folder.path().join("other").exists(), "{}", again.err);
}

#[test]
fn assumptions_are_said_first_and_no_plan_is_made_on_them() {
    let folder = Folder::new();
    folder.write("sam.yaml", &fs::read_to_string(self::folder().join("cdk.template.json")).expect("a file"));
    folder.run(&["import", "sam.yaml", "--out", "shop.toml"]).ends(0);
    let rate = "source.Handler886CB40B.arrivals.poisson.rate";
    let run = folder
        .run(&[
            "run",
            "shop.toml",
            "--set",
            "simulation.horizon=10m",
            "--set",
            "simulation.warm-up=1m",
            "--replications",
            "2",
        ])
        .ends(0);
    assert!(
        run.err.starts_with("warning: 3 values are ASSUMED, not measured") && run.err.contains(rate),
        "{}",
        run.err
    );
    let choice = "plan={\"function.Handler886CB40B.concurrency.reserved\" = [10, 20]}";
    let plan = ["plan", "shop.toml", "--set", choice, "--set", "objective=[{metric=\"latency_s.p99\",below=\"9s\"}]"];
    let refused = folder.run(&plan).ends(2);
    assert!(refused.err.contains("3 values are ASSUMED"), "{}", refused.err);
    // A value that is written in place of an assumed one is none.
    let two = folder.run(&["check", "shop.toml", "--set", &format!("{rate}=2/s")]).ends(0);
    assert!(two.err.contains("2 values are ASSUMED") && !two.err.contains(rate), "{}", two.err);
    let same = folder.run(&["check", "shop.toml", "--set", &format!("{rate}=1/s")]).ends(0);
    assert!(same.err.contains("3 values are ASSUMED"), "{}", same.err);
}

#[test]
fn traffic_comes_from_files_too() {
    let folder = Folder::new();
    folder.write("sam.yaml", &fs::read_to_string(self::folder().join("cdk.template.json")).expect("a file"));
    folder.write("counts.csv", "time_s,count\n0,60\n60,120\n120,30\n");
    folder.run(&["import", "sam.yaml", "--traffic", "counts.csv", "--out", "made/shop.toml"]).ends(2);
    fs::create_dir(folder.path().join("made")).expect("a folder");
    folder.run(&["import", "sam.yaml", "--traffic", "counts.csv", "--out", "made/shop.toml"]).ends(0);
    assert!(folder.read("made/shop.toml").contains("arrivals.rate-trace.file = \"../counts.csv\""));
    let fitted = "[[function]]\nname = \"any\"\n[function.duration.gamma]\nmean = \"70ms\"\nshape = 2.0\n[[source]]\nname = \"web\"\n\
                  function = \"any\"\n[source.arrivals.poisson]\nrate = \"7/s\"\n";
    folder.write("fitted.toml", fitted);
    let answer = folder.run(&["import", "sam.yaml", "--traffic", "fitted.toml"]).ends(0);
    assert!(answer.out.contains("duration = { gamma = { mean = \"70ms\", shape = 2.0 } }"), "{}", answer.out);
    assert!(answer.out.contains("rate = \"7/s\"") && !answer.out.contains("ASSUMED"), "{}", answer.out);
}

/// Applies a diff to a file of a folder as anybody would.
fn apply(folder: &Folder, diff: &str) {
    folder.write("change.diff", diff);
    let applied = std::process::Command::new("git")
        .args(["apply", "--verbose", "change.diff"])
        .current_dir(folder.path())
        .output()
        .expect("git");
    assert!(applied.status.success(), "{}\n{diff}", String::from_utf8_lossy(&applied.stderr));
}

/// Keys and the values that are asked for.
type Asked = &'static [(&'static str, &'static str)];

#[test]
fn patches_apply_and_say_what_was_asked_for() {
    let cases: [(&str, Form, Asked); 6] = [
        (
            "sam.yaml",
            Form::Sam,
            &[
                ("function.Checkout.memory", "1GB"),
                ("function.Checkout.concurrency.provisioned", "9"),
                ("function.Worker.concurrency.reserved", "25"),
            ],
        ),
        (
            "cdk.template.json",
            Form::CloudFormation,
            &[("function.Handler886CB40B.memory", "2048MB"), ("function.Handler886CB40B.concurrency.reserved", "50")],
        ),
        (
            "serverless.yml",
            Form::Serverless,
            &[("function.checkout.memory", "512MB"), ("function.resize-image.concurrency.reserved", "7")],
        ),
        (
            "kubernetes.yaml",
            Form::Kubernetes,
            &[
                ("function.web.scaling.hpa.max-replicas", "35"),
                ("function.web.memory", "512MB"),
                ("function.consumer.scaling.keda.queue-length", "3"),
            ],
        ),
        (
            "knative.yaml",
            Form::Kubernetes,
            &[("function.hello.scaling.knative.target", "80"), ("function.hello.scaling.knative.window", "2m")],
        ),
        (
            "cloud-run.yaml",
            Form::Kubernetes,
            &[
                ("function.api.scaling.cloud-run.concurrency", "40"),
                ("function.api.scaling.cloud-run.max-instances", "12"),
            ],
        ),
    ];
    for (name, form, changes) in cases {
        let folder = Folder::new();
        let before = fs::read_to_string(self::folder().join(name)).expect("a file");
        folder.write(name, &before);
        let asked: Vec<_> = changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let diff = export(form, &[file(name)], &asked).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        apply(&folder, &diff);
        let after = folder.read(name);
        let changed = before.lines().count().abs_diff(after.lines().count())
            + before.lines().zip(after.lines()).filter(|(a, b)| a != b).count();
        assert!(changed > 0, "{name}");
        let again =
            import("x", &[text(name, &after)], &Traffic::default()).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let resolved = crate::harness::scenario(&again.scenario).resolved;
        // Asked again for the same, there is nothing to change.
        let nothing = export(form, &[text(name, &after)], &asked).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        assert_eq!(nothing, "", "{name}: {resolved}");
        // Everything else is as it was.
        let others = |text: &str| {
            let imported = import("x", &[self::text(name, text)], &Traffic::default()).expect("a scenario").report;
            let others = imported
                .lines()
                .filter(|line| line.starts_with("  function.") && !changes.iter().any(|(key, _)| line.contains(key)));
            others.map(|line| line.split(name).next().unwrap_or_default().trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert!(others(&before) == others(&after), "{name}:\n{diff}");
    }
}

#[test]
fn what_is_shared_is_not_changed_for_one_alone() {
    let template = "Transform: AWS::Serverless-2016-10-31
Parameters:
  Seconds: {Type: Number, Default: 10}
Globals:
  Function:
    MemorySize: 512
Resources:
  A:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: !Ref Seconds
  B: {Type: AWS::Serverless::Function, Properties: {Timeout: !Ref Seconds, ReservedConcurrentExecutions: 5}}
";
    let change = |changes: &[(&str, &str)]| {
        let changes: Vec<_> = changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let diff = export(Form::Sam, &[text("t.yaml", template)], &changes).map_err(|wrong| wrong.to_string())?;
        let folder = Folder::new();
        folder.write("t.yaml", template);
        apply(&folder, &diff);
        Ok::<_, String>(folder.read("t.yaml"))
    };
    // What comes from Globals is said by the function itself; with all of them at Globals.
    let own = change(&[("function.A.memory", "1GB")]).expect("a patch");
    assert_eq!(own, template.replace("      Timeout: !Ref", "      MemorySize: 1024\n      Timeout: !Ref"));
    let all = change(&[("function.A.memory", "1GB"), ("function.B.memory", "1GB")]).expect("a patch");
    assert_eq!(all, template.replace("MemorySize: 512", "MemorySize: 1024"));
    // A parameter of several is changed for all of them, or for none.
    let both = change(&[("function.A.timeout", "20s"), ("function.B.timeout", "20s")]).expect("a patch");
    assert_eq!(both, template.replace("Default: 10", "Default: 20"));
    let said = change(&[("function.A.timeout", "20s")]).expect_err("it is refused");
    assert!(said.contains("line 3") && said.contains("function.B.timeout"), "{said}");
    // Two values in one line.
    let two = template.replace("!Ref Seconds, R", "7, R");
    let changes = [("function.B.timeout", "30s"), ("function.B.concurrency.reserved", "9")];
    let changes: Vec<_> = changes.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let folder = Folder::new();
    folder.write("t.yaml", &two);
    apply(&folder, &export(Form::Sam, &[text("t.yaml", &two)], &changes).expect("a patch"));
    let expected =
        two.replace("{Timeout: 7, ReservedConcurrentExecutions: 5}", "{Timeout: 30, ReservedConcurrentExecutions: 9}");
    assert_eq!(folder.read("t.yaml"), expected);
}

#[test]
fn computed_values_and_single_instances_are_changed_by_hand() {
    let refused = |form, name: &str, written: &str, key: &str| {
        export(form, &[text(name, written)], &[(key.to_owned(), "9".to_owned())])
            .expect_err("it is refused")
            .to_string()
    };
    let serverless = fs::read_to_string(folder().join("serverless.yml")).expect("a file");
    let said = refused(Form::Serverless, "serverless.yml", &serverless, "function.verify.concurrency.reserved");
    assert!(said.contains("computed in line 17"), "{said}");
    let plan = r#"{"format_version": "1.2", "planned_values": {"root_module": {"resources": [
        {"address": "aws_lambda_function.f[\"a.b\"]", "type": "aws_lambda_function", "name": "f", "mode": "managed",
         "values": {"function_name": "f", "memory_size": 512, "reserved_concurrent_executions": 3}}]}}}"#;
    let said = refused(Form::Terraform, "plan.json", plan, "function.f.concurrency.reserved");
    assert!(said.contains("one of several instances"), "{said}");
}

#[test]
fn examples_at_the_end_of_a_scenario_are_accepted() {
    for (name, expected) in [
        ("sam.yaml", "concurrency.provisioned"),
        ("kubernetes.yaml", "instance-gb-second-usd"),
        ("knative.yaml", "scaling.knative.target"),
        ("cloud-run.yaml", "scaling.cloud-run.concurrency"),
    ] {
        let imported = import("x", &[file(name)], &Traffic::default()).expect("a scenario").scenario;
        let (scenario, rest) = imported.split_once("# Objectives").expect("examples");
        let (examples, origins) = rest.split_once("\n# Where values").expect("origins");
        let lines = examples.lines().filter_map(|line| line.strip_prefix("# "));
        let lines: Vec<&str> = lines.filter(|line| line.starts_with('[') || line.contains(" = ")).collect();
        assert!(lines.iter().any(|line| line.contains(expected)), "{name}: {lines:?}");
        let uncommented = format!("{scenario}{}\n# {origins}", lines.join("\n"));
        parse("imported.toml", &uncommented, &ParseOptions::default(), &Memory::default())
            .unwrap_or_else(|wrong| panic!("{name}: {wrong}\n{uncommented}"));
    }
}

#[test]
fn values_of_parameters_come_from_files() {
    let template = text(
        "template.yaml",
        "Parameters:
  Stage: {Type: String, Default: dev}
  Mem: {Type: Number}
Mappings: {Seconds: {dev: {Of: 5}, prod: {Of: 20}}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {MemorySize: !Ref Mem, Timeout: !FindInMap [Seconds, !Ref Stage, Of]}
  G: {Type: AWS::Lambda::Function, Condition: IsProd, Properties: {}}
",
    );
    let values = [
        r#"[{"ParameterKey": "Stage", "ParameterValue": "prod"}, {"ParameterKey": "Mem", "ParameterValue": "768"}]"#,
        r#"{"Stacks": [{"Parameters": [{"ParameterKey": "Stage", "ParameterValue": "prod"}, {"ParameterKey": "Mem", "ParameterValue": "768"}]}]}"#,
        r#"{"Parameters": {"Stage": "prod", "Mem": "768", "Other": "1"}}"#,
    ];
    for values in values {
        // Whichever file comes first.
        for files in [[&template, &text("values.json", values)], [&text("values.json", values), &template]] {
            let imported = import("x", &files.map(Clone::clone), &Traffic::default()).expect("a scenario");
            for expected in
                ["memory = \"768MB\"                             # values.json:1", "timeout = \"20s\" ", "name = \"G\""]
            {
                assert!(imported.scenario.contains(expected), "{expected}\n{}", imported.scenario);
            }
            // What is in the other file is changed there; a mapping in the entry that is chosen.
            let asked = |key: &str, value: &str| {
                let files = [template.clone(), text("values.json", values)];
                export(Form::CloudFormation, &files, &[(key.to_owned(), value.to_owned())])
                    .map_err(|wrong| wrong.to_string())
            };
            let said = asked("function.F.memory", "1GB").expect_err("it is refused");
            assert!(said.contains("values.json:1"), "{said}");
            assert!(asked("function.F.timeout", "30s").expect("a patch").contains("prod: {Of: 30}"));
            let is_listed = imported.report.contains("parameter Other: no template of these files has it");
            assert_eq!(is_listed, values.contains("Other"), "{}", imported.report);
        }
    }
    let arm = text(
        "main.json",
        r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "parameters": {"sku": {"type": "string", "defaultValue": "Y1"}},
            "resources": [
              {"type": "Microsoft.Web/serverfarms", "name": "plan", "sku": {"name": "[parameters('sku')]"}},
              {"type": "Microsoft.Web/sites", "kind": "functionapp", "name": "app",
               "properties": {"serverFarmId": "[resourceId('Microsoft.Web/serverfarms', 'plan')]"}}]}"#,
    );
    let given = text(
        "main.parameters.json",
        r#"{"$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentParameters.json#",
            "parameters": {"sku": {"value": "EP1"}}}"#,
    );
    let of = |files: &[File]| import("x", files, &Traffic::default()).expect("a scenario").scenario;
    assert!(of(std::slice::from_ref(&arm)).contains("azure-consumption\""));
    assert!(of(&[arm, given]).contains("preset = \"azure-premium\""));
}

#[test]
fn billing_and_plans_are_those_of_the_files() {
    let imported = |name: &str, written: &str| {
        import("x", &[text(name, written)], &Traffic::default()).unwrap_or_else(|wrong| panic!("{wrong}")).scenario
    };
    let run = "apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: api, annotations: {run.googleapis.com/minScale: '3', run.googleapis.com/maxScale: '50'}}
spec:
  template:
    metadata: {annotations: {autoscaling.knative.dev/minScale: '1', autoscaling.knative.dev/maxScale: '40', run.googleapis.com/cpu-throttling: 'false'}}
    spec: {containers: [{image: api}]}
";
    let azure = |sku: &str| {
        format!(
            r#"{{"format_version": "1.2", "planned_values": {{"root_module": {{"resources": [
            {{"address": "azurerm_linux_function_app.app", "type": "azurerm_linux_function_app", "name": "app", "mode": "managed",
              "values": {{"name": "app", "service_plan_id": "/subscriptions/1/serverFarms/plan", "site_config": [{{"app_scale_limit": 0, "elastic_instance_minimum": 2}}]}}}},
            {{"address": "azurerm_service_plan.plan", "type": "azurerm_service_plan", "name": "plan", "mode": "managed",
              "values": {{"id": "/subscriptions/1/serverFarms/plan", "name": "plan", "sku_name": "{sku}"}}}}]}}}}}}"#
        )
    };
    let service = |idle: &str| {
        format!(
            r#"{{"format_version": "1.2", "planned_values": {{"root_module": {{"resources": [
            {{"address": "google_cloud_run_v2_service.api", "type": "google_cloud_run_v2_service", "name": "api", "mode": "managed",
              "values": {{"name": "api", "template": [{{"containers": [{{"resources": [{{{idle} "limits": {{"memory": "1Gi"}}}}]}}]}}]}}}}]}}}}}}"#
        )
    };
    let instances = "preset = \"gcp-cloud-run-instance-based\"";
    let cases = [
        (imported("run.yaml", run), vec![instances, "min-instances = 3 ", "max-instances = 40 "]),
        (
            imported("plan.json", &azure("EP2")),
            vec!["preset = \"azure-premium\"", "always-ready = 2 ", "memory = \"7168MB\""],
        ),
        (imported("plan.json", &azure("Y1")), vec!["preset = \"azure-consumption\"", "memory = \"1536MB\""]),
        (imported("plan.json", &service("")), vec![instances]),
        (imported("plan.json", &service("\"cpu_idle\": true,")), vec!["preset = \"gcp-cloud-run\"\n"]),
    ];
    for (scenario, expected) in cases {
        for line in expected {
            assert!(scenario.contains(line), "{line}\n{scenario}");
        }
    }
}

#[test]
fn what_only_a_deployment_knows_is_not_written_twice() {
    let asked = [("function.Worker.timeout".to_owned(), "25s".to_owned())];
    let said = export(Form::Sam, &[file("sam.yaml")], &asked).expect_err("it is refused").to_string();
    assert!(said.contains("known only at deployment") && said.contains("timeout = 25s"), "{said}");
}

#[test]
fn a_plan_becomes_a_patch_and_a_comment() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("app")).expect("a folder");
    folder.write("app/template.json", &fs::read_to_string(self::folder().join("cdk.template.json")).expect("a file"));
    let given = ["--rps", "5", "--p50", "80ms", "--p99", "400ms"];
    folder.run(&[&["import", "app/template.json", "--out", "shop.toml"], &given[..]].concat()).ends(0);
    let set = [
        "--set",
        "plan={\"function.Handler886CB40B.memory\" = { values = [\"512MB\", \"1024MB\"], cpu-bound-share = 0.0 }, max-replications = 20}",
        "--set",
        "objective=[{metric=\"latency_s.p99\",below=\"9s\"}]",
        "--set",
        "simulation.horizon=20m",
        "--set",
        "simulation.warm-up=2m",
    ];
    let plan =
        ["plan", "shop.toml", "--export", "cloudformation", "--patch", "app/template.json", "--comment", "comment.md"];
    let answer = folder.run(&[&plan[..], &set[..]].concat()).ends(0);
    assert!(answer.out.starts_with("--- a/app/template.json\n+++ b/app/template.json\n"), "{}", answer.out);
    apply(&folder, &answer.out);
    assert!(folder.read("app/template.json").contains("\"MemorySize\": 512"));
    let comment = folder.read("comment.md");
    assert!(
        comment.contains("| `function.Handler886CB40B.memory` | 1024MB | 512MB |")
            && comment.contains("95 % confidence"),
        "{comment}"
    );
    folder.run(&["plan", "shop.toml", "--export", "sam"]).ends(2);
}

#[test]
fn what_is_not_read_is_named_in_one_sentence() {
    let cases = [
        ("main.tf", "resource \"aws_lambda_function\" \"x\" {\n}\n", "terraform show -json"),
        ("deploy.yaml", "{{- if .Values.on }}\nkind: x\n{{- end }}\n", "helm template"),
        ("shop.toml", "[scenario]\n", "forewarm check"),
        ("plan.json", "[command]/bin/terraform show -json plan\n{}\n", "terraform_wrapper: false"),
        ("app.log", "REPORT RequestId: 1 Duration: 2 ms", "forewarm fit"),
        ("x.json", "{\"a\": [1, 2}", "expected `,` or `]`"),
        ("x.yaml", "a: [1, 2\nb: 3\n", "this is not YAML"),
        ("empty.yaml", "", "is empty"),
        ("role.yaml", "Resources: {R: {Type: 'AWS::IAM::Role'}}", "describe no function"),
    ];
    for (name, content, expected) in cases {
        let said = refused(&[text(name, content)]);
        assert!(said.contains(expected) && said.contains(name), "{name}: {said}");
    }
    // All at once.
    let said = refused(&[text("a.json", "{"), text("b.yaml", "a: *x")]);
    assert!(said.contains("a.json:1") && said.contains("b.yaml:1"), "{said}");
}

#[test]
fn hostile_files_are_refused_cleanly() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    (1..40).for_each(|level| {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(9)));
    });
    assert!(refused(&[text("bomb.yaml", &bomb)]).contains("aliases expanded"));
    for deep in ["[".repeat(200_000), "{\"a\":".repeat(200_000), "- ".repeat(100_000)] {
        let said = refused(&[text("deep.yaml", &deep)]);
        assert!(said.contains("deeper") || said.contains("not YAML"), "{}", &said[..said.len().min(300)]);
    }
    let long = File { name: "long.yaml".to_owned(), bytes: vec![b'a'; forewarm::import::MAX_BYTES + 1] };
    assert!(refused(&[long]).contains("64 MB"));
    let binary = File { name: "plan.tfplan".to_owned(), bytes: vec![0x50, 0x4b, 0xff, 0xfe] };
    assert!(refused(&[binary]).contains("terraform show -json"));
    // Resources without number, and names that are all the same.
    let functions = |count: usize| {
        let one = |number: usize| format!("  \"é{number}\": {{Type: 'AWS::Lambda::Function'}}\n");
        format!("Resources:\n{}", (0..count).map(one).collect::<String>())
    };
    assert!(refused(&[text("many.yaml", &functions(10_001))]).contains("10000 is the limit"));
    let same = functions(3_000).replace("é", "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé");
    import("x", &[text("same.yaml", &same)], &Traffic::default()).expect("all have names");
    // Variables of ARM that hold each other.
    let arm = format!(
        "{{\"$schema\": \"deploymentTemplate.json\", \"variables\": {{{} \"v40\": \"x\"}}, \"resources\": [\
         {{\"type\": \"Microsoft.Web/sites\", \"kind\": \"functionapp\", \"name\": \"[variables('v0')]\"}}]}}",
        (0..40)
            .map(|v| format!("\"v{v}\": \"[concat(variables('v{0}'), variables('v{0}'))]\", ", v + 1))
            .collect::<String>()
    );
    import("x", &[text("arm.json", &arm)], &Traffic::default()).expect("the name stays unknown");
    // Parameters and variables that grow, conditions and variables in circles.
    let grow = format!(
        "Parameters: {{P: {{Default: {}}}}}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {{FunctionName: !Sub '{}'}}\n",
        "x".repeat(50_000),
        "${P}".repeat(50_000)
    );
    import("x", &[text("grow.yaml", &grow)], &Traffic::default()).expect("the name stays unknown");
    let circle = "Conditions: {A: !Not [!Condition B], B: !And [!Condition A, !Condition A]}\nResources:\n  F: {Type: 'AWS::Lambda::Function', Properties: {MemorySize: !If [A, 1, 2]}}\n";
    import("x", &[text("circle.yaml", circle)], &Traffic::default()).expect("the condition stays unknown");
    let own = "service: x\ncustom: {a: '${self:custom.b}', b: '${self:custom.a}${self:custom.a}', c: '${self:}'}\nprovider: {name: aws}\n\
               functions: {f: {memorySize: '${self:custom.a}', timeout: '${self:custom}', handler: '${self:custom.c}'}}\n";
    import("x", &[text("own.yml", own)], &Traffic::default()).expect("the variables stay unknown");
}

/// What is made of one file: the scenario, which is accepted, and the list.
fn made(name: &str, written: &str) -> (String, String) {
    let options = Traffic { cold: Some("3s".parse().expect("a duration")), ..Traffic::default() };
    let imported = import("x", &[text(name, written)], &options).unwrap_or_else(|wrong| panic!("{wrong}"));
    crate::harness::scenario(&imported.scenario);
    // Columns are for people.
    let plain =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect();
    (plain(&imported.scenario), plain(&imported.report))
}

/// A Deployment and the ScaledObject of its queue.
fn scaled(trigger: &str) -> (String, String) {
    let object = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: w}\nspec:\n  scaleTargetRef: {name: w}\n  \
                  maxReplicaCount: 9\n  triggers:\n";
    made("k.yaml", &format!("{object}  - {trigger}\n"))
}

#[test]
fn only_triggers_that_count_messages_set_the_length_of_a_queue() {
    let read = [
        ("{type: rabbitmq, metadata: {mode: QueueLength, value: \"15\"}}", "15"),
        ("{type: rabbitmq, metadata: {queueLength: \"16\"}}", "16"),
        ("{type: gcp-pubsub, metadata: {subscriptionName: s, mode: SubscriptionSize, value: \"17\"}}", "17"),
        ("{type: redis, metricType: AverageValue, metadata: {listLength: \"18\"}}", "18"),
        ("{type: redis-streams, metadata: {consumerGroup: g, lagCount: \"19\"}}", "19"),
    ];
    for (trigger, length) in read {
        let (scenario, report) = scaled(trigger);
        assert!(scenario.contains(&format!("scaling.keda.queue-length = {length} # k.yaml:8 ")), "{scenario}");
        assert!(!report.contains("Ignored"), "{report}");
    }
    let ignored = [
        (
            "{type: rabbitmq, metadata: {mode: MessageRate, value: \"15\"}}",
            "mode MessageRate, which does not count messages",
        ),
        ("{type: rabbitmq, metadata: {mode: DeliverGetRate, value: \"15\"}}", "mode DeliverGetRate, which does not"),
        (
            "{type: gcp-pubsub, metadata: {mode: OldestUnackedMessageAge, value: \"60\"}}",
            "mode OldestUnackedMessageAge, which",
        ),
        (
            "{type: redis, metricType: Value, metadata: {listLength: \"7\"}}",
            "metricType Value, whose target is not per pod",
        ),
        (
            "{type: redis-streams, metadata: {stream: s, streamLength: \"7\"}}",
            "without consumerGroup, messages that have been",
        ),
        ("{type: cron, metadata: {desiredReplicas: \"7\"}}", "a trigger that does not count messages"),
    ];
    for (trigger, why) in ignored {
        let (scenario, report) = scaled(trigger);
        assert!(scenario.contains("scaling.keda.queue-length = 5 # ASSUMED: no trigger"), "{trigger}\n{scenario}");
        assert!(
            report.contains("Ignored: 1\n") && report.contains("k.yaml:8: ScaledObject/w.spec.triggers[0] ("),
            "{report}"
        );
        assert!(report.contains(&format!("): not simulated: {why}")), "{why}\n{report}");
    }
}

#[test]
fn activation_of_every_trigger_is_read() {
    let cases = [
        ("aws-sqs-queue", "", "activationQueueLength"),
        ("azure-servicebus", "", "activationMessageCount"),
        ("gcp-pubsub", "", "activationValue"),
        ("rabbitmq", "", "activationValue"),
        ("kafka", "", "activationLagThreshold"),
        ("redis", "", "activationListLength"),
        ("redis-streams", "consumerGroup: g, ", "activationLagCount"),
        ("activemq", "", "activationTargetQueueSize"),
    ];
    for (kind, more, key) in cases {
        let (scenario, report) = scaled(&format!("{{type: {kind}, metadata: {{{more}{key}: \"4\"}}}}"));
        assert!(scenario.contains("scaling.keda.activation-queue-length = 4 # k.yaml:8 "), "{kind}\n{scenario}");
        assert!(!report.contains("Ignored"), "{report}");
    }
}

#[test]
fn keys_of_triggers_that_matter_are_not_omitted_silently() {
    let (scenario, report) = scaled(
        "{type: azure-servicebus, metadata: {queueName: q, mesageCount: \"9\", activationQueueLength: \"4\", useRegex: \"true\"}}",
    );
    assert!(
        scenario.contains("scaling.keda.queue-length = 5 # not set: the default of azure-servicebus is 5"),
        "{scenario}"
    );
    let ignored = [
        "metadata.mesageCount: not read: did you mean `messageCount`?",
        "metadata.activationQueueLength: not read",
        "metadata.useRegex: not simulated: several queues",
    ];
    assert!(ignored.iter().all(|line| report.contains(line)) && report.contains("Ignored: 3"), "{report}");
    let (scenario, report) = scaled("{type: gcp-pubsub, metadata: {subscriptionName: s, value: \"6.5\"}}");
    assert!(scenario.contains("scaling.keda.queue-length = 7 # k.yaml:8 "), "{scenario}");
    assert!(report.contains("metadata.value: 6.5 is rounded to 7 messages"), "{report}");
    let (scenario, _) = scaled("{type: azure-queue, metadata: {queueLengthStrategy: visibleonly}}");
    assert!(scenario.contains("scaling.keda.scale-on-in-flight = false # k.yaml:8 "), "{scenario}");
}

#[test]
fn lists_of_parameters_and_split_are_selected_from() {
    let template = "Parameters:\n  Sizes: {Type: CommaDelimitedList, Default: \"128, 512,1024\"}\n  Times:\n    Type: List<Number>\n    \
                    Default: 7,8\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      MemorySize: !Select [1, !Ref Sizes]\n      \
                    Timeout: !Select [1, !Split [\",\", \"10,20\"]]\n  G:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
                    MemorySize: !Select [\"2\", {Ref: Sizes}]\n      Timeout: {\"Fn::Select\": [0, !Ref Times]}\n      \
                    ReservedConcurrentExecutions: !Join [\"\", !Ref Times]\n";
    let (scenario, report) = made("t.yaml", template);
    for line in [
        "memory = \"512MB\" # t.yaml:2 ",
        "timeout = \"20s\" # t.yaml:11 ",
        "memory = \"1024MB\" # t.yaml:2 ",
        "timeout = \"7s\" # t.yaml:5 ",
        "concurrency.reserved = 78 # t.yaml:17 ",
    ] {
        assert!(scenario.contains(line), "{line}\n{scenario}");
    }
    assert!(!report.contains("Ignored"), "{report}");
    // Values that are given count before defaults.
    let values = text("values.json", "[{\"ParameterKey\": \"Sizes\", \"ParameterValue\": \"256,2048\"}]");
    let imported = import("x", &[text("t.yaml", template), values], &Traffic::default()).expect("a scenario");
    assert!(imported.scenario.contains("memory = \"2048MB\""), "{}", imported.scenario);
    // One value of a list cannot be replaced without the others.
    let change = [("function.F.memory".to_owned(), "1769MB".to_owned())];
    let refused = export(Form::CloudFormation, &[text("t.yaml", template)], &change).expect_err("it is a part");
    assert!(refused.to_string().contains("is computed in line 2"), "{refused}");
}

fn deployment(container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      containers:\n      - {{name: a, {container}}}\n"
    )
}

#[test]
fn readiness_probes_become_those_of_functions() {
    let (scenario, report) = made(
        "d.yaml",
        &deployment(
            "readinessProbe: {periodSeconds: 30, initialDelaySeconds: 45, successThreshold: 2, failureThreshold: 3, httpGet: {port: 80}}, startupProbe: {periodSeconds: 5}",
        ),
    );
    assert!(scenario.contains("readiness-probe.period = \"30s\" # d.yaml:8 "), "{scenario}");
    assert!(scenario.contains("readiness-probe.initial-delay = \"45s\" # d.yaml:8 "), "{scenario}");
    for ignored in ["readinessProbe.successThreshold: not", "readinessProbe.failureThreshold: not", "startupProbe: not"]
    {
        assert!(
            report.contains(&format!("d.yaml:8: Deployment/web.spec.template.spec.containers[0].{ignored} simulated")),
            "{report}"
        );
    }
    assert!(report.contains("Ignored: 3"), "{report}");
    // The last container to be ready counts.
    let (scenario, report) = made(
        "d.yaml",
        &deployment(
            "readinessProbe: {initialDelaySeconds: 1}}\n      - {name: b, readinessProbe: {periodSeconds: 3, initialDelaySeconds: 20}",
        ),
    );
    assert!(scenario.contains("readiness-probe.initial-delay = \"20s\" # d.yaml:9 "), "{scenario}");
    assert!(report.contains("containers[0].readinessProbe: not simulated: the probe of another container"), "{report}");
    let (scenario, _) = made("d.yaml", &deployment("readinessProbe: {tcpSocket: {port: 80}}"));
    assert!(scenario.contains("readiness-probe.period = \"10s\" # not set: the default is 10 s"), "{scenario}");
    let (scenario, _) = made("d.yaml", &deployment("image: x"));
    assert!(!scenario.contains("readiness-probe"), "{scenario}");
}

#[test]
fn targets_for_cpu_are_those_of_the_file() {
    let autoscaler = |metrics: &str| {
        format!(
            "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: {{name: web}}\n  maxReplicas: 4\n{metrics}"
        )
    };
    let average = autoscaler(
        "  metrics:\n  - {type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}\n",
    );
    let pods = deployment("resources: {requests: {cpu: 2}}");
    let (scenario, report) = made("h.yaml", &format!("{pods}{average}"));
    let line = "scaling.hpa.target-cpu-utilization = 25 # h.yaml:17 HorizontalPodAutoscaler/web.spec.metrics[0].resource.target.averageValue (500m of 2 CPU requested)";
    assert!(scenario.contains(line), "{scenario}");
    assert!(!report.contains("Ignored"), "{report}");
    let change = [("function.web.scaling.hpa.target-cpu-utilization".to_owned(), "50".to_owned())];
    let file = text("h.yaml", &format!("{pods}{average}"));
    let refused = export(Form::Kubernetes, &[file], &change).expect_err("it is an amount");
    assert!(refused.to_string().contains("is computed in line 17"), "{refused}");
    // Without a request, and without the Deployment.
    for before in [deployment("image: x"), String::new()] {
        let (scenario, _) = made("h.yaml", &format!("{before}{average}"));
        let line =
            "target-cpu-utilization = 80 # ASSUMED: averageValue 500m of an unknown CPU request: 80 % is assumed";
        assert!(scenario.contains(line), "{scenario}");
    }
    let memory = autoscaler(
        "  metrics:\n  - {type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 60}}}\n",
    );
    let (scenario, _) = made("h.yaml", &format!("{pods}{memory}"));
    assert!(
        scenario.contains("target-cpu-utilization = 80 # ASSUMED: no metric of the HPA can be simulated"),
        "{scenario}"
    );
    let (scenario, _) = made("h.yaml", &format!("{pods}{}", autoscaler("")));
    assert!(scenario.contains("target-cpu-utilization = 80 # no metric: the default is 80 % CPU"), "{scenario}");
}

#[test]
fn one_value_and_one_part_are_singular() {
    let written =
        "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Runtime: python3.13, MemorySiz: 1}\n";
    let (p50, p99) = ("80ms".parse().ok(), "1s".parse().ok());
    let options = Traffic { rps: vec![(None, 5.0)], p50, p99, ..Traffic::default() };
    let imported = import("x", &[text("t.yaml", written)], &options).expect("a scenario");
    assert!(
        imported.scenario.contains("# 1 part of the files was ignored; `forewarm import` lists it.\n"),
        "{}",
        imported.scenario
    );
    let options = Traffic { rps: Vec::new(), ..options };
    let imported = import("x", &[text("t.yaml", written)], &options).expect("a scenario");
    assert!(
        imported.scenario.contains("# 1 value is ASSUMED: replace it with a measured value before"),
        "{}",
        imported.scenario
    );
}

#[test]
fn control_characters_do_not_reach_the_scenario() {
    let file = text(
        "a\u{1b}[2J.yaml",
        "Resources:\n  \"F\\nx = 1\": {Type: 'AWS::Lambda::Function', Properties: {MemorySize: 256, \"Bad\\u001b]key\": 1}}\n",
    );
    let imported = import("x", &[file], &Traffic::default()).expect("a scenario");
    assert!(!imported.scenario.contains('\u{1b}'), "{:?}", imported.scenario);
    let function = &crate::harness::scenario(&imported.scenario).functions[0];
    assert_eq!((function.name.as_str(), function.memory_mb), ("F-x---1", 256));
}

fn broken() -> impl Strategy<Value = (usize, usize, usize, Vec<u8>)> {
    (0..15_usize, any::<prop::sample::Index>(), 0..40_usize, prop::collection::vec(any::<u8>(), 0..8))
        .prop_map(|(file, at, cut, bytes)| (file, at.index(1_000), cut, bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic((number, at, cut, bytes) in broken()) {
        let names = ["sam.yaml", "shop.yaml", "cdk.template.json", "serverless.yml", "plan.json", "terraform.tfstate", "kubernetes.yaml", "knative.yaml", "cloud-run.yaml", "host.json", "get-function.json", "azuredeploy.json", "gcloud.json", "eventing.yaml", "clouds.json"];
        let mut file = file(names[number]);
        let at = at * file.bytes.len() / 1_000;
        let end = (at + cut).min(file.bytes.len());
        file.bytes.splice(at..end, bytes);
        let _ = import("x", &[file], &Traffic::default());
    }
}
