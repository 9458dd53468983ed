//! `lamplight data`: corpora before they are trained on.

pub mod prepare;
