"""What happens inside a container: one task, from its input artifacts to its output artifacts.

Never imports kfp or google.cloud.aiplatform, nor anything of ours that compiles or submits.
"""
