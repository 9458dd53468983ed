//! The seed of a device decides what is drawn. In a process of its own: all tests of one share the device's generator.
#![allow(clippy::unwrap_used)]

use lamplight_kernels::dropout::dropout_mask;
use lamplight_testing::test_device;

#[test]
fn the_seed_of_the_device_decides_and_each_draw_is_another() {
    let device = test_device();
    let draw = || -> Vec<f32> {
        let mask = dropout_mask([100, 400], 0.5, &device);
        mask.try_into_vec_as().unwrap()
    };
    device.seed(2);
    let (first, second) = (draw(), draw());
    device.seed(2);
    assert_eq!(draw(), first);
    assert_ne!(first, second);
    // Nor are any two parts that threads of a processor take.
    const PART: usize = 1 << 14;
    assert_ne!(first[..PART], first[PART..2 * PART]);
}
