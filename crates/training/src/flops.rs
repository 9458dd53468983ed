//! How many floating-point operations training takes, for rates and for the utilisation of a device.
//!
//! The rule: a multiply-add counts two; only matrix products count, those of attention over the whole
//! square of positions even where a mask hides half of it; looking an embedding up counts nothing; the
//! backward pass takes twice the forward pass, so training takes three times it. What is computed again
//! to save memory does not count, nor does the optimizer.

use lamplight_electra::ElectraConfig;
use lamplight_t5::T5Config;

/// Forward and backward pass, in forward passes.
const TRAINING: f64 = 3.0;

/// Operations of training T5 on one row of `source` input and `target` output tokens.
pub fn t5_training(config: &T5Config, source: usize, target: usize) -> f64 {
    TRAINING * t5_forward(config, source, target)
}

/// The same without the backward pass.
pub fn t5_forward(config: &T5Config, source: usize, target: usize) -> f64 {
    let encoder = t5_encoder(config, source);
    let [source, target, width] = [source, target, config.d_model].map(|size| size as f64);
    let inner = (config.num_heads * config.d_kv) as f64;
    let feed_forward = t5_feed_forward(config);
    // Queries and output of cross-attention are per target token, its keys and values per source token.
    let decoder_layer = (6.0 * width * inner + feed_forward) * 2.0 * target
        + 2.0 * width * inner * 2.0 * source
        + 4.0 * (target * target + target * source) * inner;
    let head = 2.0 * target * width * config.vocab_size as f64;
    encoder + config.decoder_layers() as f64 * decoder_layer + head
}

/// The forward pass of T5's encoder on one row of `source` tokens.
pub fn t5_encoder(config: &T5Config, source: usize) -> f64 {
    let [source, width] = [source, config.d_model].map(|size| size as f64);
    let inner = (config.num_heads * config.d_kv) as f64;
    let linear = 4.0 * width * inner + t5_feed_forward(config);
    let layer = linear * 2.0 * source + 4.0 * source * source * inner;
    config.num_layers as f64 * layer
}

/// Weights of a feed-forward layer.
fn t5_feed_forward(config: &T5Config) -> f64 {
    let num_matrices = match config.activation() {
        Ok((_, true)) => 3.0,
        _ => 2.0,
    };
    num_matrices * (config.d_model * config.d_ff) as f64
}

/// The shape of a row of ELECTRA's pre-training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElectraShape {
    /// Tokens.
    pub length: usize,
    /// Positions that the generator predicts.
    pub num_masked: usize,
}

/// Operations of training ELECTRA's generator and discriminator on one row.
pub fn electra_training(
    discriminator: &ElectraConfig,
    generator: &ElectraConfig,
    shape: ElectraShape,
) -> f64 {
    let detection = {
        let hidden = discriminator.hidden_size as f64;
        (2.0 * hidden * hidden + 2.0 * hidden) * shape.length as f64
    };
    let prediction = {
        let embedding = generator.embedding_size as f64;
        let size = generator.hidden_size as f64 + generator.vocab_size as f64;
        2.0 * embedding * size * shape.num_masked as f64
    };
    let bodies =
        electra_encoder(discriminator, shape.length) + electra_encoder(generator, shape.length);
    TRAINING * (bodies + detection + prediction)
}

/// Training an encoder with a small head on a row of `length` tokens.
pub fn electra_encoder_training(config: &ElectraConfig, length: usize) -> f64 {
    TRAINING * electra_encoder(config, length)
}

/// The forward pass of an encoder without its head.
pub fn electra_encoder(config: &ElectraConfig, length: usize) -> f64 {
    let [length, hidden, embedding] =
        [length, config.hidden_size, config.embedding_size].map(|size| size as f64);
    let linear = 4.0 * hidden * hidden + 2.0 * hidden * config.intermediate_size as f64;
    let layer = linear * 2.0 * length + 4.0 * length * length * hidden;
    let projection = match config.embedding_size == config.hidden_size {
        true => 0.0,
        false => 2.0 * embedding * hidden * length,
    };
    config.num_hidden_layers as f64 * layer + projection
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Within the last digit that is given.
    fn assert_near(name: &str, value: f64, expected: f64, last_digit: f64) {
        assert!(
            (value - expected).abs() <= last_digit / 2.0 + 1e-9,
            "{name}: {value}"
        );
    }

    fn t5(d_model: usize, d_ff: usize, num_heads: usize, num_layers: usize) -> T5Config {
        T5Config {
            d_model,
            d_ff,
            num_heads,
            num_layers,
            ..T5Config::default()
        }
    }

    fn gated(config: T5Config) -> T5Config {
        T5Config {
            feed_forward_proj: Some("gated-gelu".to_owned()),
            ..config
        }
    }

    #[test]
    fn published_sizes_of_t5_take_what_the_formulas_say() {
        for (name, config, gflop, mflop_per_token) in [
            ("v1.0 small", t5(512, 2048, 8, 6), 106.3, 169.7),
            ("v1.1 small", gated(t5(512, 1024, 6, 8)), 106.3, 169.7),
            ("v1.0 base", t5(768, 3072, 12, 12), 425.9, 680.4),
            ("v1.1 base", gated(t5(768, 2048, 12, 12)), 425.9, 680.4),
            ("v1.0 large", t5(1024, 4096, 16, 24), 1444.0, 2307.0),
            ("v1.1 large", gated(t5(1024, 2816, 16, 24)), 1468.0, 2345.0),
        ] {
            let row = t5_training(&config, 512, 114);
            let digit = |value: f64| if value > 1000.0 { 1.0 } else { 0.1 };
            assert_near(name, row / 1e9, gflop, digit(gflop));
            let per_token = row / 1e6 / (512.0 + 114.0);
            assert_near(name, per_token, mflop_per_token, digit(mflop_per_token));
        }
    }

    #[test]
    fn published_sizes_of_electra_take_what_the_formulas_say() {
        let row = |length, num_masked| ElectraShape { length, num_masked };
        for (name, config, size, shape, mflop_per_token, share) in [
            (
                "small",
                ElectraConfig::small(),
                0.25,
                row(128, 19),
                70.2,
                0.12,
            ),
            (
                "small++",
                ElectraConfig::small(),
                1.0,
                row(512, 79),
                155.4,
                0.51,
            ),
            (
                "base",
                ElectraConfig::base(),
                1.0 / 3.0,
                row(512, 79),
                668.3,
                0.15,
            ),
            (
                "large",
                ElectraConfig::large(),
                0.25,
                row(512, 130),
                2170.0,
                0.09,
            ),
        ] {
            let config = ElectraConfig {
                vocab_size: 30522,
                ..config
            };
            let generator = config.generator(size);
            let total = electra_training(&config, &generator, shape);
            let digit = if mflop_per_token > 1000.0 { 1.0 } else { 0.1 };
            let per_token = total / 1e6 / shape.length as f64;
            assert_near(name, per_token, mflop_per_token, digit);
            let hidden = config.hidden_size as f64;
            let head = (2.0 * hidden * hidden + 2.0 * hidden) * shape.length as f64;
            let discriminator = TRAINING * (electra_encoder(&config, shape.length) + head);
            assert_near(name, 1.0 - discriminator / total, share, 0.01);
        }
    }
}
