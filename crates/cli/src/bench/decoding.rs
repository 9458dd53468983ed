//! Generation by T5 with random weights.

use lamplight_layers::initializer::draw_all;
use lamplight_t5::{
    GenerationConfig, GenerationInput, Generator, T5Config, T5ForConditionalGeneration,
};
use lamplight_training::flops;

use super::Setting;
use super::forward::{ids, no_padding};
use super::measure::Case;

/// Tokens of an input.
const SOURCE: usize = 64;
/// Ids of an answer.
const TARGET: usize = 64;

/// Answers of a fixed length to `rows` inputs.
pub fn t5(
    setting: &Setting,
    config: &T5Config,
    rows: usize,
    num_beams: usize,
) -> anyhow::Result<Case> {
    let model = draw_all(T5ForConditionalGeneration::new(config, &setting.device));
    let model = setting.dtype.of_t5(&model)?;
    let strategy = GenerationConfig::beam(num_beams)
        .max_new_tokens(TARGET)
        .min_new_tokens(TARGET);
    let shape = [rows, SOURCE];
    let ids = ids(shape, config.vocab_size, &setting.device);
    let no_padding = no_padding(shape, &setting.device);
    // A wrong setting is found before the first run.
    Generator::new(&model, strategy.clone())?;
    let row = flops::t5_forward(config, SOURCE, TARGET);
    let run = move || {
        let generator = Generator::new(&model, strategy.clone())?;
        let answers = generator.generate(GenerationInput::new(ids.clone(), no_padding.clone()))?;
        std::hint::black_box(answers);
        Ok(())
    };
    Ok(Case {
        num_tokens: Some((rows * TARGET) as f64),
        // Each beam decodes; the encoder, which they share, is counted for each.
        flops: (num_beams == 1).then_some(rows as f64 * row),
        ..Case::new(run)
    })
}
