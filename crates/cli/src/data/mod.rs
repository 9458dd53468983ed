//! `lamplight data`: corpora before they are trained on.

mod examples;
pub mod inspect;
pub mod prepare;
