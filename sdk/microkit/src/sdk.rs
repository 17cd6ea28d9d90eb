//! The SDK folder: `board/<board>/<config>/elf/sel4.elf`.

use std::path::{Path, PathBuf};

/// Environment variable that names the SDK folder.
pub const SDK_VARIABLE: &str = "MICROKIT_SDK";

/// Why no kernel is found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdkError {
    /// The folder that should be the SDK is none.
    #[error("the SDK folder '{0}' has no 'board' folder; set {SDK_VARIABLE}")]
    NoBoards(PathBuf),
    /// The executable does not say where the SDK is.
    #[error("cannot tell the SDK folder from the executable's path; set {SDK_VARIABLE}")]
    NoExecutable,
    /// The SDK has no such board.
    #[error("argument --board: unknown board '{name}' (choose from: {known})")]
    NoBoard {
        /// The name asked for.
        name: String,
        /// The boards there are.
        known: String,
    },
    /// The board has no such configuration.
    #[error("argument --config: invalid choice '{name}' (choose from: {known})")]
    NoConfig {
        /// The name asked for.
        name: String,
        /// The configurations there are.
        known: String,
    },
}

/// An SDK folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdk {
    boards: PathBuf,
}

impl Sdk {
    /// The SDK at `folder`.
    ///
    /// # Errors
    /// If it has no `board` folder.
    pub fn at(folder: &Path) -> Result<Self, SdkError> {
        let boards = folder.join("board");
        if boards.is_dir() {
            Ok(Self { boards })
        } else {
            Err(SdkError::NoBoards(folder.to_owned()))
        }
    }

    /// The SDK that the environment names, else the one that the executable lies in.
    ///
    /// # Errors
    /// If neither is an SDK folder.
    pub fn discover() -> Result<Self, SdkError> {
        if let Some(folder) = std::env::var_os(SDK_VARIABLE) {
            return Self::at(Path::new(&folder));
        }
        let executable = std::env::current_exe().map_err(|_| SdkError::NoExecutable)?;
        let folder = executable.parent().and_then(Path::parent).ok_or(SdkError::NoExecutable)?;
        Self::at(folder)
    }

    /// The kernel for a board and a configuration.
    ///
    /// # Errors
    /// If the SDK lacks one of them.
    pub fn kernel(&self, board: &str, config: &str) -> Result<PathBuf, SdkError> {
        let boards = folders(&self.boards);
        if !boards.iter().any(|name| name == board) {
            return Err(SdkError::NoBoard { name: board.to_owned(), known: boards.join(", ") });
        }
        let board = self.boards.join(board);
        let configs = folders(&board);
        if !configs.iter().any(|name| name == config) {
            return Err(SdkError::NoConfig { name: config.to_owned(), known: configs.join(", ") });
        }
        Ok(board.join(config).join("elf").join("sel4.elf"))
    }
}

/// Names of the folders in a folder, sorted; none if it cannot be read.
fn folders(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
