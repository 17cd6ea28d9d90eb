//! `run.sh`: starts the image in QEMU.

/// Placeholder and the variable that replaces it.
const PLACEHOLDERS: [(&str, &str); 3] = [
    ("{image}", "${IMAGE:?the loader image}"),
    ("{disk}", "${DISK:?the disk image}"),
    ("{http_port}", "${HTTP_PORT:?the host port}"),
];

/// A shell script that runs the words of the platform's command line, then its own arguments.
///
/// # Errors
/// A word with a character that the shell would interpret.
pub(super) fn script(words: &[String]) -> Result<String, String> {
    let mut text =
        String::from("#!/bin/sh\n# Written by `cairn compose`; see docs/system-xml.md.\n");
    if words.is_empty() {
        text.push_str("echo 'this platform has no emulator' >&2\nexit 2\n");
        return Ok(text);
    }
    text.push_str("exec");
    for word in words {
        if word.contains(['"', '$', '`', '\\']) {
            return Err(format!("<qemu args>: `{word}` would be interpreted by the shell"));
        }
        let mut quoted = word.clone();
        for (placeholder, variable) in PLACEHOLDERS {
            quoted = quoted.replace(placeholder, variable);
        }
        text.push_str(&format!(" \\\n    \"{quoted}\""));
    }
    text.push_str(" \\\n    \"$@\"\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_passes_each_word_whole() {
        let words = ["echo", "file={image},a=b", "x;y"].map(str::to_owned);
        let text = script(&words).unwrap();
        let output = std::process::Command::new("sh")
            .args(["-c", &text, "run.sh", "last one"])
            .env("IMAGE", "a b.img")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "file=a b.img,a=b x;y last one\n");
    }

    #[test]
    fn shell_characters_are_refused() {
        for bad in ["$HOME", "`x`", "a\"b", "a\\"] {
            assert!(script(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
