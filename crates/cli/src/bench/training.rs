//! Steps of training, as a run makes them: forward, backward, clipping, update.

use burn::tensor::Device;
use lamplight_data::batch::{MaskedBatch, Seq2SeqBatch};
use lamplight_data::objective::replaced_token_detection::MaskedExample;
use lamplight_data::tokenizer::Tokenizer;
use lamplight_electra::{ElectraConfig, ElectraPretraining};
use lamplight_kernels::readback::Readback;
use lamplight_layers::initializer::draw_all;
use lamplight_layers::leaf::keep_all;
use lamplight_layers::precision::Precision;
use lamplight_t5::{T5Config, T5ForConditionalGeneration};
use lamplight_training::clipping::Limits;
use lamplight_training::gradients::ScaledGradients;
use lamplight_training::micro_step::{Factor, MicroStep, StepSums};
use lamplight_training::optimizer::ModelOptimizer;
use lamplight_training::recipe::Recipe;
use lamplight_training::task::{ReplacedTokenDetection, Task, TextToText};

use super::Setting;
use super::forward::{self, id};
use super::measure::Case;

const MASK_ID: u32 = 103;
const DROPOUT: f64 = 0.1;
const LIMITS: Limits = Limits {
    norm: Some(1.0),
    spikes: None,
};
/// Of the tokens of a row that the generator predicts.
const MASK_FRACTION: f64 = 0.15;

/// How much a step of T5 reads.
pub struct T5Step {
    /// The model's sizes.
    pub config: T5Config,
    /// Rows of a micro-batch.
    pub rows: usize,
    /// Tokens of a row that go in.
    pub source: usize,
    /// Tokens of a row that come out.
    pub target: usize,
    /// Micro-batches of the step.
    pub num_micro_batches: usize,
}

/// How much a pre-training step of ELECTRA reads.
pub struct ElectraStep {
    /// The discriminator's sizes.
    pub discriminator: ElectraConfig,
    /// How much of them the generator has.
    pub generator_size: f64,
    /// Rows of a micro-batch.
    pub rows: usize,
    /// Tokens of a row.
    pub length: usize,
    /// Micro-batches of the step.
    pub num_micro_batches: usize,
}

impl T5Step {
    /// T5-small, 4 x 512 tokens in and 114 out.
    pub fn small() -> Self {
        Self {
            config: T5Config {
                dropout_rate: DROPOUT,
                ..T5Config::default()
            },
            rows: 4,
            source: 512,
            target: 114,
            num_micro_batches: 1,
        }
    }

    /// T5-base of version 1.1, 128 x 512 tokens in and 114 out in four parts, without dropout as it was pre-trained.
    pub fn base() -> Self {
        Self {
            config: T5Config {
                dropout_rate: 0.0,
                ..forward::t5_base()
            },
            rows: 32,
            num_micro_batches: 4,
            ..Self::small()
        }
    }

    /// The step as it is timed.
    pub fn case(self, setting: &Setting) -> anyhow::Result<Case> {
        let Self {
            config,
            source,
            target,
            ..
        } = self;
        let device = setting.device.clone().autodiff();
        // Nothing is written or shown: any tokenizer will do.
        let task = TextToText::asking_nothing(config.vocab_size, Tokenizer::byt5());
        let row = |row: usize, length: usize| -> Vec<u32> {
            let places = row * length..(row + 1) * length;
            places
                .map(|place| id(place, config.vocab_size) as u32)
                .collect()
        };
        let pairs: Vec<_> = (0..self.rows)
            .map(|number| (row(number, source), row(number, target)))
            .collect();
        let step = Step {
            batch: Seq2SeqBatch::from_pairs(&pairs, source, target),
            model: T5ForConditionalGeneration::new(&config, &device),
            num_micro_batches: self.num_micro_batches,
            task,
            recipe: "t5_small_v1_0",
        };
        step.case(setting.precision()?, device)
    }
}

impl ElectraStep {
    /// ELECTRA-small on this many rows of 128 tokens.
    pub fn small(rows: usize) -> Self {
        Self {
            discriminator: ElectraConfig::small(),
            generator_size: 0.25,
            rows,
            length: 128,
            num_micro_batches: 1,
        }
    }

    /// ELECTRA-base, 256 x 512 tokens in four parts.
    pub fn base() -> Self {
        Self {
            discriminator: ElectraConfig::base(),
            generator_size: 1.0 / 3.0,
            rows: 64,
            length: 512,
            num_micro_batches: 4,
        }
    }

    /// The step as it is timed.
    pub fn case(self, setting: &Setting) -> anyhow::Result<Case> {
        let discriminator = ElectraConfig {
            hidden_dropout_prob: DROPOUT,
            attention_probs_dropout_prob: DROPOUT,
            ..self.discriminator
        };
        let generator = discriminator.generator(self.generator_size);
        let device = setting.device.clone().autodiff();
        let examples: Vec<_> = (0..self.rows)
            .map(|row| masked(row, self.length, discriminator.vocab_size))
            .collect();
        let num_masked = num_masked(self.length);
        let step = Step {
            batch: MaskedBatch::from_examples(&examples, self.length, num_masked, 0),
            model: ElectraPretraining::new(&discriminator, &generator, &device),
            num_micro_batches: self.num_micro_batches,
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
}

fn num_masked(length: usize) -> usize {
    (MASK_FRACTION * length as f64) as usize
}

/// A row in which every sixth token is masked, until there are enough.
fn masked(row: usize, length: usize, vocab_size: usize) -> MaskedExample {
    let places = row * length..(row + 1) * length;
    let input_ids: Vec<u32> = places.map(|place| id(place, vocab_size) as u32).collect();
    let masked_positions: Vec<u32> = (0..num_masked(length) as u32)
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
    /// The micro-batch, which is read again for each.
    batch: T::Batch,
    num_micro_batches: usize,
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
            task,
            model,
            batch,
            num_micro_batches,
            ..
        } = self;
        let model = keep_all(draw_all(model));
        let mut optimizer = ModelOptimizer::new(&recipe.optimizer, task.names(&model), &model)?;
        let parts = num_micro_batches as f64;
        let num_tokens = parts * task.num_tokens(&batch) as f64;
        let flops = parts * task.flops(&model, &batch);
        let factors: Vec<Factor> = (task.terms().iter())
            .map(|term| Factor {
                share: 1.0 / parts,
                coefficient: term.factor,
            })
            .collect();
        let mut model = Some(model);
        let mut seed = 0;
        let mut readback = None;
        let run = move || {
            let Some(master) = model.take() else {
                anyhow::bail!("an earlier step failed");
            };
            let mut sums = StepSums::default();
            for _ in 0..num_micro_batches {
                seed += 1;
                let part = MicroStep {
                    task: &task,
                    device: &device,
                    precision,
                    recompute: false,
                    factors: &factors,
                    seed,
                };
                part.run(&master, &batch, &mut sums)?;
            }
            let values = sums.values(&master);
            // As training does, which reads what a step was measured to be while the device computes the next.
            let before = readback.replace(Readback::start(values.clone()));
            before.map(Readback::finish).transpose()?;
            let gradients = ScaledGradients {
                gradients: sums.gradients,
                factor: Some(LIMITS.factor(values)),
            };
            model = Some(optimizer.step(recipe.optimizer.learning_rate, master, gradients));
            Ok(())
        };
        Ok(Case {
            num_tokens: Some(num_tokens),
            flops: Some(flops),
            ..Case::new(run)
        })
    }
}
