//! Tables, charts and pages: values in, text out.
