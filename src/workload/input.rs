//! Files as they are read here: opened by somebody else, as often as needed.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// Opens a file from its beginning.
type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A named file that can be opened again and again. Only the command line knows where it lies.
#[derive(Clone)]
pub struct Input {
    /// What messages call it, usually the path.
    pub name: String,
    /// Whether messages must not quote what is in it: it may be none of the business of whoever named it.
    pub is_confidential: bool,
    open: Arc<Open>,
}

impl Input {
    /// A file called `name`, opened by `open`.
    pub fn new(
        name: impl Into<String>,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), is_confidential: false, open: Arc::new(open) }
    }

    /// The same file, which messages must not quote.
    #[must_use]
    pub fn confidential(self) -> Self {
        Self { is_confidential: true, ..self }
    }

    /// A file in memory.
    pub fn of_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into();
        Self::new(name, move || Ok(Box::new(io::Cursor::new(Arc::clone(&bytes)))))
    }

    /// Opens it from the beginning.
    ///
    /// # Errors
    /// If it is not there or may not be read.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        (self.open)()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({})", self.name)
    }
}
