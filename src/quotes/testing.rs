use crate::config::{Config, RoutesConfig};

pub(super) fn default_routes_config() -> RoutesConfig {
    Config::from_environment([]).unwrap().routes
}
