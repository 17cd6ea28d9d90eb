//! Other programs.

use std::process::{Command, Stdio};

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    output(command).map(drop)
}

/// What a program prints; if it fails, what it says about that.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let result =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{shown}: {error}"))?;
    if result.status.success() {
        return Ok(String::from_utf8_lossy(&result.stdout).into_owned());
    }
    let problem = String::from_utf8_lossy(&result.stderr);
    let problem = problem.trim();
    Err(format!("{shown}: {}", if problem.is_empty() { "failed" } else { problem }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_a_program_says_about_its_failure() {
        assert_eq!(output(Command::new("echo").arg("hello")).as_deref(), Ok("hello\n"));
        let failure = output(Command::new("sh").args(["-c", "echo no >&2; false"]));
        assert!(failure.is_err_and(|problem| problem.ends_with(": no")));
        assert!(output(&mut Command::new("/no/such/program")).is_err());
    }
}
