"""{{ cookiecutter.project_name }}: tell malignant from benign tumours."""

__version__ = "0.1"
