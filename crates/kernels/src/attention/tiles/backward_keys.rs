//! A cube for each tile of keys, which goes over all tiles of queries.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::plan::SCORES_OF_UNIT;
use super::product::multiply;
use super::tile::{
    Dropping, addends_of, bits_of_query, clear, column_of, dropout_factor, load, new_scores, own,
    part_of_cube, score_of, store,
};

/// The gradients of keys and values.
#[cube(launch, address_type = "dynamic")]
#[expect(
    clippy::too_many_arguments,
    reason = "a kernel's arguments lie side by side"
)]
pub fn keys_kernel<F: Float>(
    query: &Tensor<F>,
    key: &Tensor<F>,
    value: &Tensor<F>,
    bias: &Tensor<f32>,
    mask: &Tensor<f32>,
    seed: &Tensor<f32>,
    normalizers: &Tensor<f32>,
    means: &Tensor<f32>,
    from_above: &Tensor<F>,
    of_key: &mut Tensor<F>,
    of_value: &mut Tensor<F>,
    scale: f32,
    dropping: Dropping,
    #[comptime] form: Form,
    #[define(F)] _dtype: ElemType,
) {
    let plan = comptime!(form.plan);
    let side = comptime!(plan.side);
    let (heads, target, source) = (query.shape(1), query.shape(2), key.shape(2));
    let tiles = source.div_ceil(side);
    if CUBE_POS >= query.shape(0) * heads * tiles {
        terminate!();
    }
    let part = part_of_cube(heads, tiles, plan);
    let own = own(plan);
    let row_elements = comptime!(side * plan.row_stride());
    let mut queries = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut gradients = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut keys = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    let mut values = Shared::<[F]>::new_aligned_slice(row_elements, 32usize);
    // The weights of a tile, then the gradients of its scores.
    let mut weights =
        Shared::<[F]>::new_aligned_slice(comptime!(side * plan.weight_stride()), 32usize);
    let mut scores =
        Shared::<[f32]>::new_aligned_slice(comptime!(side * plan.score_stride()), 32usize);
    let sum_elements = comptime!(side * plan.sum_stride());
    let mut of_keys = Shared::<[f32]>::new_aligned_slice(sum_elements, 32usize);
    let mut of_values = Shared::<[f32]>::new_aligned_slice(sum_elements, 32usize);

    load::<F>(key, &part, part.first, &mut keys, plan);
    load::<F>(value, &part, part.first, &mut values, plan);
    clear(&mut of_keys, plan);
    clear(&mut of_values, plan);
    let mut first = 0usize;
    while first < target {
        let position = first + own.row;
        let row = (part.batch * heads + part.head) * target + position;
        let addends = addends_of(bias, mask, &part, position, scale, form.is_by_distance);
        let bits = bits_of_query(seed, row, form.drops);
        load::<F>(query, &part, first, &mut queries, plan);
        load::<F>(from_above, &part, first, &mut gradients, plan);
        // A query past the last has no weights.
        let mut highest = 0.0f32;
        let mut factor = 0.0f32;
        let mut mean = 0.0f32;
        if position < target {
            highest = normalizers[2 * row];
            factor = normalizers[2 * row + 1];
            mean = means[row];
        }
        sync_cube();
        multiply::<F>(&queries, &keys, &mut scores, comptime!(plan.scores()));
        sync_cube();
        let mut own_weights = new_scores();
        #[unroll]
        for index in 0..SCORES_OF_UNIT {
            let column = column_of(&own, index, plan);
            let product = scores[own.row * comptime!(plan.score_stride()) + column];
            let score = score_of(product, bias, mask, &addends, part.first + column);
            let weight = f32::exp(score - highest) * factor;
            own_weights[index] = weight;
            let kept = dropout_factor(bits, part.first + column, &dropping, form.drops);
            weights[own.row * comptime!(plan.weight_stride()) + column] =
                F::cast_from(weight * kept);
        }
        sync_cube();
        multiply::<F>(&gradients, &values, &mut scores, comptime!(plan.scores()));
        let over_queries = comptime!(plan.over_queries());
        multiply::<F>(&weights, &gradients, &mut of_values, over_queries);
        sync_cube();
        #[unroll]
        for index in 0..SCORES_OF_UNIT {
            let column = column_of(&own, index, plan);
            let of_weight = scores[own.row * comptime!(plan.score_stride()) + column];
            let kept = dropout_factor(bits, part.first + column, &dropping, form.drops);
            let of_score = own_weights[index] * (of_weight * kept - mean);
            weights[own.row * comptime!(plan.weight_stride()) + column] = F::cast_from(of_score);
        }
        sync_cube();
        multiply::<F>(&weights, &queries, &mut of_keys, over_queries);
        sync_cube();
        first += side;
    }
    store::<F>(&of_keys, scale, of_key, &part, plan);
    store::<F>(&of_values, 1.0f32, of_value, &part, plan);
}
