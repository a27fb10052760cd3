# A base image that several projects share: Kedro and what a container needs to run one task.
#
#   docker build --tag kedro-vertexai-base .
#   docker build --tag kedro-vertexai-base --build-arg BASE_IMAGE=python:3.11-slim \
#       --build-arg MLFLOW=1 .
#
# The Dockerfile that `kedro vertexai init --with-docker` writes starts from it with
# --build-arg BASE_IMAGE=kedro-vertexai-base, and installs only what is not here.

ARG BASE_IMAGE=python:3.12-slim

FROM $BASE_IMAGE AS wheel
WORKDIR /source
COPY . .
RUN python3 -m venv /opt/pip \
    && /opt/pip/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM $BASE_IMAGE
# Anything but empty adds kedro-mlflow.
ARG MLFLOW=

# Without byte code every task would compile its imports anew. pip compiles what it installs; the
# official images come without that of the standard library, where a user may not write it.
RUN python3 -m compileall -qq -x '/(tests?|site-packages|dist-packages)/' \
        "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

# Into Python itself, from which projects' own environments take what is there. Debian's asks for
# a word before it is used so; in an image nothing else is in the way.
COPY --from=wheel /wheels /tmp/wheels
COPY templates/runtime-requirements.txt /tmp/runtime-requirements.txt
RUN export PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_BREAK_SYSTEM_PACKAGES=1 \
    && python3 -m pip install --requirement /tmp/runtime-requirements.txt \
        ${MLFLOW:+"mlflow>=3.4,<4" "kedro-mlflow>=2.0.3,<3" "kedro-datasets>=9"} \
    && python3 -m pip install --no-deps /tmp/wheels/*.whl
