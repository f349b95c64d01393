//! The questions a platform answers, one folder or file for each: keep-alive (when does an idle instance go), selection
//! (which instance serves), scaling (how many instances).

pub mod keep_alive;
pub mod scaling;
pub mod selection;
