//! Ten updates of single parameters by every rule.

use std::collections::BTreeSet;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use burn_optim::GradientsParams;
use lamplight_layers::pretrained::{NameTable, Value, collect};
use lamplight_testing::{Expected, assert_close, run_cases, test_device};
use lamplight_training::optimizer::ModelOptimizer;
use lamplight_training::recipe::Recipe;

use crate::{recipe, report};

/// Decays everything, norms and biases too, as PyTorch does where nothing else is said.
macro_rules! decay_all {
    ($decay:literal) => {
        concat!(
            "groups = [{ pattern = \".\", weight_decay = ",
            $decay,
            " }]"
        )
    };
}

/// `[optimizer]` and `[schedule]` of every variant. Hugging Face's Adafactor factors every matrix.
const VARIANTS: [(&str, &str, &str); 14] = [
    (
        "adafactor_relative",
        "kind = 'adafactor', learning_rate = 1e-2, min_dim_size_to_factor = 1",
        "kind = 'relative_step'",
    ),
    (
        "adafactor_warmup_init",
        "kind = 'adafactor', learning_rate = 1e-2, min_dim_size_to_factor = 1",
        "kind = 'relative_step', warmup_steps = 10000",
    ),
    (
        "adafactor_relative_noscale",
        "kind = 'adafactor', learning_rate = 1e-2, min_dim_size_to_factor = 1, scale_parameter = false",
        "kind = 'relative_step'",
    ),
    (
        "adafactor_fixed_scaled",
        "kind = 'adafactor', learning_rate = 1e-2, min_dim_size_to_factor = 1",
        "kind = 'constant'",
    ),
    (
        "adafactor_fixed",
        "kind = 'adafactor', learning_rate = 1e-3, min_dim_size_to_factor = 1, scale_parameter = false",
        "kind = 'constant'",
    ),
    (
        "adafactor_beta1_decay",
        concat!(
            "kind = 'adafactor', learning_rate = 1e-3, min_dim_size_to_factor = 1, scale_parameter = false, ",
            "beta1 = 0.9, clip_threshold = 0.5, decay_exponent = 0.7, ",
            decay_all!("0.01")
        ),
        "kind = 'constant'",
    ),
    (
        "adamw",
        concat!(
            "kind = 'adamw', learning_rate = 1e-2, epsilon = 1e-8, ",
            decay_all!("0.01")
        ),
        "kind = 'constant'",
    ),
    (
        "adam",
        "kind = 'adamw', learning_rate = 1e-2, epsilon = 1e-6, betas = [0.9, 0.98]",
        "kind = 'constant'",
    ),
    (
        "sgd_momentum",
        "kind = 'sgd', learning_rate = 1e-2, momentum = 0.9",
        "kind = 'constant'",
    ),
    (
        "electra_adamw",
        "kind = 'electra_adam', learning_rate = 1e-2, weight_decay = 0.01",
        "kind = 'constant'",
    ),
    (
        "adamw_scaled",
        "kind = 'adamw_scaled', learning_rate = 2e-2",
        "kind = 'constant'",
    ),
    (
        "adamw_scaled_decay",
        concat!(
            "kind = 'adamw_scaled', learning_rate = 2e-2, ",
            decay_all!("0.1")
        ),
        "kind = 'constant'",
    ),
    (
        "muon_original",
        "kind = 'muon', learning_rate = 2e-2, epsilon = 1e-8, weight_decay = 0.1, muon_ratio = 'original'",
        "kind = 'constant'",
    ),
    (
        "muon_match_rms_adamw",
        "kind = 'muon', learning_rate = 2e-3, epsilon = 1e-8, weight_decay = 0.1",
        "kind = 'constant'",
    ),
];

/// Any parameters, under the names that the case gives them.
#[derive(Module, Debug)]
pub struct Parameters {
    matrices: Vec<Linear>,
    vectors: Vec<Vector>,
}

#[derive(Module, Debug)]
struct Vector {
    weight: Param<Tensor<1>>,
}

impl Parameters {
    /// The tensors `start.*` of a case. Matrices turn into linear weights, as they are in a model.
    fn start(expected: &Expected, device: &Device) -> (Self, NameTable) {
        let mut parameters = Self {
            matrices: Vec::new(),
            vectors: Vec::new(),
        };
        let mut rows = Vec::new();
        for start in expected.names("start.") {
            let layer = layer(&start["start.".len()..]);
            match expected.floats(start).0.len() {
                1 => {
                    rows.push((format!("vectors.{}", parameters.vectors.len()), layer));
                    parameters.vectors.push(Vector {
                        weight: Param::from_tensor(expected.float_tensor(start, device)),
                    });
                }
                2 => {
                    rows.push((format!("matrices.{}", parameters.matrices.len()), layer));
                    let weight = expected.float_tensor::<2>(start, device).transpose();
                    parameters.matrices.push(Linear {
                        weight: Param::from_tensor(weight),
                        bias: None,
                    });
                }
                rank => panic!("{start} has {rank} axes"),
            }
        }
        (parameters, table(&rows))
    }

    /// Vectors of one element, all 1, under these names.
    pub fn ones(layers: &[&str], device: &Device) -> (Self, NameTable) {
        let vector = |_: &&str| Vector {
            weight: Param::from_tensor(Tensor::ones([1], device)),
        };
        let parameters = Self {
            matrices: Vec::new(),
            vectors: layers.iter().map(vector).collect(),
        };
        let rows = layers.iter().enumerate();
        let rows: Vec<_> = rows
            .map(|(i, layer)| (format!("vectors.{i}"), *layer))
            .collect();
        (parameters, table(&rows))
    }

    /// The same gradient of every element.
    pub fn uniform_gradients(&self, gradient: f32) -> GradientsParams {
        let mut gradients = GradientsParams::new();
        for vector in &self.vectors {
            let value = vector.weight.val().inner();
            gradients.register(vector.weight.id, value.full_like(gradient));
        }
        gradients
    }

    /// The tensors `grad.*` of a step.
    fn gradients(&self, expected: &Expected, step: usize, device: &Device) -> GradientsParams {
        let mut gradients = GradientsParams::new();
        let (mut matrices, mut vectors) = (self.matrices.iter(), self.vectors.iter());
        for start in expected.names("start.") {
            let name = format!("grad.{}", &start["start.".len()..]);
            if expected.floats(start).0.len() == 1 {
                let all = expected.float_tensor::<2>(&name, device);
                let gradient = all.slice_dim(0, step..step + 1).squeeze_dim::<1>(0);
                gradients.register(vectors.next().unwrap().weight.id, gradient);
            } else {
                let all = expected.float_tensor::<3>(&name, device);
                let gradient = all.slice_dim(0, step..step + 1).squeeze_dim::<2>(0);
                gradients.register(matrices.next().unwrap().weight.id, gradient.transpose());
            }
        }
        gradients
    }
}

/// A table has rows of layers, whose parameters are called `weight`.
fn layer(name: &str) -> &str {
    name.strip_suffix(".weight").unwrap_or(name)
}

fn table(rows: &[(String, &str)]) -> NameTable {
    let rows: Vec<(&str, &str)> = rows
        .iter()
        .map(|(ours, theirs)| (ours.as_str(), *theirs))
        .collect();
    NameTable::new(&rows)
}

/// Runs the case's parameters through all its gradients by one variant.
fn assert_variant(expected: &Expected, variant: &str, recipe: &Recipe) {
    let device = test_device();
    let (mut model, names) = Parameters::start(expected, &device.clone().autodiff());
    let mut optimizer = ModelOptimizer::new(&recipe.optimizer, names.clone(), &model).unwrap();
    for step in 0..recipe.training.steps {
        let gradients = model.gradients(expected, step, &device);
        model = optimizer.step(recipe.schedule().at(step), model, gradients);
        let updated = collect(&model, &names, &Value).unwrap();
        for start in expected.names("start.") {
            let name = &start["start.".len()..];
            let (shape, history) = expected.floats(&format!("{variant}.{name}"));
            let width: usize = shape[1..].iter().product();
            let parameter = &updated[&format!("{}.weight", layer(name))];
            assert_eq!(parameter.shape, shape[1..], "{variant}.{name}");
            assert_close(
                &format!("{variant}.{name} after step {}", step + 1),
                &parameter.values,
                &history[step * width..][..width],
                1e-5,
                1e-7,
            );
        }
    }
}

#[test]
fn updates_are_those_of_the_reference() {
    let mut ran = Vec::new();
    run_cases("optimizers", |case| {
        let expected = case.expected();
        let Some(start) = expected.names("start.").next() else {
            return false;
        };
        let num_steps = expected.floats(&start.replacen("start", "grad", 1)).0[0];
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        let mut variants: BTreeSet<String> = expected.names("").map(first).collect();
        variants.retain(|variant| variant != "start" && variant != "grad");
        for variant in variants {
            let known = VARIANTS.iter().find(|(name, _, _)| *name == variant);
            let (_, optimizer, schedule) =
                known.unwrap_or_else(|| panic!("{}: no optimizer for {variant}", case.name));
            assert_variant(&expected, &variant, &recipe(optimizer, schedule, num_steps));
            ran.push(variant);
        }
        true
    });
    report("optimizer variants", &ran);
}
