"""The Vertex AI target: jobs of Vertex AI Pipelines in a project and region."""
