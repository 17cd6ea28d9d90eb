//! An option for large state that is placed statically.

/// An `Option` that is zero when it is `None`, whatever `T` is: an image holds every byte of a program's
/// static variables that is not.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum ZeroOption<T> {
    None,
    Some(T),
}

impl<T> ZeroOption<T> {
    pub(crate) const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }

    #[cfg(feature = "nexus")]
    pub(crate) const fn as_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }
}
