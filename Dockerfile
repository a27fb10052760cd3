# A base image for the images of your projects: Kedro and what a container needs to run one task.
#
#   docker build -t kedro-vertexai-base .
#   docker build -t kedro-vertexai-base --build-arg PYTHON=3.11 --build-arg MLFLOW=1 .
#
# In a project's own Dockerfile:
#
#   FROM kedro-vertexai-base
#   COPY --chown=kedro requirements.txt .
#   RUN pip install -r requirements.txt
#   COPY --chown=kedro . .

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
# Anything but empty adds kedro-mlflow.
ARG MLFLOW=

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    VIRTUAL_ENV=/opt/venv \
    PATH=/opt/venv/bin:$PATH

# Without byte code every task would compile its imports anew. pip compiles what it installs; the
# official images come without that of the standard library, where a user may not write it.
RUN python -m compileall -q -x '/(tests?|site-packages)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

RUN useradd --create-home --uid 1000 kedro \
    && mkdir /opt/venv /home/kedro/project \
    && chown kedro:kedro /opt/venv /home/kedro/project
USER kedro
WORKDIR /home/kedro/project

COPY --from=wheel /wheels /tmp/wheels
COPY templates/runtime-requirements.txt /tmp/runtime-requirements.txt
RUN python -m venv /opt/venv \
    && pip install --requirement /tmp/runtime-requirements.txt \
        ${MLFLOW:+"mlflow>=3.4,<4" "kedro-mlflow>=2.0.3,<3" "kedro-datasets>=9"} \
    && pip install --no-deps /tmp/wheels/*.whl
