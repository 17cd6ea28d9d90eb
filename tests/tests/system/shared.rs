//! What several tests share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use cairn_tests::machine::PATIENCE;
use libtest_mimic::Trial;

/// Something that the first test that needs it makes, and the last one drops.
pub(crate) struct Shared<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// `None` when it could not be made: no test tries again.
    made: OnceLock<Option<T>>,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub(crate) fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { made: OnceLock::new(), make: Box::new(make) }))
    }

    /// The thing.
    ///
    /// # Panics
    /// If it could not be made; the first call says why.
    pub(crate) fn get(&self) -> &T {
        let make = || catch_unwind(AssertUnwindSafe(|| (self.0.make)())).ok();
        self.0.made.get_or_init(make).as_ref().expect("what this test needs could not be made")
    }
}

/// Sets a flag when dropped.
pub(crate) struct OnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until it is there.
///
/// # Panics
/// If it does not come.
pub(crate) fn wait_for<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A test on something shared, and its name.
pub(crate) type Test<T> = (&'static str, fn(&T));

/// Names of tests on a `T`, and the tests.
pub(crate) type Tests<T> = Vec<(&'static str, fn(&T))>;

/// Tests on something that they share.
pub(crate) fn trials<T: Send + Sync + 'static>(
    shared: &Shared<T>,
    tests: Vec<Test<T>>,
) -> Vec<Trial> {
    let trial = |(name, test): (_, fn(&T))| {
        let shared = shared.clone();
        Trial::test(name, move || {
            test(shared.get());
            Ok(())
        })
    };
    tests.into_iter().map(trial).collect()
}

/// Functions of a module with their names, for [`trials`].
macro_rules! named {
    ($module:literal: $($test:path),* $(,)?) => {
        vec![$((concat!($module, "::", stringify!($test)), $test as fn(&_)),)*]
    };
}
pub(crate) use named;
