use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};

use super::load::{is_transposed, transpose};
use super::{NameTable, PretrainedError};

/// A parameter, or something of its shape, as Hugging Face lays it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The shape in Hugging Face's layout.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: Vec<f32>,
}

/// What [`collect`] takes of each parameter.
pub trait Read {
    /// The tensor to take; `None` leaves the parameter out.
    fn read<const D: usize>(&self, param: &Param<Tensor<D>>) -> Option<Tensor<D>>;
}

/// Takes the values.
#[derive(Debug)]
pub struct Value;

impl Read for Value {
    fn read<const D: usize>(&self, param: &Param<Tensor<D>>) -> Option<Tensor<D>> {
        Some(param.val())
    }
}

/// Takes the gradients.
pub struct Gradient<'a>(pub &'a Gradients);

impl Read for Gradient<'_> {
    fn read<const D: usize>(&self, param: &Param<Tensor<D>>) -> Option<Tensor<D>> {
        param.val().grad(self.0)
    }
}

/// Reads every parameter of `module`, keyed by Hugging Face's names.
///
/// # Errors
/// A parameter has no name in the table.
pub fn collect<M: Module>(
    module: &M,
    names: &NameTable,
    read: &impl Read,
) -> Result<BTreeMap<String, Parameter>, PretrainedError> {
    let mut collector = Collector {
        names,
        read,
        path: Vec::new(),
        containers: Vec::new(),
        parameters: BTreeMap::new(),
        unnamed: None,
    };
    module.visit(&mut collector);
    match collector.unnamed {
        None => Ok(collector.parameters),
        Some(path) => Err(PretrainedError::Unnamed(path)),
    }
}

/// Writes `config.json` and `model.safetensors` into `folder`, which is made if need be. Each
/// file is written beside its place and renamed, so that no half file is ever in it. What a LoRA
/// adds to a weight is merged into it.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn save<M: Module>(
    module: &M,
    names: &NameTable,
    config_json: &str,
    folder: &Path,
) -> Result<(), PretrainedError> {
    std::fs::create_dir_all(folder).map_err(PretrainedError::write(folder))?;
    let parameters = collect(&module.clone().materialize(), names, &Value)?;
    let bytes = to_bytes(&parameters);
    let mut views = Vec::with_capacity(bytes.len());
    let path = folder.join("model.safetensors");
    let damaged = |error| PretrainedError::damaged(&path, error);
    for (&name, (shape, data)) in &bytes {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), data).map_err(damaged)?;
        views.push((name, view));
    }
    // `from_pretrained` in Python refuses a file that does not name the framework it is laid out for.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    let file = serialize(views, Some(metadata)).map_err(damaged)?;
    write(&path, &file)?;
    write(&folder.join("config.json"), config_json.as_bytes())
}

fn to_bytes(parameters: &BTreeMap<String, Parameter>) -> BTreeMap<&str, (&[usize], Vec<u8>)> {
    let bytes = |parameter: &Parameter| -> Vec<u8> {
        parameter
            .values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    };
    let entry = |(name, parameter)| -> (&str, (&[usize], Vec<u8>)) {
        let parameter: &Parameter = parameter;
        let name: &String = name;
        (name, (&parameter.shape, bytes(parameter)))
    };
    parameters.iter().map(entry).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PretrainedError> {
    let partial = path.with_added_extension("partial");
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(PretrainedError::write(&partial))?;
    std::fs::rename(&partial, path).map_err(PretrainedError::write(path))
}

struct Collector<'a, R> {
    names: &'a NameTable,
    read: &'a R,
    path: Vec<String>,
    containers: Vec<String>,
    parameters: BTreeMap<String, Parameter>,
    unnamed: Option<String>,
}

impl<R: Read> ModuleVisitor for Collector<'_, R> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container_type.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let Some(name) = self.names.hugging_face(&path) else {
            self.unnamed = Some(path);
            return;
        };
        let Some(tensor) = self.read.read(param) else {
            return;
        };
        let mut shape = tensor.dims().to_vec();
        let data = tensor.into_data().convert::<f32>();
        let mut values = data.try_to_vec::<f32>().unwrap_or_default();
        if let (true, &[rows, columns]) = (
            is_transposed(&self.containers, &self.path),
            shape.as_slice(),
        ) {
            values = transpose(&values, rows, columns);
            shape = vec![columns, rows];
        }
        self.parameters.insert(name, Parameter { shape, values });
    }
}
