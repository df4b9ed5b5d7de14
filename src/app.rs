//! The one place that wires every adapter to every port.
