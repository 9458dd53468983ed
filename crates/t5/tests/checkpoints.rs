//! Every layout of weights that is read, and every damage that is refused.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use half::{bf16, f16};
use lamplight_layers::pretrained::{Checkpoint, PretrainedError};
use lamplight_t5::{Seq2SeqInput, T5ForConditionalGeneration};
use lamplight_testing::{Case, Expected, assert_close, reference_cases, test_device};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize_to_file};
use tempfile::TempDir;

/// Name, type, shape and bytes of a tensor.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn case() -> Case {
    let mut cases = reference_cases().into_iter();
    let is_t5 = |case: &Case| {
        let architecture = case.architecture();
        architecture.is_some_and(|name| name == "T5ForConditionalGeneration")
            && case.expected().has("logits")
    };
    cases.find(is_t5).unwrap()
}

fn tensors(case: &Case) -> Tensors {
    let checkpoint = Checkpoint::open(&case.path).unwrap();
    let tensor = |name: &str| {
        let values = checkpoint.read(name).unwrap().unwrap();
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        (
            name.to_owned(),
            (Dtype::F32, checkpoint.shape(name).unwrap().to_vec(), bytes),
        )
    };
    checkpoint.names().map(tensor).collect()
}

fn write(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    serialize_to_file(views, None, path).unwrap();
}

/// A folder with the config of the case and whatever weights `fill` writes.
fn folder(case: &Case, fill: impl FnOnce(&Path)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        case.path.join("config.json"),
        folder.path().join("config.json"),
    )
    .unwrap();
    fill(folder.path());
    folder
}

fn load(folder: &TempDir, device: &Device) -> Result<T5ForConditionalGeneration, PretrainedError> {
    T5ForConditionalGeneration::from_pretrained(folder.path(), device)
}

fn refusal(folder: &TempDir) -> PretrainedError {
    load(folder, &test_device()).unwrap_err()
}

fn logits(model: &T5ForConditionalGeneration, expected: &Expected) -> Tensor<3> {
    let device = test_device();
    let input = Seq2SeqInput {
        input_ids: expected.int_tensor("input_ids", &device),
        padding_mask: expected.padding_mask("attention_mask", &device),
        decoder_input_ids: expected.int_tensor("decoder_input_ids", &device),
        decoder_padding_mask: None,
        segments: None,
    };
    model.forward(input).logits
}

fn write_index(folder: &Path, name: &str, weight_map: &BTreeMap<String, String>) {
    let index = serde_json::json!({ "metadata": {}, "weight_map": weight_map });
    fs::write(folder.join(name), index.to_string()).unwrap();
}

/// Splits the tensors over two files and gives which is where.
fn write_shards(folder: &Path, tensors: Tensors) -> BTreeMap<String, String> {
    let mut shards = [Tensors::new(), Tensors::new()];
    let mut weight_map = BTreeMap::new();
    for (position, (name, tensor)) in tensors.into_iter().enumerate() {
        let file = format!("model-0000{}-of-00002.safetensors", position % 2 + 1);
        weight_map.insert(name.clone(), file);
        shards[position % 2].insert(name, tensor);
    }
    for (shard, number) in shards.iter().zip(1..) {
        write(
            &folder.join(format!("model-0000{number}-of-00002.safetensors")),
            shard,
        );
    }
    weight_map
}

#[test]
fn shards_give_the_same_logits() {
    let case = case();
    let folder = folder(&case, |folder| {
        let weight_map = write_shards(folder, tensors(&case));
        write_index(folder, "model.safetensors.index.json", &weight_map);
    });
    let expected = case.expected();
    expected.assert(
        "logits",
        logits(&load(&folder, &test_device()).unwrap(), &expected),
    );
}

#[test]
fn index_that_points_elsewhere_is_refused() {
    let case = case();
    for file in [
        "../model.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
        "",
        ".",
        "..",
        "a\0b",
    ] {
        let folder = folder(&case, |folder| {
            let mut weight_map = write_shards(folder, tensors(&case));
            weight_map.insert("shared.weight".to_owned(), file.to_owned());
            write_index(folder, "model.safetensors.index.json", &weight_map);
        });
        let error = refusal(&folder);
        let is_refused = matches!(
            error,
            PretrainedError::Damaged { .. } | PretrainedError::Read { .. }
        );
        assert!(is_refused, "{file:?}: {error}");
    }
}

#[test]
fn index_with_a_missing_shard_names_the_file() {
    let case = case();
    let folder = folder(&case, |folder| {
        let weight_map = write_shards(folder, tensors(&case));
        write_index(folder, "model.safetensors.index.json", &weight_map);
        fs::remove_file(folder.join("model-00002-of-00002.safetensors")).unwrap();
    });
    assert!(
        refusal(&folder)
            .to_string()
            .contains("model-00002-of-00002.safetensors")
    );
}

#[test]
fn index_with_a_tensor_in_the_wrong_shard_names_it() {
    let case = case();
    let folder = folder(&case, |folder| {
        let mut weight_map = write_shards(folder, tensors(&case));
        let file = weight_map
            .values()
            .find(|file| **file != weight_map["shared.weight"]);
        weight_map.insert("shared.weight".to_owned(), file.unwrap().clone());
        write_index(folder, "model.safetensors.index.json", &weight_map);
    });
    assert!(refusal(&folder).to_string().contains("shared.weight"));
}

#[test]
fn half_precision_files_are_read_as_their_rounded_values() {
    type Round = fn(f32) -> (Vec<u8>, f32);
    let roundings: [(Dtype, Round); 2] = [
        (Dtype::F16, |x| {
            (
                f16::from_f32(x).to_le_bytes().to_vec(),
                f16::from_f32(x).to_f32(),
            )
        }),
        (Dtype::BF16, |x| {
            (
                bf16::from_f32(x).to_le_bytes().to_vec(),
                bf16::from_f32(x).to_f32(),
            )
        }),
    ];
    let case = case();
    let original = Checkpoint::open(&case.path).unwrap();
    for (dtype, round) in roundings {
        let folder = folder(&case, |folder| {
            let mut rounded = tensors(&case);
            for (name, (tensor_dtype, _, bytes)) in &mut rounded {
                *tensor_dtype = dtype;
                *bytes = original
                    .read(name)
                    .unwrap()
                    .unwrap()
                    .into_iter()
                    .flat_map(|x| round(x).0)
                    .collect();
            }
            write(&folder.join("model.safetensors"), &rounded);
        });
        let model = load(&folder, &test_device()).unwrap();
        let saved = tempfile::tempdir().unwrap();
        model.save_pretrained(saved.path()).unwrap();
        let saved = Checkpoint::open(saved.path()).unwrap();
        for name in original.names() {
            let rounded: Vec<f32> = original
                .read(name)
                .unwrap()
                .unwrap()
                .into_iter()
                .map(|x| round(x).1)
                .collect();
            assert_eq!(saved.read(name).unwrap().unwrap(), rounded, "{name}");
        }
    }
}

#[test]
fn pytorch_files_give_the_same_weights() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pytorch");
    let device = test_device();
    let [from_bin, from_safetensors] = ["bin", "safetensors"].map(|layout| {
        let model = T5ForConditionalGeneration::from_pretrained(&fixture.join(layout), &device);
        let saved = tempfile::tempdir().unwrap();
        model.unwrap().save_pretrained(saved.path()).unwrap();
        Checkpoint::open(saved.path())
            .unwrap()
            .names()
            .map(str::to_owned)
            .map(|name| {
                let saved = Checkpoint::open(saved.path()).unwrap();
                (saved.read(&name).unwrap().unwrap(), name)
            })
            .collect::<Vec<_>>()
    });
    assert_eq!(from_bin.len(), from_safetensors.len());
    for ((bin, name), (safetensors, _)) in from_bin.iter().zip(&from_safetensors) {
        assert_close(name, bin, safetensors, 0.0, 0.0);
    }
}

#[test]
fn one_error_lists_all_that_does_not_fit() {
    let case = case();
    let folder = folder(&case, |folder| {
        let mut tensors = tensors(&case);
        tensors.remove("encoder.final_layer_norm.weight").unwrap();
        let (_, shape, _) = tensors.get_mut("decoder.final_layer_norm.weight").unwrap();
        shape.insert(0, 1);
        let extra = (Dtype::F32, vec![1], vec![0; 4]);
        tensors.insert("encoder.block.9.extra".to_owned(), extra);
        write(&folder.join("model.safetensors"), &tensors);
    });
    let PretrainedError::Misfit { misfit, .. } = refusal(&folder) else {
        panic!("no misfit")
    };
    assert_eq!(misfit.missing, ["encoder.final_layer_norm.weight"]);
    assert_eq!(misfit.unused, ["encoder.block.9.extra"]);
    let (name, found, expected) = &misfit.misshapen[0];
    assert_eq!(name, "decoder.final_layer_norm.weight");
    assert_eq!((found.len(), expected.len()), (2, 1));
}

#[test]
fn integer_weights_are_refused_by_name() {
    let case = case();
    let folder = folder(&case, |folder| {
        let mut tensors = tensors(&case);
        tensors.get_mut("shared.weight").unwrap().0 = Dtype::I32;
        write(&folder.join("model.safetensors"), &tensors);
    });
    let error = refusal(&folder);
    assert!(matches!(&error, PretrainedError::NotFloat { name, .. } if name == "shared.weight"));
}

#[test]
fn file_cut_short_anywhere_is_refused() {
    let case = case();
    let whole = fs::read(case.path.join("model.safetensors")).unwrap();
    let step = whole.len() / 200;
    for length in (0..64)
        .chain((64..whole.len()).step_by(step))
        .chain([whole.len() - 1])
    {
        let folder = folder(&case, |folder| {
            fs::write(folder.join("model.safetensors"), &whole[..length]).unwrap();
        });
        let error = refusal(&folder);
        let is_refused = matches!(
            error,
            PretrainedError::Damaged { .. } | PretrainedError::Read { .. }
        );
        assert!(is_refused, "{length} bytes: {error}");
    }
}

#[test]
fn folder_without_weights_or_config_says_what_was_looked_for() {
    let case = case();
    let no_weights = folder(&case, |_| ());
    assert!(
        refusal(&no_weights)
            .to_string()
            .contains("model.safetensors")
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(&empty).to_string().contains("config.json"));
}

#[test]
fn folder_that_cannot_be_made_is_an_error_with_its_path() {
    let case = case();
    let model = T5ForConditionalGeneration::from_pretrained(&case.path, &test_device()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = model
        .save_pretrained(&file.path().join("model"))
        .unwrap_err();
    assert!(matches!(error, PretrainedError::Write { .. }), "{error}");
}
