# One image for every part; which part is the command. EXTRAS=live,train adds torch (several GB), for training.
FROM python:3.11-slim

ARG EXTRAS="live"

# LightGBM's OpenMP runtime is no part of its wheel.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 gridcast \
    && install --directory --owner gridcast /home/gridcast/.gridcast

WORKDIR /app
COPY pyproject.toml requirements.lock ./
COPY schemas schemas
COPY models models
COPY infra infra
COPY streams streams
COPY producers producers
COPY consumers consumers
COPY cli cli
RUN pip install --no-cache-dir --constraint requirements.lock --editable ".[${EXTRAS}]"

USER gridcast
ENV GRIDCAST_HOME=/home/gridcast/.gridcast \
    GRIDCAST_METRICS_HOST=0.0.0.0 \
    GRIDCAST_METRICS_PORT=9400 \
    GRIDCAST_LOG_FORMAT=json
EXPOSE 9400
ENTRYPOINT ["gridcast"]
CMD ["--help"]
