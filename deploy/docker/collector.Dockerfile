# The collector and its worker: docker build --file deploy/docker/collector.Dockerfile .
# Pin the bases by digest where you build for production; docs/operations.md says how.
FROM node:22-bookworm-slim AS dashboard
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json dashboard/.npmrc ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY dashboard/ ./
RUN npm run build

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY deploy/docker/build.lock collector/requirements.lock ./
RUN pip install --require-hashes --only-binary :all: --requirement build.lock \
    && python -m venv /opt/audiosense \
    && /opt/audiosense/bin/pip install --no-compile --require-hashes --only-binary :all: --requirement requirements.lock
COPY common/ common/
COPY collector/ collector/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./common ./collector \
    && /opt/audiosense/bin/pip install --no-compile --no-deps --no-index wheels/*.whl \
    && /opt/audiosense/bin/pip uninstall --yes pip \
    && find /opt/audiosense -type d -name tests -prune -exec rm -rf {} + \
    && python -m compileall -q /opt/audiosense

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="AudioSense collector" org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /var/lib/audiosense --shell /usr/sbin/nologin audiosense \
    && install -d -m 700 -o audiosense -g audiosense /var/lib/audiosense
COPY LICENSE /usr/share/doc/audiosense/copyright
COPY --from=build /opt/audiosense /opt/audiosense
COPY --from=dashboard /src/dashboard/dist /opt/audiosense/share/dashboard
ENV PATH=/opt/audiosense/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    AUDIOSENSE_DATA_DIR=/var/lib/audiosense \
    AUDIOSENSE_DASHBOARD_DIR=/opt/audiosense/share/dashboard \
    AUDIOSENSE_LOG_FORMAT=json \
    AUDIOSENSE_ACCESS_LOG=1
USER 10001
WORKDIR /var/lib/audiosense
VOLUME /var/lib/audiosense
EXPOSE 8443 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
CMD ["audiosense-collector", "serve"]
