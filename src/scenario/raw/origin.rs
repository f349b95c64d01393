//! `[origin]`: where `forewarm import` took values from.

use crate::schema::declare::*;
use crate::schema::scalars::{Count, Text};

table! {
    /// Where a value comes from: a location in a file, or an assumption.
    struct OriginTable {
        /// The file.
        optional file: Text,
        /// The line in it.
        optional line: Count<1, 1_000_000_000>,
        /// The key in it, such as "Resources.Web.Properties.MemorySize".
        optional address: Text,
        /// Why the value had to be assumed: no file gives it. While the scenario has the assumed value, `forewarm run` warns
        /// and `forewarm plan` refuses.
        optional assumed: Text,
        /// With `assumed`: the assumed value. If the scenario has another value, it is no longer an assumption.
        optional value: Text,
    }
}
