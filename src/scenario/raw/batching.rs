//! Models that serve requests in batches.

use crate::dist::tokens::TokensSpec;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Size};
use crate::time::Span;

table! {
    /// A language model that serves the requests on an instance in one batch, a token of each in every step (continuous
    /// batching). It takes the place of `duration`.
    struct BatchingTable {
        /// How long a step takes.
        required step: StepTable,
        /// Requests in the batch at most; the others on the instance wait, first come, first served, and are taken in when a
        /// step ends.
        required max_batch: Count<1, 1_000_000>,
        /// Tokens that the KV cache of an instance has room for: a request is taken into the batch when its prompt and its answer
        /// fit beside those of the others. Without it, only `max-batch` bounds the batch.
        optional kv_cache_tokens: Count<1, 1_000_000_000>,
        /// Tokens of the prompt of a request, which the step that takes it in processes all at once.
        required prompt_tokens: TokensSpec,
        /// Tokens that a request is answered with: one in each step.
        required output_tokens: TokensSpec,
        /// Size of the weights, which an instance loads as the last phase of its cold start, `model`.
        optional model_size: Size,
        /// How much of them is loaded in a second.
        optional load_per_second: Size,
    }
}

table! {
    /// How long a step takes: a + b for each prompt token that is processed in it + c for each request in the batch.
    struct StepTable {
        /// Of every step.
        default a: Duration = Span::ZERO,
        /// Of each token of the prompts that are processed in it.
        default b: Duration = Span::ZERO,
        /// Of each request in the batch, those that are just taken in included.
        default c: Duration = Span::ZERO,
    }
}
