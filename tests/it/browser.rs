//! The pages in a real browser: a headless Chromium, driven over its DevTools protocol through a pipe. Skipped, and said so,
//! where there is none. `FOREWARM_LOOK=1 cargo test browser` leaves pictures in `target/look`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reports::choices;

/// How long the browser may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one page. It ends with this value.
struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    sent: u64,
    session: Option<String>,
    /// What the browser told without being asked.
    events: Vec<Value>,
    _profile: TempDir,
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("FOREWARM_BROWSER").map(PathBuf::from);
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)));
    named.into_iter().chain(found).find(|path| path.is_file())
}

impl Browser {
    /// Starts it; none if there is no browser on this machine.
    #[expect(clippy::print_stderr, reason = "a test that checks nothing must not look like one that does")]
    fn start() -> Option<Self> {
        let Some(program) = chromium().filter(|_| cfg!(unix)) else {
            eprintln!("skipped: there is no Chromium on this machine");
            return None;
        };
        let profile = tempfile::tempdir().expect("a temporary folder");
        // The browser reads commands from descriptor 3 and answers on 4: the shell puts them there.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (to, out) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { process, to, from, sent: 0, session: None, events: Vec::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let session = browser.ask("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser.size(1200);
        Some(browser)
    }

    /// Sends a command and waits for its answer.
    #[track_caller]
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{command}\0").as_bytes()).expect("the browser listens");
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answer = self.from.recv_timeout(left).unwrap_or_else(|_| panic!("no answer to {method}"));
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    /// Opens a file and waits until it is loaded.
    #[track_caller]
    fn open(&mut self, path: &Path) {
        self.events.clear();
        self.ask("Page.navigate", &json!({ "url": format!("file://{}", path.display()) }));
        let until = Instant::now() + PATIENCE;
        while self.eval("document.readyState") != "complete" || self.eval("location.protocol") != "file:" {
            assert!(Instant::now() < until, "{} does not load", path.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of an expression on the page.
    #[track_caller]
    fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer:#}");
        answer["result"]["value"].clone()
    }

    #[track_caller]
    fn text(&mut self, expression: &str) -> String {
        self.eval(expression).as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    fn size(&mut self, width: u32) {
        let params = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &params);
    }

    fn dark(&mut self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    fn mouse(&mut self, kind: &str, (x, y): (f64, f64), more: &Value) {
        let mut params = json!({ "type": kind, "x": x, "y": y, "button": "none", "buttons": 0 });
        for (key, value) in more.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        self.ask("Input.dispatchMouseEvent", &params);
    }

    fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        let pressed = json!({ "button": "left", "buttons": 1, "clickCount": 1 });
        self.mouse("mouseMoved", from, &json!({}));
        self.mouse("mousePressed", from, &pressed);
        self.mouse("mouseMoved", to, &pressed);
        self.mouse("mouseReleased", to, &json!({ "button": "left", "clickCount": 1 }));
    }

    /// Presses a key; what it types is its own name if that is one character.
    fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        self.ask("Input.dispatchKeyEvent", &json!({ "type": "keyDown", "key": key, "text": text }));
        self.ask("Input.dispatchKeyEvent", &json!({ "type": "keyUp", "key": key }));
    }

    /// Pictures of the whole page for somebody to look at.
    fn look(&mut self, name: &str) {
        let Some(folder) =
            std::env::var_os("FOREWARM_LOOK").map(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look"))
        else {
            return;
        };
        fs::create_dir_all(&folder).expect("a folder");
        let picture = self.ask("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        fs::write(folder.join(format!("{name}.png")), base64(picture["data"].as_str().expect("data"))).expect("a file");
    }

    /// What was loaded or tried, and what the console says; both should be nothing.
    fn complaints(&mut self) -> Vec<String> {
        self.eval("0");
        let is_local = |url: &str| url.starts_with("file://") || url.starts_with("data:") || url.starts_with("about:");
        let complaint = |event: &Value| match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let url = event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned();
                (!is_local(&url)).then_some(url)
            }
            Some("Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded") => Some(event.to_string()),
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let until = Instant::now() + Duration::from_secs(3);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The bytes of a text in base 64.
fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits =
            four.iter().enumerate().fold(0_u32, |bits, (place, c)| bits | u32::from(digit(*c)) << (18 - 6 * place));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

/// A shop of forty functions, so that tables fold, with two variants and objectives.
fn scenario() -> String {
    let mut text = "[scenario]\nname = \"shop\"\n[simulation]\nhorizon = \"2h\"\nreplications = 3\n\
        [platform]\npreset = \"aws-lambda\"\n\
        [[objective]]\nmetric = \"latency_s.p99\"\nbelow = 0.2\n\
        [[objective]]\nmetric = \"cold_start_ratio\"\nfunction = \"f0\"\nbelow = 0.5\n\
        [[variant]]\nname = \"warm\"\nset = { \"function.f0.concurrency.provisioned\" = 2 }\n\
        [[variant]]\nname = \"slow\"\nset = { \"function.f0.duration.exponential.mean\" = \"300ms\" }\n"
        .to_owned();
    for n in 0..40 {
        text += &format!(
            "[[function]]\nname = \"f{n}\"\nmemory = \"512MB\"\nduration.exponential.mean = \"{}ms\"\n\
             cold-start.constant.value = \"250ms\"\nkeep-alive.fixed.window = \"5m\"\n\
             [[source]]\nname = \"s{n}\"\nfunction = \"f{n}\"\narrivals.poisson.rate = \"{}/m\"\n",
            20 + 5 * n,
            60 / (n + 1) + 1
        );
    }
    text
}

/// Runs the program in a folder.
#[track_caller]
fn forewarm(folder: &Path, arguments: &[&str]) {
    let output = Command::new(cargo_bin!("forewarm")).args(arguments).current_dir(folder).output().expect("it starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Every control and landmark has a name, every picture a title, every table a caption or a label; ids are used once;
/// headings leave out no rank; what is pointed to is there. What is wrong, one in a line.
const ACCESSIBLE: &str = r#"(() => {
  const wrong = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const named = (e) => (e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent || "").trim() !== "";
  for (const e of all("button, a, summary, input, [role=application], [role=group], section, nav")) {
    const isNamed = e.tagName === "INPUT" ? e.getAttribute("aria-label") : e.tagName === "SECTION" || e.tagName === "NAV" || e.getAttribute("role")
      ? e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.querySelector("h2") : named(e);
    if (!isNamed) wrong.push("no name: " + e.outerHTML.slice(0, 120));
  }
  for (const e of all("svg[role=img]")) if (!e.querySelector("title")?.textContent || !e.querySelector("desc")?.textContent) wrong.push("no title: " + e.outerHTML.slice(0, 80));
  for (const e of all("table")) if (!e.caption && !e.closest("[aria-label]")) wrong.push("no caption: " + e.outerHTML.slice(0, 80));
  for (const e of all("th")) if (!e.scope) wrong.push("no scope: " + e.outerHTML);
  const ids = all("[id]").map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("twice: " + id);
  for (const name of ["aria-labelledby", "aria-describedby"]) for (const e of all(`[${name}]`)) if (!document.getElementById(e.getAttribute(name))) wrong.push("dangling: " + e.getAttribute(name));
  for (const e of all("a[href^='#']")) if (!document.getElementById(e.getAttribute("href").slice(1))) wrong.push("dangling: " + e.href);
  let rank = 0;
  for (const e of all("h1, h2, h3, h4")) { const now = Number(e.tagName[1]); if (now > rank + 1) wrong.push("heading: " + e.outerHTML); rank = now; }
  if (all("h1").length !== 1 || all("main").length !== 1 || !document.documentElement.lang || !document.title) wrong.push("no single h1, main, language, title");
  return wrong.join("\n");
})()"#;

/// Text that sticks out of its box or of the page, sideways.
const TOO_WIDE: &str = "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// The contrast of text with what it stands on, the least on the page (WCAG 2.2, relative luminance).
const CONTRAST: &str = r#"(() => {
  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), alpha: n[3] ?? 1 }; };
  const light = (rgb) => { const [r, g, b] = rgb.map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  let least = [99, ""];
  for (const e of document.querySelectorAll("p, h1, h2, th, td, caption, figcaption, a, summary, button:enabled, small, .badge, svg text")) {
    // The charts for phones are not drawn on a wide screen, nor the others on a phone.
    if (!e.textContent.trim() || e.closest(".unseen, .skip") || e.getClientRects().length === 0) continue;
    const style = getComputedStyle(e);
    const ink = parse(e.tagName === "text" ? style.fill : style.color).rgb;
    let under = e, ground = null;
    while (under && !ground) { const c = parse(getComputedStyle(under).backgroundColor); if (c.alpha > 0) ground = c.rgb; under = under.parentElement; }
    for (const rect of e.tagName === "text" ? e.ownerSVGElement.querySelectorAll("rect") : []) {
      const [text, box] = [e.getBoundingClientRect(), rect.getBoundingClientRect()];
      const [x, y] = [(text.left + text.right) / 2, (text.top + text.bottom) / 2];
      const isUnder = box.left <= x && x <= box.right && box.top <= y && y <= box.bottom && rect.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING;
      const { fill, opacity, fillOpacity } = getComputedStyle(rect);
      if (isUnder && fill.startsWith("rgb")) ground = ground.map((c, i) => c + (parse(fill).rgb[i] - c) * opacity * fillOpacity * parse(fill).alpha);
    }
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < least[0]) least = [ratio, e.outerHTML.slice(0, 120)];
  }
  return least;
})()"#;

#[test]
fn pages_work_in_a_browser() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    fs::write(root.join("shop.toml"), scenario()).expect("a file");
    forewarm(root, &["run", "shop.toml", "--out", "one", "--quiet"]);
    forewarm(root, &["run", "shop.toml", "--out", "two", "--quiet", "--variant", "slow"]);
    forewarm(root, &["compare", "shop.toml", "--out", "compared", "--quiet", "--max-replications", "8"]);
    forewarm(root, &["report", "one", "two", "--out", "both.html"]);
    forewarm(root, &["report", "one", "--format", "pdf-ready", "--out", "paper.html"]);

    fs::write(root.join("choices.toml"), choices()).expect("a file");
    forewarm(root, &["sweep", "choices.toml", "--out", "swept", "--quiet"]);
    forewarm(root, &["plan", "choices.toml", "--out", "planned", "--quiet"]);

    for page in [
        "one/report.html",
        "compared/report.html",
        "both.html",
        "paper.html",
        "swept/report.html",
        "planned/report.html",
    ] {
        let name = page.replace(['/', '.'], "-");
        browser.open(&root.join(page));
        assert_eq!(browser.text(ACCESSIBLE), "", "{page}");
        for (width, is_dark) in [(1200, false), (1200, true), (400, false)] {
            browser.size(width);
            browser.dark(is_dark);
            assert!(browser.eval(TOO_WIDE).as_f64() <= Some(0.0), "{page} scrolls sideways at {width}");
            let contrast = browser.eval(CONTRAST);
            assert!(contrast[0].as_f64() >= Some(4.5), "{page} {width} {is_dark}: {contrast}");
            browser.look(&format!("{name}-{width}{}", if is_dark { "-dark" } else { "" }));
        }
        browser.size(1200);
        browser.dark(false);
        assert_eq!(browser.complaints(), [""; 0], "{page}");
        let pdf = browser.ask("Page.printToPDF", &json!({ "preferCSSPageSize": true, "printBackground": true }));
        let pdf = base64(pdf["data"].as_str().expect("data"));
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 20_000, "{page}");
        if std::env::var_os("FOREWARM_LOOK").is_some() {
            fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/look/{name}.pdf")), pdf)
                .expect("a file");
        }
    }
    names(&mut browser, root);
    browser.open(&root.join("one/report.html"));
    sorting(&mut browser);
    reading_values(&mut browser);
    zooming(&mut browser);
    printing(&mut browser);
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Functions have names from a trace, which may be anything.
fn names(browser: &mut Browser, root: &Path) {
    const NAMES: [&str; 4] = [
        "<img src=x onerror=document.title='run'>",
        "</script><script>document.title='run'</script>",
        "\u{5e9}\u{5dc}",
        "' onfocus='x",
    ];
    let summary = fs::read_to_string(root.join("one/summary.json")).expect("a summary");
    let named = NAMES
        .iter()
        .enumerate()
        .fold(summary, |text, (place, name)| text.replace(&format!("\"f{place}\""), &Value::from(*name).to_string()));
    let folder = root.join("named");
    fs::create_dir(&folder).expect("a folder");
    for name in ["manifest.json", "timeline.csv", "charts.json"] {
        fs::copy(root.join("one").join(name), folder.join(name)).expect("a copy");
    }
    fs::write(folder.join("summary.json"), named).expect("a summary");
    forewarm(root, &["report", "named", "--out", "named.html"]);
    browser.open(&root.join("named.html"));
    assert_eq!(browser.text("document.title"), "shop: run · forewarm");
    assert_eq!(browser.eval("document.querySelectorAll('img').length"), 0);
    let shown =
        browser.text("[...document.querySelectorAll('#functions tbody th')].map((th) => th.textContent).join('\\n')");
    for name in NAMES {
        assert!(shown.lines().any(|line| line == name), "{name} shows as text: {shown}");
    }
    let at = middle(browser, "#chart-cost .tips rect:nth-child(2)");
    browser.mouse("mouseMoved", at, &json!({}));
    assert!(browser.text(TIP).starts_with(NAMES[0]), "{}", browser.text(TIP));
    assert_eq!(browser.complaints(), [""; 0]);
}

fn sorting(browser: &mut Browser) {
    let first = "document.querySelector('#functions tbody tr th').textContent";
    let head = "document.querySelectorAll('#functions thead th')[4]";
    assert_eq!(browser.text(first), "f0", "the busiest comes first");
    browser.eval(&format!("{head}.querySelector('button').focus()"));
    browser.key("Enter");
    browser.eval(&format!("{head}.querySelector('button').click()"));
    assert_eq!(browser.text(&format!("{head}.getAttribute('aria-sort')")), "descending");
    let values = "[...document.querySelectorAll('#functions tbody tr')].map((row) => Number(row.cells[4].dataset.v))";
    let is_sorted = format!("{values}.every((v, i, all) => i === 0 || v <= all[i - 1])");
    assert_eq!(browser.eval(&is_sorted), true);
    let shown = "[...document.querySelectorAll('#functions tbody tr')].filter((row) => row.offsetParent).length";
    assert_eq!(browser.eval(shown), 25, "the rest is folded");
    assert_eq!(browser.eval(&format!("document.querySelector('#functions .tools button').click(), {shown}")), 40);
    let filter = "(() => { const i = document.querySelector('#functions input'); i.value = 'f3'; i.dispatchEvent(new Event('input')); })()";
    assert_eq!(browser.eval(&format!("{filter}, {shown}")), 11, "f3 and f30 to f39");
}

/// The middle of what a selector finds, where the pointer would be.
fn middle(browser: &mut Browser, selector: &str) -> (f64, f64) {
    let place = browser.eval(&format!(
        "(() => {{ const e = document.querySelector(\"{selector}\"); e.scrollIntoView({{ block: 'center' }}); \
         const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
    ));
    (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
}

const TIP: &str = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent";

fn reading_values(browser: &mut Browser) {
    let at = middle(browser, "#chart-latency .desk .tips rect:nth-child(40)");
    browser.mouse("mouseMoved", at, &json!({}));
    let said = browser.text(TIP);
    assert!(said.contains(" to ") && said.contains("\np99: ") && said.contains(" ms"), "{said}");
    browser.mouse("mouseMoved", (2.0, 2.0), &json!({}));
    assert_eq!(browser.text(TIP), "");
    browser.eval("document.querySelector('#chart-latency [role=application]').focus()");
    browser.key("ArrowRight");
    let first = browser.text(TIP);
    browser.key("ArrowRight");
    assert!(first.starts_with("0 s to ") && browser.text(TIP) != first, "{first}");
    assert_eq!(browser.eval("document.querySelector('[role=status]').textContent"), browser.eval(TIP), "it is spoken");
    browser.key("End");
    assert!(browser.text(TIP).contains(" to 2 h\n"), "{}", browser.text(TIP));
    browser.key("Escape");
    assert_eq!(browser.text(TIP), "");
    let at = middle(browser, "#chart-cost .tips rect:nth-child(2)");
    browser.mouse("mouseMoved", at, &json!({}));
    assert!(browser.text(TIP).starts_with("f0\ncompute: $"), "{}", browser.text(TIP));
}

fn zooming(browser: &mut Browser) {
    let axis =
        "[...document.querySelectorAll('#chart-latency .desk .x-axis text')].map((text) => text.textContent).join(' ')";
    let whole = browser.text(axis);
    let shown = "[...document.querySelectorAll('#chart-latency .desk .tips rect')].filter((rect) => rect.style.display !== 'none').length";
    let all = browser.eval(shown).as_f64().expect("a number");
    let (_, y) = middle(browser, "#chart-latency .desk .tips rect:nth-child(60)");
    let edges = browser.eval(
        "(() => { const r = [...document.querySelectorAll('#chart-latency .desk .tips rect')]; \
         return [r[0].getBoundingClientRect().left, r[r.length - 1].getBoundingClientRect().right]; })()",
    );
    let (left, right) = (edges[0].as_f64().expect("x"), edges[1].as_f64().expect("x"));
    let at = |share: f64| (left + share * (right - left), y);
    browser.drag(at(0.25), at(0.5));
    let part = browser.eval(shown).as_f64().expect("a number");
    assert!((part / all - 0.25).abs() < 0.03, "{part} of {all}");
    assert!(browser.text(axis).contains("35 min") && browser.text(axis) != whole, "{}", browser.text(axis));
    // What is read at a place is what was there: the middle of the part is at three eighths of two hours.
    browser.mouse("mouseMoved", at(0.5), &json!({}));
    assert!(browser.text(TIP).contains("45 min"), "{}", browser.text(TIP));
    browser.look("zoomed");
    browser.key("0");
    assert_eq!((browser.text(axis), browser.eval(shown).as_f64()), (whole.clone(), Some(all)));
    browser.mouse("mouseWheel", at(0.5), &json!({ "deltaX": 0, "deltaY": -240, "modifiers": 2 }));
    let until = Instant::now() + PATIENCE;
    while browser.eval(shown).as_f64() == Some(all) {
        assert!(Instant::now() < until, "the wheel with Ctrl does nothing");
    }
    browser.eval("document.querySelector('#chart-latency .zoom button:last-child').click()");
    assert_eq!(browser.text(axis), whole);
    for (key, expected) in [("+", 0.5), ("+", 0.25), ("-", 0.5)] {
        browser.eval("document.querySelector('#chart-latency [role=application]').focus()");
        browser.key(key);
        let part = browser.eval(shown).as_f64().expect("a number");
        assert!((part / all - expected).abs() < 0.03, "{key}: {part} of {all}");
    }
    let points = "document.querySelector('#chart-latency svg.marks polyline').getAttribute('points')";
    let before = browser.text(points);
    browser.eval("document.querySelector('#chart-latency .zoom button').click()");
    assert!(browser.text(axis) == whole && browser.text(points) != before, "out again");
}

fn printing(browser: &mut Browser) {
    browser.ask("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    browser.eval("dispatchEvent(new Event('beforeprint'))");
    let shown =
        "[...document.querySelectorAll('#functions tbody tr')].filter((row) => row.offsetParent && !row.hidden).length";
    assert_eq!(browser.eval(&format!("document.querySelector('#functions input').value = '', document.querySelector('#functions input').dispatchEvent(new Event('input')), {shown}")), 40, "all rows");
    assert_eq!(
        browser.eval("[...document.querySelectorAll('nav, .tools, .skip')].filter((e) => e.offsetParent).length"),
        0
    );
    assert_eq!(browser.eval("document.querySelectorAll('details:not([open])').length"), 0);
    browser.eval("dispatchEvent(new Event('afterprint'))");
    browser.ask("Emulation.setEmulatedMedia", &json!({ "media": "" }));
    assert_eq!(browser.eval("document.querySelectorAll('details[open]').length"), 0, "folded again");
}
