//! How CubeCL drives graphics cards.

/// Has CubeCL queue all work in one order, and keep what it compiles and which kernels it found to be the fastest in the
/// user's folder for caches, where the next process finds them.
///
/// By default each thread of the host gets a queue of its own, with memory that the others cannot use again. It counts
/// before the first use of a device; a `cubecl.toml` of the user's still decides the rest. Without a backend of CubeCL there
/// is nothing to do.
pub fn configure() {
    #[cfg(feature = "cube")]
    {
        use burn_cubecl::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig, cache::CacheConfig};

        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.streaming.max_streams = 1;
        if matches!(config.environment.path, CacheConfig::Target) {
            config.environment.path = CacheConfig::Global;
        }
        #[cfg(feature = "tuned")]
        {
            config.compilation.cache = true;
        }
        // Refused where a device is in use already, which then goes on as it was.
        let _ = CubeClRuntimeConfig::try_set(config);
    }
}
