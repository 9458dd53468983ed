//! How CubeCL drives graphics cards.

use burn::tensor::Tensor;

use crate::processor::is_processor;

/// A tensor that stays as long as the process, without history. Wherever one comes and goes, CubeCL looks for room among
/// all others that do; those that stay would only make it look longer.
pub fn keep<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let device = tensor.device();
    if is_processor(&device) {
        return tensor;
    }
    #[cfg(feature = "cube")]
    return device.memory_persistent_allocations(tensor, crate::cube::tensors::copied);
    #[cfg(not(feature = "cube"))]
    tensor
}

/// Has CubeCL queue all work in one order, keep what it compiles and which kernels it found to be the fastest in the user's
/// folder for caches, where the next process finds them, and find room for a tensor of the size of one that stays (see
/// [`keep`]) among the others of that size.
///
/// By default each thread of the host gets a queue of its own, with memory that the others cannot use again. It counts
/// before the first use of a device; a `cubecl.toml` of the user's still decides the rest. Without a backend of CubeCL there
/// is nothing to do.
pub fn configure() {
    #[cfg(feature = "cube")]
    {
        use burn_cubecl::cubecl::config::memory::PersistentMemory;
        use burn_cubecl::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig, cache::CacheConfig};

        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.streaming.max_streams = 1;
        if matches!(config.environment.path, CacheConfig::Target) {
            config.environment.path = CacheConfig::Global;
        }
        if matches!(config.memory.persistent_memory, PersistentMemory::Enabled) {
            config.memory.persistent_memory = PersistentMemory::SizeMatch;
        }
        #[cfg(feature = "tuned")]
        {
            config.compilation.cache = true;
        }
        // Refused where a device is in use already, which then goes on as it was.
        let _ = CubeClRuntimeConfig::try_set(config);
    }
}
