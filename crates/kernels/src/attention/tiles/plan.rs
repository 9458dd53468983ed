//! How large tiles are on a device, and what is multiplied in them.

use burn_cubecl::cubecl::ir::{DeviceProperties, ElemType, FloatKind};

use super::product::{Operand, Product};

/// Places on a side of the matrices that tensor cores multiply.
pub const FRAGMENT: usize = 16;
/// Scores of a tile that one unit has.
pub const SCORES_OF_UNIT: usize = 16;
/// Elements between rows beyond those of a row, so that the rows of a column lie in other banks of the memory: 16 bytes,
/// of half precision and of single.
const PADDING: usize = 8;
const PADDING_OF_SUMS: usize = 4;
/// Of all that kernels keep, what is no matrix: a few numbers a row, and one a unit.
const ROOM_BESIDE: usize = 3 * 1024;
/// Queries and keys of a tile, the best first.
const SIDES: [usize; 3] = [64, 32, 16];

/// What the kernels of a device and a width of heads are built by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Queries of a tile, and keys.
    pub side: usize,
    /// Elements of a row of a tile: the width of a head in whole fragments.
    pub width: usize,
    /// Units that a tensor core needs at once; `None` where units multiply.
    pub plane: Option<usize>,
}

impl Plan {
    /// The largest tiles that the device has room for; `None` where there is none.
    pub fn new(properties: &DeviceProperties, head_dim: usize, elem: ElemType) -> Option<Self> {
        let hardware = &properties.hardware;
        let width = head_dim.next_multiple_of(FRAGMENT);
        let has_room = |plan: &Self| {
            plan.units() <= hardware.max_units_per_cube as usize
                && plan.num_bytes(elem.size()) <= hardware.max_shared_memory_size
        };
        let sides = SIDES.into_iter().map(|side| Self {
            side,
            width,
            plane: plane(properties, elem).filter(|plane| side * side / SCORES_OF_UNIT >= *plane),
        });
        sides.into_iter().find(has_room)
    }

    /// Units of a cube.
    pub fn units(&self) -> usize {
        self.side * self.side / SCORES_OF_UNIT
    }

    /// Units that share a query.
    pub fn lanes(&self) -> usize {
        self.side / SCORES_OF_UNIT
    }

    /// Elements of a tile that a unit moves.
    pub fn elements_of_unit(&self) -> usize {
        self.side * self.width / self.units()
    }

    /// From one row of queries, keys or values to the next.
    pub fn row_stride(&self) -> usize {
        self.width + PADDING
    }

    /// From the weights of one query to those of the next.
    pub fn weight_stride(&self) -> usize {
        self.side + PADDING
    }

    /// From the scores of one query to those of the next.
    pub fn score_stride(&self) -> usize {
        self.side + PADDING_OF_SUMS
    }

    /// From one row of sums over keys or queries to the next.
    pub fn sum_stride(&self) -> usize {
        self.width + PADDING_OF_SUMS
    }

    /// Of the largest kernel, that of the gradients of keys and values.
    fn num_bytes(&self, size: usize) -> usize {
        let elements = 4 * self.row_stride() + self.weight_stride();
        let sums = self.score_stride() + 2 * self.sum_stride();
        self.side * (elements * size + sums * size_of::<f32>()) + ROOM_BESIDE
    }

    /// `[queries, width] [keys, width]^T`.
    pub fn scores(&self) -> Product {
        Product {
            rows: self.side,
            columns: self.side,
            inner: self.width,
            left: Operand::new(self.row_stride(), false),
            right: Operand::new(self.row_stride(), true),
            result_stride: self.score_stride(),
            adds: false,
            units: self.units(),
            plane: self.plane,
        }
    }

    /// What `[queries, keys] [keys, width]` adds.
    pub fn over_keys(&self) -> Product {
        Product {
            columns: self.width,
            inner: self.side,
            left: Operand::new(self.weight_stride(), false),
            right: Operand::new(self.row_stride(), false),
            result_stride: self.sum_stride(),
            adds: true,
            ..self.scores()
        }
    }

    /// What `[queries, keys]^T [queries, width]` adds.
    pub fn over_queries(&self) -> Product {
        Product {
            left: Operand::new(self.weight_stride(), true),
            ..self.over_keys()
        }
    }
}

/// Units of a plane where tensor cores multiply these elements and add up in f32. They know single precision only rounded
/// to that of half, which nobody asked for.
fn plane(properties: &DeviceProperties, elem: ElemType) -> Option<usize> {
    let hardware = &properties.hardware;
    let f32 = ElemType::Float(FloatKind::F32);
    let side = FRAGMENT as u32;
    let is_known = properties.features.matmul.cmma.iter().any(|config| {
        (config.a_type, config.b_type, config.cd_type) == (elem, elem, f32)
            && (config.m, config.n, config.k) == (side, side, side)
    });
    let plane = hardware.plane_size_max;
    (is_known && hardware.plane_size_min == plane).then_some(plane as usize)
}
