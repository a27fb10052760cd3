"""The image of the tasks: built from the project, pushed, and named by its digest."""
