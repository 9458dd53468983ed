//! Low-rank adaptation: the model is frozen, and chosen matrices learn the product of two thin
//! factors on top (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models").
//!
//! Burn composes the adapted weight wherever a layer reads it, so that models know nothing of this.
//! Saving a model merges the factors into its weights.

use burn::module::{Lora, Module, ModuleMapper, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;
use lamplight_layers::pretrained::NameTable;
use serde::{Deserialize, Serialize};

use crate::recipe::RecipeError;
use crate::recipe::check::{self, count, within};
use crate::task::Task;

/// Wider factors than this are a slip of the keyboard.
const MAX_RANK: usize = 1 << 20;
/// The query and value projections of attention, in T5 (`q`, `v`) and in ELECTRA.
const QUERY_AND_VALUE: &str = r"(\.q|\.v|\.query|\.value)\.weight$";

/// `[lora]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraSettings {
    /// Width of the factors.
    pub rank: usize,
    /// The product of the factors counts `alpha / rank` times.
    pub alpha: f64,
    /// Regular expressions on Hugging Face's names of the matrices to adapt.
    #[serde(default = "query_and_value")]
    pub targets: Vec<String>,
}

fn query_and_value() -> Vec<String> {
    vec![QUERY_AND_VALUE.to_owned()]
}

impl LoraSettings {
    /// Checks every value.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub(crate) fn check(&self) -> Result<(), RecipeError> {
        count("lora.rank", self.rank, 1, MAX_RANK)?;
        let alpha = self.alpha;
        let is_valid = alpha > 0.0 && alpha.is_finite();
        within("lora.alpha", alpha, is_valid, "positive and finite")?;
        if self.targets.is_empty() {
            let expected = "a list of regular expressions, or absent for the attention's query and value projections";
            return Err(check::refused("lora.targets", "[]", expected));
        }
        self.patterns().map(drop)
    }

    /// Each target with its compiled form.
    pub(crate) fn patterns(&self) -> Result<Vec<(&str, ParamGroup)>, RecipeError> {
        let mut patterns = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let pattern = ParamGroup::from_regex(target)
                .map_err(|error| refused(target, &format!("a regular expression: {error:?}")))?;
            patterns.push((target.as_str(), pattern));
        }
        Ok(patterns)
    }
}

/// Whether the parameter at this path of the task's model is trained: a factor, or one of a head.
pub(crate) fn is_trained<T: Task>(path: &str) -> bool {
    path.ends_with(".lora.a") || path.ends_with(".lora.b") || T::is_head(path)
}

/// [`apply`] to the model of a task, whose head, which has learned nothing yet, is trained as a whole.
///
/// # Errors
/// As [`apply`].
pub(crate) fn adapt<T: Task>(
    task: &T,
    model: T::Model,
    settings: &LoraSettings,
) -> Result<T::Model, RecipeError> {
    let names = task.names(&model);
    let model = apply(model, &names, settings)?;
    Ok(model.map(&mut Unfreezing {
        is_wanted: T::is_head,
        path: Vec::new(),
    }))
}

/// Freezes `model` and gives factors to the matrices that a target matches. The second factor is
/// zero, so the model computes what it did before. `names` are the model's.
///
/// # Errors
/// A target is no regular expression or matches no matrix.
pub fn apply<M: Module>(
    model: M,
    names: &NameTable,
    settings: &LoraSettings,
) -> Result<M, RecipeError> {
    let mut matrices = Matrices {
        names,
        path: Vec::new(),
        found: Vec::new(),
    };
    model.visit(&mut matrices);
    let mut paths = Vec::new();
    for (target, pattern) in settings.patterns()? {
        let is_target = |matrix: &&Matrix| pattern.matches(&matrix.id, Some(&matrix.name));
        let matched = matrices.found.iter().filter(is_target);
        let num_paths = paths.len();
        paths.extend(matched.map(|matrix| matrix.path.clone()));
        if paths.len() == num_paths {
            let example = matrices.found.first().map_or("none", |m| m.name.as_str());
            let expected = format!("the pattern of a matrix of the model, such as `{example}`");
            return Err(refused(target, &expected));
        }
    }
    let lora = Lora::new(settings.rank, settings.alpha);
    Ok(model.apply_lora(lora.set_param_group(ParamGroup::from_paths(paths))))
}

fn refused(target: &str, expected: &str) -> RecipeError {
    check::refused("lora.targets", format!("`{target}`"), expected)
}

struct Matrix {
    id: ParamId,
    path: String,
    name: String,
}

/// Finds every parameter with two axes.
struct Matrices<'a> {
    names: &'a NameTable,
    path: Vec<String>,
    found: Vec<Matrix>,
}

impl ModuleVisitor for Matrices<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if D != 2 {
            return;
        }
        let path = self.path.join(".");
        if let Some(name) = self.names.hugging_face(&path) {
            let id = param.id;
            self.found.push(Matrix { id, path, name });
        }
    }
}

/// Lets parameters be trained again.
struct Unfreezing {
    is_wanted: fn(&str) -> bool,
    path: Vec<String>,
}

impl ModuleMapper for Unfreezing {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match (self.is_wanted)(&self.path.join(".")) {
            true => param.set_require_grad(true),
            false => param,
        }
    }
}
