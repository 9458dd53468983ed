//! `lamplight data`: corpora before they are trained on.

mod examples;
pub mod fetch;
pub mod inspect;
pub mod prepare;
