/// Places of the rows of these lengths that are not empty, in batches of at most `max_tokens` cells, padding included, or of
/// one longer row. Rows of about the same length stand together, the longest first: what does not fit into memory is
/// found at once.
pub fn by_length(lengths: &[usize], max_tokens: usize) -> Vec<Vec<usize>> {
    let places = 0..lengths.len();
    let mut order: Vec<usize> = places.filter(|&row| lengths[row] > 0).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for row in order {
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * lengths[batch[0]] <= max_tokens => batch.push(row),
            _ => batches.push(vec![row]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_rows_of_like_length_up_to_the_limit() {
        assert_eq!(
            by_length(&[2, 9, 3, 0, 2, 30, 3], 10),
            [vec![5], vec![1], vec![2, 6, 0], vec![4]]
        );
        assert_eq!(by_length(&[1, 2], 1), [[1], [0]]);
        assert!(by_length(&[0, 0], 10).is_empty());
    }

    #[test]
    fn batches_hold_rows_of_about_the_same_length_below_the_limit() {
        let batches = by_length(&[3, 9, 1, 4, 20, 2], 12);
        assert_eq!(batches, [vec![4], vec![1], vec![3, 0, 5], vec![2]]);
        assert!(by_length(&[], 12).is_empty());
    }
}
