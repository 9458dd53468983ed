//! The optimizer of a whole model.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use burn_optim::{DynState, GradientsParams, StateSink, StateSource};
use lamplight_kernels::adamw::Updates;
use lamplight_layers::leaf::Leaf;
use lamplight_layers::pretrained::NameTable;

use super::rules::Rules;
use super::update_rule::{Entry, UpdateRule, Updated};
use super::{AdamW, OptimizerError, OptimizerState};
use crate::TrainingError;
use crate::gradients::ScaledGradients;
use crate::recipe::OptimizerSettings;

/// Updates the parameters of a model, each by its own rule, and keeps a state for each under
/// Hugging Face's name of it. A parameter without such a name goes by its path in the model.
///
/// Burn's own `ModuleOptimizer` keys states by identifiers that are drawn anew for every model,
/// and so could not be resumed.
pub struct ModelOptimizer {
    /// By path in the model, so that a step looks no name up.
    parameters: BTreeMap<String, Parameter>,
}

struct Parameter {
    name: String,
    shape: Vec<usize>,
    rule: UpdateRule,
    learning_rate_factor: f64,
    /// None before the first update.
    state: Option<DynState>,
    /// Whether the last step had a gradient for it.
    is_updated: bool,
}

impl ModelOptimizer {
    /// An optimizer for `model` without any state yet.
    ///
    /// # Errors
    /// A group of the recipe matches no parameter, or leaves one no learning rate.
    pub fn new<M: Module>(
        settings: &OptimizerSettings,
        names: NameTable,
        model: &M,
    ) -> Result<Self, TrainingError> {
        let mut shapes = Shapes::default();
        model.visit(&mut shapes);
        let named = shapes.shapes.into_iter();
        let named: Vec<_> = named
            .map(|(path, shape)| (name_of(&names, &path), path, shape))
            .collect();
        let mut all: Vec<&str> = named.iter().map(|(name, ..)| name.as_str()).collect();
        all.sort_unstable();
        let rules = Rules::new(settings, &all)?;
        let mut parameters = BTreeMap::new();
        for (name, path, shape) in named {
            let parameter = Parameter::new(&rules, name, shape);
            let rate = settings.learning_rate * parameter.learning_rate_factor;
            if rate as f32 <= 0.0 {
                let parameter = parameter.name;
                return Err(OptimizerError::NoLearningRate { parameter, rate }.into());
            }
            parameters.insert(path, parameter);
        }
        Ok(Self { parameters })
    }

    /// The model after an update at this learning rate. A parameter without gradient stays as it is,
    /// and so does its state.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        model: M,
        gradients: impl Into<ScaledGradients>,
    ) -> M {
        let ScaledGradients { gradients, factor } = gradients.into();
        let mut update = Update {
            optimizer: self,
            learning_rate,
            gradients,
            updates: Updates::new(factor),
            path: Vec::new(),
        };
        let model = model.map(&mut update);
        update.updates.finish();
        model
    }

    /// Whether a step whose factor is NaN changes neither the model nor a moment. Where it is not so, whoever makes a step
    /// has to know the factor before.
    pub fn is_guarded(&self) -> bool {
        self.parameters
            .values()
            .all(|parameter| parameter.rule.is_guarded())
    }

    /// Makes the last step uncounted, whose factor was NaN; then the state is to the last bit as before it.
    ///
    /// # Panics
    /// The optimizer is not guarded.
    pub fn take_back(&mut self) {
        assert!(self.is_guarded(), "the last step has changed moments");
        for parameter in self.parameters.values_mut() {
            if std::mem::take(&mut parameter.is_updated) {
                parameter.state = parameter.state.take().and_then(AdamW::take_back);
            }
        }
    }

    /// A copy of the state on the host.
    pub fn state(&self) -> OptimizerState {
        let mut copy = OptimizerState::default();
        for parameter in self.parameters.values() {
            let name = &parameter.name;
            let Some(state) = &parameter.state else {
                copy.untouched.insert(name.clone());
                continue;
            };
            let mut sink = StateSink::default();
            parameter
                .rule
                .as_dyn()
                .state_flatten(name, state, &mut sink);
            let tensors = sink.tensors.into_iter();
            copy.tensors
                .extend(tensors.map(|(entry, data)| (entry, data.convert::<f32>())));
            for (entry, scalar) in sink.scalars {
                // The rules keep no other numbers than counts.
                copy.counts
                    .extend(scalar.try_into().ok().map(|count: u64| (entry, count)));
            }
        }
        copy
    }

    /// Goes on from a saved state, on `device`. After an error the optimizer is as it was.
    ///
    /// # Errors
    /// An entry is missing, has another shape, or belongs to nothing here; the error names it.
    pub fn load(
        &mut self,
        mut state: OptimizerState,
        device: &Device,
    ) -> Result<(), OptimizerError> {
        let device = device.clone().inner();
        let mut states = Vec::with_capacity(self.parameters.len());
        for parameter in self.parameters.values() {
            states.push(if state.untouched.remove(&parameter.name) {
                None
            } else {
                Some(parameter.state_from(&mut state, &device)?)
            });
        }
        let left = state.tensors.into_keys().chain(state.counts.into_keys());
        if let Some(entry) = left.chain(state.untouched).next() {
            return Err(OptimizerError::Foreign { entry });
        }
        for (parameter, state) in self.parameters.values_mut().zip(states) {
            parameter.state = state;
        }
        Ok(())
    }
}

impl Parameter {
    fn new(rules: &Rules, name: String, shape: Vec<usize>) -> Self {
        Self {
            rule: rules.update_rule(&name, shape.len()),
            learning_rate_factor: rules.learning_rate_factor(&name),
            name,
            shape,
            state: None,
            is_updated: false,
        }
    }

    /// Takes this parameter's entries out of `saved`.
    fn state_from(
        &self,
        saved: &mut OptimizerState,
        device: &Device,
    ) -> Result<DynState, OptimizerError> {
        let name = &self.name;
        let mut tensors = Vec::new();
        let mut counts = BTreeMap::new();
        for entry in self.rule.entries(&self.shape) {
            match entry {
                Entry::Tensor(leaf, expected) => {
                    let entry = format!("{name}.{leaf}");
                    let Some(data) = saved.tensors.remove(&entry) else {
                        return Err(OptimizerError::Missing { entry });
                    };
                    let found = data.shape().to_vec();
                    if found != expected {
                        return Err(OptimizerError::Misshapen {
                            entry,
                            found,
                            expected,
                        });
                    }
                    tensors.push((entry, data));
                }
                Entry::Scalar(leaf) => {
                    let entry = format!("{name}.{leaf}");
                    let Some(count) = saved.counts.remove(&entry) else {
                        return Err(OptimizerError::Missing { entry });
                    };
                    counts.insert(entry, count.into());
                }
            }
        }
        let mut source = StateSource::new(counts);
        for (entry, data) in tensors {
            source.insert_tensor(entry, data);
        }
        let rule = self.rule.as_dyn();
        rule.state_unflatten(self.shape.len(), name, &mut source, device)
            .ok_or_else(|| OptimizerError::Missing {
                entry: name.clone(),
            })
    }
}

/// Hugging Face's name of the parameter at this path, or the path.
fn name_of(names: &NameTable, path: &str) -> String {
    names.hugging_face(path).unwrap_or_else(|| path.to_owned())
}

/// Collects the shapes of all parameters by path.
#[derive(Default)]
struct Shapes {
    path: Vec<String>,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape().to_vec();
        self.shapes.insert(self.path.join("."), shape);
    }
}

/// Replaces every parameter that has a gradient.
struct Update<'a> {
    optimizer: &'a mut ModelOptimizer,
    learning_rate: f64,
    gradients: GradientsParams,
    updates: Updates,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self.gradients.remove::<D>(param.id);
        let Some(parameter) = self.optimizer.parameters.get_mut(&self.path.join(".")) else {
            return param;
        };
        parameter.is_updated = gradient.is_some();
        let Some(gradient) = gradient else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let leaf = Leaf::of(&tensor);
        let learning_rate = self.learning_rate * parameter.learning_rate_factor;
        let old = Updated {
            parameter: tensor.inner(),
            state: parameter.state.take(),
        };
        let new = (parameter.rule).update(learning_rate, old, gradient, &mut self.updates);
        parameter.state = new.state;
        Param::from_mapped_value(id, leaf.with(new.parameter), mapper)
    }
}

#[cfg(test)]
mod tests;
