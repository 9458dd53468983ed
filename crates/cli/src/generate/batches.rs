//! Inputs that are answered at once.

/// Indices of the inputs of these lengths that are not empty, in batches of at most `batch_tokens` cells, padding included, or
/// of one longer input. Inputs of about the same length stand together, the longest first: what does
/// not fit into memory is found at once.
pub fn batches(lengths: &[usize], batch_tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len())
        .filter(|&index| lengths[index] > 0)
        .collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * lengths[batch[0]] <= batch_tokens => {
                batch.push(index);
            }
            _ => batches.push(vec![index]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_inputs_of_like_length_up_to_the_limit() {
        assert_eq!(
            batches(&[2, 9, 3, 0, 2, 30, 3], 10),
            [vec![5], vec![1], vec![2, 6, 0], vec![4]]
        );
        assert_eq!(batches(&[1, 2], 1), [[1], [0]]);
        assert!(batches(&[0, 0], 10).is_empty());
    }
}
