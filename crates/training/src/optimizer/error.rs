//! Why an optimizer cannot be made, or cannot go on from a saved state.

/// What is wrong with the groups of a recipe or with a saved state; every variant names the entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// A group that no parameter belongs to.
    #[error(
        "recipe key `optimizer.groups`: no parameter's name matches the pattern `{pattern}`; names are such as {examples}"
    )]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// A few names of the model.
        examples: String,
    },
    /// Factors that leave nothing of a learning rate.
    #[error(
        "the learning rate of `{parameter}` is {rate:e}, which is 0 in f32: raise optimizer.learning_rate, optimizer.layer_decay or the factor of its group"
    )]
    NoLearningRate {
        /// The parameter.
        parameter: String,
        /// The peak of its learning rate.
        rate: f64,
    },
    /// The file is none of ours, or was cut off.
    #[error("the optimizer's state cannot be read: {reason}")]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
    /// The file was written by a later version, or is no optimizer's state.
    #[error("the optimizer's state has format `{found}`; this version reads `{expected}`")]
    Format {
        /// What the file says.
        found: String,
        /// What is understood.
        expected: &'static str,
    },
    /// An entry that the model's optimizer needs.
    #[error(
        "the optimizer's state lacks `{entry}`: it was saved with another model or optimizer, or is damaged"
    )]
    Missing {
        /// The entry.
        entry: String,
    },
    /// An entry that does not fit its parameter.
    #[error("`{entry}` of the optimizer's state has shape {found:?}, the model needs {expected:?}")]
    Misshapen {
        /// The entry.
        entry: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that fits.
        expected: Vec<usize>,
    },
    /// An entry that nothing of the model's optimizer reads.
    #[error(
        "`{entry}` of the optimizer's state belongs to no parameter here: it was saved with another model or optimizer"
    )]
    Foreign {
        /// The entry.
        entry: String,
    },
}
