//! Limits on the size of a file, so that no input makes the reader hang or exhausts the memory. Each is far above what people
//! write; the error names it.

/// Values (keys, elements) of a file.
pub const MAX_VALUES: usize = 1_000_000;
/// Problems shown before the rest is only counted.
pub const MAX_PROBLEMS: usize = 50;
/// Errors of syntax looked at.
pub const MAX_SYNTAX_ERRORS: usize = 1_000;
/// Bytes of a line shown with a problem; of a longer line a part is shown.
pub const MAX_SHOWN_LINE: usize = 2_000;
/// Characters of a name.
pub const MAX_NAME: usize = 100;
/// Characters of other texts.
pub const MAX_TEXT: usize = 10_000;
/// Elements of a list of measured or recorded values.
pub const MAX_LISTED: u32 = 1_000_000;
/// Points of a curve.
pub const MAX_POINTS: u32 = 100_000;
/// Parts of a whole: states of a process, branches of a mixture, phases.
pub const MAX_STATES: u32 = 1_000;
/// A rate, per second.
pub const MAX_RATE: f64 = 1e9;
/// The largest number, unless something else is said.
pub const MAX_NUMBER: f64 = 1e15;
/// The least of the numbers that must be above 0.
pub const MIN_POSITIVE: f64 = 1e-9;
/// A size in MB: 1 TB.
pub const MAX_SIZE_MB: u32 = 1 << 20;
