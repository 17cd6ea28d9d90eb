//! From arguments to files: the whole run of the tool.

use std::path::{Path, PathBuf};

use model_spec::Config;
use model_spec::layout::LOADER_BASE;

use crate::elf::{ElfError, FILE_BYTES_MAX, Program};
use crate::image::{self, ImageError, Options};
use crate::inject::{Fault, FaultError};
use crate::kernel::{Kernel, KernelError};
use crate::layout::{Layout, LayoutError};
use crate::report::{ProgramSizes, Report};
use crate::sdf::{self, PdIndex, Position, SdfError, SearchPath, System};
use crate::sdk::SdkError;
use crate::symbols;

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// No SDK, board or configuration.
    #[error(transparent)]
    Sdk(#[from] SdkError),
    /// Something that Microkit has and the model kernel has not.
    #[error("unsupported by the model kernel: {0}")]
    Unsupported(String),
    /// A file that cannot be read or written.
    #[error("{action} '{}': {reason}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        reason: String,
    },
    /// A bad description.
    #[error(transparent)]
    Sdf(#[from] SdfError),
    /// A program that is nowhere on the search path.
    #[error("{file}:{at}: program '{path}' of '{domain}' is not on the search path")]
    NoProgram {
        /// The description.
        file: String,
        /// Where it names the program.
        at: Position,
        /// The domain.
        domain: String,
        /// The program as named.
        path: String,
    },
    /// A program that cannot be used.
    #[error("{file}:{at}: program '{path}' of '{domain}': {error}")]
    Program {
        /// The description.
        file: String,
        /// Where it names the program, or asks for the symbol.
        at: Position,
        /// The domain.
        domain: String,
        /// The program as named.
        path: String,
        /// What is wrong.
        error: ElfError,
    },
    /// The kernel cannot be used.
    #[error("kernel '{}': {error}", path.display())]
    Kernel {
        /// The ELF file.
        path: PathBuf,
        /// What is wrong.
        error: KernelError,
    },
    /// The system does not fit the machine.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A fault to be caused that the system has no target for.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// No image although all inputs are good.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// What an image is made from.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The system description.
    pub system: PathBuf,
    /// The board's name.
    pub board: String,
    /// The kernel's ELF file.
    pub kernel: PathBuf,
    /// Where programs and prefill files are looked for.
    pub search: SearchPath,
    /// The configuration that the kernel imitates.
    pub config: Config,
    /// Seed of the order among ready threads of equal priority; 0 means round robin.
    pub seed: u64,
    /// Faults to cause, for tests.
    pub faults: Vec<Fault>,
}

/// A finished image.
#[derive(Debug, Clone)]
pub struct Output {
    /// The raw image, for [`LOADER_BASE`].
    pub image: Vec<u8>,
    /// The text of the report.
    pub report: String,
    /// What is odd but allowed.
    pub warnings: Vec<String>,
    /// RAM that the running system occupies, in bytes.
    pub ram_bytes: u64,
}

/// Makes an image.
///
/// # Errors
/// See [`ToolError`]. Nothing is written either way.
pub fn run(inputs: &Inputs) -> Result<Output, ToolError> {
    let text = read(&inputs.system, "cannot read the system description")?;
    let file = inputs.system.display().to_string();
    let text = String::from_utf8(text).map_err(|_| ToolError::File {
        action: "cannot read the system description",
        path: inputs.system.clone(),
        reason: "it is not UTF-8".to_owned(),
    })?;
    let mut system = sdf::parse(&text, &file)?;
    sdf::load_prefills(&mut system, &inputs.search)?;
    let kernel = read(&inputs.kernel, "cannot read the kernel")?;
    let kernel = Kernel::parse(&kernel)
        .map_err(|error| ToolError::Kernel { path: inputs.kernel.clone(), error })?;
    let mut programs = (0..system.domains.len())
        .map(|index| load(&system, PdIndex(index), &inputs.search))
        .collect::<Result<Vec<Program>, ToolError>>()?;
    let sizes: Vec<ProgramSizes> = programs.iter().map(ProgramSizes::of).collect();
    let injections = inputs.faults.iter().map(|fault| fault.resolve(&system));
    let injections = injections.collect::<Result<Vec<_>, FaultError>>()?;
    let options = Options { config: inputs.config, seed: inputs.seed, injections };
    // The addresses depend on the image's size, and that on the lengths of patched programs: so
    // they are patched with placeholders first.
    patch(&mut programs, &system, &vec![u64::MAX; system.regions.len()])?;
    let bound = image::size_bound(&system, &programs, &kernel, &options);
    let layout = Layout::new(&system, &programs, kernel.range, bound)?;
    patch(&mut programs, &system, &layout.regions)?;
    let image = image::build(&system, &programs, &kernel, &layout, &options)?;
    let report = Report {
        board: &inputs.board,
        config: inputs.config,
        system: &system,
        programs: &programs,
        sizes: &sizes,
        kernel: &kernel,
        layout: &layout,
        image_bytes: image.len(),
    }
    .to_string();
    let unused = system.unused_regions();
    let warnings = unused
        .map(|region| format!("{file}:{}: unused memory region '{}'", region.at, region.name))
        .collect();
    Ok(Output { image, report, warnings, ram_bytes: layout.ram_bytes() })
}

/// The configuration of this name.
///
/// # Errors
/// If the model kernel cannot imitate it.
pub fn config(name: &str) -> Result<Config, ToolError> {
    [Config::Debug, Config::Release, Config::Benchmark]
        .into_iter()
        .find(|&config| crate::report::config_name(config) == name)
        .ok_or_else(|| ToolError::Unsupported(format!("configuration '{name}'")))
}

/// The image in the file format asked for: raw, or an ELF file.
#[must_use]
pub fn package(image: Vec<u8>, elf: bool) -> Vec<u8> {
    if elf { image::as_elf(&image, LOADER_BASE) } else { image }
}

fn load(system: &System, pd: PdIndex, search: &SearchPath) -> Result<Program, ToolError> {
    let domain = system.domain(pd);
    let image = &domain.program;
    let find = |name: &str| {
        let path = search.find(name).ok_or_else(|| ToolError::NoProgram {
            file: system.file.clone(),
            at: image.at,
            domain: domain.name.clone(),
            path: name.to_owned(),
        })?;
        read(&path, "cannot read the program")
    };
    let bytes = find(&image.path)?;
    let symbols = image.path_for_symbols.as_deref().map(find).transpose()?;
    Program::parse(&bytes, symbols.as_deref())
        .map_err(|error| program_error(system, pd, image.at, error))
}

fn patch(programs: &mut [Program], system: &System, regions: &[u64]) -> Result<(), ToolError> {
    for (index, program) in programs.iter_mut().enumerate() {
        let pd = PdIndex(index);
        symbols::patch(program, system, pd, regions)
            .map_err(|error| program_error(system, pd, error.at, error.error))?;
    }
    Ok(())
}

fn program_error(system: &System, pd: PdIndex, at: Position, error: ElfError) -> ToolError {
    let domain = system.domain(pd);
    ToolError::Program {
        file: system.file.clone(),
        at,
        domain: domain.name.clone(),
        path: domain.program.path.clone(),
        error,
    }
}

fn read(path: &Path, action: &'static str) -> Result<Vec<u8>, ToolError> {
    let fail = |reason: String| ToolError::File { action, path: path.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(fail(format!("{length} bytes; the limit is {FILE_BYTES_MAX}")));
    }
    std::fs::read(path).map_err(|error| fail(error.to_string()))
}
