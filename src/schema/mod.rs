//! Files of tables: how they are declared, read, written and described. Nothing here knows what a table is for.
//!
//! A declaration ([`declare`]) gives a table its type, its reader, its writer and its [`shape`], from which the
//! [`json`] schema, the completion of keys and the layering of defaults follow. [`tree`] is the text as values with their
//! places, [`decode`] reads it and reports every problem at once ([`diagnostic`]), [`scalars`] are the single values.

pub mod check;
pub mod declare;
pub mod decode;
pub mod diagnostic;
pub mod json;
pub mod limits;
pub mod moment;
pub mod quantity;
pub mod scalars;
pub mod shape;
pub mod sizes;
pub mod tree;
