//! Elements and attributes with their places: the one layer that knows the XML crate.

use roxmltree::{Document, Node, NodeType, ParsingOptions};

use super::error::{Position, Problem, SdfError};
use super::limits::{DEPTH_MAX, NODE_COUNT_MAX, TEXT_BYTES_MAX};

/// Spelling of a number that may be hexadecimal.
const NUMBER: &str = "a number (decimal, or hexadecimal after 0x; _ may separate digits)";
/// Spelling of an id.
const DECIMAL: &str = "a decimal number";

/// The text of a description and where its lines begin.
///
/// The XML crate finds a place by counting from the start of the text; asked for every element
/// that takes quadratic time, so places are looked up here.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    /// Takes the text of `file`.
    ///
    /// # Errors
    /// If the text is too long.
    pub(super) fn new(file: &'a str, text: &'a str) -> Result<Self, SdfError> {
        let newlines = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        let source = Self { file, text, line_starts };
        if text.len() > TEXT_BYTES_MAX {
            let problem = Problem::TooLong { bytes: text.len(), limit: TEXT_BYTES_MAX };
            return Err(source.error(Position { line: 1, column: 1 }, problem));
        }
        Ok(source)
    }

    /// Parses the text as XML without DTD.
    ///
    /// # Errors
    /// If the text is not well-formed or has too many nodes.
    pub(super) fn document(&self) -> Result<Document<'a>, SdfError> {
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: NODE_COUNT_MAX, ..Default::default() };
        Document::parse_with_options(self.text, options).map_err(|error| {
            let at = Position { line: error.pos().row, column: error.pos().col };
            // The crate ends some messages with " at line:column"; the place is told once.
            let text = error.to_string();
            let bare = text.strip_suffix(&format!(" at {at}")).unwrap_or(&text);
            self.error(at, Problem::Xml(bare.to_owned()))
        })
    }

    fn error(&self, at: Position, problem: Problem) -> SdfError {
        SdfError {
            file: self.file.to_owned(),
            at,
            element: String::new(),
            attribute: None,
            problem: Box::new(problem),
        }
    }

    fn position(&self, byte: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= byte);
        let start = self.line_starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count());
        let bounded = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { line: bounded(line.max(1)), column: bounded(column + 1) }
    }
}

/// An element, with everything needed to complain about it.
#[derive(Clone, Copy)]
pub(super) struct Element<'a, 's> {
    node: Node<'a, 'a>,
    source: &'s Source<'a>,
}

impl<'a, 's> Element<'a, 's> {
    /// The root element, which must be `<system>`; the whole tree is checked for what the format
    /// never allows: text, namespaces, deep nesting.
    pub(super) fn root(
        document: &'a Document<'a>,
        source: &'s Source<'a>,
    ) -> Result<Self, SdfError> {
        let root = Self { node: document.root_element(), source };
        if root.name() != "system" {
            return Err(root.error(Problem::NotASystem));
        }
        root.check_shape()?;
        Ok(root)
    }

    fn check_shape(self) -> Result<(), SdfError> {
        // An explicit stack: the depth is the enemy's choice.
        let mut open = vec![(self, 1)];
        while let Some((element, depth)) = open.pop() {
            if depth > DEPTH_MAX {
                return Err(element.error(Problem::TooDeep { limit: DEPTH_MAX }));
            }
            if element.node.tag_name().namespace().is_some() {
                return Err(element.error(Problem::Namespace));
            }
            for attribute in element.node.attributes() {
                if attribute.namespace().is_some() {
                    return Err(element.attribute_error(attribute.name(), Problem::Namespace));
                }
            }
            element.check_no_text()?;
            open.extend(element.children().map(|child| (child, depth + 1)));
        }
        Ok(())
    }

    fn check_no_text(self) -> Result<(), SdfError> {
        let texts = self.node.children().filter(|node| node.node_type() == NodeType::Text);
        for node in texts {
            let text = node.text().unwrap_or_default();
            let stray = text.trim();
            if !stray.is_empty() {
                let at = node.range().start + text.len() - text.trim_start().len();
                let problem = Problem::StrayText(shortened(stray));
                let at = self.source.position(at);
                return Err(SdfError { at, ..self.error(problem) });
            }
        }
        Ok(())
    }

    /// The element's name.
    pub(super) fn name(self) -> &'a str {
        self.node.tag_name().name()
    }

    /// Where the element begins.
    pub(super) fn at(self) -> Position {
        self.source.position(self.node.range().start)
    }

    /// Where an attribute begins; the element's place if it is absent.
    pub(super) fn attribute_at(self, name: &str) -> Position {
        match self.node.attribute_node(name) {
            Some(attribute) => self.source.position(attribute.range().start),
            None => self.at(),
        }
    }

    /// The child elements in order.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let source = self.source;
        self.node.children().filter(Node::is_element).map(move |node| Self { node, source })
    }

    /// An error about the element as a whole.
    pub(super) fn error(self, problem: Problem) -> SdfError {
        SdfError { element: self.name().to_owned(), ..self.source.error(self.at(), problem) }
    }

    /// An error about one attribute.
    pub(super) fn attribute_error(self, name: &str, problem: Problem) -> SdfError {
        SdfError {
            element: self.name().to_owned(),
            attribute: Some(name.to_owned()),
            ..self.source.error(self.attribute_at(name), problem)
        }
    }

    /// The error for an element that its parent does not know.
    pub(super) fn unknown(self, parent: &str) -> SdfError {
        self.error(Problem::UnknownElement { parent: parent.to_owned() })
    }

    /// Refuses attributes that are not listed.
    pub(super) fn allow(self, names: &[&str]) -> Result<(), SdfError> {
        match self.node.attributes().find(|attribute| !names.contains(&attribute.name())) {
            Some(unknown) => Err(self.attribute_error(unknown.name(), Problem::UnknownAttribute)),
            None => Ok(()),
        }
    }

    /// Refuses child elements.
    pub(super) fn allow_no_children(self) -> Result<(), SdfError> {
        self.children().next().map_or(Ok(()), |child| Err(child.unknown(self.name())))
    }

    /// An attribute's text.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.node.attribute(name)
    }

    /// A required attribute's text.
    pub(super) fn required(self, name: &str) -> Result<&'a str, SdfError> {
        self.text(name).ok_or_else(|| self.attribute_error(name, Problem::MissingAttribute))
    }

    /// A number, decimal or hexadecimal.
    pub(super) fn number(self, name: &str) -> Result<Option<u64>, SdfError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits: String = text.chars().filter(|&c| c != '_').collect();
        let value = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        value.map(Some).map_err(|_| self.not_a_number(name, NUMBER))
    }

    /// A required number.
    pub(super) fn required_number(self, name: &str) -> Result<u64, SdfError> {
        self.required(name)?;
        Ok(self.number(name)?.unwrap_or_default())
    }

    /// A number within inclusive bounds that fit `T`, or `default`.
    pub(super) fn bounded<T>(self, name: &str, default: T, low: T, high: T) -> Result<T, SdfError>
    where
        T: Copy + Into<u64> + TryFrom<u64>,
    {
        let value = self.number(name)?.unwrap_or(default.into());
        self.in_bounds(name, value.into(), low, high)
    }

    /// A required decimal number within inclusive bounds.
    pub(super) fn decimal<T>(self, name: &str, low: T, high: T) -> Result<T, SdfError>
    where
        T: Copy + Into<u64> + TryFrom<u64>,
    {
        let text = self.required(name)?;
        let value = text.parse::<i64>().map_err(|_| self.not_a_number(name, DECIMAL))?;
        self.in_bounds(name, value.into(), low, high)
    }

    fn in_bounds<T>(self, name: &str, value: i128, low: T, high: T) -> Result<T, SdfError>
    where
        T: Copy + Into<u64> + TryFrom<u64>,
    {
        let (low, high) = (low.into(), high.into());
        u64::try_from(value)
            .ok()
            .filter(|value| (low..=high).contains(value))
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| {
                let text = self.text(name).map_or_else(|| value.to_string(), shortened);
                self.attribute_error(name, Problem::OutOfRange { text, low, high })
            })
    }

    fn not_a_number(self, name: &str, expected: &'static str) -> SdfError {
        let text = shortened(self.text(name).unwrap_or_default());
        self.attribute_error(name, Problem::NotANumber { text, expected })
    }

    /// `true`, `false`, or `default`.
    pub(super) fn boolean(self, name: &str, default: bool) -> Result<bool, SdfError> {
        match self.text(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(text) => Err(self.attribute_error(name, Problem::NotABoolean(shortened(text)))),
        }
    }

    /// Refuses a value that `of` does not divide.
    pub(super) fn check_aligned(self, name: &str, value: u64, of: u64) -> Result<(), SdfError> {
        if value.is_multiple_of(of) {
            return Ok(());
        }
        Err(self.attribute_error(name, Problem::Unaligned { value, of }))
    }
}

/// As much of a foreign text as a message needs.
pub(super) fn shortened(text: &str) -> String {
    const CHARS: usize = 40;
    if text.chars().nth(CHARS).is_none() {
        return text.to_owned();
    }
    text.chars().take(CHARS).chain(['…']).collect()
}
