//! Recipes that come with the library.

/// A recipe by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name, as in `train NAME`.
    pub name: &'static str,
    /// The recipe as TOML.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../recipes/", $name, ".toml")),
        }),*]
    };
}

/// All presets: those that tests run, the quickstart's two, the reduced ones, then the published sizes, then fine-tuning.
pub fn presets() -> &'static [Preset] {
    presets![
        "smoke_electra",
        "smoke_t5",
        "smoke_classification",
        "quickstart_electra",
        "quickstart_t5",
        "electra_tiny",
        "t5_tiny",
        "electra_small",
        "electra_base",
        "electra_large",
        "t5_small_v1_0",
        "t5_v1_1_small",
        "t5_v1_1_base",
        "flan_t5_base",
        "t5_fine_tuning",
        "electra_classification",
        "electra_regression",
        "electra_tagging",
        "electra_multiple_choice",
        "electra_answering",
    ]
}
