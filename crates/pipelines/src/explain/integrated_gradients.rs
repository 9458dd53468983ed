//! Integrated gradients (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks").
//!
//! What position `i` contributes to a score `F` is the gradient of `F` by its embedding, integrated over the
//! straight path from a baseline `x'` to the input `x`, times `x_i - x'_i`. Over all positions this sums up to
//! `F(x) - F(x')` (completeness, their proposition 1). The same holds on every piece of the path, so the error of each
//! piece is known from two scores, and those with the largest are halved until all of them together are small enough. Where
//! the network is smooth the first gradients do; with ReLU the gradient jumps, and the error only falls with the number.

use burn::tensor::{Tensor, TensorData};

use crate::batches::{host, host_rows};

/// Nodes and weights of the Gauss-Legendre rule of 8 points on [-1, 1], which is exact for polynomials of degree 15; the
/// other four are their mirror images.
const HALF_RULE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];
const NUM_NODES: usize = 2 * HALF_RULE.len();
/// So that errors of several positions seldom cancel out unseen.
const NUM_PIECES_AT_FIRST: usize = 4;

/// The straight line from a baseline to an input.
#[derive(Debug, Clone)]
pub(super) struct Path {
    /// `[1, length, width]`, without gradients.
    pub baseline: Tensor<3>,
    /// `[1, length, width]`, without gradients.
    pub input: Tensor<3>,
}

/// How closely the integral is computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accuracy {
    /// The errors of all pieces together, whatever their signs, relative to the difference of the scores.
    pub relative: f64,
    /// The errors that are small enough however small the difference is.
    pub absolute: f64,
    /// Gradients that are taken at most, each at another point of the path.
    pub max_gradients: usize,
    /// Points of the path that go through the model together.
    pub batch: usize,
}

/// What the path integral gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Integral {
    /// The attribution of each position, `[length]`.
    pub values: Vec<f64>,
    /// The score of the input.
    pub score: f64,
    /// The score of the baseline.
    pub baseline_score: f64,
    /// How far the values are from `score - baseline_score` together; infinite where they are no numbers.
    pub error: f64,
    /// The error that was aimed at.
    pub tolerance: f64,
    /// How many gradients were taken.
    pub num_gradients: usize,
}

/// A piece of the path, integrated.
#[derive(Debug, Clone)]
struct Piece {
    start: End,
    end: End,
    /// `[length]`
    values: Vec<f64>,
}

/// A point of the path with its score.
#[derive(Debug, Clone, Copy)]
struct End {
    place: f64,
    score: f64,
}

impl Piece {
    fn error(&self) -> f64 {
        error(&self.values, self.start, self.end)
    }
}

/// How far attributions are from the difference of two scores; infinite where that is no number.
fn error(values: &[f64], start: End, end: End) -> f64 {
    let error = values.iter().sum::<f64>() - (end.score - start.score);
    if error.is_nan() {
        f64::INFINITY
    } else {
        error.abs()
    }
}

/// Integrates the gradient of `score`, which gives `[rows]` for embeddings `[rows, length, width]`, each row by itself.
pub(super) fn integrated_gradients(
    path: &Path,
    accuracy: &Accuracy,
    score: impl Fn(Tensor<3>) -> Tensor<1>,
) -> Integral {
    let integrand = Integrand {
        path,
        batch: accuracy.batch.max(1),
        score,
    };
    let places: Vec<f64> = (0..=NUM_PIECES_AT_FIRST)
        .map(|place| place as f64 / NUM_PIECES_AT_FIRST as f64)
        .collect();
    let ends = integrand.ends(&places);
    let (first, last) = (ends[0], ends[NUM_PIECES_AT_FIRST]);
    let tolerance = (accuracy.relative * (last.score - first.score).abs()).max(accuracy.absolute);
    let mut pieces = integrand.pieces(ends.windows(2).map(|ends| (ends[0], ends[1])).collect());
    let mut num_gradients = NUM_NODES * pieces.len();
    loop {
        let errors: f64 = pieces.iter().map(Piece::error).sum();
        let share = tolerance / pieces.len() as f64;
        let (coarse, mut fine): (Vec<_>, Vec<_>) = pieces
            .iter()
            .cloned()
            .partition(|piece| piece.error() > share);
        let num_more = 2 * NUM_NODES * coarse.len();
        if errors <= tolerance || num_gradients + num_more > accuracy.max_gradients {
            let values = sum(&pieces);
            return Integral {
                error: error(&values, first, last),
                values,
                score: last.score,
                baseline_score: first.score,
                tolerance,
                num_gradients,
            };
        }
        fine.extend(integrand.halves(&coarse));
        num_gradients += num_more;
        pieces = fine;
    }
}

fn sum(pieces: &[Piece]) -> Vec<f64> {
    let mut sum = vec![0.0; pieces.first().map_or(0, |piece| piece.values.len())];
    for piece in pieces {
        sum.iter_mut()
            .zip(&piece.values)
            .for_each(|(sum, value)| *sum += value);
    }
    sum
}

/// What is integrated.
struct Integrand<'a, F> {
    path: &'a Path,
    batch: usize,
    score: F,
}

impl<F: Fn(Tensor<3>) -> Tensor<1>> Integrand<'_, F> {
    /// The scores at places between 0, the baseline, and 1, the input.
    fn ends(&self, places: &[f64]) -> Vec<End> {
        let scores = places.chunks(self.batch).flat_map(|places| {
            let scores = (self.score)(self.points(places).autodiff());
            host(scores.inner())
        });
        let ends = places.iter().zip(scores);
        ends.map(|(&place, score)| End {
            place,
            score: f64::from(score),
        })
        .collect()
    }

    /// Both halves of each piece.
    fn halves(&self, pieces: &[Piece]) -> Vec<Piece> {
        let middles = pieces
            .iter()
            .map(|piece| (piece.start.place + piece.end.place) / 2.0);
        let middles = self.ends(&middles.collect::<Vec<_>>());
        let halves = pieces.iter().zip(middles);
        let halves =
            halves.flat_map(|(piece, middle)| [(piece.start, middle), (middle, piece.end)]);
        self.pieces(halves.collect())
    }

    /// The pieces between these ends, integrated.
    fn pieces(&self, ends: Vec<(End, End)>) -> Vec<Piece> {
        let nodes: Vec<(f64, f64)> = ends.iter().flat_map(nodes).collect();
        let places: Vec<f64> = nodes.iter().map(|(place, _)| *place).collect();
        let gradients: Vec<Vec<f32>> = places
            .chunks(self.batch)
            .flat_map(|places| self.along_path(places))
            .collect();
        let pieces = ends.into_iter().zip(gradients.chunks(NUM_NODES));
        let pieces =
            pieces
                .zip(nodes.chunks(NUM_NODES))
                .map(|(((start, end), gradients), nodes)| Piece {
                    start,
                    end,
                    values: weighted(gradients, nodes),
                });
        pieces.collect()
    }

    /// The derivative of the score along the path at some places, position by position: `[places][length]`.
    fn along_path(&self, places: &[f64]) -> Vec<Vec<f32>> {
        let points = self.points(places).autodiff().require_grad();
        let scores = (self.score)(points.clone());
        // A score that depends on nothing has no gradient.
        let gradient = match scores.is_tracked() {
            true => points.grad(&scores.sum().backward()),
            false => None,
        };
        let gradient = gradient.unwrap_or_else(|| points.inner().zeros_like());
        let direction = self.path.input.clone() - self.path.baseline.clone();
        host_rows((gradient * direction).sum_dim(2).squeeze_dim(2))
    }

    /// `[places, length, width]`.
    fn points(&self, places: &[f64]) -> Tensor<3> {
        let Path { baseline, input } = self.path;
        let places: Vec<f32> = places.iter().map(|&place| place as f32).collect();
        let shape = [places.len(), 1, 1];
        let places = Tensor::<3>::from_data(TensorData::new(places, shape), &input.device());
        baseline.clone() + (input.clone() - baseline.clone()) * places
    }
}

/// Where a piece is evaluated, and with which weights.
fn nodes((start, end): &(End, End)) -> Vec<(f64, f64)> {
    let (middle, half) = (
        (start.place + end.place) / 2.0,
        (end.place - start.place) / 2.0,
    );
    let mirrored = HALF_RULE
        .iter()
        .flat_map(|&(node, weight)| [(-node, weight), (node, weight)]);
    mirrored
        .map(|(node, weight)| (middle + half * node, half * weight))
        .collect()
}

/// The sum of rows with the weights of their nodes.
fn weighted(rows: &[Vec<f32>], nodes: &[(f64, f64)]) -> Vec<f64> {
    let length = rows.first().map_or(0, Vec::len);
    let value = |position: usize| {
        let weighted = rows.iter().zip(nodes);
        weighted
            .map(|(row, (_, weight))| weight * f64::from(row[position]))
            .sum()
    };
    (0..length).map(value).collect()
}

#[cfg(test)]
mod tests;
