//! Functions that serve requests in batches: what can be combined with that.

use super::Checker;
use crate::dist::Dist;
use crate::scenario::model::{Batching, Phase};
use crate::scenario::raw::batching::BatchingTable;
use crate::scenario::raw::function::FunctionTable;
use crate::schema::diagnostic::Problem;
use crate::time::Span;

impl Checker<'_, '_> {
    /// How a function serves requests in batches.
    pub(super) fn batching(&mut self, table: &FunctionTable, path: &str) -> Option<Batching> {
        let own = table.batching.as_ref()?;
        self.instead_of_batching(table, path);
        let step = (*own.step).as_ref()?;
        if *step.a == Span::ZERO && *step.c == Span::ZERO {
            let message = format!("`{path}.batching.step` takes no time: `a` and `c` are both 0");
            let help = "as in step = { a = \"6ms\", b = \"32us\", c = \"100us\" }";
            self.problems.push(Problem::error(own.step.place, message).help(help));
        }
        let tokens = |spec: &Option<crate::dist::tokens::TokensSpec>| spec.as_ref()?.law().ok();
        Some(Batching {
            per_step: *step.a,
            per_prompt_token: *step.b,
            per_request: *step.c,
            max_batch: (*own.max_batch)?,
            kv_cache_tokens: (*own.kv_cache_tokens).map_or(u64::MAX, u64::from),
            prompt_tokens: tokens(&own.prompt_tokens.value)?,
            output_tokens: tokens(&own.output_tokens.value)?,
        })
    }

    /// Other keys that say how long requests run.
    fn instead_of_batching(&mut self, table: &FunctionTable, path: &str) {
        let others = [
            ("duration", table.duration.is_some(), table.duration.place),
            ("cold-duration", table.cold_duration.is_some(), table.cold_duration.place),
            ("step", !table.step.is_empty(), table.step.place),
            ("initial", table.initial.is_some(), table.initial.place),
        ];
        for (key, is_there, place) in others {
            if is_there {
                let message = format!("`{path}` has both `batching` and `{key}`");
                let help = format!("the steps of the batch determine how long a request runs: remove `{key}`");
                self.problems.push(Problem::error(place, message).help(help));
            }
        }
        let shares = self.cpu_of(table).sharing.is_some();
        if let Some(cpu) = table.cpu.as_ref().filter(|_| shares) {
            let message = format!("`{path}.cpu` has no effect on a function with `batching`");
            let help = "a batch runs on the accelerator: only `cpu.request` can be set";
            self.problems.push(Problem::error(cpu.place, message).help(help));
        }
    }

    /// Loading the weights: the last phase of a cold start.
    pub(super) fn load_phase(&mut self, own: &BatchingTable, path: &str) -> Option<Phase> {
        let (size, speed) = (*own.model_size, *own.load_per_second);
        match (size, speed) {
            (None, None) => None,
            (Some(size), Some(speed)) if speed > 0 => {
                let seconds = f64::from(size) / f64::from(speed);
                let duration = Dist::Constant(Span::from_secs_f64(seconds).unwrap_or(Span::MAX_WRITTEN));
                Some(Phase { name: "model".to_owned(), duration, billed: true })
            }
            _ => {
                let message = format!("`{path}.batching`: `model-size` and `load-per-second` must be set together");
                let help = "as in model-size = \"16GB\", load-per-second = \"3500MB\"";
                self.problems.push(Problem::error(own.place, message).help(help));
                None
            }
        }
    }
}
