//! Models that serve requests in batches.

use crate::dist::tokens::TokensSpec;
use crate::schema::declare::*;
use crate::schema::scalars::{Count, Duration, Size};
use crate::time::Span;

table! {
    /// A language model that serves the requests on an instance in one batch, generating one token of each per step
    /// (continuous batching). It replaces `duration`.
    struct BatchingTable {
        /// Duration of a step.
        required step: StepTable,
        /// Maximum number of requests in the batch; the others on the instance wait, first come, first served, and join
        /// when a step ends.
        required max_batch: Count<1, 1_000_000>,
        /// Capacity of an instance's KV cache, in tokens: a request joins the batch when its prompt and its response
        /// fit in addition to those of the others. Default: only `max-batch` limits the batch.
        optional kv_cache_tokens: Count<1, 1_000_000_000>,
        /// Number of tokens of a request's prompt, all of which are processed in the step in which it joins.
        required prompt_tokens: TokensSpec,
        /// Number of tokens in a response: one is generated per step.
        required output_tokens: TokensSpec,
        /// Size of the weights, which an instance loads as the last phase of its cold start, `model`.
        optional model_size: Size,
        /// Rate at which they are loaded, per second.
        optional load_per_second: Size,
    }
}

table! {
    /// Duration of a step: a + b per prompt token processed in it + c per request in the batch.
    struct StepTable {
        /// Base time of every step.
        default a: Duration = Span::ZERO,
        /// Additional time per prompt token processed in it.
        default b: Duration = Span::ZERO,
        /// Additional time per request in the batch, including those that have just joined.
        default c: Duration = Span::ZERO,
    }
}
