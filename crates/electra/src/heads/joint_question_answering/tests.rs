#![allow(clippy::unwrap_used)]

mod reference;

use lamplight_layers::pretrained::{Gradient, collect};
use lamplight_testing::test_device;
use tempfile::tempdir;

use super::*;
use crate::model::tests::tiny;
use reference::Reference;

const LENGTH: usize = 7;

fn config() -> ElectraConfig {
    ElectraConfig {
        max_position_embeddings: 32,
        // Large enough that no two spans are about as likely.
        initializer_range: 0.4,
        ..tiny()
    }
    .with_answerable_classifier(true)
}

/// A question of two tokens, its context, and a shorter one.
fn input(device: &Device) -> ElectraInput {
    ElectraInput {
        input_ids: Tensor::from_data([[2, 7, 3, 8, 9, 31, 3], [2, 30, 3, 12, 3, 0, 0]], device),
        padding_mask: Tensor::from_data(
            [
                [false; LENGTH],
                [false, false, false, false, false, true, true],
            ],
            device,
        ),
        token_type_ids: Some(Tensor::from_data(
            [[0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0]],
            device,
        )),
    }
}

/// Where the answer of each row can be.
const PLACES: [&[usize]; 2] = [&[0, 3, 4, 5, 6], &[0, 3, 4]];

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn assert_near(ours: f64, reference: f64) {
    let difference = (ours - reference).abs();
    assert!(
        difference < 1e-4 * (1.0 + reference.abs()),
        "{ours} {reference}"
    );
}

/// A model with a reference for each row of an input.
fn with_references<T>(
    input: ElectraInput,
    places: &[&[usize]],
    check: impl Fn(&ElectraForJointQuestionAnswering, &[Reference<'_>]) -> T,
) -> T {
    let device = test_device();
    let electra = ElectraModel::new(&config(), &device);
    let model = ElectraForJointQuestionAnswering::from_backbone(electra.clone(), &device);
    let [_, length] = input.input_ids.dims();
    let hidden: Vec<f64> = values(electra.forward(input))
        .into_iter()
        .map(f64::from)
        .collect();
    let width = config().hidden_size;
    let rows = hidden.chunks(length * width).zip(places);
    let references = rows.map(|(hidden, places)| Reference {
        model: &model,
        hidden: hidden.chunks(width).map(<[f64]>::to_vec).collect(),
        places,
    });
    check(&model, &references.collect::<Vec<_>>())
}

#[test]
fn loss_is_that_of_the_formulas() {
    let device = test_device();
    let [starts, ends, impossible] = [[4, 0], [5, 0], [0, 1]];
    let tensor = |places: [i32; 2]| Tensor::<1, Int>::from_ints(places, &device);
    with_references(input(&device), &PLACES, |model, references| {
        let output = model.forward(input(&device), tensor(starts));
        let said = output.impossible.clone().unwrap();
        let loss = output.loss(
            tensor(starts),
            tensor(ends),
            tensor(impossible).equal_scalar(1),
        );
        let mut expected = 0.0;
        for (row, reference) in references.iter().enumerate() {
            let start = starts[row] as usize;
            let at = |log_probs: Vec<(usize, f64)>, place: i32| {
                let mut found = log_probs.into_iter();
                found.find(|(at, _)| *at == place as usize).unwrap().1
            };
            let span = at(reference.start_log_probs(), starts[row])
                + at(reference.end_log_probs(start), ends[row]);
            let logit = reference.impossible();
            assert_near(values(said.clone())[row].into(), logit);
            let sign = f64::from(1 - 2 * impossible[row]);
            expected += (-span / 2.0 + 0.5 * (sign * logit).exp().ln_1p()) / 2.0;
        }
        assert_near(values(loss)[0].into(), expected);
    });
}

#[test]
fn beam_that_covers_every_pair_is_an_exhaustive_search() {
    let device = test_device();
    with_references(input(&device), &PLACES, |model, references| {
        let beam = model.answers(input(&device));
        assert_eq!(beam.end_log_probs.dims(), [2, LENGTH, LENGTH]);
        for (found, reference) in beam.rows().unwrap().into_iter().zip(references) {
            let no_start = found.no_start_log_prob.into();
            assert_near(no_start, reference.start_log_probs()[0].1);
            assert_near(found.impossible.unwrap().into(), reference.impossible());
            let mut spans = found.spans;
            spans.retain(|span| span.log_prob > -500.0);
            spans.sort_by(|one, other| other.log_prob.total_cmp(&one.log_prob));
            let expected = reference.spans();
            assert_eq!(spans.len(), expected.len());
            for (span, (first, last, log_prob)) in spans.iter().zip(expected) {
                assert_eq!((span.first, span.last), (first, last));
                assert_near(span.log_prob.into(), log_prob);
            }
        }
    });
}

#[test]
fn beam_of_a_longer_input_holds_the_likeliest_starts_and_their_likeliest_ends() {
    let device = test_device();
    let length = 30;
    let ids: Vec<i64> = (0..length).map(|index| 2 + index * 7 % 48).collect();
    let types: Vec<i64> = (0..length).map(|index| i64::from(index > 3)).collect();
    let row = |values: &[i64]| Tensor::<1, Int>::from_ints(values, &device).unsqueeze::<2>();
    let input = ElectraInput {
        input_ids: row(&ids),
        padding_mask: row(&vec![0; ids.len()]).equal_scalar(1),
        token_type_ids: Some(row(&types)),
    };
    let places: Vec<usize> = [0].into_iter().chain(4..30).collect();
    with_references(input.clone(), &[&places], |model, references| {
        let beam = model.answers(input.clone());
        assert_eq!(beam.end_log_probs.dims(), [1, 20, 20]);
        let best = |mut log_probs: Vec<(usize, f64)>| {
            log_probs.sort_by(|one, other| other.1.total_cmp(&one.1));
            log_probs.truncate(20);
            log_probs
                .into_iter()
                .map(|(at, _)| at as i64)
                .collect::<Vec<_>>()
        };
        let starts: Vec<i64> = beam.starts.clone().try_into_vec_as().unwrap();
        assert_eq!(starts, best(references[0].start_log_probs()));
        let ends: Vec<i64> = beam.ends.clone().try_into_vec_as().unwrap();
        for (start, ends) in starts.iter().zip(ends.chunks(20)) {
            assert_eq!(ends, best(references[0].end_log_probs(*start as usize)));
        }
        let spans = beam.rows().unwrap().remove(0).spans;
        assert!(
            spans
                .iter()
                .all(|span| 4 <= span.first && span.first <= span.last)
        );
    });
}

#[test]
fn gradients_flow_into_every_parameter() {
    let device = test_device().autodiff();
    let model = ElectraForJointQuestionAnswering::new(&config(), &device);
    let places = |places: [i32; 2]| Tensor::<1, Int>::from_ints(places, &device);
    let (starts, ends) = (places([4, 0]), places([5, 0]));
    let output = model.forward(input(&device), starts.clone());
    let loss = output.loss(starts, ends, places([0, 1]).equal_scalar(1));
    let gradients = loss.backward();
    let names = ElectraForJointQuestionAnswering::names();
    let found = collect(&model, &names, &Gradient(&gradients)).unwrap();
    let of_head = found.iter().filter(|(name, _)| name.starts_with("qa_"));
    assert_eq!(of_head.count(), 10);
    let sizes = found.values().map(|gradient| gradient.values.len());
    let num_params = sizes.sum::<usize>();
    assert_eq!(num_params, model.num_params());
    for (name, gradient) in found {
        // A softmax does not see a bias of the scores before it.
        let free = [
            "attention.self.key.bias",
            "qa_start.bias",
            "qa_end.out_proj.bias",
        ];
        let is_free = free.iter().any(|bias| name.ends_with(bias));
        assert!(
            is_free || gradient.values.iter().any(|&x| x != 0.0),
            "{name}"
        );
    }
}

#[test]
fn saved_model_is_read_again_with_and_without_the_classifier() {
    let device = test_device();
    let starts = Tensor::<1, Int>::from_ints([4, 0], &device);
    for has_classifier in [true, false] {
        let config = config().with_answerable_classifier(has_classifier);
        let model = ElectraForJointQuestionAnswering::new(&config, &device);
        let folder = tempdir().unwrap();
        model.save_pretrained(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("config.json")).unwrap();
        assert!(
            text.contains("\"ElectraForJointQuestionAnswering\""),
            "{text}"
        );
        let again =
            ElectraForJointQuestionAnswering::from_pretrained(folder.path(), &device).unwrap();
        let [said, again] =
            [model.clone(), again].map(|model| model.forward(input(&device), starts.clone()));
        assert_eq!(values(said.spans.start), values(again.spans.start));
        assert_eq!(values(said.spans.end), values(again.spans.end));
        assert_eq!(
            said.impossible.map(values),
            again.impossible.clone().map(values)
        );
        assert_eq!(again.impossible.is_some(), has_classifier);

        let backbone = ElectraModel::from_pretrained(folder.path(), &device).unwrap();
        assert_eq!(
            values(backbone.forward(input(&device))),
            values(model.electra.forward(input(&device)))
        );
    }
}

#[test]
fn batch_equals_its_rows() {
    let device = test_device();
    let model = ElectraForJointQuestionAnswering::new(&config(), &device);
    let together = model.answers(input(&device));
    for (row, length) in [(0, LENGTH), (1, 5)] {
        let ElectraInput {
            input_ids,
            padding_mask,
            token_type_ids,
        } = input(&device);
        let alone = model.answers(ElectraInput {
            input_ids: input_ids.slice([row..row + 1, 0..length]),
            padding_mask: padding_mask.slice([row..row + 1, 0..length]),
            token_type_ids: token_type_ids.map(|ids| ids.slice([row..row + 1, 0..length])),
        });
        let found = |beam: &AnswerBeam, row: usize| {
            let mut found = beam.clone().rows().unwrap().remove(row);
            found.spans.retain(|span| span.log_prob > -500.0);
            (found.impossible.unwrap(), found.spans)
        };
        let (impossible, together) = found(&together, row);
        let (alone_impossible, alone) = found(&alone, 0);
        assert_near(impossible.into(), alone_impossible.into());
        assert_eq!(together.len(), alone.len());
        for (one, other) in together.iter().zip(&alone) {
            assert_eq!((one.first, one.last), (other.first, other.last));
            assert_near(one.log_prob.into(), other.log_prob.into());
        }
    }
}
