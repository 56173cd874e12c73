# A CPU image. Build: docker build -t cmta_jax .    Train: docker run --rm -v "$PWD/runs:/app/runs" cmta_jax
# Test: docker run --rm cmta_jax make test          Any command: docker run --rm cmta_jax python -m experiments.run --help
FROM python:3.12-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends make libegl1 libegl-mesa0 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN make install
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1
CMD ["make", "train"]
