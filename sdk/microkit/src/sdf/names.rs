//! Names that must be unique, and what they stand for.

use std::collections::HashMap;

use super::error::{Position, Problem, SdfError};
use super::reader::Element;

/// Maps unique names, ids or numbers to their first owner.
pub(super) struct Names<K, V> {
    what: &'static str,
    owners: HashMap<K, (Position, V)>,
}

impl<K: std::hash::Hash + Eq + Clone + ToString, V: Copy> Names<K, V> {
    /// An empty table of `what`.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, owners: HashMap::new() }
    }

    /// Takes `key` for the element that names it in `attribute`.
    ///
    /// # Errors
    /// If the key has an owner.
    pub(super) fn take(
        &mut self,
        key: K,
        value: V,
        element: Element<'_, '_>,
        attribute: &str,
    ) -> Result<(), SdfError> {
        if let Some(&(first, _)) = self.owners.get(&key) {
            let name = key.to_string();
            let problem = Problem::Duplicate { what: self.what, name, first };
            return Err(element.attribute_error(attribute, problem));
        }
        self.owners.insert(key, (element.at(), value));
        Ok(())
    }

    /// What the name in `attribute` stands for.
    ///
    /// # Errors
    /// If the attribute is missing or nothing bears the name.
    pub(super) fn find(&self, element: Element<'_, '_>, attribute: &str) -> Result<V, SdfError>
    where
        K: for<'a> From<&'a str>,
    {
        let name = element.required(attribute)?;
        self.owners.get(&K::from(name)).map(|&(_, value)| value).ok_or_else(|| {
            let problem = Problem::Unknown { what: self.what, name: name.to_owned() };
            element.attribute_error(attribute, problem)
        })
    }
}
