"""How requests to MLflow are signed."""
