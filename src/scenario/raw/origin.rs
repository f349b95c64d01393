//! `[origin]`: where `forewarm import` took values from.

use crate::schema::declare::*;
use crate::schema::scalars::{Count, Text};

table! {
    /// Where a value comes from: a place in a file, or an assumption.
    struct OriginTable {
        /// The file.
        optional file: Text,
        /// The line in it.
        optional line: Count<1, 1_000_000_000>,
        /// The key in it, as "Resources.Web.Properties.MemorySize".
        optional address: Text,
        /// No file says it: why. As long as the scenario has the value that was assumed, `forewarm run` warns and
        /// `forewarm plan` refuses.
        optional assumed: Text,
        /// With assumed: the value that was assumed. Another value in the scenario is no assumption any more.
        optional value: Text,
    }
}
