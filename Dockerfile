# A base image that several projects share: Kedro and what a container needs to run one task.
#
#   docker build --tag kedro-vertexai-base .
#   docker build --tag kedro-vertexai-base --build-arg BASE_IMAGE=python:3.11-slim \
#       --build-arg MLFLOW=1 .
#
# The Dockerfile that `kedro vertexai init --with-docker` writes starts from it with
# --build-arg BASE_IMAGE=kedro-vertexai-base, and installs only what is not here. Most of what this
# one does is done there, too, and explained.

ARG BASE_IMAGE=python:3.12-slim

FROM $BASE_IMAGE AS base
RUN python3 -m compileall -qq -x '/(tests?|site-packages|dist-packages)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

FROM base AS packages
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
# Where packages come from, if not from PyPI.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
RUN python3 -m venv /opt/pip \
    && /opt/pip/bin/pip install --quiet --upgrade 'pip>=25' \
    && python3 -m venv --without-pip --system-site-packages /opt/shared
RUN command -v strip >/dev/null \
    || { apt-get -o Acquire::Retries=0 -o Acquire::http::Timeout=15 update -qq \
        && apt-get install -qq --yes --no-install-recommends binutils; } >/dev/null \
    || echo 'no binutils: symbols for debuggers stay in the image, until a build with --no-cache'
COPY . source
RUN /opt/pip/bin/pip wheel --no-deps --wheel-dir wheels ./source
# Anything but empty adds kedro-mlflow. pyarrow comes with it, and is named so that Arrow Flight
# stays: what a project wants of it is not known here.
ARG MLFLOW=
RUN /opt/pip/bin/pip --python /opt/shared install --no-compile --report install.json \
        "$(echo wheels/*.whl)${MLFLOW:+[mlflow]}" ${MLFLOW:+pyarrow} \
    && /opt/shared/bin/python -m kedro_vertexai.runtime.unneeded_packages install.json >unneeded.txt \
    && xargs -r /opt/pip/bin/pip --python /opt/shared uninstall --quiet --yes <unneeded.txt \
    && find /opt/shared/lib -type d -empty -delete
RUN /opt/shared/bin/python -m kedro_vertexai.runtime.unneeded_files install.json
RUN /opt/shared/bin/python -m compileall -qq -j 0 \
        -x 'site-packages/(databricks/sdk/service|graphene|graphql|gunicorn|huey|mlflow/server|uvicorn)/' \
        /opt/shared/lib || true
# Commands start with the Python of whoever calls them, a project's own environment or the image's.
RUN find /opt/shared/bin -type f -exec sed -i '1s|^#!/opt/shared/.*|#!/usr/bin/env python3|' {} +

FROM base
COPY --from=packages /opt/shared /opt/shared
# Python itself knows these packages, and so does each project's own environment: before those of
# $BASE_IMAGE, which may be older.
RUN shared=$(ls -d /opt/shared/lib/python*/site-packages) \
    && image=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
    && echo "import sys; sys.path.insert(sys.path.index('$image'), '$shared')" >"$image/shared.pth"
ENV PATH=$PATH:/opt/shared/bin
