"""Settings of the project; Kedro's defaults hold for all that is not here."""

CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
