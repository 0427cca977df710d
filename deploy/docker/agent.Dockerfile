# The agent: docker build --file deploy/docker/agent.Dockerfile .
# Pin the bases by digest where you build for production; docs/operations.md says how.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY deploy/docker/build.lock agent/requirements.lock ./
RUN pip install --require-hashes --only-binary :all: --requirement build.lock \
    && python -m venv /opt/audiosense \
    && /opt/audiosense/bin/pip install --no-compile --require-hashes --only-binary :all: --requirement requirements.lock
COPY common/ common/
COPY agent/ agent/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels ./common ./agent \
    && /opt/audiosense/bin/pip install --no-compile --no-deps --no-index wheels/*.whl \
    && /opt/audiosense/bin/pip uninstall --yes pip \
    && find /opt/audiosense -type d -name tests -prune -exec rm -rf {} + \
    && python -m compileall -q /opt/audiosense

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="AudioSense agent" org.opencontainers.image.licenses="MIT"
# The release that Debian has on the day of the build: it is kept for security updates only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libportaudio2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10002 --groups audio --home-dir /var/lib/audiosense-agent --shell /usr/sbin/nologin \
        audiosense-agent \
    && install -d -m 700 -o audiosense-agent -g audiosense-agent /var/lib/audiosense-agent
COPY LICENSE /usr/share/doc/audiosense-agent/copyright
COPY --from=build /opt/audiosense /opt/audiosense
COPY deploy/docker/agent_health.py /opt/audiosense/share/agent_health.py
ENV PATH=/opt/audiosense/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    AUDIOSENSE_AGENT_CONFIG=/etc/audiosense/audiosense-agent.toml \
    AUDIOSENSE_AGENT_STATE_DIR=/var/lib/audiosense-agent
USER 10002
WORKDIR /var/lib/audiosense-agent
VOLUME /var/lib/audiosense-agent
HEALTHCHECK --interval=60s --timeout=20s --start-period=120s --retries=3 \
    CMD ["python", "/opt/audiosense/share/agent_health.py"]
CMD ["audiosense-agent", "run", "--quiet"]
