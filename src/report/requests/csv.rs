//! The request log as CSV. Written by hand: a row has thirteen numbers, and there are millions of rows.

use std::io::{self, Write};

use super::{COLUMNS, OUTCOMES, place, times};
use crate::engine::Finished;
use crate::time::{NANOS_PER_SECOND, Span};

/// Bytes collected before they are written.
const BUFFER: usize = 1 << 16;
/// More than the numbers and words of one row take; names come on top.
const ROW: usize = 512;

pub(super) struct Rows<W> {
    to: W,
    buffer: Vec<u8>,
    sources: Vec<Vec<u8>>,
    functions: Vec<Vec<u8>>,
}

impl<W: Write> Rows<W> {
    pub(super) fn new(to: W, sources: &[impl AsRef<str>], functions: &[impl AsRef<str>]) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER + ROW);
        buffer.extend_from_slice(COLUMNS.join(",").as_bytes());
        buffer.push(b'\n');
        Self { to, buffer, sources: cells(sources), functions: cells(functions) }
    }

    pub(super) fn write(&mut self, requests: &[Finished]) -> io::Result<()> {
        requests.iter().try_for_each(|request| self.row(request))
    }

    fn row(&mut self, request: &Finished) -> io::Result<()> {
        let row = &mut self.buffer;
        row.extend_from_slice(&self.sources[request.source.index()]);
        whole(row, request.number);
        row.push(b',');
        row.extend_from_slice(&self.functions[request.function.index()]);
        if let Some(instance) = request.instance {
            whole(row, instance.0);
        }
        for time in times(request) {
            row.push(b',');
            seconds(row, time);
        }
        for flag in [request.cold, request.cold_affected] {
            row.extend_from_slice(if flag { b",true" } else { b",false" });
        }
        row.push(b',');
        row.extend_from_slice(OUTCOMES[place(request.outcome)].as_bytes());
        row.push(b'\n');
        if self.buffer.len() >= BUFFER { self.empty() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.empty()?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn empty(&mut self) -> io::Result<()> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Names as cells with the comma after them, in quotes where they need them.
fn cells(names: &[impl AsRef<str>]) -> Vec<Vec<u8>> {
    let cell = |name: &str| {
        if name.contains([',', '"', '\n', '\r']) {
            format!("\"{}\",", name.replace('"', "\"\"")).into_bytes()
        } else {
            format!("{name},").into_bytes()
        }
    };
    names.iter().map(|name| cell(name.as_ref())).collect()
}

/// Writes `number` in decimal.
fn whole(to: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

/// Writes exact seconds, without zeros at the end.
fn seconds(to: &mut Vec<u8>, time: Span) {
    whole(to, time.as_nanos() / NANOS_PER_SECOND);
    let mut rest = (time.as_nanos() % NANOS_PER_SECOND) as u32;
    if rest == 0 {
        return;
    }
    let mut digits = *b".000000000";
    for digit in digits[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let length = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    to.extend_from_slice(&digits[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::requests::tests as sample;

    #[test]
    fn rows_are_exact() {
        let mut rows = Rows::new(Vec::new(), &["web, \"old\""], &["a", "b"]);
        rows.write(&[sample::served(), sample::rejected()]).unwrap();
        let text = String::from_utf8(rows.finish().unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(
            lines[1],
            "\"web, \"\"old\"\"\",7,b,12345,1.000000001,1.500000001,2,86400,86398.999999999,0.999999999,0.5,0.499999999,\
             86398,true,true,completed"
        );
        assert_eq!(
            lines[2],
            "\"web, \"\"old\"\"\",18446744073709551615,b,,0.0000001,0.0000001,0.0000001,0.0000001,0,0,0,0,0,false,false,rejected"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn it_reads_back_after_many_buffers() {
        let mut rows = Rows::new(Vec::new(), &["web"], &["a", "b"]);
        let mut request = sample::served();
        for number in 0..5_000 {
            request.number = number;
            rows.write(&[request]).unwrap();
        }
        let text = rows.finish().unwrap();
        let mut reader = csv::Reader::from_reader(&text[..]);
        let numbers: Vec<u64> = reader.records().map(|row| row.unwrap()[1].parse().unwrap()).collect();
        assert_eq!(numbers, (0..5_000).collect::<Vec<_>>());
    }
}
