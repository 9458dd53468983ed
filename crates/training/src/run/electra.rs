//! What a run of ELECTRA prepares.

use lamplight_data::loader::MaskedTokenSettings;
use lamplight_electra::ElectraPretraining;

use super::{Prepared, Run, RunSummary, Work};
use crate::flops::ElectraShape;
use crate::model_config::electra_config;
use crate::progress::Observer;
use crate::task::ReplacedTokenDetection;
use crate::texts::load_texts;
use crate::{TrainingError, loaders, memory};

/// Pre-training by replaced-token detection.
pub(super) fn replaced_token_detection(
    mut run: Run,
    prepared: &Prepared,
    observer: &mut dyn Observer,
) -> Result<RunSummary, TrainingError> {
    let texts = load_texts(&run.sources, &prepared.files, &run.recipe, observer)?;
    let vocab_size = run.resolve_vocab_size(&texts.tokenizer)?;
    let config = electra_config(&run.recipe.model)?;
    let generator = config.generator(run.recipe.model.generator_size.unwrap_or(1.0));

    let recipe = &run.recipe;
    let settings = loaders::masked_settings(recipe);
    let num_tokens = texts.training.num_tokens();
    let loader = |corpus| loaders::masked(recipe, corpus, &texts.tokenizer);
    let held_out = loader(texts.held_out)?;
    let work = Work {
        fresh: ElectraPretraining::new(&config, &generator, &run.device.clone().autodiff()),
        examples: loader(texts.training)?,
        held_out: held_out.digest(),
        num_tokens,
        activations: memory::electra([&config, &generator], settings.batch_size, shape(settings)),
        task: ReplacedTokenDetection {
            vocab_size,
            held_out: held_out.evaluation_batches(recipe.evaluation.max_batches)?,
            tokenizer: texts.tokenizer,
            num_shown: recipe.evaluation.num_shown,
        },
    };
    run.execute(prepared, work, observer)
}

/// The shape of a row.
fn shape(settings: MaskedTokenSettings) -> ElectraShape {
    ElectraShape {
        length: settings.sequence_length,
        num_masked: settings.masking.max_masked(settings.sequence_length),
    }
}
