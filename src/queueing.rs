//! Closed forms of queueing theory: oracles for the tests, first answers for planning.
