//! Everything that the checks and the tests need.

use crate::cache::Cache;
use crate::elapsed::Steps;
use crate::{packages, toolchain, tools};

/// Installs what is missing; an error names what cannot be installed from here.
pub(crate) fn all(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    steps.step("packages", packages::install)?;
    steps.step("toolchain", toolchain::complete)?;
    for tool in tools::all()? {
        if cache.has(tool.name, &tool.pin) {
            continue;
        }
        steps.step(&format!("install {}", tool.name), || {
            (tool.install)(cache)?;
            cache
                .remember(tool.name, &tool.pin)
                .map_err(|cause| cause.to_string())
        })?;
    }
    Ok(())
}
