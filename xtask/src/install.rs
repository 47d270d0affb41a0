//! Everything that the checks and the tests need.

use crate::cache::Cache;
use crate::elapsed::Steps;
use crate::tools::Tool;
use crate::{packages, toolchain, tools};

/// Installs what is missing; an error names what cannot be installed from here.
pub(crate) fn all(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    steps.step("packages", packages::install)?;
    steps.step("toolchain", toolchain::complete)?;
    let mut tools = tools::all()?.into_iter();
    tools.try_for_each(|each| tool(steps, cache, &each))
}

/// Installs one tool, unless it is there as its pin says.
pub(crate) fn tool(steps: &mut Steps, cache: &Cache, tool: &Tool) -> Result<(), String> {
    if cache.has(tool.name, &tool.pin) {
        return Ok(());
    }
    steps.step(&format!("install {}", tool.name), || {
        (tool.install)(cache)?;
        cache
            .remember(tool.name, &tool.pin)
            .map_err(|cause| cause.to_string())
    })
}
