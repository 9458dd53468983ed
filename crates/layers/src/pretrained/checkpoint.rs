use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use pytorch_reader::PytorchReader;
use safetensors::SafeTensors;

use super::PretrainedError;

/// The tensors of a folder, found but not yet read.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    shape: Vec<usize>,
    dtype: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Offset and length in bytes.
    Safetensors(u64, usize),
    Pytorch(pytorch_reader::Tensor),
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Finds the weights in `folder`.
    ///
    /// # Errors
    /// There are none, a file is damaged, or an index names a file outside the folder, a file
    /// that is missing, or a tensor that its file does not hold.
    pub fn open(folder: &Path) -> Result<Self, PretrainedError> {
        let mut checkpoint = Self {
            folder: folder.to_owned(),
            tensors: BTreeMap::new(),
        };
        for name in ["model.safetensors", "pytorch_model.bin"] {
            let single = folder.join(name);
            let index = folder.join(format!("{name}.index.json"));
            if single.is_file() {
                checkpoint.tensors = read_tensors(&single)?;
                return Ok(checkpoint);
            }
            if index.is_file() {
                checkpoint.tensors = read_shards(folder, &index)?;
                return Ok(checkpoint);
            }
        }
        Err(PretrainedError::NoWeights(folder.to_owned()))
    }

    /// The folder, for messages.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names in the files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Reads a tensor as f32, row-major; `None` if it is not there.
    ///
    /// # Errors
    /// The file cannot be read, or the tensor holds no floats.
    pub fn read(&self, name: &str) -> Result<Option<Vec<f32>>, PretrainedError> {
        self.tensors
            .get(name)
            .map(|entry| entry.read(name))
            .transpose()
    }
}

impl Entry {
    fn read(&self, name: &str) -> Result<Vec<f32>, PretrainedError> {
        let bytes = match &self.place {
            Place::Safetensors(offset, length) => read_range(&self.path, *offset, *length),
            Place::Pytorch(tensor) => tensor.read(),
        };
        let bytes = bytes.map_err(PretrainedError::read(&self.path))?;
        to_f32(&self.dtype, &bytes).ok_or_else(|| PretrainedError::NotFloat {
            path: self.path.clone(),
            name: name.to_owned(),
            dtype: self.dtype.clone(),
        })
    }
}

fn to_f32(dtype: &str, bytes: &[u8]) -> Option<Vec<f32>> {
    fn convert<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (chunks, _) = bytes.as_chunks::<N>();
        chunks.iter().map(|&chunk| value(chunk)).collect()
    }
    match dtype {
        "F64" => Some(convert(bytes, |b| f64::from_le_bytes(b) as f32)),
        "F32" => Some(convert(bytes, f32::from_le_bytes)),
        "F16" => Some(convert(bytes, |b| f16::from_le_bytes(b).to_f32())),
        "BF16" => Some(convert(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        _ => None,
    }
}

fn read_range(path: &Path, offset: u64, length: usize) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_tensors(path: &Path) -> Result<BTreeMap<String, Entry>, PretrainedError> {
    if path.extension().is_some_and(|extension| extension == "bin") {
        read_pytorch(path)
    } else {
        read_safetensors(path)
    }
}

/// Reads the header alone; the crate checks it against the length of the file.
fn read_safetensors(path: &Path) -> Result<BTreeMap<String, Entry>, PretrainedError> {
    let file = File::open(path).map_err(PretrainedError::read(path))?;
    // SAFETY: the map is read here and dropped before this function returns; tensors are read
    // through the file later, so that one cut short meanwhile is an error and no fault.
    let map = unsafe { Mmap::map(&file) }.map_err(PretrainedError::read(path))?;
    let (header_bytes, metadata) =
        SafeTensors::read_metadata(&map).map_err(|error| PretrainedError::damaged(path, error))?;
    let data_start = (size_of::<u64>() + header_bytes) as u64;
    let entry = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (start, end) = info.data_offsets;
        let entry = Entry {
            path: path.to_owned(),
            shape: info.shape.clone(),
            dtype: format!("{:?}", info.dtype),
            place: Place::Safetensors(data_start + start as u64, end - start),
        };
        (name, entry)
    };
    Ok(metadata.tensors().into_iter().map(entry).collect())
}

fn read_pytorch(path: &Path) -> Result<BTreeMap<String, Entry>, PretrainedError> {
    let reader = PytorchReader::new(path).map_err(|error| PretrainedError::damaged(path, error))?;
    let entry = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let entry = Entry {
            path: path.to_owned(),
            shape: tensor.shape().to_vec(),
            dtype: format!("{:?}", tensor.dtype()),
            place: Place::Pytorch(tensor),
        };
        (name, entry)
    };
    Ok(reader.into_tensors().into_iter().map(entry).collect())
}

fn read_shards(folder: &Path, index: &Path) -> Result<BTreeMap<String, Entry>, PretrainedError> {
    let text = std::fs::read_to_string(index).map_err(PretrainedError::read(index))?;
    let Index { weight_map } =
        serde_json::from_str(&text).map_err(|error| PretrainedError::damaged(index, error))?;
    let mut shards = BTreeMap::new();
    let mut tensors = BTreeMap::new();
    for (name, file) in weight_map {
        let damaged = |reason| PretrainedError::damaged(index, reason);
        let mut components = Path::new(&file).components();
        if !matches!(
            (components.next(), components.next()),
            (Some(Component::Normal(_)), None)
        ) {
            return Err(damaged(format!(
                "shard `{file}` is not a file of this folder"
            )));
        }
        if !shards.contains_key(&file) {
            shards.insert(file.clone(), read_tensors(&folder.join(&file))?);
        }
        let entry = shards.get_mut(&file).and_then(|shard| shard.remove(&name));
        let entry = entry.ok_or_else(|| damaged(format!("`{file}` does not hold `{name}`")))?;
        tensors.insert(name, entry);
    }
    let unlisted = shards
        .iter()
        .find_map(|(file, shard)| Some((file, shard.keys().next()?)));
    match unlisted {
        None => Ok(tensors),
        Some((file, name)) => Err(PretrainedError::damaged(
            index,
            format!("`{file}` holds `{name}`, which the index does not list there"),
        )),
    }
}
