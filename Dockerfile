# syntax=docker/dockerfile:1
# One image for every process. Started as it is, it runs all of them, with SQLite and an embedded
# Redis in /data; compose.yaml gives each a container, PostgreSQL and Redis.

FROM node:22-bookworm-slim AS front-end
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS build
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY . .
COPY --from=front-end /app/node_modules node_modules
RUN bin/post_compile \
    && python -m compileall -q sentinelweb config.py wsgi.py \
    && rm -rf node_modules bin tools/build_static.py

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /data sentinelweb \
    && install -d -m 700 -o sentinelweb /data
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data PORT=8000 LOG_FORMAT=json
WORKDIR /app
USER sentinelweb
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-I", "tools/healthcheck.py"]
CMD ["python", "-m", "sentinelweb.runtime.supervisor"]
