//! Replications and cells: the only place with threads.
