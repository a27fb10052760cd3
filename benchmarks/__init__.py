"""How fast the plugin is, measured against a reference in the same run. See README.md."""
