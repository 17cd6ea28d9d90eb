//! The kernel configuration this build is for.

/// A Microkit kernel configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Config {
    /// Prints, checks assertions, has the hardware debug API.
    Debug,
    /// Prints nothing.
    Release,
    /// As `Release`, plus utilisation tracking.
    Benchmark,
}

impl Config {
    /// The name Microkit uses for this configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Benchmark => "benchmark",
        }
    }

    /// Whether the kernel implements `DebugPutChar`.
    pub const fn printing(self) -> bool {
        matches!(self, Self::Debug)
    }

    /// Whether the hardware debug API shifts the invocation labels.
    pub const fn hardware_debug_api(self) -> bool {
        matches!(self, Self::Debug)
    }
}

/// The configuration chosen with `CAIRN_CONFIG`.
pub const CONFIG: Config = if cfg!(sel4_config = "debug") {
    Config::Debug
} else if cfg!(sel4_config = "benchmark") {
    Config::Benchmark
} else {
    Config::Release
};

/// Whether `debug_print!` reaches the kernel's console.
pub const PRINTING: bool = CONFIG.printing();
