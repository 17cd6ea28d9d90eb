//! What can go wrong, by exit code.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a subcommand failed; [`Error::exit_code`] tells scripts which kind it was.
#[derive(Debug)]
pub enum Error {
    /// The input was read but is not what it should be: a broken proof, a lint, a bad file. Exit 1.
    Refused(String),
    /// The command line asks for something impossible. Exit 2, as clap does.
    Usage(String),
    /// The operating system refused. Exit 3.
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// An I/O error at `path`, for `map_err`. A file that could be read but is no text is refused.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| match source.kind() {
            io::ErrorKind::InvalidData => Self::Refused(format!("{}: no text", path.display())),
            _ => Self::Io { path, source },
        }
    }

    /// The process exit code: 1 refused, 2 usage, 3 I/O.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Io { .. } => 3,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(what) | Self::Usage(what) => f.write_str(what),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!(Error::Refused("a".into()).exit_code(), 1);
        assert_eq!(Error::Usage("a".into()).exit_code(), 2);
        let io = Error::io("/x")(io::ErrorKind::NotFound.into());
        assert_eq!(io.exit_code(), 3);
        assert!(io.to_string().starts_with("/x: "));
    }
}
