//! The command line of the Microkit 2.3 tool, plus what tests ask of the model kernel.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use microkit::inject::Fault;
use microkit::sdf::SearchPath;
use microkit::sdk::Sdk;
use microkit::tool::{self, Inputs, ToolError};

/// Makes a loader image for the model kernel from a Microkit system description.
#[derive(Debug, Parser)]
#[command(name = "microkit", version)]
pub(crate) struct Args {
    /// System description file
    system: PathBuf,
    /// Where the image goes
    #[arg(short, long, default_value = "loader.img")]
    output: PathBuf,
    /// Where the report goes
    #[arg(short, long, default_value = "report.txt")]
    report: PathBuf,
    /// Board, a folder of the SDK's `board` folder
    #[arg(long)]
    board: String,
    /// Configuration: debug, release or benchmark
    #[arg(long)]
    config: String,
    /// Folders to look for programs and prefill files in; the current folder comes last
    #[arg(long, num_args = 0.., value_name = "FOLDER")]
    search_path: Vec<PathBuf>,
    /// Format of the image
    #[arg(long, value_enum, default_value_t = ImageType::Binary)]
    image_type: ImageType,
    /// Kernel to use instead of the SDK's
    #[arg(long, value_name = "ELF")]
    override_kernel: Option<PathBuf>,
    /// Not available with the model kernel
    #[arg(long, value_name = "FILE")]
    capdl_json: Option<PathBuf>,
    /// Not available with the model kernel
    #[arg(long, value_name = "FOLDER")]
    viper_output: Option<PathBuf>,
    /// For tests: run ready threads of equal priority in an order drawn from this seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    model_seed: u64,
    /// For tests: a fault to cause, as kill:PD:NTH (system call), drop-irq:IRQ:NTH (delivery) or
    /// delay-irq:IRQ:NTH:MICROSECONDS
    #[arg(long, value_name = "FAULT")]
    model_inject: Vec<Fault>,
}

/// Formats of an image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImageType {
    /// Raw bytes, to be loaded at a fixed address
    Binary,
    /// ELF file with that address inside
    Elf,
    /// Not available for AArch64
    Uimage,
}

/// Makes the image and the report.
pub(crate) fn run(args: &Args) -> Result<(), ToolError> {
    let unavailable = [
        (args.capdl_json.is_some(), "--capdl-json"),
        (args.viper_output.is_some(), "--viper-output"),
        (args.image_type == ImageType::Uimage, "--image-type uimage"),
    ];
    if let Some((_, option)) = unavailable.into_iter().find(|&(given, _)| given) {
        return Err(ToolError::Unsupported(option.to_owned()));
    }
    let sdk_kernel = Sdk::discover()?.kernel(&args.board, &args.config)?;
    let mut search = args.search_path.clone();
    search.push(PathBuf::new());
    let output = tool::run(&Inputs {
        system: args.system.clone(),
        board: args.board.clone(),
        kernel: args.override_kernel.clone().unwrap_or(sdk_kernel),
        search: SearchPath(search),
        config: tool::config(&args.config)?,
        seed: args.model_seed,
        faults: args.model_inject.clone(),
    })?;
    for warning in &output.warnings {
        eprintln!("microkit: warning: {warning}");
    }
    let (image_bytes, ram_bytes) = (output.image.len(), output.ram_bytes);
    let image = tool::package(output.image, args.image_type == ImageType::Elf);
    write(&args.output, &image)?;
    write(&args.report, output.report.as_bytes())?;
    println!("MICROKIT|MODEL: image size = {image_bytes} bytes, RAM = {ram_bytes} bytes");
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ToolError> {
    std::fs::write(path, bytes).map_err(|error| ToolError::File {
        action: "cannot write",
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
