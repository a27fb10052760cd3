"""Take a Kedro project to Vertex AI Pipelines and Kubeflow Pipelines."""

__version__ = "2.0.0"
