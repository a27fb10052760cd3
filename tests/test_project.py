def test_x(new_project):
    p = new_project()
    s = p.spec()
    r = p.invoke("compile")
    print(r.output, r.exception)
    print((p.path / "pipeline.yaml").read_text())
    p = new_project(mlflow={})
    r = p.invoke("compile")
    s = p.spec()
    print((p.path / "pipeline.yaml").read_text())
    assert 0
