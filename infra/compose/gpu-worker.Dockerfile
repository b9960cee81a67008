# The ML worker and the GPU worker: the same environment, another argument.
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/belay/gpu-worker UV_SYSTEM_PYTHON=1 UV_NO_CACHE=1
WORKDIR /belay
COPY gpu-worker/requirements.lock gpu-worker/
RUN pip install --no-cache-dir uv==0.13.9 && uv pip sync --require-hashes gpu-worker/requirements.lock
COPY gpu-worker gpu-worker
RUN useradd --create-home belay && install --directory --owner=belay /state
USER belay
VOLUME /state
CMD ["python", "-m", "belay_gpu.worker", "gpu"]
