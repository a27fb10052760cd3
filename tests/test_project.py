def test_x(new_project):
    p = new_project()
    s = p.spec()
    print(s)
    r = p.kedro("vertexai", "compile")
    print(r)
    assert 0
