//! The one way a numeric code in a message becomes an enum.

/// Declares an enum with explicit nonzero `u16` codes and its total conversions.
macro_rules! codes {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum $name { $($(#[$vmeta])* $variant = $code,)+ }

        impl $name {
            /// The code that stands in a message.
            #[must_use]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The meaning of a code from a message; `None` when the code is not assigned.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use codes;
