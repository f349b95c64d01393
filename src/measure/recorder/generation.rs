//! What functions that serve requests in batches generate.

use super::super::window::Window;
use crate::engine::Generated;
use crate::path::books::{Books, Times};
use crate::time::{SimTime, Span};

/// What a function has generated in the measured part.
#[derive(Debug, Default)]
pub(super) struct Generation {
    /// From the arrival of a request to its first token.
    first_token: Times,
    /// From one token to the next, the mean of each request that has more than one.
    per_token: Times,
    /// Tokens of the answers that were complete in the measured part.
    tokens: u64,
}

impl Generation {
    /// An answer is complete. Times are of requests that arrived in the measured part.
    pub(super) fn record(&mut self, now: SimTime, answer: &Generated, window: &Window) {
        let Generated { born, first_token, tokens } = *answer;
        if window.measures(now) {
            self.tokens += tokens;
        }
        if born < window.from {
            return;
        }
        self.first_token.record(first_token.since(born));
        if tokens > 1 {
            self.per_token.record(Span::from_nanos(now.since(first_token).as_nanos() / (tokens - 1)));
        }
    }

    /// Its figures.
    pub(super) fn books(&self, window: &Window) -> Books {
        let Self { first_token, per_token, tokens } = self;
        let mut books = Books::default();
        books.times("ttft_s", first_token);
        books.times("tpot_s", per_token);
        books.count("output_tokens", *tokens);
        books.figure("output_tokens_per_s", *tokens as f64 / window.measured().as_secs_f64());
        books
    }
}
