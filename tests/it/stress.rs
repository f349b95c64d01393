//! x
use crate::scenarios::{BASE, Memory};
use forewarm::scenario::{ParseOptions, parse_with_warnings};
#[test]
fn big() {
    let f = |n: usize| (0..n).map(|i| format!("[[function]]\nname = \"f{i}\"\nduration.constant.value = \"1s\"\n[[source]]\nname = \"s{i}\"\nfunction = \"f{i}\"\narrivals.poisson.rate = \"1/h\"\n")).collect::<String>();
    let v = |n: usize| (0..n).map(|i| format!("[[variant]]\nname = \"v{i}\"\nset.\"simulation.seed\" = {i}\n")).collect::<String>();
    let cases = vec![
        ("unknown keys", (0..900_000).map(|i| format!("k{i}=1\n")).collect::<String>()),
        ("unknown sections", (0..500_000).map(|i| format!("[k{i}]\n")).collect::<String>()),
        ("dup keys", "a=1\n".repeat(1_000_000)),
        ("dup tables", "[a]\n".repeat(1_000_000)),
        ("syntax", "a b\n".repeat(1_000_000)),
        ("open", "[".repeat(16_000_000)),
        ("quotes", "\"".repeat(16_000_000)),
        ("long string", format!("a = \"{}\"", "x".repeat(16_000_000))),
        ("functions", BASE.to_owned() + &f(19_000)),
        ("preset", BASE.to_owned() + "[platform]\npreset = \"aws-lambda\"\n" + &f(19_000)),
        ("dup functions", BASE.to_owned() + &"[[function]]\nname = \"f\"\nduration.constant.value = \"1s\"\n".repeat(19_000)),
        ("variants", BASE.to_owned() + &v(1000)),
        ("functions and variants", BASE.to_owned() + &f(1500) + &v(1000)),
        ("unknown functions", BASE.to_owned() + &f(10_000).replace("function = \"f", "function = \"g")),
        ("empty lists", format!("a = [{}]", "[],".repeat(999_000))),
        ("function list", format!("function = [{}]", "{},".repeat(19_000))),
        ("times", BASE.replace("poisson.rate = \"1/s\"", &format!("times.at = [{}]", "\"1s\",".repeat(900_000)))),
        ("bad times", BASE.replace("poisson.rate = \"1/s\"", &format!("times.at = [{}]", "1,".repeat(900_000)))),
        ("dotted", (0..100_000).map(|i| format!("a.b.c.d{i}=1\n")).collect::<String>()),
        ("sweep", BASE.to_owned() + "[sweep]\n" + &(0..400_000).map(|i| format!("k{i}=1\n")).collect::<String>()),
    ];
    for (name, text) in cases {
        let t = std::time::Instant::now();
        let r = parse_with_warnings("x", &text, &ParseOptions::default(), &Memory::default());
        let (ok, s) = match r { Ok((_, p)) => (true, p.to_string()), Err(p) => (false, p.to_string()) };
        println!("{name}: {} bytes {:?} ok={ok} {}", text.len(), t.elapsed(), s.lines().last().unwrap_or(""));
    }
}
