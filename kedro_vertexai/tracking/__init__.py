"""How all tasks of a job share one MLflow run: start, join, finish.

kedro-mlflow decides what is logged; the life of the run across processes is decided here.
"""
