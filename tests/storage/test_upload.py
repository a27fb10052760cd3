def test_x(bucket, tmp_path):
    import time
    from kedro_vertexai.storage import open_filesystem
    from kedro_vertexai.upload import stage_inputs
    from kedro_vertexai.transfer import PlainTransfer
    from kedro_vertexai.plan.model import StagedInput
    from kedro_vertexai.staging import digest_of
    import sys, os
    (tmp_path/"d"/"e").mkdir(parents=True)
    for i in range(50): (tmp_path/"d"/"e"/f"{i}.csv").write_text(str(i))
    (tmp_path/"big").write_bytes(os.urandom(20_000_000))
    (tmp_path/"exact").write_bytes(os.urandom(16*1024*1024))
    (tmp_path/"empty").mkdir()
    (tmp_path/"zero").write_text("")
    ins=[StagedInput("t",n,n,digest_of(tmp_path/n),n) for n in ("d","big","exact","empty","zero")]
    t=time.time()
    r=stage_inputs(ins, bucket.root, tmp_path, PlainTransfer(sys.stdout)); print(r, time.time()-t)
    g=bucket.generations()
    print([n for n in g if "/e/" not in n])
    o=bucket.objects()
    for n in ("big","exact"):
        assert o[f"runs/inputs/{digest_of(tmp_path/n)}/{n}"]==(tmp_path/n).read_bytes()
    t=time.time()
    print(stage_inputs(ins, bucket.root, tmp_path, PlainTransfer(sys.stdout)), time.time()-t)
    assert g==bucket.generations()
