//! A protection domain that is still being read: what it must not name twice.

use super::error::SdfError;
use super::model::{ProtectionDomain, SetVar, SetVarValue};
use super::names::Names;
use super::reader::Element;

/// A domain and its tables of taken ids and symbols. Channels and children, which stand elsewhere
/// in the file, add to it until the whole description is read.
pub(super) struct Draft {
    /// The domain so far.
    pub(super) domain: ProtectionDomain,
    ids: Names<u8, ()>,
    children: Names<u8, ()>,
    symbols: Names<String, ()>,
}

impl Draft {
    /// A domain that has neither ids nor symbols yet.
    pub(super) fn new(domain: ProtectionDomain) -> Self {
        Self {
            domain,
            ids: Names::new("id"),
            children: Names::new("child id"),
            symbols: Names::new("setvar symbol"),
        }
    }

    /// Takes a channel or interrupt id.
    pub(super) fn take_id(&mut self, id: u8, element: Element<'_, '_>) -> Result<(), SdfError> {
        self.ids.take(id, (), element, "id")
    }

    /// Takes a child id.
    pub(super) fn take_child(&mut self, id: u8, element: Element<'_, '_>) -> Result<(), SdfError> {
        self.children.take(id, (), element, "id")
    }

    /// Adds the symbol named by `attribute`, if the element has it.
    pub(super) fn set(
        &mut self,
        element: Element<'_, '_>,
        attribute: &str,
        value: SetVarValue,
    ) -> Result<(), SdfError> {
        let Some(symbol) = element.text(attribute) else { return Ok(()) };
        self.symbols.take(symbol.to_owned(), (), element, attribute)?;
        let at = element.attribute_at(attribute);
        self.domain.setvars.push(SetVar { at, symbol: symbol.to_owned(), value });
        Ok(())
    }
}
