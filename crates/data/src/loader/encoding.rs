//! Records as ids, on all cores.

use rayon::prelude::*;

use crate::DataError;

/// Records that are turned into ids at a time.
const CHUNK_RECORDS: usize = 4096;

/// What `encode` makes of each record, with a number of tokens, on all cores; `progress` hears of each chunk how many
/// records and tokens it had.
pub(super) fn encoded<R: Sync, E: Send>(
    records: &[R],
    progress: &mut dyn FnMut(usize, usize),
    encode: impl Fn(&R) -> Result<(E, usize), DataError> + Sync,
) -> Result<Vec<E>, DataError> {
    let mut all = Vec::with_capacity(records.len());
    for chunk in records.chunks(CHUNK_RECORDS) {
        let encoded: Vec<(E, usize)> = chunk.par_iter().map(&encode).collect::<Result<_, _>>()?;
        progress(
            encoded.len(),
            encoded.iter().map(|(_, num_tokens)| num_tokens).sum(),
        );
        all.extend(encoded.into_iter().map(|(made, _)| made));
    }
    Ok(all)
}
