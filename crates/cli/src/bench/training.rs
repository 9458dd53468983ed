//! Steps of training, as a run makes them: forward, backward, clipping, update.

use burn::tensor::{Device, Tensor};
use lamplight_data::batch::{MaskedBatch, Seq2SeqBatch};
use lamplight_data::objective::replaced_token_detection::MaskedExample;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_electra::{ElectraConfig, ElectraPretraining};
use lamplight_layers::initializer::draw_all;
use lamplight_layers::precision::Precision;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use lamplight_training::gradients::{clip_factor, global_norm, scale};
use lamplight_training::micro_step::{Factor, MicroStep, StepSums};
use lamplight_training::optimizer::ModelOptimizer;
use lamplight_training::recipe::Recipe;
use lamplight_training::task::{ReplacedTokenDetection, Task, TextToText};

use super::Setting;
use super::forward::id;
use super::measure::Case;

/// Rows of T5, and tokens of each that go in and out.
const T5_SHAPE: [usize; 3] = [4, 512, 114];
const ELECTRA_ROWS: usize = 16;
const ELECTRA_LENGTH: usize = 128;
/// Positions of a row that the generator predicts.
const ELECTRA_MASKED: usize = 19;
const MASK_ID: u32 = 103;
const DROPOUT: f64 = 0.1;
const CLIP_NORM: f64 = 1.0;

/// A step of T5-small.
pub fn t5(setting: &Setting) -> anyhow::Result<Case> {
    t5_of(setting, T5_SHAPE)
}

/// A step of T5-small on so many rows of so many tokens in and out.
pub fn t5_of(setting: &Setting, [rows, source, target]: [usize; 3]) -> anyhow::Result<Case> {
    let config = T5Config {
        dropout_rate: DROPOUT,
        ..T5Config::default()
    };
    let device = setting.device.clone().autodiff();
    // Nothing is written or shown: any tokenizer will do.
    let task = TextToText::asking_nothing(config.vocab_size, Tokenizer::byt5());
    let row = |row: usize, length: usize| -> Vec<u32> {
        let places = row * length..(row + 1) * length;
        places
            .map(|place| id(place, config.vocab_size) as u32)
            .collect()
    };
    let pairs: Vec<_> = (0..rows)
        .map(|number| (row(number, source), row(number, target)))
        .collect();
    let step = Step {
        batch: Seq2SeqBatch::from_pairs(&pairs, source, target),
        model: T5ForConditionalGeneration::new(&config, &device),
        task,
        recipe: "t5_small_v1_0",
    };
    step.case(setting.precision()?, device)
}

/// A step of ELECTRA-small.
pub fn electra(setting: &Setting) -> anyhow::Result<Case> {
    let discriminator = ElectraConfig {
        hidden_dropout_prob: DROPOUT,
        attention_probs_dropout_prob: DROPOUT,
        ..ElectraConfig::small()
    };
    let generator = discriminator.generator(0.25);
    let device = setting.device.clone().autodiff();
    let examples: Vec<_> = (0..ELECTRA_ROWS)
        .map(|row| masked(row, discriminator.vocab_size))
        .collect();
    let step = Step {
        batch: MaskedBatch::from_examples(&examples, ELECTRA_LENGTH, ELECTRA_MASKED, 0),
        model: ElectraPretraining::new(&discriminator, &generator, &device),
        task: ReplacedTokenDetection {
            vocab_size: discriminator.vocab_size,
            tokenizer: Tokenizer::byt5(),
            held_out: Vec::new(),
            num_shown: 0,
        },
        recipe: "electra_small",
    };
    step.case(setting.precision()?, device)
}

/// A row in which every sixth token is masked.
fn masked(row: usize, vocab_size: usize) -> MaskedExample {
    let places = row * ELECTRA_LENGTH..(row + 1) * ELECTRA_LENGTH;
    let input_ids: Vec<u32> = places.map(|place| id(place, vocab_size) as u32).collect();
    let masked_positions: Vec<u32> = (0..ELECTRA_MASKED as u32)
        .map(|place| 6 * place + 1)
        .collect();
    let mut masked_input_ids = input_ids.clone();
    for &position in &masked_positions {
        masked_input_ids[position as usize] = MASK_ID;
    }
    MaskedExample {
        token_type_ids: vec![0; input_ids.len()],
        input_ids,
        masked_input_ids,
        masked_positions,
    }
}

/// What a step reads and changes.
struct Step<T: Task> {
    task: T,
    model: T::Model,
    batch: T::Batch,
    /// The preset that names the settings of the optimizer.
    recipe: &'static str,
}

impl<T: Task + 'static> Step<T>
where
    T::Batch: 'static,
{
    fn case(self, precision: Precision, device: Device) -> anyhow::Result<Case> {
        let overrides = ["optimizer.kind=adamw", "optimizer.learning_rate=1e-4"];
        let (_, recipe) = Recipe::load(self.recipe, &overrides.map(str::to_owned))?;
        let Self {
            task, model, batch, ..
        } = self;
        let model = draw_all(model);
        let mut optimizer = ModelOptimizer::new(&recipe.optimizer, task.names(&model), &model)?;
        let (num_tokens, flops) = (task.num_tokens(&batch), task.flops(&model, &batch));
        let factors: Vec<Factor> = (task.terms().iter())
            .map(|term| Factor {
                share: 1.0,
                coefficient: term.factor,
            })
            .collect();
        let mut model = Some(model);
        let mut seed = 0;
        let run = move || {
            let Some(master) = model.take() else {
                anyhow::bail!("an earlier step failed");
            };
            seed += 1;
            let step = MicroStep {
                task: &task,
                device: &device,
                precision,
                recompute: false,
                factors: &factors,
                seed,
            };
            let mut sums = StepSums::default();
            step.run(&master, &batch, &mut sums)?;
            let factor = clip_factor(
                read(sums.terms, global_norm(&master, &sums.gradients))?,
                Some(CLIP_NORM),
            );
            let gradients = scale(&master, sums.gradients, factor);
            model = Some(optimizer.step(recipe.optimizer.learning_rate, master, gradients));
            Ok(())
        };
        Ok(Case {
            num_tokens: Some(num_tokens as f64),
            flops: Some(flops),
            ..Case::new(run)
        })
    }
}

/// The norm, read together with the losses in one transfer as training does.
fn read(terms: Option<Tensor<1>>, norm: Option<Tensor<1>>) -> anyhow::Result<f32> {
    let read: Vec<_> = terms.into_iter().chain(norm).collect();
    let values: Vec<f32> = Tensor::cat(read, 0).try_into_vec_as()?;
    Ok(values.last().copied().unwrap_or_default())
}
