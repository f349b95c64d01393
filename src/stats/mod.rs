//! Estimators: histograms, exact moments, intervals.
