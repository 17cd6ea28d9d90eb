//! What can be wrong with a system description, and where.

use std::fmt;

/// A place in a system description: 1-based line and 1-based column, counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A rejected system description: what is wrong, in which element and attribute, at which place.
///
/// Prints as `file:line:column: <element attribute>: problem`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdfError {
    /// The description's name as given to the parser.
    pub file: String,
    /// Where the attribute (if one is named) or the element begins.
    pub at: Position,
    /// The element's name; empty when the XML itself is at fault.
    pub element: String,
    /// The attribute at fault, if the fault lies in one.
    pub attribute: Option<String>,
    /// What is wrong.
    pub problem: Box<Problem>,
}

impl fmt::Display for SdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.at)?;
        match (self.element.as_str(), &self.attribute) {
            ("", _) => {}
            (element, None) => write!(f, "<{element}>: ")?,
            (element, Some(attribute)) => write!(f, "<{element} {attribute}>: ")?,
        }
        write!(f, "{}", self.problem)
    }
}

impl std::error::Error for SdfError {}

/// Two bounds in the base that `text` is written in.
fn bounds(text: &str, low: u64, high: u64) -> String {
    if text.starts_with("0x") {
        format!("{low:#x} to {high:#x}")
    } else {
        format!("{low} to {high}")
    }
}

/// What is wrong with an element or attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not well-formed XML, or a DTD.
    #[error("not well-formed: {0}")]
    Xml(String),
    /// The text is longer than any sensible description.
    #[error("{bytes} bytes long; the limit is {limit}")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// Longest accepted text.
        limit: usize,
    },
    /// Elements are nested more deeply than accepted.
    #[error("nested more than {limit} elements deep")]
    TooDeep {
        /// Deepest accepted nesting, the root being 1.
        limit: usize,
    },
    /// The root element is not `<system>`.
    #[error("the root element must be <system>")]
    NotASystem,
    /// An element that its parent does not know.
    #[error("unknown element in <{parent}>")]
    UnknownElement {
        /// The parent's name.
        parent: String,
    },
    /// An attribute that its element does not know.
    #[error("unknown attribute")]
    UnknownAttribute,
    /// An XML namespace; the format has none.
    #[error("XML namespaces are not part of the format")]
    Namespace,
    /// Text where only elements belong.
    #[error("text is not allowed here: '{0}'")]
    StrayText(String),
    /// A feature that Microkit has and the model kernel has not.
    #[error("unsupported by the model kernel: {0}")]
    Unsupported(&'static str),
    /// A required attribute is absent.
    #[error("required attribute is missing")]
    MissingAttribute,
    /// A required child element is absent.
    #[error("needs a <{0}> element")]
    MissingElement(&'static str),
    /// A child element that may occur once occurs again.
    #[error("may occur only once; first at line {}", first.line)]
    Repeated {
        /// The earlier occurrence.
        first: Position,
    },
    /// Not a number, or one that 64 bits cannot hold.
    #[error("'{text}' is not {expected}")]
    NotANumber {
        /// The attribute's text.
        text: String,
        /// The accepted spellings.
        expected: &'static str,
    },
    /// Neither `true` nor `false`.
    #[error("'{0}' must be 'true' or 'false'")]
    NotABoolean(String),
    /// Not one of the listed words.
    #[error("'{text}' must be {choices}")]
    NotAChoice {
        /// The attribute's text.
        text: String,
        /// The accepted words.
        choices: &'static str,
    },
    /// A number outside its bounds, both inclusive.
    #[error("{text} is out of range; must be {}", bounds(text, *low, *high))]
    OutOfRange {
        /// The number as written.
        text: String,
        /// Smallest accepted.
        low: u64,
        /// Largest accepted.
        high: u64,
    },
    /// An address or size that is not a multiple of what it must be.
    #[error("{value:#x} is not a multiple of {of:#x}")]
    Unaligned {
        /// The number.
        value: u64,
        /// The required divisor.
        of: u64,
    },
    /// An address at or past the first address that may not be used.
    #[error("{value:#x} must be below {limit:#x}")]
    PastEnd {
        /// The address.
        value: u64,
        /// First address that may not be used.
        limit: u64,
    },
    /// The budget is longer than the period.
    #[error("budget {budget} is longer than period {period}")]
    BudgetExceedsPeriod {
        /// Budget in microseconds.
        budget: u64,
        /// Period in microseconds.
        period: u64,
    },
    /// A mapping that cannot be read: the kernel gives no other right without that one.
    #[error("'{0}' must contain 'r'")]
    NotReadable(String),
    /// A name nothing bears.
    #[error("no {what} is named '{name}'")]
    Unknown {
        /// The kind of thing looked for.
        what: &'static str,
        /// The name looked for.
        name: String,
    },
    /// A name, id or number that must be unique occurs again.
    #[error("{what} {name} is already taken at line {}", first.line)]
    Duplicate {
        /// The kind of thing.
        what: &'static str,
        /// Its name, id or number.
        name: String,
        /// Its first owner.
        first: Position,
    },
    /// A name or interrupt that the kernel or the tool keeps.
    #[error("{0} is reserved")]
    Reserved(String),
    /// More of something than the format allows.
    #[error("{count} {what}; at most {limit}")]
    TooMany {
        /// The kind of thing, plural.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A range that wraps around the end of the 64-bit space or leaves the usable space.
    #[error("range {start:#x}+{size:#x} goes past {limit:#x}")]
    RangePastEnd {
        /// First address.
        start: u64,
        /// Length in bytes.
        size: u64,
        /// First address that may not be used.
        limit: u64,
    },
    /// Two ranges that share addresses.
    #[error("{what} {start:#x}..{end:#x} overlaps '{other}' {other_start:#x}..{other_end:#x}")]
    Overlap {
        /// The kind of range.
        what: &'static str,
        /// First address.
        start: u64,
        /// Address after the last.
        end: u64,
        /// The other range's name.
        other: String,
        /// The other range's first address.
        other_start: u64,
        /// The address after the other range's last.
        other_end: u64,
    },
    /// Both ends of a channel may call.
    #[error("both ends have pp=\"true\"; only one side of a channel may call")]
    MutualCall,
    /// A caller whose priority is not below its server's.
    #[error(
        "'{caller}' (priority {caller_priority}) may only call a higher priority than its own, \
         not '{server}' (priority {server_priority})"
    )]
    CallDownward {
        /// The calling protection domain.
        caller: String,
        /// Its priority.
        caller_priority: u8,
        /// The called protection domain.
        server: String,
        /// Its priority.
        server_priority: u8,
    },
    /// A region without `size` and without a file to take it from.
    #[error("needs a size: the region has no prefill_path")]
    NoSize,
    /// `setvar_prefill_size` for a region that has no prefill.
    #[error("region '{0}' has no prefill_path")]
    NoPrefill(String),
    /// A prefill file that cannot be used.
    #[error("prefill file '{path}': {reason}")]
    Prefill {
        /// The file as named in the description.
        path: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A fixed physical range that lies partly in RAM or in two kinds of it.
    #[error(
        "physical range {start:#x}..{end:#x} crosses {border:#x}, where another kind of memory begins"
    )]
    Straddles {
        /// First address.
        start: u64,
        /// Address after the last.
        end: u64,
        /// Where the kind changes.
        border: u64,
    },
    /// A prefill for memory that is not RAM.
    #[error("{0:#x} is device memory, which cannot be filled")]
    PrefilledDevice(u64),
}
