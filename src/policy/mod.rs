//! The decisions of a platform, in one folder or file each: keep-alive (when an idle instance is removed), selection
//! (which instance serves), scaling (how many instances there are).

pub mod keep_alive;
pub mod scaling;
pub mod selection;
