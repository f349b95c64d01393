//! Files of tables: how they are declared, read, written and described. Nothing here knows what a table is for.
//!
//! A declaration ([`declare`]) gives a table its type, its reader, its writer and its [`shape`], from which the
//! [`json`] schema, the completion of keys and the layering of defaults follow. [`tree`] is the text as values with their
//! places, [`decode`] reads it and reports every problem at once ([`diagnostic`]), [`scalars`] are the single values.

pub(crate) mod declare;
pub(crate) mod decode;
pub(crate) mod diagnostic;
pub(crate) mod json;
pub(crate) mod limits;
pub(crate) mod quantity;
pub(crate) mod scalars;
pub(crate) mod shape;
pub(crate) mod tree;
