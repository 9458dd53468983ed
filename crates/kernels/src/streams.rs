//! How graphics cards are given work.

/// Has CubeCL queue all work in one order. By default each thread of the host gets a queue of its own, with memory that the
/// others cannot use again. It counts before the first use of a device; a `cubecl.toml` of the user's still decides the
/// rest. Without a backend of CubeCL there is nothing to do.
pub fn use_one() {
    #[cfg(feature = "cube")]
    {
        use burn_cubecl::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.streaming.max_streams = 1;
        // Refused where a device is in use already, which then goes on as it was.
        let _ = CubeClRuntimeConfig::try_set(config);
    }
}
