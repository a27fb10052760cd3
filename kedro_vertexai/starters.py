"""The starter of `kedro new --starter=vertexai`, found by Kedro's `kedro.starters` entry point."""

from kedro.framework.cli.starters import KedroStarterSpec

from kedro_vertexai.templates import templates_dir

starters = [KedroStarterSpec(alias="vertexai", template_path=str(templates_dir() / "starter"))]
