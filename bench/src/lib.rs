//! Load, measurement and reports: Taranis beside its peers and beside the machine's floor.
#![forbid(unsafe_code)]
