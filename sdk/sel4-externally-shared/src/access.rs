//! What a reference or pointer may be used for.

/// A kind of access. Sealed.
pub trait Access: Copy + Default + private::Sealed {}

/// Access after giving up what `To` does not have.
pub trait RestrictAccess<To>: Access {
    /// What remains.
    type Restricted: Access;
}

/// Access that includes reading.
pub trait Readable: Access {}

/// Access that includes writing.
pub trait Writable: Access {}

/// Access that two owners may have at once: none that can write.
pub trait Copyable: Access {}

/// Read and write.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReadWrite;

/// Read only.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnly;

/// Write only.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct WriteOnly;

/// Neither.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct NoAccess;

impl Access for ReadWrite {}
impl Access for ReadOnly {}
impl Access for WriteOnly {}
impl Access for NoAccess {}

impl Readable for ReadWrite {}
impl Readable for ReadOnly {}
impl Writable for ReadWrite {}
impl Writable for WriteOnly {}
impl Copyable for ReadOnly {}
impl Copyable for NoAccess {}

macro_rules! restrict {
    ($($from:ident to $to:ident is $restricted:ident,)*) => {$(
        impl RestrictAccess<$to> for $from {
            type Restricted = $restricted;
        }
    )*};
}

restrict! {
    ReadWrite to ReadWrite is ReadWrite,
    ReadWrite to ReadOnly is ReadOnly,
    ReadWrite to WriteOnly is WriteOnly,
    ReadWrite to NoAccess is NoAccess,
    ReadOnly to ReadWrite is ReadOnly,
    ReadOnly to ReadOnly is ReadOnly,
    ReadOnly to WriteOnly is NoAccess,
    ReadOnly to NoAccess is NoAccess,
    WriteOnly to ReadWrite is WriteOnly,
    WriteOnly to ReadOnly is NoAccess,
    WriteOnly to WriteOnly is WriteOnly,
    WriteOnly to NoAccess is NoAccess,
    NoAccess to ReadWrite is NoAccess,
    NoAccess to ReadOnly is NoAccess,
    NoAccess to WriteOnly is NoAccess,
    NoAccess to NoAccess is NoAccess,
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::ReadWrite {}
    impl Sealed for super::ReadOnly {}
    impl Sealed for super::WriteOnly {}
    impl Sealed for super::NoAccess {}
}
