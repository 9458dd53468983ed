use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::*;

/// What is done to the rows of a batch.
type OnBatch = Box<dyn Fn(&[Row]) + Send + Sync>;

/// Numbers as examples; a batch is the numbers of its rows.
struct Numbers {
    sizes: Vec<usize>,
    /// Examples put together at a time, in batches, the rows of each in falling order.
    window: usize,
    on_batch: OnBatch,
}

type Batch = Vec<(usize, usize)>;

impl ExampleSet for Numbers {
    type Batch = Batch;

    fn num_examples(&self) -> usize {
        self.sizes.iter().sum()
    }

    fn parts(&self) -> Vec<Part> {
        let part = |&num_examples: &usize| Part {
            num_examples,
            rate: num_examples as f64,
        };
        self.sizes.iter().map(part).collect()
    }

    fn digest(&self) -> Digest {
        Digest::of(std::iter::empty::<Vec<u32>>())
    }

    fn num_arranged(&self, batch_size: usize) -> usize {
        self.window * batch_size
    }

    fn arranged(&self, mut draws: Vec<Draw>, batch_size: usize) -> Vec<Vec<Row>> {
        draws.sort_by_key(|draw| std::cmp::Reverse(draw.index()));
        let rows: Vec<Row> = draws.into_iter().map(|draw| vec![draw]).collect();
        rows.chunks(batch_size).map(<[Row]>::to_vec).collect()
    }

    fn batch(&self, rows: &[Row]) -> Result<Batch, DataError> {
        (self.on_batch)(rows);
        if rows[0][0].index() == 99 {
            return Err(DataError::TextTooShort { tokens: 99 });
        }
        let draws = rows.iter().flatten();
        Ok(draws.map(|draw| (draw.part(), draw.index())).collect())
    }

    fn place(&self, draw: &Draw) -> String {
        format!("shard-{}", draw.index())
    }
}

fn loader(sizes: &[usize], window: usize) -> Loader<Numbers> {
    let numbers = Numbers {
        sizes: sizes.to_vec(),
        window,
        on_batch: Box::new(|_| {}),
    };
    Loader::over(numbers, 4, 3).unwrap()
}

fn workers(num_threads: usize) -> Workers {
    Workers {
        num_threads,
        depth: 1,
        patience: Duration::from_secs(60),
    }
}

fn steps(loader: &Loader<Numbers>, world: World, num_steps: usize) -> Vec<Drawn<Batch>> {
    let batches = loader.batches_from(&Cursor::default(), world);
    batches.take(num_steps).map(Result::unwrap).collect()
}

fn batches(drawn: &[Drawn<Batch>]) -> Vec<&Batch> {
    drawn.iter().map(|drawn| &drawn.batch).collect()
}

#[test]
fn every_number_of_ranks_sees_one_global_sequence_and_each_resumes_it() {
    for (sizes, window) in [(&[37][..], 1), (&[37, 11], 1), (&[37, 11], 5)] {
        let loader = loader(sizes, window);
        let alone = steps(&loader, World::ALONE, 48);
        for size in [1, 2, 3, 8] {
            let num_steps = 48 / size;
            let ranks: Vec<_> = (0..size)
                .map(|rank| steps(&loader, World { rank, size }, num_steps))
                .collect();
            for step in 0..num_steps {
                let together: Vec<&Batch> = ranks.iter().map(|rank| &rank[step].batch).collect();
                assert_eq!(together, batches(&alone[step * size..][..size]));
                let cursor = &alone[(step + 1) * size - 1].cursor;
                assert!(ranks.iter().all(|rank| rank[step].cursor == *cursor));
                // Another number of ranks goes on where this one was stopped.
                for next_size in [1, 2, 3, 8] {
                    let world = World {
                        rank: 0,
                        size: next_size,
                    };
                    let next = loader.batches_from(cursor, world).next().unwrap().unwrap();
                    if let Some(expected) = alone.get((step + 1) * size) {
                        assert_eq!(next.batch, expected.batch);
                    }
                }
            }
        }
    }
}

#[test]
fn a_cursor_is_a_few_bytes_and_comes_back_from_json() {
    let drawn = steps(&loader(&[37, 11], 5), World::ALONE, 7);
    let text = serde_json::to_string(&drawn[6].cursor).unwrap();
    assert!(text.len() < 60, "{text}");
    assert_eq!(
        serde_json::from_str::<Cursor>(&text).unwrap(),
        drawn[6].cursor
    );
}

#[test]
fn any_number_of_threads_gives_the_same_batches() {
    let loader = loader(&[50], 3);
    let expected = steps(&loader, World::ALONE, 30);
    let cursor = &expected[6].cursor;
    for num_threads in [1, 2, 5] {
        let prefetch = loader.prefetch(cursor, World::ALONE, workers(num_threads));
        let made: Vec<_> = prefetch.unwrap().take(23).map(Result::unwrap).collect();
        assert_eq!(made, expected[7..]);
    }
}

#[test]
fn an_error_comes_through_in_its_place_and_the_batches_go_on() {
    let loader = loader(&[120], 1);
    let made: Vec<_> = loader
        .prefetch(&Cursor::default(), World::ALONE, workers(2))
        .unwrap()
        .take(120)
        .map(|batch| batch.ok().map(|drawn| drawn.batch))
        .collect();
    // Batches that the number 99 leads, in any of four epochs.
    assert!(made.iter().any(Option::is_none));
    let right = made.iter().flatten().flatten().count();
    assert_eq!(right, 4 * made.iter().flatten().count());
}

#[test]
fn a_panic_comes_through_as_an_error_that_names_the_place_and_ends_the_iterator() {
    let numbers = Numbers {
        sizes: vec![40],
        window: 1,
        on_batch: Box::new(|rows| assert!(rows[0][0].index() != 7, "example 7 is broken")),
    };
    let loader = Loader::over(numbers, 1, 3).unwrap();
    let mut prefetch = loader
        .prefetch(&Cursor::default(), World::ALONE, workers(2))
        .unwrap();
    let error = prefetch.find_map(Result::err).unwrap().to_string();
    assert!(error.contains("example 7 is broken"), "{error}");
    assert!(error.contains("shard-7"), "{error}");
    assert!(prefetch.next().is_none());
}

#[test]
fn a_reader_that_hangs_is_named_and_does_not_hang_the_loader() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let held = Arc::clone(&gate);
    let numbers = Numbers {
        sizes: vec![40],
        window: 1,
        on_batch: Box::new(move |rows| {
            if rows[0][0].index() == 7 {
                let (open, opened) = &*held;
                let _open = opened
                    .wait_while(open.lock().unwrap(), |open| !*open)
                    .unwrap();
            }
        }),
    };
    let loader = Loader::over(numbers, 1, 3).unwrap();
    let settings = Workers {
        patience: Duration::from_secs(2),
        ..workers(2)
    };
    let mut prefetch = loader
        .prefetch(&Cursor::default(), World::ALONE, settings)
        .unwrap();
    let error = prefetch.find_map(Result::err).unwrap();
    assert!(matches!(error, DataError::LoaderStalled { .. }), "{error}");
    assert!(error.to_string().contains("shard-7"), "{error}");
    assert!(prefetch.next().is_none());
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
}

#[test]
fn threads_end_when_nobody_reads_any_more() {
    let (alive, ended) = channel::<()>();
    let alive = Mutex::new(alive);
    let numbers = Numbers {
        sizes: vec![40],
        window: 1,
        on_batch: Box::new(move |_| drop(alive.lock())),
    };
    let loader = Loader::over(numbers, 4, 3).unwrap();
    let prefetch = loader.prefetch(&Cursor::default(), World::ALONE, workers(3));
    drop(prefetch.unwrap());
    drop(loader);
    assert!(ended.recv().is_err(), "a thread still has the examples");
}

#[test]
fn evaluation_goes_over_all_parts_in_their_own_order() {
    let batches = loader(&[5, 4], 1).evaluation_batches(usize::MAX).unwrap();
    let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 1]);
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (part, _) in batches.concat() {
        *counts.entry(part).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([(0, 5), (1, 4)]));
}
