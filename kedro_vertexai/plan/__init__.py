"""What will run: the pivot between a Kedro project and an engine's spec."""
