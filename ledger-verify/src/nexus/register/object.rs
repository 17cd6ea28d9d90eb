//! The data of an OBJECT register (`TAO/Register/types/object.h`): named, typed fields.
//!
//! A field is its name (CompactSize + bytes), 0xff if it is mutable, its type, and its value. A write
//! is a list of name, type + 0x6f, and value. Nothing moves: a string or bytes keep their length.

use super::Rule;
use crate::nexus::wire::Reader;

/// Stands before the type of a mutable field.
const MUTABLE: u8 = 0xff;
/// The code of a type in a write is higher by this.
const WRITE_CODES: u8 = 0x6f;
/// Fields that only the ledger itself writes.
const RESERVED: &[u8] = b"balance token require supply decimals trust stake system name";

/// Type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// One byte.
    U8 = 1,
    /// Two bytes, like all numbers the lowest first.
    U16 = 2,
    /// Four bytes.
    U32 = 3,
    /// Eight bytes.
    U64 = 4,
    /// 32 bytes.
    U256 = 5,
    /// 64 bytes.
    U512 = 6,
    /// 128 bytes.
    U1024 = 7,
    /// Text.
    String = 8,
    /// Bytes.
    Bytes = 9,
}

impl Type {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::U8),
            2 => Some(Self::U16),
            3 => Some(Self::U32),
            4 => Some(Self::U64),
            5 => Some(Self::U256),
            6 => Some(Self::U512),
            7 => Some(Self::U1024),
            8 => Some(Self::String),
            9 => Some(Self::Bytes),
            _ => None,
        }
    }

    /// A value whose type has the number `number`, and that type.
    #[inline(never)]
    fn read<'a>(number: u8, reader: &mut Reader<'a>) -> Option<(Self, &'a [u8])> {
        let kind = Self::from_number(number)?;
        let length = match kind {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
            Self::U256 => 32,
            Self::U512 => 64,
            Self::U1024 => 128,
            Self::String | Self::Bytes => reader.compact(0, super::DATA_BYTES_MAX),
        };
        let value = reader.take(length);
        reader.is_sound().then_some((kind, value))
    }
}

/// A field of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Whether writes may change it.
    pub is_mutable: bool,
    /// Its type.
    pub kind: Type,
    /// Its value: a number with the lowest byte first, or text or bytes without their length.
    pub value: &'a [u8],
    /// Where the value stands in the object.
    offset: usize,
}

impl Field<'_> {
    /// The value, if it is a number of at most 64 bits.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        let is_number = matches!(self.kind, Type::U8 | Type::U16 | Type::U32 | Type::U64);
        let bytes = self.value.iter().rev();
        is_number.then(|| bytes.fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }
}

/// The fields of an object, none named twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    data: &'a [u8],
}

impl<'a> Object<'a> {
    /// Takes an object apart.
    ///
    /// # Errors
    /// [`Rule::Object`], [`Rule::FieldTwice`].
    #[inline(never)]
    pub fn parse(data: &'a [u8]) -> Result<Self, Rule> {
        let object = Self { data };
        let mut rest = Fields { reader: Reader::new(data) };
        while !rest.reader.rest().is_empty() {
            let field = rest.next().ok_or(Rule::Object)?;
            if rest.clone().any(|later| later.name == field.name) {
                return Err(Rule::FieldTwice);
            }
        }
        Ok(object)
    }

    /// All fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        Fields { reader: Reader::new(self.data) }
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.find(name.as_bytes())
    }

    #[inline(never)]
    fn find(&self, name: &[u8]) -> Option<Field<'a>> {
        self.fields().find(|field| field.name == name)
    }
}

#[derive(Clone)]
struct Fields<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Field<'a>> {
        let reader = &mut self.reader;
        let name = reader.bytes(super::DATA_BYTES_MAX);
        let mut code = reader.byte();
        let is_mutable = code == MUTABLE;
        if is_mutable {
            code = reader.byte();
        }
        let (kind, value) = Type::read(code, reader)?;
        Some(Field { name, is_mutable, kind, value, offset: reader.offset() - value.len() })
    }
}

/// Applies a list of writes to an object.
///
/// # Errors
/// The rule that a write breaks; some writes may have been applied by then.
#[inline(never)]
pub(crate) fn write(object: &mut [u8], writes: &[u8]) -> Result<(), Rule> {
    Object::parse(object)?;
    let mut rest = Writes { reader: Reader::new(writes) };
    while !rest.reader.rest().is_empty() {
        let (name, kind, value) = rest.next().ok_or(Rule::Object)?;
        if rest.clone().any(|(later, ..)| later == name) {
            return Err(Rule::FieldTwice);
        }
        let field = Object { data: object }.find(name).ok_or(Rule::FieldUnknown)?;
        let mut reserved = RESERVED.split(|byte| *byte == b' ');
        if !field.is_mutable || reserved.any(|reserved| reserved == name) {
            return Err(Rule::FieldConstant);
        }
        if field.kind != kind || field.value.len() != value.len() {
            return Err(Rule::FieldType);
        }
        let start = field.offset;
        let place = object.get_mut(start..start + value.len()).ok_or(Rule::Object)?;
        place.copy_from_slice(value);
    }
    Ok(())
}

#[derive(Clone)]
struct Writes<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Writes<'a> {
    type Item = (&'a [u8], Type, &'a [u8]);

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        let name = self.reader.bytes(super::DATA_BYTES_MAX);
        let number = self.reader.byte().checked_sub(WRITE_CODES)?;
        let (kind, value) = Type::read(number, &mut self.reader)?;
        Some((name, kind, value))
    }
}
