//! The `#[protection_domain]` attribute of `sel4-microkit`.
//!
//! It only finds the function's name and hands its arguments on; the work is in
//! `sel4_microkit::declare_protection_domain!`. So it needs no parser crate.

#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Makes a function that returns a `Handler` the entry point of a protection domain.
///
/// `stack_size = <bytes>` gives it a static stack in place of the one that the image tool maps;
/// `heap_size = <bytes>` a global allocator over a static array. Both are expressions of type
/// `usize`; `stack_size` comes first when both are given.
#[proc_macro_attribute]
pub fn protection_domain(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let Some(init) = function_name(item.clone()) else {
        return error("`#[protection_domain]` belongs on a function");
    };
    let declaration =
        format!("::sel4_microkit::declare_protection_domain! {{ init = {init}, {arguments} }}");
    match declaration.parse::<TokenStream>() {
        Ok(declaration) => item.into_iter().chain(declaration).collect(),
        Err(_) => error("bad arguments to `#[protection_domain]`"),
    }
}

/// The identifier after the first `fn` of an item.
fn function_name(item: TokenStream) -> Option<String> {
    let mut tokens = item.into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(ident) if ident.to_string() == "fn"))?;
    tokens.next().map(|name| name.to_string())
}

fn error(message: &str) -> TokenStream {
    format!("::core::compile_error!({message:?});").parse().unwrap_or_default()
}
