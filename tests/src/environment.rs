//! Where things are, as `make test-system` says.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The built system, and the tools that built it.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `build/<platform>/<kernel>-<config>`.
    pub output: PathBuf,
    /// The platform's name.
    pub platform: String,
    /// `model` or `sel4`.
    pub kernel: String,
    /// `release`, `debug` or `benchmark`.
    pub config: String,
    /// The `cairn` command.
    pub cairn: PathBuf,
    /// The SDK whose tool and kernel the image is made with.
    pub sdk: PathBuf,
    /// The top of the source tree.
    pub workspace: PathBuf,
}

/// An image, ready to boot.
#[derive(Clone, Debug)]
pub struct Image {
    /// What the machine loads.
    pub loader: PathBuf,
    /// Starts QEMU.
    pub script: PathBuf,
}

/// What an image carries beside the product.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// Overlay files.
    pub overlays: Vec<PathBuf>,
    /// Folder with more programs.
    pub programs: Option<PathBuf>,
}

impl Environment {
    /// Reads `CAIRN_IMAGE` (the output folder), `CAIRN` (the command) and `MICROKIT_SDK`.
    ///
    /// # Panics
    /// If one of them is missing: these tests run with `make test-system`.
    #[must_use]
    pub fn read() -> Self {
        let path = |name: &str| match env::var_os(name) {
            Some(value) if Path::new(&value).exists() => PathBuf::from(value),
            Some(value) => panic!("{name}: there is no {}", value.display()),
            None => panic!("{name} is not set; `make test-system` sets it"),
        };
        let output = path("CAIRN_IMAGE");
        let name = |path: &Path| path.file_name().and_then(OsStr::to_str).unwrap().to_owned();
        let variant = name(&output);
        let (kernel, config) = variant.split_once('-').expect("a folder <kernel>-<config>");
        Self {
            platform: name(output.parent().unwrap()),
            kernel: kernel.to_owned(),
            config: config.to_owned(),
            cairn: path("CAIRN"),
            sdk: path("MICROKIT_SDK"),
            workspace: Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned(),
            output,
        }
    }

    /// Where consoles are kept.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        let logs = self.output.join("system-tests");
        fs::create_dir_all(&logs).unwrap();
        logs
    }

    /// The console of the machine of that name.
    #[must_use]
    pub fn log(&self, machine: &str) -> PathBuf {
        self.logs().join(format!("{machine}.log"))
    }

    /// What this kernel is called in `/status`: its name, and a version.
    #[must_use]
    pub fn kernel_version(&self) -> String {
        let report = fs::read_to_string(self.output.join("report.txt")).unwrap();
        let line = report.lines().rfind(|line| line.starts_with("kernel: ")).unwrap();
        let version = line.trim_start_matches("kernel: ");
        version.rsplit_once(" (").unwrap().0.to_owned()
    }

    /// Runs the `cairn` command; answers what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub fn cairn<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        run(Command::new(&self.cairn).args(arguments))
    }

    /// Makes an image in `folder` that trusts `chain`.
    ///
    /// # Panics
    /// If a tool fails.
    #[must_use]
    pub fn image(&self, folder: &Path, chain: &Path, additions: &Additions) -> Image {
        fs::create_dir_all(folder).unwrap();
        self.cairn([
            OsStr::new("chain"),
            "anchor".as_ref(),
            chain.as_ref(),
            "--output".as_ref(),
            folder.join("anchor.bin").as_ref(),
        ]);
        self.anchored_image(folder, additions)
    }

    /// Makes an image in `folder`, which holds `anchor.bin`.
    ///
    /// # Panics
    /// If a tool fails.
    #[must_use]
    pub fn anchored_image(&self, folder: &Path, additions: &Additions) -> Image {
        // The first folder that has a file wins.
        let programs = additions.programs.iter().map(PathBuf::as_path);
        let search: Vec<_> = [folder].into_iter().chain(programs).chain([&*self.output]).collect();
        let system = if additions.overlays.is_empty() {
            self.output.join("system.xml")
        } else {
            self.compose(folder, &search, &additions.overlays)
        };
        let loader = folder.join("loader.img");
        let mut tool = Command::new(self.sdk.join("bin/microkit"));
        tool.env("MICROKIT_SDK", &self.sdk).arg(&system);
        tool.args(["--board", &self.platform, "--config", &self.config]);
        for place in &search {
            tool.arg("--search-path").arg(place);
        }
        tool.arg("--output").arg(&loader).arg("--report").arg(folder.join("report.txt"));
        run(&mut tool);
        Image { loader, script: system.with_file_name("run.sh") }
    }

    fn compose(&self, folder: &Path, search: &[&Path], overlays: &[PathBuf]) -> PathBuf {
        let system = folder.join("system.xml");
        let platform = format!("platforms/{}.xml", self.platform);
        let mut tool = Command::new(&self.cairn);
        tool.current_dir(&self.workspace).args(["compose", "--platform", &platform]);
        tool.args(["--kernel", &self.kernel_version(), "--config", &self.config]);
        for overlay in overlays {
            tool.arg("--overlay").arg(overlay);
        }
        for place in search {
            tool.arg("--search-path").arg(place);
        }
        run(tool.arg("--output").arg(&system));
        system
    }
}

/// Runs a command to its end; answers its standard output.
///
/// # Panics
/// If it fails, with all that it said.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [said, complained] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    said
}
