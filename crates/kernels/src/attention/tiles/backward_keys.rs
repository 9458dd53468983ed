//! A cube for each tile of keys, which goes over all tiles of queries.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;

use super::Form;
use super::product::multiply;
use super::scores::{
    Dropping, normalize, normalizer_of, put_gradients, put_kept, query_of, scores_of,
};
use super::tile::{clear, load, part_of_cube, store};

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
        let unit_query = query_of(bias, mask, seed, &part, first, scale, form);
        let normalizer = normalizer_of(normalizers, &unit_query);
        let mut mean = 0.0f32;
        if unit_query.is_there {
            mean = means[unit_query.row];
        }
        load::<F>(query, &part, first, &mut queries, plan);
        load::<F>(from_above, &part, first, &mut gradients, plan);
        sync_cube();
        multiply::<F>(&queries, &keys, &mut scores, comptime!(plan.scores()));
        sync_cube();
        let mut own_weights = scores_of(&scores, bias, mask, &unit_query, part.first, plan);
        normalize(&mut own_weights, &normalizer);
        put_kept::<F>(
            &own_weights,
            &mut weights,
            &unit_query,
            part.first,
            &dropping,
            form,
        );
        sync_cube();
        multiply::<F>(&gradients, &values, &mut scores, comptime!(plan.scores()));
        let over_queries = comptime!(plan.over_queries());
        multiply::<F>(&weights, &gradients, &mut of_values, over_queries);
        sync_cube();
        put_gradients::<F>(
            &own_weights,
            &mut scores,
            &mut weights,
            &unit_query,
            mean,
            part.first,
            &dropping,
            form,
        );
        sync_cube();
        multiply::<F>(&weights, &queries, &mut of_keys, over_queries);
        sync_cube();
        first += side;
    }
    store::<F>(&of_keys, scale, of_key, &part, plan);
    store::<F>(&of_values, 1.0f32, of_value, &part, plan);
}
