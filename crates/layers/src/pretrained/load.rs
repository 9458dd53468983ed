use std::collections::BTreeSet;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use super::{Checkpoint, Misfit, NameTable, PretrainedError};

/// How the tensors of a checkpoint find their parameters.
#[derive(Debug, Clone)]
pub struct Loading<'a> {
    /// Hugging Face's name of each parameter.
    pub names: NameTable,
    /// `(alias, name)`: older files repeat a shared tensor under another name. The alias stands
    /// in where the name itself is missing.
    pub aliases: &'a [(&'a str, &'a str)],
    /// Whether a tensor of the file may stay unused.
    pub is_ignored: fn(&str) -> bool,
}

/// Puts the tensors of `checkpoint` in place of the parameters of `module`.
///
/// # Errors
/// A tensor is missing, unused or of another shape: one error lists them all. Or a file cannot
/// be read.
pub fn load<M: Module>(
    module: M,
    checkpoint: &Checkpoint,
    loading: &Loading<'_>,
) -> Result<M, PretrainedError> {
    let mut loader = Loader {
        checkpoint,
        loading,
        path: Vec::new(),
        containers: Vec::new(),
        used: BTreeSet::new(),
        misfit: Misfit::default(),
        error: None,
    };
    let module = module.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    let is_alias = |name: &str| loading.aliases.iter().any(|(alias, _)| *alias == name);
    let is_unused = |name: &&str| {
        !loader.used.contains(*name) && !is_alias(name) && !(loading.is_ignored)(name)
    };
    let mut misfit = loader.misfit;
    misfit.unused = checkpoint
        .names()
        .filter(is_unused)
        .map(str::to_owned)
        .collect();
    if misfit.is_empty() {
        return Ok(module);
    }
    Err(PretrainedError::Misfit {
        path: checkpoint.folder().to_owned(),
        misfit: Box::new(misfit),
    })
}

struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    loading: &'a Loading<'a>,
    path: Vec<String>,
    containers: Vec<String>,
    used: BTreeSet<String>,
    misfit: Misfit,
    error: Option<PretrainedError>,
}

impl Loader<'_> {
    /// The data for a parameter of this shape; `None` if it does not fit, which is noted.
    fn find(&mut self, shape: &[usize]) -> Result<Option<TensorData>, PretrainedError> {
        let path = self.path.join(".");
        let name = self.loading.names.hugging_face(&path);
        let name = name.ok_or(PretrainedError::Unnamed(path))?;
        let transposed = is_transposed(&self.containers, &self.path);
        let expected = if transposed {
            shape.iter().rev().copied().collect()
        } else {
            shape.to_vec()
        };
        let found = self.in_file(&name);
        let Some(found_shape) = self.checkpoint.shape(found) else {
            self.misfit.missing.push(name);
            return Ok(None);
        };
        let found = found.to_owned();
        self.used.insert(found.clone());
        if found_shape != expected {
            self.misfit
                .misshapen
                .push((found, found_shape.to_vec(), expected));
            return Ok(None);
        }
        let values = self.checkpoint.read(&found)?.unwrap_or_default();
        let values = match (transposed, expected.as_slice()) {
            (true, &[rows, columns]) => transpose(&values, rows, columns),
            _ => values,
        };
        Ok(Some(TensorData::new(values, shape.to_vec())))
    }

    /// The name itself, or the alias that the file has instead.
    fn in_file<'n>(&self, name: &'n str) -> &'n str
    where
        Self: 'n,
    {
        if self.checkpoint.shape(name).is_some() {
            return name;
        }
        let mut aliases = self.loading.aliases.iter();
        let alias =
            aliases.find(|(alias, of)| *of == name && self.checkpoint.shape(alias).is_some());
        alias.map_or(name, |(alias, _)| alias)
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let shape = param.lazy_shape();
        match self.find(&shape.to_vec()) {
            Ok(Some(data)) => Param::from_data(data, &param.lazy_device()),
            Ok(None) => param,
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}

/// Burn keeps a linear weight as `[in, out]`, PyTorch as `[out, in]`.
pub(super) fn is_transposed(containers: &[String], path: &[String]) -> bool {
    containers
        .last()
        .is_some_and(|container| container == "Struct:Linear")
        && path.last().is_some_and(|leaf| leaf == "weight")
}

/// `[rows, columns]` row-major to `[columns, rows]`.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut transposed = Vec::with_capacity(values.len());
    for column in 0..columns {
        transposed.extend((0..rows).map(|row| values[row * columns + column]));
    }
    transposed
}
