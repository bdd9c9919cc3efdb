# Two images of one source: `runtime` runs every part but training, `train` adds torch (several GB).
#   docker build --target runtime --tag gridcast .
#   docker build --target train --tag gridcast-train .
# Nothing is written but under /home/gridcast/.gridcast and /tmp, so the root filesystem may be read-only.

FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY pyproject.toml requirements.lock ./
# One lock holds for every image: what an image does not need is not asked for, what it needs has the version there.
# The packages come before the source, so that a change of the source does not fetch them again.
RUN mkdir -p schemas models infra streams producers consumers cli \
    && pip install --no-cache-dir --constraint requirements.lock ".[live]" \
    && pip uninstall --yes gridcast

FROM build AS build-train
RUN mkdir -p schemas models infra streams producers consumers cli \
    && pip install --no-cache-dir --constraint requirements.lock ".[live,train]" \
    && pip uninstall --yes gridcast

FROM python:3.11-slim AS base
# LightGBM's OpenMP runtime is no part of its wheel. A named volume takes its owner from the folder that it is mounted
# on, so each of them is made here.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 gridcast \
    && install --directory --owner gridcast --group gridcast --mode 0700 /home/gridcast/.gridcast /backups
WORKDIR /app
COPY --chown=root:root pyproject.toml ./
COPY --chown=root:root schemas schemas
COPY --chown=root:root models models
COPY --chown=root:root infra infra
COPY --chown=root:root streams streams
COPY --chown=root:root producers producers
COPY --chown=root:root consumers consumers
COPY --chown=root:root cli cli
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    GRIDCAST_HOME=/home/gridcast/.gridcast \
    GRIDCAST_API_HOST=0.0.0.0 \
    GRIDCAST_METRICS_HOST=0.0.0.0 \
    GRIDCAST_METRICS_PORT=9400 \
    GRIDCAST_LOG_FORMAT=json
EXPOSE 8080 9400
ENTRYPOINT ["gridcast"]
CMD ["--help"]
# Of the parts that run until they are told; the API is asked on its own port (docker-compose.kafka.yml).
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:9400/health', timeout=4)"]

FROM base AS train
COPY --from=build-train /opt/venv /opt/venv
RUN pip install --no-cache-dir --no-deps --editable .
USER 10001:10001

# The last one is what `docker build .` makes.
FROM base AS runtime
COPY --from=build /opt/venv /opt/venv
RUN pip install --no-cache-dir --no-deps --editable .
USER 10001:10001
