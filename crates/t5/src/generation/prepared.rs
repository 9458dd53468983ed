use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use super::{GenerationConfig, GenerationError, GenerationInput};
use crate::T5ForConditionalGeneration;

/// Inputs that were checked.
#[derive(Debug)]
pub(super) struct Prepared {
    /// `[inputs, source]`, on the device of the model.
    pub input_ids: Tensor<2, Int>,
    /// `[inputs, source]`, true = padding.
    pub padding_mask: Tensor<2, Bool>,
    /// What the encoder reads, per input, without padding.
    pub texts: Vec<Vec<u32>>,
    /// What each answer begins with, per input; all of one length.
    pub prompts: Vec<Vec<u32>>,
    /// What the draws for each input follow from.
    pub seeds: Vec<u64>,
}

impl Prepared {
    pub(super) fn new(
        model: &T5ForConditionalGeneration,
        config: &GenerationConfig,
        input: GenerationInput,
    ) -> Result<Self, GenerationError> {
        let shape = input.input_ids.dims();
        let mask = input.padding_mask.dims();
        if shape != mask || shape[1] == 0 {
            return Err(GenerationError::Shapes { ids: shape, mask });
        }
        let [num_inputs, source] = shape;
        let ids: Vec<i64> = input.input_ids.into_data().iter::<i64>().collect();
        let is_padding: Vec<bool> = input.padding_mask.into_data().iter::<bool>().collect();
        let vocab_size = model.config().vocab_size;
        let texts = (0..num_inputs).map(|row| {
            let cells = row * source..(row + 1) * source;
            let cells = cells.filter(|&cell| !is_padding[cell]);
            let ids = cells.map(|cell| checked(ids[cell], row, vocab_size));
            ids.collect()
        });
        let texts = texts.collect::<Result<Vec<Vec<u32>>, _>>()?;
        // What stands in the padding does not matter, but it is looked up.
        let ids = ids.iter().zip(&is_padding);
        let ids: Vec<i64> = ids
            .map(|(&id, &is_padding)| if is_padding { 0 } else { id })
            .collect();
        let device = model.device();
        Ok(Self {
            input_ids: on_device(ids, shape, &device),
            padding_mask: Tensor::from_data(TensorData::new(is_padding, shape), &device),
            texts,
            prompts: prompts(model, config, input.decoder_input_ids, num_inputs)?,
            seeds: seeds(config, input.seeds, num_inputs)?,
        })
    }
}

/// The id if the vocabulary has it.
fn checked(id: i64, row: usize, vocab_size: usize) -> Result<u32, GenerationError> {
    match u32::try_from(id) {
        Ok(found) if (found as usize) < vocab_size => Ok(found),
        _ => Err(GenerationError::UnknownId {
            id,
            row,
            vocab_size,
        }),
    }
}

fn on_device(ids: Vec<i64>, shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(ids, shape), device)
}

fn prompts(
    model: &T5ForConditionalGeneration,
    config: &GenerationConfig,
    given: Option<Vec<Vec<u32>>>,
    num_inputs: usize,
) -> Result<Vec<Vec<u32>>, GenerationError> {
    let Some(prompts) = given else {
        let start = config.decoder_start_token_id;
        let start = start.unwrap_or(model.config().decoder_start_token_id);
        return Ok(vec![vec![start]; num_inputs]);
    };
    let length = prompts.first().map_or(0, Vec::len);
    let fit = prompts.len() == num_inputs && length > 0;
    if !fit || prompts.iter().any(|prompt| prompt.len() != length) {
        return Err(GenerationError::Prompts { num_inputs });
    }
    for (row, prompt) in prompts.iter().enumerate() {
        for &id in prompt {
            checked(id.into(), row, model.config().vocab_size)?;
        }
    }
    Ok(prompts)
}

fn seeds(
    config: &GenerationConfig,
    given: Option<Vec<u64>>,
    num_inputs: usize,
) -> Result<Vec<u64>, GenerationError> {
    let seeds = given.unwrap_or_else(|| {
        let numbers = 0..num_inputs as u64;
        numbers
            .map(|number| config.seed.wrapping_add(number))
            .collect()
    });
    match seeds.len() == num_inputs {
        true => Ok(seeds),
        false => Err(GenerationError::Seeds {
            found: seeds.len(),
            num_inputs,
        }),
    }
}
