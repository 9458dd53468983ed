//! A cube for each tile of queries, which goes over all tiles of keys and keeps a running softmax.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::plan::SCORES_OF_UNIT;
use super::product::multiply;
use super::scores::{Dropping, Own, of_lanes, put_kept, query_of, scores_of};
use super::tile::{clear, load, part_of_cube, store};

/// Context `[batch, heads, target, head_dim]`, and of each query the highest score and one over the sum of the
/// exponentials, each less by it: `[batch, heads, target, 2]`.
#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
pub fn forward_kernel<F: Float>(
    query: &Tensor<F>,
    key: &Tensor<F>,
    value: &Tensor<F>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    seed: &Tensor<f32>,
    context: &mut Tensor<F>,
    normalizers: &mut Tensor<f32>,
    scale: f32,
    dropping: Dropping,
    #[comptime] form: Form,
    #[define(F)] _dtype: ElemType,
) {
    let plan = comptime!(form.plan);
    let side = comptime!(plan.side);
    let (heads, target, source) = (query.shape(1), query.shape(2), key.shape(2));
    let tiles = target.div_ceil(side);
    if CUBE_POS >= query.shape(0) * heads * tiles {
        terminate!();
    }
    let part = part_of_cube(heads, tiles, plan);
    let unit = UNIT_POS as usize;
    let mut queries =
        Shared::<[F]>::new_aligned_slice(comptime!(side * plan.row_stride()), 32usize);
    // The keys of a tile, then the values.
    let mut others = Shared::<[F]>::new_aligned_slice(comptime!(side * plan.row_stride()), 32usize);
    let mut weights =
        Shared::<[F]>::new_aligned_slice(comptime!(side * plan.weight_stride()), 32usize);
    let mut scores =
        Shared::<[f32]>::new_aligned_slice(comptime!(side * plan.score_stride()), 32usize);
    let mut sums = Shared::<[f32]>::new_aligned_slice(comptime!(side * plan.sum_stride()), 32usize);
    let mut partial = Shared::<[f32]>::new_slice(comptime!(plan.units()));

    let unit_query = query_of(bias, mask, seed, &part, part.first, scale, form);
    load::<F>(query, &part, part.first, &mut queries, plan);
    clear(&mut sums, plan);
    // Of the query the highest score so far; of this unit's keys the sum of exponentials, each less by it.
    let mut highest = f32::min_value();
    let mut total = 0.0f32;
    let mut first = 0usize;
    while first < source {
        load::<F>(key, &part, first, &mut others, plan);
        sync_cube();
        multiply::<F>(&queries, &others, &mut scores, comptime!(plan.scores()));
        sync_cube();
        load::<F>(value, &part, first, &mut others, plan);
        let mut own_scores = scores_of(&scores, bias, mask, &unit_query, first, plan);
        let mut higher = highest;
        #[unroll]
        for index in 0..SCORES_OF_UNIT {
            higher = max(higher, own_scores[index]);
        }
        partial[unit] = higher;
        sync_cube();
        let higher = of_lanes(&partial, &unit_query.own, plan, false);
        let shrink = f32::exp(highest - higher);
        highest = higher;
        total *= shrink;
        #[unroll]
        for index in 0..SCORES_OF_UNIT {
            own_scores[index] = f32::exp(own_scores[index] - highest);
            total += own_scores[index];
        }
        put_kept::<F>(
            &own_scores,
            &mut weights,
            &unit_query,
            first,
            &dropping,
            form,
        );
        scale_row(&mut sums, &unit_query.own, shrink, form);
        sync_cube();
        multiply::<F>(&weights, &others, &mut sums, comptime!(plan.over_keys()));
        sync_cube();
        first += side;
    }
    partial[unit] = total;
    sync_cube();
    let factor = 1.0f32 / of_lanes(&partial, &unit_query.own, plan, true);
    scale_row(&mut sums, &unit_query.own, factor, form);
    if unit_query.own.lane == 0 && unit_query.is_there {
        normalizers[2 * unit_query.row] = highest;
        normalizers[2 * unit_query.row + 1] = factor;
    }
    sync_cube();
    store::<F>(&sums, 1.0f32, context, &part, plan);
}

/// Multiplies the sums of a query, which its units share out.
#[cube]
fn scale_row(sums: &mut Shared<[f32]>, own: &Own, factor: f32, #[comptime] form: Form) {
    let mut column = own.lane;
    while column < comptime!(form.plan.width) {
        sums[own.row * comptime!(form.plan.sum_stride()) + column] *= factor;
        column += comptime!(form.plan.lanes());
    }
}
