//! An XML element tree that remembers where each element came from.
//!
//! Text between elements is refused (SDF has none), comments are dropped, attribute order is kept.

use std::fmt;
use std::rc::Rc;

/// A file larger than this is not a system description.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Deeper nesting than this is not a system description either; it bounds recursion everywhere.
const DEPTH_MAX: usize = 32;

/// The file and line an element was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name as given on the command line.
    pub file: Rc<str>,
    /// One-based line.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An element, its attributes in file order, and its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The tag.
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Nested elements.
    pub children: Vec<Element>,
    /// Where it stands, or where the element it was expanded from stands.
    pub place: Place,
}

impl Element {
    /// A new element that is expanded from something at `place`.
    pub fn new(name: &str, place: &Place) -> Self {
        Self {
            name: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            place: place.clone(),
        }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, value);
        self
    }

    /// The same with one more child.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// An attribute's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Sets an attribute, in place or at the end.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        match self.attributes.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value.into(),
            None => self.attributes.push((key.to_owned(), value.into())),
        }
    }

    /// Removes an attribute if it is there.
    pub fn unset(&mut self, key: &str) {
        self.attributes.retain(|(name, _)| name != key);
    }

    /// All attributes in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Children with this tag.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Takes all children with this tag out.
    pub fn take(&mut self, name: &str) -> Vec<Self> {
        let (taken, kept) =
            std::mem::take(&mut self.children).into_iter().partition(|c| c.name == name);
        self.children = kept;
        taken
    }

    /// The protection domain called `name`, at any depth below this element.
    pub fn find_pd(&mut self, name: &str) -> Option<&mut Self> {
        for child in self.children.iter_mut().filter(|c| c.name == "protection_domain") {
            if child.get("name") == Some(name) {
                return Some(child);
            }
            if let Some(found) = child.find_pd(name) {
                return Some(found);
            }
        }
        None
    }

    /// The element as SDF text, without an XML declaration.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    fn write(&self, depth: usize, text: &mut String) {
        let indent = "    ".repeat(depth);
        text.push_str(&format!("{indent}<{}", self.name));
        for (key, value) in &self.attributes {
            text.push_str(&format!(" {key}=\"{}\"", escape(value)));
        }
        if self.children.is_empty() {
            text.push_str("/>\n");
            return;
        }
        text.push_str(">\n");
        for child in &self.children {
            child.write(depth + 1, text);
        }
        text.push_str(&format!("{indent}</{}>\n", self.name));
    }
}

/// `<tag first-attribute="...">`, as error messages name an element.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attributes.first() {
            Some((key, value)) => write!(f, "<{} {key}=\"{value}\">", self.name),
            None => write!(f, "<{}>", self.name),
        }
    }
}

fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\n' | '\r' | '\t' => text.push_str(&format!("&#{};", u32::from(c))),
            _ => text.push(c),
        }
    }
    text
}

/// Reads `text`, which came from `file`.
///
/// # Errors
/// A message with file and line: not XML, too large, too deep, or text where only elements belong.
pub fn parse(file: &str, text: &str) -> Result<Element, String> {
    if text.len() > FILE_BYTES_MAX {
        return Err(format!("{file}: larger than {FILE_BYTES_MAX} bytes"));
    }
    depth_within_bounds(file, text)?;
    let document = roxmltree::Document::parse(text).map_err(|error| {
        // The parser's own message ends in " at row:column".
        format!("{file}:{}: {error}", error.pos().row)
    })?;
    let reader = Reader {
        file: Rc::from(file),
        line_starts: text.match_indices('\n').map(|(at, _)| at).collect(),
    };
    reader.element(document.root_element(), 0)
}

/// Refuses deep nesting before the recursive parser sees it. Counts tags crudely: markup in comments
/// can only make the count too high by unclosed `<`, which no real description has 32 of.
fn depth_within_bounds(file: &str, text: &str) -> Result<(), String> {
    let mut depth = 0_usize;
    let mut rest = text;
    let mut line = 1;
    while let Some(at) = rest.find('<') {
        line += rest[..at].matches('\n').count();
        rest = &rest[at..];
        let end = match rest {
            r if r.starts_with("<!--") => r.find("-->"),
            r => r.find('>'),
        };
        let Some(end) = end else { return Ok(()) };
        let tag = &rest[..=end];
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !tag.starts_with("<!") && !tag.starts_with("<?") && !tag.ends_with("/>") {
            depth += 1;
        }
        if depth > DEPTH_MAX {
            return Err(format!("{file}:{line}: nested deeper than {DEPTH_MAX}"));
        }
        line += tag.matches('\n').count();
        rest = &rest[end + 1..];
    }
    Ok(())
}

struct Reader {
    file: Rc<str>,
    line_starts: Vec<usize>,
}

impl Reader {
    fn place(&self, offset: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start < offset) + 1;
        Place { file: self.file.clone(), line }
    }

    fn element(&self, node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Element, String> {
        let place = self.place(node.range().start);
        if depth > DEPTH_MAX {
            return Err(format!("{place}: nested deeper than {DEPTH_MAX}"));
        }
        let mut element = Element::new(node.tag_name().name(), &place);
        for attribute in node.attributes() {
            element.set(attribute.name(), attribute.value());
        }
        for child in node.children() {
            if child.is_element() {
                element.children.push(self.element(child, depth + 1)?);
            } else if child.is_text() && !child.text().unwrap_or_default().trim().is_empty() {
                let place = self.place(child.range().start);
                return Err(format!("{place}: text inside {element}: only elements belong here"));
            }
        }
        Ok(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_deterministically_and_drops_comments() {
        let text = "<system><!-- why --><channel>\n<end pd='a' id='1'/></channel>\n</system>";
        let element = parse("a.xml", text).unwrap();
        let expected = "<system>\n    <channel>\n        <end pd=\"a\" id=\"1\"/>\n    \
                        </channel>\n</system>\n";
        assert_eq!(element.to_text(), expected);
        assert_eq!(parse("a.xml", expected).unwrap().to_text(), expected);
    }

    #[test]
    fn every_element_knows_its_line() {
        let element = parse("a.xml", "<system>\n\n  <a/>\n  <b\n x='1'/></system>").unwrap();
        let lines: Vec<_> = element.children.iter().map(|c| c.place.line).collect();
        assert_eq!(lines, [3, 4]);
    }

    #[test]
    fn refuses_text_deep_nesting_doctype_and_huge_files() {
        assert!(parse("a.xml", "<system>\nhello</system>").unwrap_err().contains("a.xml:1: text"));
        let deep = "<a>".repeat(100_000);
        assert!(parse("a.xml", &deep).unwrap_err().contains("nested deeper"));
        let closed = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        assert!(parse("a.xml", &closed).unwrap_err().contains("nested deeper"));
        let bomb = "<!DOCTYPE a [<!ENTITY x 'y'>]><a b='&x;'/>";
        assert!(parse("a.xml", bomb).unwrap_err().starts_with("a.xml:1: "));
        assert!(parse("a.xml", &" ".repeat(FILE_BYTES_MAX + 1)).unwrap_err().contains("larger"));
    }

    #[test]
    fn attribute_values_survive_a_round_trip() {
        let element = Element::new("a", &Place { file: "x".into(), line: 1 }).with("b", "<&\">\n");
        assert_eq!(parse("x", &element.to_text()).unwrap(), element);
    }
}
