//! The command line.

use std::path::PathBuf;

/// Shown for a wrong command line.
pub(crate) const USAGE: &str = "\
usage: cairn-bench --build DIR --platform NAME --config CONFIG --kernel NAME ...

  --build DIR      where images and results go
  --platform NAME  the board, as in platforms/
  --config CONFIG  debug, release or benchmark
  --kernel NAME    sel4 or model; may be repeated";

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) build: PathBuf,
    pub(crate) platform: String,
    pub(crate) config: String,
    pub(crate) kernels: Vec<String>,
}

impl Options {
    /// Parses the arguments after the program's name.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let (mut build, mut platform, mut config) = (None, None, None);
        let mut kernels = Vec::new();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match name.as_str() {
                "--build" => build = Some(PathBuf::from(value)),
                "--platform" => platform = Some(value),
                "--config" => config = Some(value),
                "--kernel" => kernels.push(value),
                _ => return Err(format!("unknown option `{name}`")),
            }
        }
        Ok(Self {
            build: build.ok_or("--build is missing")?,
            platform: platform.ok_or("--platform is missing")?,
            config: config.ok_or("--config is missing")?,
            kernels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split(' ').map(String::from))
    }

    #[test]
    fn takes_several_kernels() {
        let options = parse("--build b --platform p --config release --kernel sel4 --kernel model");
        assert_eq!(options.map(|options| options.kernels), Ok(vec!["sel4".into(), "model".into()]));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(parse("--build"), Err("`--build` needs a value".into()));
        assert_eq!(parse("--speed 9"), Err("unknown option `--speed`".into()));
        assert_eq!(parse("--build b --platform p"), Err("--config is missing".into()));
    }
}
