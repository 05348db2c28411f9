//! The receiver and the pure pieces of an image that the conductor runs.
pub(crate) mod loss;
pub(crate) mod rebuild;
