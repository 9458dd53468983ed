//! Data sets by name: what a manifest says about one, whether its files are whole, and how to get them.
//!
//! A manifest (`datasets/NAME.toml`) tells where a data set comes from, under which licence, which files belong to which
//! split and what their fields mean. With the feature `hub`, [`fetch`] downloads the files from the Hugging Face hub into
//! a folder; [`FilesManifest::verify`] compares those of a folder with their SHA-256.

mod checksum;
#[cfg(feature = "hub")]
mod fetch;
#[cfg(feature = "hub")]
mod hub;
mod local;
mod lock;
mod manifest;
mod repository;

#[cfg(feature = "hub")]
pub use fetch::{FetchProgress, FetchRequest, ModelCache, fetch};
#[cfg(feature = "hub")]
pub use hub::Hub;
pub use local::{HELD_OUT, MANIFEST, PairFile, TRAIN, is_dataset, pair_files, text_files};
pub use manifest::{DataFile, Fields, FilesManifest, GeneratedManifest, Manifest, TaskDescription};
pub use repository::HubRepository;
