//! RFC 8949, appendix A: what the profile has, it reads; all else it refuses. And what is refused
//! though it is well-formed.
#![allow(clippy::unwrap_used, reason = "a test")]

use ledger_verify::cbor::{Error, Problem, Reader};
use serde_json::Value;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

type Attempt = fn(&mut Reader<'_>) -> Result<Value, Error>;

/// Reads one item whatever it is and gives it back in JSON.
fn read(reader: &mut Reader<'_>) -> Result<Value, Error> {
    let try_all = |reader: &mut Reader<'_>| -> Option<Result<Value, Error>> {
        let attempts: [Attempt; 4] = [
            |reader| reader.unsigned().map(Value::from),
            |reader| reader.text(0, 1000).map(Value::from),
            |reader| reader.bytes(0, 1000).map(|bytes| Value::from(format!("{bytes:02x?}"))),
            |reader| {
                let length = reader.array(0, 1000)?;
                (0..length).map(|_| read(reader)).collect::<Result<Vec<_>, _>>().map(Value::from)
            },
        ];
        attempts.into_iter().find_map(|attempt| {
            let mut copy = reader.clone();
            match attempt(&mut copy) {
                Err(Error { offset, problem: Problem::WrongType }) if offset == reader.offset() => {
                    None
                }
                result => {
                    *reader = copy;
                    Some(result)
                }
            }
        })
    };
    let wrong = Error { offset: reader.offset(), problem: Problem::WrongType };
    try_all(reader).unwrap_or(Err(wrong))
}

fn in_profile(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_u64(),
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(in_profile),
        _ => false,
    }
}

#[test]
fn appendix_a_is_read_as_far_as_the_profile_goes() {
    let file: Value = serde_json::from_str(include_str!("vectors/cbor_appendix_a.json")).unwrap();
    let (mut read_count, mut refused_count) = (0, 0);
    for test in file.as_array().unwrap() {
        let hex = test["hex"].as_str().unwrap();
        let input = bytes(hex);
        let mut reader = Reader::new(&input);
        let result = read(&mut reader);
        // Floats, maps, tags, negative and indefinite items start with these bytes.
        let nested_ok = test.get("decoded").is_some_and(in_profile);
        let is_definite = !hex.starts_with("5f") && !hex.starts_with("7f") && !hex.contains("9f");
        let is_integer = !hex.starts_with(['c', 'd', 'e', 'f']);
        let is_byte_string = hex.starts_with('4');
        if is_byte_string || (nested_ok && is_definite && is_integer) {
            let value = result.unwrap();
            if !is_byte_string {
                assert_eq!(value, test["decoded"], "{hex}");
            }
            reader.end().unwrap();
            read_count += 1;
        } else {
            assert!(result.is_err(), "{hex}");
            refused_count += 1;
        }
    }
    assert_eq!((read_count, refused_count), (24, 58), "{} vectors", file.as_array().unwrap().len());
}

#[test]
fn longer_heads_than_needed_are_refused() {
    for hex in
        ["1800", "1817", "190000", "1900ff", "1a00000000", "1a0000ffff", "1b00000000ffffffff"]
    {
        let input = bytes(hex);
        let error = Reader::new(&input).unsigned().unwrap_err();
        assert_eq!(error, Error { offset: 0, problem: Problem::NotShortest }, "{hex}");
    }
    for (major, read) in [
        (0x40, (|reader| reader.bytes(0, 99).map(|_| ())) as fn(&mut Reader<'_>) -> _),
        (0x60, |reader| reader.text(0, 99).map(|_| ())),
        (0x80, |reader| reader.array(0, 99).map(|_| ())),
    ] {
        let error = read(&mut Reader::new(&[major | 24, 0])).unwrap_err();
        assert_eq!(error.problem, Problem::NotShortest);
        let error = read(&mut Reader::new(&[major | 31, 0xff])).unwrap_err();
        assert_eq!(error.problem, Problem::WrongType);
        for reserved in 28..31 {
            let error = read(&mut Reader::new(&[major | reserved, 0, 0, 0])).unwrap_err();
            assert_eq!(error.problem, Problem::WrongType);
        }
    }
}

#[test]
fn every_cut_of_an_item_is_truncated() {
    for hex in ["1864", "1903e8", "1a000f4240", "1bffffffffffffffff"] {
        let input = bytes(hex);
        for length in 0..input.len() {
            let error = Reader::new(&input[..length]).unsigned().unwrap_err();
            assert_eq!(error.problem, Problem::Truncated);
        }
    }
    let error = Reader::new(&bytes("4401020304")[..4]).bytes(0, 9).unwrap_err();
    assert_eq!(error.problem, Problem::Truncated);
    let error = Reader::new(&bytes("5bffffffffffffffff")).bytes(0, usize::MAX).unwrap_err();
    assert_eq!(error.problem, Problem::Truncated);
}

#[test]
fn ranges_and_text_are_checked() {
    assert_eq!(Reader::new(&[10]).unsigned_up_to(9).unwrap_err().problem, Problem::OutOfRange);
    assert_eq!(Reader::new(&[10]).unsigned_up_to(10), Ok(10));
    assert_eq!(Reader::new(&[0x43, 1, 2, 3]).bytes(4, 9).unwrap_err().problem, Problem::OutOfRange);
    assert_eq!(Reader::new(&[0x43, 1, 2, 3]).bytes(0, 2).unwrap_err().problem, Problem::OutOfRange);
    assert_eq!(Reader::new(&[0x82, 1, 2]).array_of(3).unwrap_err().problem, Problem::OutOfRange);
    assert_eq!(Reader::new(&[0x62, 0xc3, 0x28]).text(0, 9).unwrap_err().problem, Problem::NotUtf8);
    assert_eq!(Reader::new(&[0x42, 1, 2]).byte_array(), Ok(&[1, 2]));
    let mut reader = Reader::new(&[0xf6, 0]);
    assert_eq!((reader.null(), reader.null(), reader.offset()), (true, false, 1));
    let reader = Reader::new(&[0]);
    assert_eq!(reader.end(), Err(Error { offset: 0, problem: Problem::Trailing }));
}
